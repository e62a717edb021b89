//! Events outlast a log that is away: they are answered 200, kept on disk and forwarded.

use crate::log::{Memory, Mood};
use crate::world::{NOW_MS, USER, World, body, ended, message, message_of};
use eventlog::partitioning::partition;
use eventlog::{Record, Topic};
use ingest::spool::{Options, Spool};
use ingest::{Error, Metrics, Settings};
use prometheus::Registry;
use runtime::clock::ManualClock;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const OTHER_USER: &str = "Ubbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Gives the log up after so short a time that a test can wait for it.
fn hasty() -> Settings {
    Settings {
        log_timeout: Duration::from_millis(50),
        answer_timeout: Duration::from_secs(3600),
        ..Settings::default()
    }
}

fn options() -> Options {
    Options { retry_pause: Duration::from_millis(5), ..Options::new(8) }
}

async fn world(directory: &TempDir) -> World {
    World::spooling(Memory::new(), hasty(), directory.path(), options()).await
}

/// The IDs at the end of the keys of all events in the log, in its order.
fn ids(log: &Memory) -> Vec<String> {
    let id = |record: Record| String::from_utf8(record.key).unwrap().rsplit('/').next().unwrap().to_owned();
    log.records(Topic::LineEvents).into_iter().map(id).collect()
}

fn spooled(metrics: &Metrics, reason: &str) -> u64 {
    metrics.spooled.with_label_values(&[reason]).get()
}

fn failed(metrics: &Metrics, operation: &str) -> u64 {
    metrics.spool_failures.with_label_values(&[operation]).get()
}

fn is_empty(metrics: &Metrics) -> bool {
    metrics.spool_records.get() == 0
}

#[tokio::test]
async fn events_that_a_failing_log_does_not_take_are_answered_200_and_reach_it_later() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&body(&[&message("01"), &message("02")])).await, 200);
    assert_eq!((spooled(&world.metrics, "failed"), world.metrics.spool_records.get()), (2, 2));
    assert!(world.metrics.spool_bytes.get() > 0 && world.values().is_empty());
    world.log.is_now(Mood::Takes);
    world.until(is_empty).await;
    assert_eq!(ids(&world.log), ["01", "02"]);
    assert_eq!((world.metrics.spool_forwarded.get(), world.metrics.spool_bytes.get()), (2, 0));
    assert_eq!((world.counted("1", "accepted"), world.counted("1", "unavailable")), (1, 0));
}

#[tokio::test]
async fn what_is_forwarded_is_exactly_what_the_log_would_have_got() {
    let directory = TempDir::new().unwrap();
    let (direct, spooling) = (World::new().await, world(&directory).await);
    spooling.log.is_now(Mood::Fails);
    for world in [&direct, &spooling] {
        assert_eq!(world.receives(&body(&[&message("01")])).await, 200);
        assert_eq!(world.receives(b"no webhook").await, 200);
    }
    spooling.log.is_now(Mood::Takes);
    spooling.until(is_empty).await;
    for topic in [Topic::LineEvents, Topic::DeadLetters] {
        let contents =
            |world: &World| world.log.records(topic).into_iter().map(|it| (it.key, it.value)).next().unwrap();
        assert!(contents(&direct) == contents(&spooling), "{topic}");
    }
}

#[tokio::test]
async fn a_log_that_stalls_is_waited_for_once_and_not_asked_again_until_it_is_back() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    world.log.is_now(Mood::Stalls);
    for id in ["01", "02", "03"] {
        assert_eq!(world.receives(&body(&[&message(id)])).await, 200);
    }
    assert_eq!((spooled(&world.metrics, "late"), spooled(&world.metrics, "away")), (1, 2));
    world.log.has_begun(2).await;
    assert_eq!(*world.log.begun.borrow(), 2, "the first webhook's append and the one that forwards it");
    world.log.is_now(Mood::Takes);
    world.until(is_empty).await;
    assert_eq!(world.receives(&body(&[&message("04")])).await, 200);
    assert_eq!(world.metrics.spool_records.get(), 0);
    let mut stored = ids(&world.log);
    stored.sort();
    assert_eq!(stored, ["01", "02", "03", "04"], "the append that stalled was let go");
}

