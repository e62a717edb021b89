//! Compaction of the embedded log: what goes, what stays, and that it is gone from the disk.

#![allow(clippy::unwrap_used)]

mod conformance;

use conformance::{record, tombstone};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord, Record, Span, Topic};
use proptest::prelude::*;
use runtime::clock::ManualClock;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

struct Fixture {
    dir: TempDir,
    clock: ManualClock,
    log: Arc<EmbeddedLog>,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let clock = ManualClock::at(1_700_000_000_000);
        let log = EmbeddedLog::open(dir.path(), Options::new(Arc::new(clock.clone()))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { dir, clock, log, runtime }
    }

    fn append(&self, records: Vec<NewRecord>) {
        self.runtime.block_on(self.log.append(records)).unwrap();
    }

    /// What is left of a topic: offset, and value as text.
    fn left(&self, topic: Topic) -> Vec<(u64, Option<String>)> {
        let text = |it: Record| (it.offset, it.value.map(|value| String::from_utf8(value).unwrap()));
        self.read(topic, 0).into_iter().map(text).collect()
    }

    fn read(&self, topic: Topic, from: u64) -> Vec<Record> {
        self.log.reader(topic, 0, from).unwrap().next(10_000, Duration::ZERO).unwrap()
    }
}

impl Fixture {
    /// How many files of the log hold these words.
    fn files_with(&self, words: &str) -> usize {
        let holds = |bytes: &[u8]| bytes.windows(words.len()).any(|window| window == words.as_bytes());
        let files = fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|file| holds(&fs::read(file).unwrap())).count()
    }
}

fn value(offset: u64, text: &str) -> (u64, Option<String>) {
    (offset, Some(text.to_owned()))
}

#[test]
fn the_newest_record_of_each_key_stays_at_its_offset() {
    let fixture = Fixture::new();
    let topic = Topic::HubspotContacts;
    fixture.append(
        [("Ua", "1"), ("Ub", "2"), ("Ua", "3"), ("Uc", "4"), ("Ua", "5")].map(|(k, v)| record(topic, k, v)).into(),
    );
    assert_eq!(fixture.log.compact(topic).unwrap(), 2);
    assert_eq!(fixture.left(topic), [value(1, "2"), value(3, "4"), value(4, "5")]);
    assert_eq!(fixture.log.compact(topic).unwrap(), 0, "nothing is left to remove");
}

#[test]
fn a_tombstone_stays_for_a_day_and_then_goes() {
    let fixture = Fixture::new();
    let topic = Topic::HubspotContacts;
    fixture.append(vec![record(topic, "Ua", "1"), record(topic, "Ub", "2"), tombstone(topic, "Ua")]);
    fixture.clock.advance(DAY_MS);
    assert_eq!(fixture.log.compact(topic).unwrap(), 1);
    assert_eq!(fixture.left(topic), [value(1, "2"), (2, None)]);
    fixture.clock.advance(1);
    assert_eq!(fixture.log.compact(topic).unwrap(), 1);
    assert_eq!(fixture.left(topic), [value(1, "2")]);
}

#[test]
fn a_tombstone_on_line_events_erases_what_is_redelivered_after_it_too() {
    let fixture = Fixture::new();
    let erased =
        |topic| vec![record(topic, "Ua/1/e", "1"), tombstone(topic, "Ua/1/e"), record(topic, "Ua/1/e", "again")];
    fixture.append(erased(Topic::LineEvents));
    fixture.append(erased(Topic::LineProfiles));
    fixture.log.compact(Topic::LineEvents).unwrap();
    fixture.log.compact(Topic::LineProfiles).unwrap();
    assert_eq!(fixture.left(Topic::LineEvents), [(1, None)]);
    assert_eq!(fixture.left(Topic::LineProfiles), [value(2, "again")], "elsewhere a new record is a new beginning");
}

#[test]
fn offsets_are_never_used_again_when_the_newest_records_are_removed() {
    let fixture = Fixture::new();
    let topic = Topic::LineEvents;
    fixture.append(vec![record(topic, "Ua/1/e", "1"), tombstone(topic, "Ua/1/e")]);
    fixture.clock.advance(DAY_MS + 1);
    assert_eq!(fixture.log.compact(topic).unwrap(), 2);
    assert_eq!(fixture.log.span(topic, 0).unwrap(), Span { first: 0, next: 2 });
    fixture.append(vec![record(topic, "Ub/1/e", "2")]);
    assert_eq!(fixture.left(topic), [value(2, "2")]);
}

