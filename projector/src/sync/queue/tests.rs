//! Who is due, and when.

#![allow(clippy::unwrap_used)]

use super::*;
use contact::{Confirmation, ContactId, Field, Link, Property, User, Values};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn user(number: u128) -> UserId {
    UserId::from_u128(number)
}

fn values(text: &str) -> Values {
    let connection = ConnectionNumber::new(1).unwrap();
    Values::from([(Property { connection, field: Field::LastResponse }, text.into())])
}

/// What HubSpot had confirmed after `revision` answers.
fn account(revision: u64) -> Account {
    let mut known = User::default();
    if revision > 0 {
        let link = Link::Live(ContactId(1));
        known.apply_confirmation(Confirmation { revision, link, ..known.account.next(1, link) });
    }
    known.account
}

fn update(number: u128, text: &str, revision: u64) -> Work {
    let action = Action::Update(ContactId(1), values(text));
    Work {
        partition: 0,
        user: user(number),
        action,
        account: account(revision),
        returned_ms: None,
        lookups: Vec::new(),
        fresh: true,
        received_at_ms: None,
        attempts: 0,
        resisted: 0,
    }
}

fn create(number: u128) -> Work {
    Work { action: Action::Create(values("x")), ..update(number, "x", 0) }
}

fn nothing(number: u128, revision: u64) -> Work {
    Work { action: Action::Nothing, ..update(number, "", revision) }
}

fn taken(queue: &mut Queue, batch: Batch, now: Instant) -> Vec<u128> {
    queue.take(batch, 100, now).into_iter().map(|work| work.user.as_u128()).collect()
}

#[tokio::test(start_paused = true)]
async fn ten_changes_of_a_user_become_one_write_of_the_newest() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    for n in 0..10 {
        assert!(queue.push(update(1, &n.to_string(), 1), start + ms(n * 5)));
    }
    assert!(queue.take(Batch::Update, 100, start + ms(99)).is_empty(), "it waits for company");
    let batch = queue.take(Batch::Update, 100, start + LINGER);
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].action, Action::Update(ContactId(1), values("9")));
    assert_eq!(queue.next_ready(), None);
}

