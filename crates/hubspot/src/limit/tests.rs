//! The budget on a paused clock: the same run every time.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::Policy;
use proptest::prelude::*;
use runtime::backoff::Backoff;
use runtime::clock::ManualClock;
use std::collections::BTreeMap;
use tokio::time::{advance, sleep};

const WINDOW: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

fn budget(settings: Settings) -> Arc<Budget> {
    Budget::new(settings, Arc::new(ManualClock::at(1_792_411_200_000)))
}

/// When each call of a run was let through.
type Calls = Arc<Mutex<Vec<(Instant, Kind, Priority)>>>;

/// A caller that makes `count` calls one after the other, each lasting `takes`.
fn caller(budget: &Arc<Budget>, calls: &Calls, sort: (Kind, Priority), count: usize, takes: Duration) {
    let (budget, calls) = (Arc::clone(budget), Arc::clone(calls));
    tokio::spawn(async move {
        for _ in 0..count {
            let Ok(permit) = budget.acquire(sort.0, sort.1).await else { return };
            calls.lock().unwrap().push((Instant::now(), sort.0, sort.1));
            sleep(takes).await;
            drop(permit);
        }
    });
}

fn most_within(times: &[Instant], span: Duration) -> usize {
    times
        .iter()
        .map(|start| times.iter().filter(|time| **time >= *start && **time - *start < span).count())
        .max()
        .unwrap_or(0)
}

const GENERAL_FRESH: (Kind, Priority) = (Kind::General, Priority::Fresh);
const GENERAL_BACKFILL: (Kind, Priority) = (Kind::General, Priority::Backfill);