#[tokio::test]
async fn a_stalled_log_is_answered_for_within_two_seconds_by_default() {
    let directory = TempDir::new().unwrap();
    let world = World::spooling(Memory::new(), Settings::default(), directory.path(), options()).await;
    world.log.is_now(Mood::Stalls);
    for id in ["01", "02"] {
        let asked = Instant::now();
        assert_eq!(world.receives(&body(&[&message(id)])).await, 200);
        assert!(asked.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn fresh_events_do_not_wait_for_those_that_are_forwarded() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    world.log.is_now(Mood::Fails);
    let old: Vec<String> = (0..10).map(|number| message(&format!("old{number}"))).collect();
    assert_eq!(world.receives(&body(&old.iter().map(String::as_str).collect::<Vec<_>>())).await, 200);
    world.log.is_now(Mood::StallsMany);
    world.until(|metrics| metrics.spool_records.get() == 9).await;
    assert_eq!(world.receives(&body(&[&message("fresh")])).await, 200);
    assert_eq!(ids(&world.log), ["old0", "fresh"]);
    assert_eq!(world.metrics.spool_records.get(), 9);
    world.log.is_now(Mood::Takes);
    world.until(is_empty).await;
}

#[tokio::test]
async fn the_events_of_a_user_are_forwarded_in_their_order_over_any_number_of_failures() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    let mut sent = Vec::new();
    for round in 0..5 {
        world.log.is_now(Mood::Fails);
        for number in 0..40 {
            let id = format!("{round}-{number:02}");
            assert_eq!(world.receives(&body(&[&message(&id)])).await, 200);
            sent.push(id);
        }
        let forwarded = world.metrics.spool_forwarded.get();
        world.log.is_now(Mood::Takes);
        world.until(|metrics| metrics.spool_forwarded.get() > forwarded).await;
    }
    world.until(is_empty).await;
    assert_eq!(ids(&world.log), sent);
    assert!(failed(&world.metrics, "forward") > 0);
}

#[tokio::test]
async fn a_large_spool_is_forwarded_in_small_appends() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    world.log.is_now(Mood::Fails);
    for request in 0..20 {
        let events: Vec<String> = (0..50).map(|number| message(&format!("{request:02}-{number:02}"))).collect();
        assert_eq!(world.receives(&body(&events.iter().map(String::as_str).collect::<Vec<_>>())).await, 200);
    }
    world.log.most.store(0, Ordering::Relaxed);
    world.log.is_now(Mood::Takes);
    world.until(is_empty).await;
    let stored = ids(&world.log);
    assert!(stored.len() == 1_000 && stored.is_sorted(), "all, in their order");
    assert_eq!(world.log.most.load(Ordering::Relaxed), 128);
}

#[tokio::test]
async fn a_partition_that_is_away_does_not_hold_up_the_others() {
    assert_ne!(lane(USER), lane(OTHER_USER));
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    world.log.is_now(Mood::FailsFor(USER));
    assert_eq!(world.receives(&body(&[&message("01")])).await, 200);
    assert_eq!(world.receives(&body(&[&message_of(OTHER_USER, "02")])).await, 200);
    assert_eq!((ids(&world.log), world.metrics.spool_records.get()), (vec!["02".to_owned()], 1));
    // Both go to the spool together; the other user's event does not stay there.
    assert_eq!(world.receives(&body(&[&message("03"), &message_of(OTHER_USER, "04")])).await, 200);
    world.until(|metrics| metrics.spool_forwarded.get() == 1).await;
    assert_eq!(ids(&world.log), ["02", "04"]);
    world.log.is_now(Mood::Takes);
    world.until(is_empty).await;
    assert_eq!(ids(&world.log), ["02", "04", "01", "03"]);
}

fn lane(user: &str) -> u32 {
    partition(Topic::LineEvents, user.as_bytes(), options().partitions)
}

#[tokio::test]
async fn a_full_spool_gets_503_until_there_is_room_again() {
    let directory = TempDir::new().unwrap();
    let options = Options { bytes_max: 1_000, ..options() };
    let world = World::spooling(Memory::new(), hasty(), directory.path(), options).await;
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&body(&[&message("01")])).await, 200);
    assert_eq!(world.receives(&body(&[&message("02"), &message("03")])).await, 503);
    assert_eq!((failed(&world.metrics, "full"), world.counted("1", "unavailable")), (1, 1));
    assert_eq!(world.metrics.spool_records.get(), 1, "all of a webhook or none of it");
    assert!(!world.spool().is_taking);
    world.log.is_now(Mood::Takes);
    world.until(is_empty).await;
    assert!(world.spool().is_taking, "no webhook has to come through it before it is ready again");
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&body(&[&message("04")])).await, 200);
}

