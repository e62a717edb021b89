//! When the engine does something, and when it sleeps.

#![allow(clippy::unwrap_used)]

mod driver;

use contact::link::Account;
use contact::{Action, ContactId, Field, Likeness, Link, Names, ProfileDue, Property, User, Values};
use driver::crm::Fault;
use driver::log::Unsteady;
use driver::{Driver, number, user};
use eventlog::{Log, Ownership, Topic};
use hubspot::Error;
use projector::sync::Desk;
use projector::sync::contacts::Contacts;
use projector::sync::engine::Engine;
use projector::sync::queue::Work;
use runtime::clock::SystemClock;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// All partitions are ours, or none.
struct Ours(AtomicBool);

impl Ownership for Ours {
    fn owns(&self, _: u32) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The engine, with a desk that no fold leaves anything on.
fn engine(driver: &Driver) -> (Arc<Engine>, Arc<Desk>, Arc<Ours>) {
    let parts = driver.parts(&Arc::default());
    let ours = Arc::new(Ours(AtomicBool::new(true)));
    parts.desk.set_ownership(Arc::clone(&ours) as Arc<dyn Ownership>);
    (parts.engine.unwrap(), parts.desk, ours)
}

/// Runs it for ever; ends when it is woken so often that it cannot have slept.
fn run(engine: &Arc<Engine>) -> JoinHandle<()> {
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        let (mut run, mut turns) = (pin!(engine.run(std::future::pending())), 0);
        std::future::poll_fn(|context| {
            turns += 1;
            assert!(turns < 1_000, "it goes round and round");
            run.as_mut().poll(context)
        })
        .await;
    })
}

fn looks_up(n: u32) -> Work {
    let due = ProfileDue { covers_ms: 1, covered_ms: None, known: None };
    Work {
        partition: 0,
        user: user(n),
        action: Action::Nothing,
        account: Account::default(),
        returned_ms: None,
        lookups: vec![(number(1), due)],
        fresh: true,
        received_at_ms: None,
        attempts: 0,
        resisted: 0,
    }
}

fn creates(n: u32) -> Work {
    Work { action: Action::Create(Values::new()), lookups: Vec::new(), ..looks_up(n) }
}

#[tokio::test(start_paused = true)]
async fn it_sleeps_while_as_many_look_ups_as_may_be_are_under_way() {
    let driver = Driver::new().await;
    *driver.profiles.silent.lock().unwrap() = true;
    let (engine, desk, _) = engine(&driver);
    desk.push((0..65).map(looks_up).collect());
    let running = run(&engine);
    sleep(Duration::from_secs(600)).await;
    assert!(!running.is_finished());
    assert_eq!(driver.profiles.asked.load(Ordering::SeqCst), 64);
}

#[tokio::test(start_paused = true)]
async fn look_ups_are_made_when_they_are_due_whatever_keeps_writes_back() {
    for paused in [true, false] {
        let driver = Driver::new().await;
        *driver.profiles.away.lock().unwrap() = true;
        driver.crm.hold_writes(true);
        let (engine, desk, _) = engine(&driver);
        *engine.paused_until.lock().unwrap() = paused.then(|| Instant::now() + Duration::from_secs(60));
        desk.push((0..500).map(creates).chain([looks_up(1_000)]).collect());
        let running = run(&engine);
        sleep(Duration::from_secs(10)).await;
        assert!(!running.is_finished());
        assert_eq!(driver.crm.waiting(), if paused { 0 } else { 5 });
        let asked = driver.profiles.asked.load(Ordering::SeqCst);
        assert!(asked > 2, "asked {asked} times");
    }
}

#[tokio::test(start_paused = true)]
async fn what_just_happened_does_not_wait_for_a_backlog_that_waits_for_its_turn() {
    let driver = Driver::new().await;
    driver.crm.hold_writes(true);
    let (engine, desk, _) = engine(&driver);
    desk.push((0..600).map(|n| Work { fresh: false, ..creates(n) }).collect());
    let running = run(&engine);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(driver.crm.waiting(), 4);
    desk.push(vec![creates(1_000)]);
    driver.crm.until_waiting(5).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(driver.crm.waiting(), 5, "the place is not for the backlog");
    assert!(!running.is_finished());
}

