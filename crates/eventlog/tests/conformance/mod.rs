//! The conformance suite: what every implementation of the log promises, written against the traits alone.
//!
//! An implementation gives a [`Rig`] and calls `conformance!(ItsRig)`, or `conformance!(ItsRig, shared groups)` if several
//! members of a consumer group may be alive at once; each case becomes a test of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

pub mod appending;
pub mod consuming;
pub mod model;
pub mod reading;

use eventlog::{Consumer, Error, Log, NewRecord, Polled, Position, Reader, Record, Topic};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Makes the log that a case runs against.
pub trait Rig: Sized {
    /// How long something that must happen may take.
    const PATIENCE: Duration;

    /// A new, empty log whose topics have `partitions` partitions. Called within an async runtime.
    fn start(partitions: u32) -> Self;

    /// Opens the log, as a process does when it starts: called again, it is another process beside the first, or the same
    /// one after a restart. Called within an async runtime.
    fn open(&self) -> Arc<dyn Log>;
}

/// A rig and the runtime that its appends run on. Readers and consumers are used outside of the runtime, as threads do.
pub struct Case<R: Rig> {
    pub rig: R,
    pub runtime: tokio::runtime::Runtime,
}

impl<R: Rig> Case<R> {
    pub fn start(partitions: u32) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let rig = {
            let _within = runtime.enter();
            R::start(partitions)
        };
        Self { rig, runtime }
    }

    pub fn open(&self) -> Arc<dyn Log> {
        let _within = self.runtime.enter();
        self.rig.open()
    }

    pub fn append(&self, log: &Arc<dyn Log>, records: Vec<NewRecord>) -> Vec<Position> {
        self.try_append(log, records).unwrap()
    }

    pub fn try_append(&self, log: &Arc<dyn Log>, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        self.runtime.block_on(log.append(records))
    }

    /// Appends numbered records of one user and returns their positions.
    pub fn append_numbered(&self, log: &Arc<dyn Log>, topic: Topic, count: usize) -> Vec<Position> {
        self.append(
            log,
            (0..count).map(|number| record(topic, &format!("Uone/1/{number}"), &number.to_string())).collect(),
        )
    }
}

pub fn record(topic: Topic, key: &str, value: &str) -> NewRecord {
    NewRecord { topic, key: key.into(), value: Some(value.into()) }
}

pub fn tombstone(topic: Topic, key: &str) -> NewRecord {
    NewRecord { topic, key: key.into(), value: None }
}

/// Reads `count` records, or panics when they do not come in time.
pub fn read<R: Rig>(reader: &mut dyn Reader, count: usize) -> Vec<Record> {
    let since = Instant::now();
    let mut records = Vec::new();
    while records.len() < count {
        assert!(since.elapsed() < R::PATIENCE, "{} of {count} records came in time", records.len());
        records.extend(reader.next(count - records.len(), Duration::from_millis(100)).unwrap());
    }
    records
}

/// Everything that a topic holds, in order within each partition.
pub fn read_all<R: Rig>(log: &Arc<dyn Log>, topic: Topic) -> Vec<Record> {
    let mut records = Vec::new();
    for partition in 0..log.partitions(topic) {
        let span = log.span(topic, partition).unwrap();
        let mut reader = log.reader(topic, partition, span.first).unwrap();
        records.extend(read::<R>(reader.as_mut(), usize::try_from(span.next - span.first).unwrap()));
        assert_eq!(log.span(topic, partition).unwrap(), span, "nobody else appends");
    }
    records
}

/// Are these the appended records, at the positions that the append returned?
pub fn assert_held(records: &[Record], appended: &[NewRecord], positions: &[Position]) {
    assert_eq!(appended.len(), positions.len());
    let held: BTreeMap<_, _> = records.iter().map(|it| ((it.topic, it.partition, it.offset), it)).collect();
    assert_eq!(held.len(), records.len(), "no place holds two records");
    for (wanted, place) in appended.iter().zip(positions) {
        let found = held[&(wanted.topic, place.partition, place.offset)];
        assert!(found.key == wanted.key && found.value == wanted.value, "another record at {place:?}");
    }
}

/// Polls until something else than [`Polled::Idle`] comes.
pub fn poll<R: Rig>(consumer: &mut dyn Consumer) -> Result<Polled, Error> {
    let since = Instant::now();
    loop {
        match consumer.poll(1_000, Duration::from_millis(100))? {
            Polled::Idle => assert!(since.elapsed() < R::PATIENCE, "something must come"),
            other => return Ok(other),
        }
    }
}

/// Polls until `count` records have come and returns them and the partitions assigned meanwhile.
pub fn consume<R: Rig>(consumer: &mut dyn Consumer, count: usize) -> (Vec<u32>, Vec<Record>) {
    let (mut assigned, mut records) = (Vec::new(), Vec::new());
    while records.len() < count {
        match poll::<R>(consumer).unwrap() {
            Polled::Assigned(partitions) => assigned.extend(partitions),
            Polled::Records(some) => {
                assert!(some.iter().all(|it| assigned.contains(&it.partition)), "records only of assigned partitions");
                records.extend(some);
            }
            other => panic!("{other:?} while alone in the group"),
        }
    }
    assert_eq!(records.len(), count);
    assigned.sort_unstable();
    (assigned, records)
}

/// Turns every case into a test that runs against a rig.
#[macro_export]
macro_rules! conformance {
    ($rig:ty) => {
        $crate::conformance!(@cases $rig, appending:
            records_are_at_the_positions_that_the_append_returned,
            appends_keep_their_order_within_a_partition,
            a_user_has_the_same_partition_on_every_topic_of_user_state,
            connections_has_one_partition,
            tombstones_and_values_of_any_kind_are_read_back_unchanged,
            a_record_that_is_too_large_is_refused_and_the_log_goes_on,
            an_append_of_nothing_appends_nothing,
            concurrent_appends_lose_and_double_nothing,
            records_carry_the_time_of_their_append,
            records_survive_a_restart,
            a_healthy_log_says_so,
        );
        $crate::conformance!(@cases $rig, reading:
            the_span_grows_with_each_record,
            a_partition_that_the_topic_does_not_have_is_refused,
            a_reader_begins_in_the_middle,
            a_reader_lends_what_it_would_give,
            a_reader_gives_at_most_what_was_asked_for,
            a_reader_at_the_end_returns_nothing_when_its_wait_is_over,
            a_reader_of_all_that_there_is_ends_at_the_end_and_nowhere_else,
            a_waiting_reader_gets_what_is_appended,
            a_position_past_the_end_is_out_of_range,
            a_reader_sees_what_another_process_appends,
        );
        $crate::conformance!(@cases $rig, consuming:
            a_consumer_is_assigned_all_partitions_and_gets_the_records_of_all_topics,
            a_consumer_begins_where_the_start_offsets_say,
            a_consumer_that_joins_again_begins_where_the_start_offsets_say_not_where_it_reported,
            a_start_offset_past_the_end_is_out_of_range,
            topics_with_different_partition_counts_are_refused,
            a_consumer_owns_its_partitions_from_the_assignment_until_it_is_dropped,
            a_waiting_consumer_gets_what_is_appended,
        );
    };
    ($rig:ty, shared groups) => {
        $crate::conformance!($rig);
        $crate::conformance!(@cases $rig, consuming:
            members_share_the_partitions_and_none_is_owned_twice,
            a_member_takes_over_from_one_that_left,
        );
    };
    (@cases $rig:ty, $module:ident: $($case:ident,)+) => {
        $(#[test]
        fn $case() {
            conformance::$module::$case::<$rig>();
        })+
    };
}