#[tokio::test]
async fn a_spool_that_cannot_be_written_gets_503_and_the_log_is_asked_again() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    fs::remove_file(directory.path().join("log.sqlite3")).unwrap();
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&body(&[&message("01")])).await, 503);
    assert!(failed(&world.metrics, "write") == 1 && is_empty(&world.metrics));
    world.log.is_now(Mood::Takes);
    world.until(|metrics| failed(metrics, "read") > 0).await;
    assert_eq!(world.receives(&body(&[&message("02")])).await, 200);
    assert_eq!(ids(&world.log), ["02"]);
}

#[tokio::test]
async fn what_the_log_refuses_for_good_is_not_spooled() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    world.log.is_now(Mood::Refuses);
    assert_eq!(world.receives(&body(&[&message("01")])).await, 503);
    world.log.is_now(Mood::Takes);
    assert_eq!(world.receives(&body(&[&message("02")])).await, 200);
    assert_eq!((ids(&world.log), spooled(&world.metrics, "failed")), (vec!["02".to_owned()], 0));
}

#[tokio::test]
async fn what_the_log_refuses_for_good_later_stays_and_lets_fresh_events_by() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&body(&[&message("01")])).await, 200);
    let before = failed(&world.metrics, "forward");
    world.log.is_now(Mood::Refuses);
    world.until(|metrics| failed(metrics, "forward") > before + 1).await;
    assert_eq!((world.receives(&body(&[&message("02")])).await, world.metrics.spool_records.get()), (503, 1));
    world.log.is_now(Mood::Takes);
    world.until(is_empty).await;
    assert_eq!(ids(&world.log), ["01"]);
}

#[tokio::test]
async fn a_spool_that_is_not_empty_at_the_start_is_forwarded() {
    let directory = TempDir::new().unwrap();
    let first = world(&directory).await;
    first.log.is_now(Mood::Fails);
    assert_eq!(first.receives(&body(&[&message("01"), &message_of(OTHER_USER, "02")])).await, 200);
    ended(first.stop()).await.unwrap();
    let second = world(&directory).await;
    second.until(is_empty).await;
    let mut stored = ids(&second.log);
    stored.sort();
    assert_eq!(stored, ["01", "02"]);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_log_whose_events_are_in_the_spool() {
    let directory = TempDir::new().unwrap();
    let world = world(&directory).await;
    world.log.is_now(Mood::Stalls);
    assert_eq!(world.receives(&body(&[&message("01")])).await, 200);
    ended(world.stop()).await.unwrap();
}

#[tokio::test]
async fn the_age_of_the_oldest_event_is_told() {
    let directory = TempDir::new().unwrap();
    let memory = Memory::new();
    memory.is_now(Mood::Fails);
    {
        let world = World::spooling(memory.clone(), hasty(), directory.path(), options()).await;
        assert_eq!(world.receives(&body(&[&message("01")])).await, 200);
        ended(world.stop()).await.unwrap();
    }
    let world = World::spooling(memory, hasty(), directory.path(), options()).await;
    world.clock.advance(90_000);
    world.until(|metrics| metrics.spool_oldest_seconds.get() == 90).await;
    world.log.is_now(Mood::Takes);
    world.until(|metrics| is_empty(metrics) && metrics.spool_oldest_seconds.get() == 0).await;
}

#[tokio::test]
async fn a_spool_has_one_user() {
    let directory = TempDir::new().unwrap();
    let _world = world(&directory).await;
    assert!(matches!(open(directory.path()), Err(Error::SpoolInUse { .. })));
}

#[tokio::test]
async fn a_file_that_is_no_spool_is_refused() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("log.sqlite3"), "something else").unwrap();
    assert!(matches!(open(directory.path()), Err(Error::Spool { .. })));
}

fn open(directory: &Path) -> Result<Arc<Spool>, Error> {
    let metrics = Metrics::register(&Registry::new()).unwrap();
    Spool::open(directory, options(), Arc::new(ManualClock::at(NOW_MS)), metrics)
}