#[tokio::test(start_paused = true)]
async fn calls_stop_at_80_percent_of_the_announced_limit() {
    let budget = budget(Settings::default());
    budget.learn(&Allowance { max: Some(190), window: Some(WINDOW), ..Allowance::default() });
    let start = Instant::now();
    for _ in 0..152 {
        drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(start.elapsed(), WINDOW);
}

#[tokio::test(start_paused = true)]
async fn backfill_alone_gets_at_least_95_percent_of_the_allowed_rate() {
    let (budget, calls) = (budget(Settings::default()), Calls::default());
    (0..4).for_each(|_| caller(&budget, &calls, GENERAL_BACKFILL, 1_000, Duration::from_millis(300)));
    sleep(Duration::from_secs(100)).await;
    let made = calls.lock().unwrap().len();
    assert!((760..=880).contains(&made), "{made} calls in 100 s, 800 allowed");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_call_waits_no_second_behind_a_backlog() {
    let (budget, calls) = (budget(Settings::default()), Calls::default());
    (0..50).for_each(|_| caller(&budget, &calls, GENERAL_BACKFILL, 1_000, Duration::from_millis(100)));
    for _ in 0..30 {
        sleep(Duration::from_millis(700)).await;
        let asked = Instant::now();
        drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
        assert!(asked.elapsed() < SECOND, "{:?}", asked.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn backfill_takes_only_what_fresh_calls_leave_of_a_window() {
    let (budget, calls) = (budget(Settings::default()), Calls::default());
    (0..4).for_each(|_| caller(&budget, &calls, GENERAL_BACKFILL, 1_000, Duration::from_millis(100)));
    let mut waits = Vec::new();
    for _ in 0..100 {
        sleep(Duration::from_millis(700)).await;
        let asked = Instant::now();
        drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
        waits.push(asked.elapsed());
    }
    let slowest = waits[15..].iter().max().unwrap();
    assert!(*slowest < SECOND / 2, "{slowest:?} once the first window was over");
    let made = calls.lock().unwrap().len() + waits.len();
    assert!(made >= 7 * 80, "{made} calls in 70 s, 560 allowed");
}

#[tokio::test(start_paused = true)]
async fn fresh_calls_go_first_and_backfill_gets_every_eighth_place() {
    let (budget, calls) = (budget(Settings::default()), Calls::default());
    (0..8).for_each(|_| caller(&budget, &calls, GENERAL_BACKFILL, 1_000, Duration::from_millis(400)));
    (0..8).for_each(|_| caller(&budget, &calls, GENERAL_FRESH, 1_000, Duration::from_millis(400)));
    sleep(Duration::from_secs(200)).await;
    let calls = calls.lock().unwrap();
    let fresh = calls.iter().filter(|(_, _, priority)| *priority == Priority::Fresh).count();
    assert_eq!(fresh * 8 / calls.len(), 7, "{fresh} of {}", calls.len());
    assert!(fresh < calls.len() * 9 / 10, "{fresh} of {}", calls.len());
}

#[tokio::test(start_paused = true)]
async fn a_search_that_waits_holds_up_no_other_call() {
    let budget = budget(Settings::default());
    for _ in 0..4 {
        drop(budget.acquire(Kind::Search, Priority::Fresh).await.unwrap());
    }
    let search = tokio::spawn({
        let budget = Arc::clone(&budget);
        async move { budget.acquire(Kind::Search, Priority::Fresh).await.map(|_| Instant::now()) }
    });
    let start = Instant::now();
    tokio::task::yield_now().await;
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(search.await.unwrap().unwrap() - start, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_leaves_its_place_to_the_next() {
    let budget = budget(Settings { in_flight_max: 1, ..Settings::default() });
    let under_way = budget.acquire(Kind::General, Priority::Fresh).await.unwrap();
    let given_up = tokio::time::timeout(SECOND, budget.acquire(Kind::General, Priority::Fresh)).await;
    assert!(given_up.is_err());
    assert_eq!(budget.status().fresh_waiting, 0);
    drop(under_way);
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(budget.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_burst_limit_nothing_is_sent_for_its_wait_and_the_pace_falls_and_recovers() {
    let budget = budget(Settings::default());
    let start = Instant::now();
    let limited = || Error::RateLimited { policy: Policy::Burst, wait: WINDOW };
    budget.failed(limited());
    budget.failed(limited());
    assert_eq!(budget.status().burst_max, 60, "two answers to calls under way at once are one event");
    assert_eq!(budget.status().paused.map(|paused| paused.why), Some(Why::Burst));
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(start.elapsed(), WINDOW);
    advance(4 * WINDOW).await;
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(budget.status().burst_max, 80);
}

#[tokio::test(start_paused = true)]
async fn a_search_limit_stops_searches_only() {
    let budget = budget(Settings::default());
    let start = Instant::now();
    budget.failed(Error::RateLimited { policy: Policy::Search, wait: SECOND });
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(budget.acquire(Kind::Search, Priority::Fresh).await.unwrap());
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_lock_halves_the_calls_at_a_time_until_it_is_calm_again() {
    let budget = budget(Settings::default());
    let start = Instant::now();
    budget.failed(Error::Locked { wait: 2 * SECOND });
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(start.elapsed(), 2 * SECOND);
    assert_eq!(budget.status().in_flight_max, 2);
    advance(2 * WINDOW).await;
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(budget.status().in_flight_max, 4);
}

#[tokio::test(start_paused = true)]
async fn the_daily_limit_lasts_until_the_portals_midnight_and_calls_fail_meanwhile() {
    let budget = budget(Settings::default());
    budget.know_utc_offset(9 * 60 * 60 * 1000);
    let until_midnight = Duration::from_secs(3 * 60 * 60);
    let told = Error::RateLimited { policy: Policy::Daily, wait: until_midnight };
    assert_eq!(budget.failed(Error::RateLimited { policy: Policy::Daily, wait: SECOND }), told);
    assert_eq!(budget.acquire(Kind::General, Priority::Fresh).await.err(), Some(told));
    advance(until_midnight).await;
    assert!(budget.acquire(Kind::General, Priority::Fresh).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_daily_refusal_just_before_midnight_lasts_as_long_as_it_says() {
    let budget = budget(Settings::default());
    budget.know_utc_offset((12 * 60 * 60 - 1) * 1000);
    let told = Error::RateLimited { policy: Policy::Daily, wait: 40 * SECOND };
    assert_eq!(budget.failed(told.clone()), told);
    assert_eq!(budget.acquire(Kind::General, Priority::Fresh).await.err(), Some(told));
}

#[tokio::test(start_paused = true)]
async fn backfill_leaves_a_tenth_of_the_day_to_fresh_changes() {
    let budget = budget(Settings::default());
    let left = |left| Allowance { daily: Some(250_000), daily_left: Some(left), ..Allowance::default() };
    budget.learn(&left(25_001));
    assert!(budget.acquire(Kind::General, Priority::Backfill).await.is_ok());
    budget.learn(&left(25_000));
    let refused = budget.acquire(Kind::General, Priority::Backfill).await.err();
    assert!(matches!(refused, Some(Error::RateLimited { policy: Policy::Daily, .. })), "{refused:?}");
    assert!(budget.acquire(Kind::General, Priority::Fresh).await.is_ok());
    advance(Duration::from_secs(900)).await;
    assert!(budget.acquire(Kind::General, Priority::Backfill).await.is_ok(), "asks anew when the figure is old");
}

#[tokio::test(start_paused = true)]
async fn while_the_portal_moves_calls_fail_with_the_time_left() {
    let budget = budget(Settings::default());
    budget.failed(Error::Migrating { wait: Duration::from_secs(3_600) });
    advance(Duration::from_secs(600)).await;
    let refused = budget.acquire(Kind::General, Priority::Fresh).await.err();
    assert_eq!(refused, Some(Error::Migrating { wait: Duration::from_secs(3_000) }));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_tried_once_a_minute() {
    let budget = budget(Settings::default());
    assert_eq!(budget.refusal(), None);
    budget.failed(Error::Unauthorized);
    assert_eq!(budget.acquire(Kind::General, Priority::Fresh).await.err(), Some(Error::Unauthorized));
    advance(Duration::from_secs(60)).await;
    assert!(budget.acquire(Kind::General, Priority::Fresh).await.is_ok());
    assert_eq!(budget.refusal(), Some(Error::Unauthorized), "until HubSpot says something else");
    budget.succeeded();
    assert_eq!(budget.refusal(), None);
}

#[tokio::test(start_paused = true)]
async fn pauses_of_an_outage_double_until_a_call_succeeds() {
    let outage = Backoff { base: SECOND, cap: 4 * SECOND, jitter: 0.0 };
    let budget = budget(Settings { outage, ..Settings::default() });
    let mut waits = Vec::new();
    for succeeds in [false, false, false, true, false] {
        if succeeds {
            budget.succeeded();
            continue;
        }
        budget.failed(Error::Unavailable { detail: "503".into() });
        budget.failed(Error::Unknown { detail: "under way at the same time".into() });
        let failed = Instant::now();
        drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
        waits.push(failed.elapsed().as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_others_used_up_is_left_alone_for_a_moment() {
    let budget = budget(Settings::default());
    let start = Instant::now();
    budget.learn(&Allowance { left: Some(0), ..Allowance::default() });
    drop(budget.acquire(Kind::General, Priority::Fresh).await.unwrap());
    assert_eq!(start.elapsed(), SECOND);
}

#[derive(Clone, Debug)]
struct Load {
    callers: Vec<(bool, bool, usize, u64)>,
    pauses: Vec<(u64, u8, u64)>,
    max: u32,
}

fn load() -> impl Strategy<Value = Load> {
    let callers = prop::collection::vec((any::<bool>(), any::<bool>(), 1..40_usize, 0..3_000_u64), 1..12);
    let pauses = prop::collection::vec((0..60_000_u64, 0..4_u8, 1..14_000_u64), 0..6);
    (callers, pauses, 10..200_u32).prop_map(|(callers, pauses, max)| Load { callers, pauses, max })
}

/// Plays a load for a while; gives the calls made, the pauses, and the most calls seen under way.
async fn play(load: &Load) -> (Vec<(Instant, Kind, Priority)>, Vec<(Why, Instant, Instant)>, usize) {
    let budget = budget(Settings { burst_max: load.max, ..Settings::default() });
    let calls = Calls::default();
    for (search, backfill, count, takes_ms) in &load.callers {
        let kind = if *search { Kind::Search } else { Kind::General };
        let priority = if *backfill { Priority::Backfill } else { Priority::Fresh };
        caller(&budget, &calls, (kind, priority), *count, Duration::from_millis(*takes_ms));
    }
    let start = Instant::now();
    let by_time: BTreeMap<u64, (u8, u64)> = load.pauses.iter().map(|(at, why, wait)| (*at, (*why, *wait))).collect();
    let (mut pauses, mut most) = (Vec::new(), 0);
    for at_ms in (0..90_000).step_by(500) {
        tokio::time::sleep_until(start + Duration::from_millis(at_ms)).await;
        for (_, (why, wait_ms)) in by_time.range(at_ms..at_ms + 500) {
            let wait = Duration::from_millis(*wait_ms);
            let (why, error) = match why {
                0 => (Why::Burst, Error::RateLimited { policy: Policy::Unknown, wait }),
                1 => (Why::Search, Error::RateLimited { policy: Policy::Search, wait }),
                2 => (Why::Locked, Error::Locked { wait }),
                _ => (Why::Migration, Error::Migrating { wait }),
            };
            budget.failed(error);
            pauses.push((why, Instant::now(), Instant::now() + wait));
        }
        most = most.max(budget.status().in_flight);
    }
    let calls = calls.lock().unwrap().clone();
    (calls, pauses, most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_window_ever_holds_more_calls_than_allowed_and_none_is_made_in_a_pause(load in load()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (calls, pauses, in_flight) = runtime.block_on(play(&load));
        let times: Vec<_> = calls.iter().map(|(time, ..)| *time).collect();
        prop_assert!(most_within(&times, WINDOW) <= (load.max as usize * 8 / 10).max(1));
        let of_search = calls.iter().filter(|(_, kind, _)| *kind == Kind::Search);
        let searches: Vec<_> = of_search.map(|(time, ..)| *time).collect();
        prop_assert!(most_within(&searches, SECOND) <= 4);
        prop_assert!(in_flight <= 4);
        for (why, from, until) in pauses {
            let stopped = |kind| kind == Kind::Search || why != Why::Search;
            prop_assert!(!calls.iter().any(|(time, kind, _)| stopped(*kind) && *time > from && *time < until));
        }
    }
}
