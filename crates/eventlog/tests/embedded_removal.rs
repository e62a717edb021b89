//! The embedded log as a queue: records are removed from the front, and gone.

#![allow(clippy::unwrap_used)]

mod conformance;

use conformance::{record, tombstone};
use eventlog::embedded::{EmbeddedLog, Held, Options};
use eventlog::{Error, Log, Topic};
use runtime::clock::ManualClock;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const TOPIC: Topic = Topic::LineEvents;

fn open(dir: &Path) -> Arc<EmbeddedLog> {
    EmbeddedLog::open(dir, Options::new(Arc::new(ManualClock::at(0)))).unwrap()
}

async fn append(log: &EmbeddedLog, values: &[&str]) -> u64 {
    let records = values.iter().map(|value| record(TOPIC, "Ua/1/e", value)).collect();
    log.append(records).await.unwrap().last().unwrap().offset
}

fn offsets(log: &EmbeddedLog, from: u64) -> Vec<u64> {
    let read = log.reader(TOPIC, 0, from).unwrap().next(100, Duration::ZERO).unwrap();
    read.iter().map(|record| record.offset).collect()
}

#[tokio::test]
async fn what_is_before_the_offset_goes_and_the_rest_keeps_its_place() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    append(&log, &["1", "22", "333"]).await;
    assert_eq!(log.held(TOPIC, 0).unwrap(), Held { records: 3, bytes: 3 * 6 + 6 });
    assert_eq!(log.remove_before(TOPIC, 0, 2).unwrap(), Held { records: 2, bytes: 2 * 6 + 3 });
    assert_eq!((offsets(&log, 0), offsets(&log, 2)), (vec![2], vec![2]));
    assert_eq!(log.held(TOPIC, 0).unwrap(), Held { records: 1, bytes: 9 });
    assert_eq!(log.remove_before(TOPIC, 0, 2).unwrap(), Held::default(), "removed once");
}

#[tokio::test]
async fn an_emptied_partition_goes_on_counting() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    append(&log, &["1", "2"]).await;
    log.remove_before(TOPIC, 0, u64::MAX).unwrap();
    drop(log);
    let log = open(dir.path());
    assert_eq!(log.held(TOPIC, 0).unwrap(), Held::default());
    assert_eq!(append(&log, &["3"]).await, 2);
    assert_eq!(offsets(&log, 0), [2]);
}

#[tokio::test]
async fn a_reader_under_way_goes_on_behind_what_was_removed() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    append(&log, &["1", "2", "3"]).await;
    let mut reader = log.reader(TOPIC, 0, 0).unwrap();
    assert_eq!(reader.next(1, Duration::ZERO).unwrap()[0].offset, 0);
    log.remove_before(TOPIC, 0, 2).unwrap();
    assert_eq!(reader.next(1, Duration::ZERO).unwrap()[0].offset, 2);
}

#[tokio::test]
async fn a_tombstone_is_counted_and_removed_as_any_record() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    log.append(vec![tombstone(TOPIC, "Ua/1/e")]).await.unwrap();
    assert_eq!(log.held(TOPIC, 0).unwrap(), Held { records: 1, bytes: 6 });
    assert_eq!(log.remove_before(TOPIC, 0, 1).unwrap(), Held { records: 1, bytes: 6 });
}

#[tokio::test]
async fn what_was_removed_is_gone_from_the_disk() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    let secret = "very private words";
    append(&log, &[secret, &secret.repeat(1_000)]).await;
    let on_disk = || {
        let files = fs::read_dir(dir.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.into_iter().any(|bytes| bytes.windows(secret.len()).any(|it| it == secret.as_bytes()))
    };
    assert!(on_disk());
    log.remove_before(TOPIC, 0, 2).unwrap();
    log.forget_removed().unwrap();
    assert!(!on_disk());
}

#[tokio::test]
async fn a_partition_that_there_is_not_is_refused() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    assert!(matches!(log.held(TOPIC, 1), Err(Error::Unfit(_))));
    assert!(matches!(log.remove_before(TOPIC, 1, 0), Err(Error::Unfit(_))));
}