#[tokio::test(start_paused = true)]
async fn a_user_with_a_worker_is_not_handed_out_again_until_the_fold_has_seen_the_answer() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(update(1, "a", 1), start);
    assert_eq!(taken(&mut queue, Batch::Update, start + LINGER), [1]);
    queue.push(update(1, "b", 1), start + ms(200));
    assert!(taken(&mut queue, Batch::Update, start + ms(5000)).is_empty());
    queue.ended(user(1), Ended::Confirmed(2), start + ms(300));
    queue.push(update(1, "c", 1), start + ms(310));
    assert!(taken(&mut queue, Batch::Update, start + ms(5000)).is_empty(), "decided before the answer was folded");
    queue.push(update(1, "c", 2), start + ms(320));
    assert_eq!(taken(&mut queue, Batch::Update, start + ms(320) + LINGER), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_user_with_nothing_left_to_do_is_forgotten() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(update(1, "a", 1), start);
    queue.push(nothing(1, 1), start);
    assert!(queue.is_empty());
    queue.push(update(1, "a", 1), start);
    queue.take(Batch::Update, 100, start + LINGER);
    queue.ended(user(1), Ended::Confirmed(2), start);
    queue.push(nothing(1, 2), start);
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_fold_has_seen_already_lets_the_user_go_on() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(update(1, "a", 1), start);
    queue.take(Batch::Update, 100, start + LINGER);
    queue.push(update(1, "b", 2), start + LINGER);
    queue.ended(user(1), Ended::Confirmed(2), start + LINGER);
    assert_eq!(taken(&mut queue, Batch::Update, start + LINGER + LINGER), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_user_waits_and_its_attempts_are_counted() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(create(1), start);
    queue.take(Batch::Create, 100, start + LINGER);
    queue.ended(user(1), Ended::Retry(ms(1000), 0), start + LINGER);
    assert!(taken(&mut queue, Batch::Create, start + LINGER + ms(999)).is_empty());
    let batch = queue.take(Batch::Create, 100, start + LINGER + ms(1000));
    assert_eq!(batch[0].attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn what_hubspot_answered_without_taking_it_is_counted_apart_until_it_takes_it() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(create(1), start);
    let take = |queue: &mut Queue| queue.take(Batch::Create, 100, start + ms(10_000)).remove(0);
    take(&mut queue);
    queue.ended(user(1), Ended::Retry(ms(1), 0), start);
    take(&mut queue);
    queue.ended(user(1), Ended::Resisted(ms(1), 0), start);
    queue.push(create(1), start);
    let work = take(&mut queue);
    assert_eq!((work.attempts, work.resisted), (2, 1));
    queue.ended(user(1), Ended::Confirmed(0), start);
    let work = take(&mut queue);
    assert_eq!((work.attempts, work.resisted), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_change_does_not_shorten_the_wait_of_a_failed_user() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(create(1), start);
    queue.take(Batch::Create, 100, start + LINGER);
    queue.ended(user(1), Ended::Retry(ms(10_000), 0), start);
    queue.push(create(1), start + ms(1));
    assert!(taken(&mut queue, Batch::Create, start + ms(9_999)).is_empty());
}

/// When it happens while the user waits, while it is with a worker, and until the fold has seen what was announced.
#[tokio::test(start_paused = true)]
async fn backlog_that_was_put_off_for_hours_goes_at_once_when_something_happens() {
    const HOURS: Duration = Duration::from_secs(5 * 60 * 60);
    let backlog = || Work { fresh: false, ..update(1, "old", 1) };
    let start = Instant::now();
    let handed_out = || {
        let mut queue = Queue::default();
        queue.push(backlog(), start);
        assert_eq!(taken(&mut queue, Batch::Update, start + BACKLOG_LINGER), [1]);
        queue
    };
    let now = start + BACKLOG_LINGER;

    let mut queue = handed_out();
    queue.ended(user(1), Ended::Retry(HOURS, 1), now);
    queue.push(update(1, "new", 1), now);
    assert_eq!(taken(&mut queue, Batch::Update, now + LINGER), [1], "while it waits");

    let mut queue = handed_out();
    queue.push(update(1, "new", 1), now);
    queue.ended(user(1), Ended::Retry(HOURS, 1), now);
    assert_eq!(taken(&mut queue, Batch::Update, now + LINGER), [1], "while it is with a worker");

    let mut queue = handed_out();
    queue.ended(user(1), Ended::Retry(HOURS, 2), now);
    queue.push(update(1, "new", 1), now);
    queue.push(update(1, "new", 2), now);
    assert_eq!(taken(&mut queue, Batch::Update, now + LINGER), [1], "until the fold has seen what was announced");
}

#[tokio::test(start_paused = true)]
async fn a_failed_user_is_not_handed_out_again_until_the_fold_has_seen_what_was_announced() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(update(1, "a", 1), start);
    queue.take(Batch::Update, 100, start + LINGER);
    queue.ended(user(1), Ended::Retry(ms(1000), 2), start);
    queue.push(update(1, "b", 1), start + ms(10));
    assert!(taken(&mut queue, Batch::Update, start + ms(5000)).is_empty(), "decided before that was folded");
    queue.push(update(1, "b", 2), start + ms(20));
    assert!(taken(&mut queue, Batch::Update, start + ms(999)).is_empty(), "it still waits");
    let batch = queue.take(Batch::Update, 100, start + ms(1000));
    assert_eq!((batch[0].account.revision(), batch[0].attempts), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn fresh_changes_go_before_the_backlog_which_fills_the_batch() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    for number in 0..150 {
        queue.push(Work { fresh: false, ..update(number, "old", 1) }, start);
    }
    for number in 1000..1010 {
        queue.push(update(number, "new", 1), start + ms(50));
    }
    let batch = taken(&mut queue, Batch::Update, start + LINGER);
    assert_eq!(batch.len(), 100);
    assert!((1000..1010).all(|number| batch[..10].contains(&number)), "{batch:?}");
}

#[tokio::test(start_paused = true)]
async fn the_backlog_waits_for_full_batches_and_a_full_batch_for_nothing() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    let backlog = |number| Work { fresh: false, ..update(number, "old", 1) };
    for number in 0..99 {
        queue.push(backlog(number), start);
    }
    assert!(taken(&mut queue, Batch::Update, start + ms(999)).is_empty());
    queue.push(backlog(99), start + ms(10));
    assert_eq!(taken(&mut queue, Batch::Update, start + ms(10)).len(), 100);
    queue.push(backlog(100), start);
    assert_eq!(taken(&mut queue, Batch::Update, start + BACKLOG_LINGER), [100]);
}

#[tokio::test(start_paused = true)]
async fn a_backlog_change_that_happens_again_now_is_fresh() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    for number in 0..=100 {
        queue.push(Work { fresh: false, ..update(number, "old", 1) }, start);
    }
    queue.push(update(100, "new", 1), start);
    assert_eq!(taken(&mut queue, Batch::Update, start + LINGER)[0], 100);
}

#[tokio::test(start_paused = true)]
async fn the_backlog_in_memory_is_bounded_and_fresh_changes_still_find_room() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    for number in 0..BACKLOG_MAX as u128 {
        assert!(queue.push(Work { fresh: false, ..update(number, "old", 1) }, start));
    }
    assert!(!queue.wants_backlog());
    assert!(!queue.push(Work { fresh: false, ..update(1 << 100, "old", 1) }, start));
    assert!(queue.push(update(1 << 101, "new", 1), start));
    queue.drop_partition(0);
    assert!(queue.is_empty() && queue.wants_backlog());
}

