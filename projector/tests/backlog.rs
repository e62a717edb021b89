//! People who wait in the state store until there is room for them in memory.

#![allow(clippy::unwrap_used)]

mod driver;

use connection::State;
use contact::link::Account;
use contact::{Action, Likeness, ProfileDue, UserId};
use driver::crm::Row;
use driver::log::Unsteady;
use driver::{Driver, number, user};
use eventlog::{Log, NewRecord, Topic};
use projector::fold::Session;
use projector::status::Status;
use projector::sync::Desk;
use projector::sync::lookups::HELD_MAX;
use projector::sync::queue::Work;
use runtime::clock::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A partition of which nothing is in the log.
const ELSEWHERE: u32 = 7;

/// People who are far apart in the store.
fn who(n: u32) -> UserId {
    UserId::from_u128(u128::from(n) << 96)
}

/// As many look-ups of a partition that is not ours as are held at all: none of them can end.
fn fill_with_lookups(desk: &Desk) {
    let due = ProfileDue { covers_ms: 1, covered_ms: None, known: None };
    let lookup = |n: usize| Work {
        partition: ELSEWHERE,
        user: UserId::from_u128((1 << 64) + n as u128),
        action: Action::Nothing,
        account: Account::default(),
        returned_ms: None,
        lookups: vec![(number(1), due.clone())],
        fresh: false,
        received_at_ms: None,
        attempts: 0,
        resisted: 0,
    };
    let taken = desk.push((0..HELD_MAX).map(lookup).collect());
    assert!(taken.lookups && !desk.wants_lookups());
}