/// Asked again, LINE could refuse, and what was known before the answer would be told as the newest.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_log_does_not_confirm_is_appended_again_and_line_not_asked_again() {
    let mut driver = Driver::new().await;
    let log = Unsteady::over(&driver.log);
    driver.log = Arc::clone(&log) as Arc<dyn Log>;
    log.confirms_late.store(true, Ordering::SeqCst);
    let name = Likeness { name: "Hanako".into(), picture: None };
    driver.profiles.known.lock().unwrap().insert(user(1), name);
    let (engine, desk, _) = engine(&driver);
    desk.push(vec![looks_up(1)]);
    let running = run(&engine);
    let told = driver.records(Topic::LineProfiles, 2).await;
    running.abort();
    assert_eq!(told[0].value, told[1].value);
    assert_eq!(driver.profiles.asked.load(Ordering::SeqCst), 1);
}

/// A creation that came to wait for its turn, and what happens meanwhile. Then its turn comes.
async fn created_after(meanwhile: impl FnOnce(&Desk, &Ours)) -> usize {
    let driver = Driver::new().await;
    driver.crm.hold_writes(true);
    let (engine, desk, ours) = engine(&driver);
    desk.push(vec![creates(1)]);
    run(&engine);
    driver.crm.until_waiting(1).await;
    meanwhile(&desk, &ours);
    driver.crm.hold_writes(false);
    driver.crm.until_calls("create", 1).await;
    driver.crm.live().len()
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_turn_comes_is_sent() {
    assert_eq!(created_after(|_, _| {}).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_while_another_process_takes_the_partition_is_never_sent() {
    assert_eq!(created_after(|_, ours| ours.0.store(false, Ordering::SeqCst)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_while_the_partition_goes_and_comes_back_is_never_sent() {
    assert_eq!(created_after(|desk, _| desk.revoke(0)).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_while_the_person_is_erased_is_never_sent() {
    assert_eq!(created_after(|desk, _| desk.withdraw(&[user(1)])).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waits_while_the_log_tells_something_else_of_the_contact_is_never_sent() {
    let mut known = User::default();
    let told = known.account.next(1, Link::Gone { contact: ContactId(1), since_ms: 1 });
    known.apply_confirmation(told);
    let work = Work { account: known.account, ..creates(1) };
    assert_eq!(created_after(|desk, _| _ = desk.push(vec![work])).await, 0);
}

#[tokio::test(start_paused = true)]
async fn those_of_a_batch_that_hubspot_did_not_take_are_tried_again_as_a_batch() {
    let driver = Driver::new().await;
    let down = || Fault::Fails(Error::Unavailable { detail: "as the test wants it".to_owned() });
    driver.crm.fail([down(), down(), down()]);
    let (engine, desk, _) = engine(&driver);
    desk.push((0..100).map(creates).collect());
    let running = run(&engine);
    driver.crm.until("all are created", |rows| (rows.len() == 100).then_some(())).await;
    running.abort();
    assert_eq!(driver.crm.calls("create"), 4);
}

/// Of a contact that is to be the user's with one more account.
fn joins(n: u32, contact: u64) -> Work {
    let contact = ContactId(contact);
    let mut account = Account::default();
    account.link = Link::Live(contact);
    let user_id = Property { connection: number(1), field: Field::UserId };
    let values = [(user_id, user(n).to_string().into())].into_iter().collect();
    Work { action: Action::Update(contact, values), account, lookups: Vec::new(), ..looks_up(n) }
}

#[tokio::test]
async fn contacts_that_users_may_share_are_read_by_one_batch_when_the_other_has_written_them() {
    let driver = Driver::new().await;
    let [one, two] = ["a@example.jp", "b@example.jp"].map(|email| driver.crm.insert(&[("email", email)]));
    let desk = driver.parts(&Arc::default()).desk;
    let crm = Arc::clone(&driver.crm) as Arc<dyn hubspot::Crm>;
    let contacts = Contacts::new(crm, desk, Arc::clone(&driver.view), Names::default(), Arc::new(SystemClock));
    driver.crm.hold_writes(true);
    let (mut first, mut second) =
        (pin!(contacts.update(vec![joins(1, one)])), pin!(contacts.update(vec![joins(2, two)])));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending() && second.as_mut().poll(&mut context).is_pending());
    assert_eq!((driver.crm.calls("read_many"), driver.crm.waiting()), (1, 1));
    driver.crm.hold_writes(false);
    let _ = tokio::join!(first, second);
    assert_eq!(driver.crm.calls("read_many"), 2);
}