#[tokio::test(start_paused = true)]
async fn a_new_friends_contact_waits_for_name_and_picture_but_not_for_long() {
    let first = (ConnectionNumber::new(1).unwrap(), ProfileDue { covers_ms: 1, covered_ms: None, known: None });
    let with_lookup = Work { lookups: vec![first], ..create(1) };
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(with_lookup.clone(), start);
    assert!(taken(&mut queue, Batch::Create, start + ms(1999)).is_empty());
    assert_eq!(taken(&mut queue, Batch::Create, start + PROFILE_PATIENCE), [1], "patience ends");

    let mut queue = Queue::default();
    queue.push(with_lookup.clone(), start);
    queue.push(create(1), start + ms(30));
    assert_eq!(taken(&mut queue, Batch::Create, start + ms(30) + LINGER), [1], "the profile came");

    let mut queue = Queue::default();
    queue.push(with_lookup, start);
    queue.stop_waiting_for_profile(user(1), start + ms(40));
    assert_eq!(taken(&mut queue, Batch::Create, start + ms(40) + LINGER), [1], "LINE is out of reach");
}

#[tokio::test(start_paused = true)]
async fn work_of_a_lost_partition_is_dropped_and_its_end_is_ignored() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(update(1, "a", 1), start);
    queue.push(Work { partition: 1, ..update(2, "a", 1) }, start);
    assert_eq!(taken(&mut queue, Batch::Update, start + LINGER).len(), 2);
    queue.drop_partition(0);
    queue.ended(user(1), Ended::Retry(ms(1), 0), start);
    assert_eq!(queue.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_measured_from_the_oldest_event_that_waits_for_it_and_only_once() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    let at = |received_at_ms, work| Work { received_at_ms, ..work };
    queue.push(at(Some(10), update(1, "a", 0)), start);
    queue.push(at(Some(20), update(1, "b", 0)), start);
    queue.push(at(None, update(1, "c", 0)), start);
    let taken = queue.take(Batch::Update, 10, start + LINGER);
    assert_eq!(taken[0].received_at_ms, Some(10));

    queue.ended(taken[0].user, Ended::Retry(LINGER, 0), start + LINGER);
    let taken = queue.take(Batch::Update, 10, start + 2 * LINGER);
    assert_eq!(taken[0].received_at_ms, Some(10), "a failed write goes on being measured");

    queue.ended(taken[0].user, Ended::Confirmed(1), start + 2 * LINGER);
    queue.push(at(None, update(1, "d", 1)), start + 2 * LINGER);
    let taken = queue.take(Batch::Update, 10, start + 3 * LINGER);
    assert_eq!(taken[0].received_at_ms, None);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_comes_back_waits_for_the_call_under_way_and_leaves_nobody_behind_in_the_queue() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    queue.push(update(1, "old", 1), start);
    assert_eq!(taken(&mut queue, Batch::Update, start + LINGER), [1]);
    queue.drop_partition(0);
    queue.push(update(1, "new", 1), start + LINGER);
    assert!(taken(&mut queue, Batch::Update, start + ms(60_000)).is_empty());
    queue.ended(user(1), Ended::Confirmed(2), start + ms(60_000));
    queue.push(nothing(1, 2), start + ms(60_000));
    assert!(queue.is_empty());
    assert_eq!(queue.next_ready(), None);
}