/// Folds the whole log, and goes on while there is something to do that waits for nobody.
async fn work_off(session: &mut Session<'_>, status: &Status) {
    while !status.is_ready() {
        session.step(Duration::from_secs(1)).await.unwrap();
    }
    for _ in 0..100 {
        if !session.has_more_to_do() {
            return;
        }
        session.step(Duration::ZERO).await.unwrap();
    }
    panic!("the same is read again and again");
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_without_room_hold_up_no_contact() {
    const PEOPLE: u32 = 2_500;
    let driver = Driver::new().await;
    driver.append((0..PEOPLE).map(|n| driver.record(1, who(n), "follow", 1_000, r#""follow":{}"#)).collect()).await;
    let status = Arc::new(Status::default());
    let parts = driver.parts(&status);
    fill_with_lookups(&parts.desk);
    let mut session = parts.member.join().unwrap();
    work_off(&mut session, &status).await;
    let engine = tokio::spawn(parts.engine.unwrap().run(std::future::pending()));
    driver.crm.until("everybody has a contact", |rows| (rows.len() == PEOPLE as usize).then_some(())).await;
    engine.abort();
}

/// On one thread, so that batches are sent in the order in which they are taken.
#[tokio::test]
async fn what_happened_just_before_a_start_goes_before_the_backlog() {
    const PEOPLE: u32 = 300;
    let driver = Driver::new().await;
    // With a profile, so that nobody waits for one.
    driver.append((0..=PEOPLE).map(|n| driver.profile(1, who(n), 1_000)).collect()).await;
    let follows =
        |n, received_at_ms| driver.record_received(1, who(n), "follow", 1_000, r#""follow":{}"#, received_at_ms);
    driver.append((0..PEOPLE).map(|n| follows(n, 1_000)).collect()).await;
    driver.append(vec![follows(PEOPLE, SystemClock.now_ms())]).await;
    let status = Arc::new(Status::default());
    let parts = driver.parts(&status);
    let mut session = parts.member.join().unwrap();
    work_off(&mut session, &status).await;
    let engine = tokio::spawn(parts.engine.unwrap().run(std::future::pending()));
    let first_of = |rows: &BTreeMap<u64, Row>| Some(rows.values().next()?.properties["line_user_id_1"].clone());
    let first = driver.crm.until("somebody has a contact", first_of).await;
    engine.abort();
    assert_eq!(first, who(PEOPLE).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_without_room_are_made_once_there_is_some() {
    let driver = Driver::new().await;
    let name = Likeness { name: "Hanako".into(), picture: None };
    driver.profiles.known.lock().unwrap().insert(user(1), name);
    driver.follow(1, user(1), 1_000).await;
    let status = Arc::new(Status::default());
    let parts = driver.parts(&status);
    fill_with_lookups(&parts.desk);
    let mut session = parts.member.join().unwrap();
    work_off(&mut session, &status).await;
    parts.desk.revoke(ELSEWHERE);
    assert!(session.has_more_to_do());
    work_off(&mut session, &status).await;
    let engine = tokio::spawn(parts.engine.unwrap().run(std::future::pending()));
    driver.records(Topic::LineProfiles, 1).await;
    engine.abort();
}

/// On one thread, and both of one batch if both are written.
#[tokio::test]
async fn what_waits_for_a_connection_is_not_written_once_that_is_paused() {
    let driver = Driver::new().await;
    // With a profile, so that nobody waits for one.
    driver.append(vec![driver.profile(1, user(1), 1_000), driver.profile(2, user(2), 1_000)]).await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    let status = Arc::new(Status::default());
    let parts = driver.parts(&status);
    let mut session = parts.member.join().unwrap();
    work_off(&mut session, &status).await;
    driver.change(1, |connection| connection.state = State::Paused).await;
    session.step(Duration::ZERO).await.unwrap();
    work_off(&mut session, &status).await;
    let engine = tokio::spawn(parts.engine.unwrap().run(std::future::pending()));
    driver.contact_with(user(2), "line_follow_2", "Yes").await;
    engine.abort();
    assert_eq!(driver.crm.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_looked_at_again_only_when_the_connections_say_something_else_about_contacts() {
    // One more than a page, so that a walk through everybody shows after a step.
    const PEOPLE: u32 = 1_001;
    let driver = Driver::new().await;
    driver.append((0..PEOPLE).map(|n| driver.record(1, who(n), "follow", 1_000, r#""follow":{}"#)).collect()).await;
    let status = Arc::new(Status::default());
    let parts = driver.parts(&status);
    let mut session = parts.member.join().unwrap();
    work_off(&mut session, &status).await;
    driver.change(1, |connection| connection.name = "another".into()).await;
    session.step(Duration::ZERO).await.unwrap();
    assert!(!session.has_more_to_do());
    driver.change(1, |connection| connection.auto_create = false).await;
    session.step(Duration::ZERO).await.unwrap();
    assert!(session.has_more_to_do());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_changed_while_nobody_followed_them_are_noticed_at_the_next_start() {
    let driver = Driver::new().await;
    driver.change(1, |connection| connection.auto_create = false).await;
    let running = driver.start();
    driver.follow(1, user(1), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    driver.contact_with(user(2), "line_follow_2", "Yes").await;
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1, "nobody wanted the other one");
    driver.change(1, |connection| connection.auto_create = true).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    running.stop().await;
}

/// On one thread: the step has seen the pause when it waits for the log, and the account goes on before it ends.
#[tokio::test]
async fn who_was_seen_while_an_account_was_paused_for_less_than_a_step_is_not_forgotten() {
    let mut driver = Driver::with_partitions(1).await;
    let log = Unsteady::over(&driver.log);
    driver.log = Arc::clone(&log) as Arc<dyn Log>;
    let status = Arc::new(Status::default());
    let parts = driver.parts(&status);
    let mut session = parts.member.join().unwrap();
    work_off(&mut session, &status).await;
    driver.change(1, |connection| connection.state = State::Paused).await;
    let follow = driver.record(1, user(1), "follow", 1_000, r#""follow":{}"#);
    let unusable = NewRecord { value: Some(b"damaged".to_vec()), ..driver.record(1, user(2), "follow", 1_000, "") };
    driver.append(vec![unusable, follow]).await;
    log.confirms_late.store(true, Ordering::SeqCst);
    let resume = async {
        while log.confirms_late.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        driver.change(1, |connection| connection.state = State::Active).await;
    };
    let (stepped, ()) = tokio::join!(session.step(Duration::from_secs(1)), resume);
    assert!(stepped.unwrap());
    let go_on = async {
        loop {
            session.step(Duration::ZERO).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = driver.contact_with(user(1), "line_follow_1", "Yes") => {}
        () = parts.engine.unwrap().run(std::future::pending()) => unreachable!("it has no end"),
        () = go_on => {}
    }
}