#[test]
fn a_reader_passes_over_the_gaps_wherever_it_stands() {
    let fixture = Fixture::new();
    let topic = Topic::HubspotContacts;
    fixture.append((0..10).map(|it| record(topic, &format!("U{}", it % 2), &it.to_string())).collect());
    let mut reader = fixture.log.reader(topic, 0, 0).unwrap();
    assert_eq!(reader.next(3, Duration::ZERO).unwrap().len(), 3);
    fixture.log.compact(topic).unwrap();
    fixture.append(vec![record(topic, "Unew", "10")]);
    let offsets: Vec<_> = reader.next(100, Duration::ZERO).unwrap().iter().map(|it| it.offset).collect();
    assert_eq!(offsets, [8, 9, 10]);
    assert_eq!(fixture.read(topic, 5).len(), 3);
}

#[test]
fn other_topics_are_left_alone() {
    let fixture = Fixture::new();
    fixture.append(vec![record(Topic::LineProfiles, "Ua/1", "1"), record(Topic::LineProfiles, "Ua/1", "2")]);
    fixture.log.compact(Topic::LineEvents).unwrap();
    assert_eq!(fixture.left(Topic::LineProfiles).len(), 2);
}

#[test]
fn what_is_removed_is_gone_from_every_file() {
    const CANARY: &str = "canary-5b1f7c";
    let fixture = Fixture::new();
    let topic = Topic::LineEvents;
    let long = CANARY.repeat(2_000);
    let others = (0..500).map(|it| record(topic, &format!("Ub/1/{it}"), "other"));
    fixture.append(others.chain([record(topic, "Ua/1/e", CANARY), record(topic, "Ua/1/f", &long)]).collect());
    assert_eq!(fixture.files_with(CANARY), 1);
    fixture.append(vec![tombstone(topic, "Ua/1/e"), tombstone(topic, "Ua/1/f")]);
    assert_eq!(fixture.log.compact(topic).unwrap(), 2);
    assert_eq!(fixture.files_with(CANARY), 0);
    assert_eq!(fixture.left(topic).len(), 502);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_removed_is_gone_however_its_row_was_filled(
        before in prop::collection::vec(0..9_000_usize, 0..8),
        after in prop::collection::vec(0..9_000_usize, 0..8),
    ) {
        const CANARY: &str = "canary-5b1f7c";
        let fixture = Fixture::new();
        let topic = Topic::LineEvents;
        let others = |sizes: &[usize], user: &str| {
            for (number, size) in sizes.iter().enumerate() {
                fixture.append(vec![record(topic, &format!("{user}/1/{number}"), &"x".repeat(*size))]);
            }
        };
        others(&before, "Ub");
        fixture.append(vec![record(topic, "Ua/1/e", CANARY)]);
        others(&after, "Uc");
        prop_assert!(fixture.files_with(CANARY) > 0);
        fixture.append(vec![tombstone(topic, "Ua/1/e")]);
        fixture.log.compact(topic).unwrap();
        prop_assert_eq!(fixture.files_with(CANARY), 0);
        prop_assert_eq!(fixture.left(topic).len(), before.len() + after.len() + 1);
    }

    #[test]
    fn compaction_keeps_the_newest_record_of_every_key(records in prop::collection::vec((0..6_u8, any::<bool>()), 0..60)) {
        let fixture = Fixture::new();
        let topic = Topic::HubspotContacts;
        let mut newest = BTreeMap::new();
        for (offset, (key, is_tombstone)) in records.iter().enumerate() {
            let key = format!("U{key}");
            let new = if *is_tombstone { tombstone(topic, &key) } else { record(topic, &key, &offset.to_string()) };
            newest.insert(key, (offset as u64, new.value.clone()));
            fixture.append(vec![new]);
        }
        let removed = fixture.log.compact(topic).unwrap();
        prop_assert_eq!(removed, (records.len() - newest.len()) as u64);
        let left: BTreeMap<_, _> = fixture
            .read(topic, 0)
            .into_iter()
            .map(|it| (String::from_utf8(it.key).unwrap(), (it.offset, it.value)))
            .collect();
        prop_assert_eq!(left, newest);
    }
}
