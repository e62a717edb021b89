//! Who is looked up, and when.

#![allow(clippy::unwrap_used)]

use super::*;
use contact::Action;
use contact::link::Account;

fn connection() -> ConnectionNumber {
    ConnectionNumber::new(1).unwrap()
}

fn asks(covers_ms: &[i64]) -> Work {
    asks_knowing(None, covers_ms)
}

/// The same from a state that knows of a look-up made for the event of this time.
fn asks_knowing(covered_ms: Option<i64>, covers_ms: &[i64]) -> Work {
    let due = |covers_ms: &i64| (connection(), ProfileDue { covers_ms: *covers_ms, covered_ms, known: None });
    let lookups = covers_ms.iter().map(due).collect();
    let (user, account) = (UserId::from_u128(1), Account::default());
    Work {
        partition: 0,
        user,
        action: Action::Nothing,
        account,
        returned_ms: None,
        lookups,
        fresh: true,
        received_at_ms: None,
        attempts: 0,
        resisted: 0,
    }
}

#[tokio::test(start_paused = true)]
async fn a_friend_is_looked_up_once_at_a_time() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    lookups.push(&asks(&[10]), now);
    lookups.push(&asks(&[10]), now);
    assert!(lookups.take(now).is_some());
    lookups.push(&asks(&[10]), now);
    assert!(lookups.take(now).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answered_look_up_is_not_made_again_before_the_fold_has_seen_the_answer() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    lookups.push(&asks(&[10]), now);
    let (lookup, _) = lookups.take(now).unwrap();
    lookups.ended(&lookup, Looked::Answered, now);
    lookups.push(&asks(&[10]), now);
    assert!(lookups.take(now).is_none(), "the same question, decided before the answer was folded");
    lookups.push(&asks(&[]), now);
    assert!(lookups.is_empty(), "answered and folded");
    lookups.push(&asks(&[20]), now);
    assert_eq!(lookups.take(now).unwrap().0.due.covers_ms, 20, "a new follow asks anew");
}

#[tokio::test(start_paused = true)]
async fn a_newer_question_than_the_one_answered_is_asked_once_the_fold_has_seen_the_answer() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    lookups.push(&asks(&[10]), now);
    let (lookup, _) = lookups.take(now).unwrap();
    lookups.ended(&lookup, Looked::Answered, now);
    lookups.push(&asks(&[30]), now);
    assert!(lookups.take(now).is_none(), "what is known of the person there is older than the answer");
    lookups.push(&asks_knowing(Some(10), &[30]), now);
    assert_eq!(lookups.take(now).unwrap().0.due.covers_ms, 30);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_state_to_know_an_answer_about_the_time_before_an_erasure() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    lookups.push(&asks(&[10]), now);
    let (lookup, _) = lookups.take(now).unwrap();
    lookups.ended(&lookup, Looked::Answered, now);
    lookups.erased(lookup.user);
    lookups.push(&asks(&[30]), now);
    let (lookup, _) = lookups.take(now).unwrap();
    assert_eq!(lookup.due.covers_ms, 30);
    // Once more, while that is under way.
    lookups.erased(lookup.user);
    lookups.push(&asks(&[50]), now);
    lookups.ended(&lookup, Looked::Answered, now);
    assert_eq!(lookups.take(now).unwrap().0.due.covers_ms, 50);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_came_up_during_a_look_up_is_asked_once_the_fold_has_seen_the_answer() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    let under_way = |lookups: &mut Lookups| {
        lookups.push(&asks(&[10]), now);
        let (lookup, _) = lookups.take(now).unwrap();
        lookups.push(&asks(&[20]), now);
        lookup
    };
    let lookup = under_way(&mut lookups);
    lookups.ended(&lookup, Looked::Answered, now);
    assert!(lookups.take(now).is_none(), "the answer may have settled it");
    lookups.push(&asks_knowing(Some(10), &[20]), now);
    assert_eq!(lookups.take(now).unwrap().0.due.covers_ms, 20);

    let mut lookups = Lookups::default();
    let lookup = under_way(&mut lookups);
    lookups.push(&asks_knowing(Some(10), &[20]), now);
    lookups.ended(&lookup, Looked::Answered, now);
    assert_eq!(lookups.take(now).unwrap().0.due.covers_ms, 20, "the fold was quicker than the worker");

    let mut lookups = Lookups::default();
    let lookup = under_way(&mut lookups);
    lookups.push(&asks_knowing(Some(10), &[]), now);
    lookups.ended(&lookup, Looked::Answered, now);
    assert!(lookups.is_empty() && lookups.take(now).is_none(), "the answer settled it");
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_up_waits_and_counts_its_attempts() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    lookups.push(&asks(&[10]), now);
    let (lookup, attempts) = lookups.take(now).unwrap();
    assert_eq!(attempts, 0);
    lookups.ended(&lookup, Looked::Retry(Duration::from_secs(1)), now);
    assert!(lookups.take(now).is_none());
    assert_eq!(lookups.next_ready(), Some(now + Duration::from_secs(1)));
    assert_eq!(lookups.take(now + Duration::from_secs(1)).unwrap().1, 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_looked_up_again_with_credentials_that_line_refused_again_unless_they_changed() {
    let (mut lookups, now, wait) = (Lookups::default(), Instant::now(), Duration::from_secs(300));
    let friend = |user, number| {
        let due = ProfileDue { covers_ms: 10, covered_ms: None, known: None };
        let lookups = vec![(ConnectionNumber::new(number).unwrap(), due)];
        Work { user: UserId::from_u128(user), lookups, ..asks(&[]) }
    };
    for (user, number) in [(1, 1), (2, 1), (3, 2)] {
        assert!(lookups.push(&friend(user, number), now));
        let (lookup, _) = lookups.take(now).unwrap();
        lookups.ended(&lookup, Looked::Refused(wait), now);
    }
    let later = now + wait;
    let (one, _) = lookups.take(later).unwrap();
    assert_eq!(one.connection, connection());
    lookups.ended(&one, Looked::Refused(wait), later);
    let (of_another, _) = lookups.take(later).unwrap();
    assert_eq!(of_another.user, UserId::from_u128(3));
    assert!(lookups.take(later).is_none() && lookups.next_ready() == Some(later + wait));

    lookups.push(&friend(4, 1), later);
    assert_eq!(lookups.take(later).unwrap().0.user, UserId::from_u128(4), "it may have changed its mind");
    lookups.try_refused_again(later);
    assert!(lookups.take(later).is_some() && lookups.take(later).is_some());
}

#[tokio::test(start_paused = true)]
async fn look_ups_of_a_lost_partition_are_dropped() {
    let (mut lookups, now) = (Lookups::default(), Instant::now());
    lookups.push(&asks(&[10]), now);
    lookups.drop_partition(0);
    assert!(lookups.is_empty() && lookups.take(now).is_none());
}
