//! Cases about spans and readers.

use super::{Case, Rig, read, tombstone};
use eventlog::{Error, Log, Reader, Span, Topic};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const TOPIC: Topic = Topic::LineEvents;

pub fn the_span_grows_with_each_record<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    assert_eq!(log.span(TOPIC, 0).unwrap(), Span { first: 0, next: 0 });
    case.append_numbered(&log, TOPIC, 3);
    assert_eq!(log.span(TOPIC, 0).unwrap(), Span { first: 0, next: 3 });
    case.append_numbered(&log, Topic::LineProfiles, 1);
    assert_eq!(log.span(TOPIC, 0).unwrap(), Span { first: 0, next: 3 }, "each topic counts for itself");
}

pub fn a_partition_that_the_topic_does_not_have_is_refused<R: Rig>() {
    let case = Case::<R>::start(2);
    let log = case.open();
    assert!(matches!(log.span(TOPIC, 2), Err(Error::Unfit(_))));
    assert!(matches!(log.reader(TOPIC, 2, 0), Err(Error::Unfit(_))));
}

pub fn a_reader_begins_in_the_middle<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    case.append_numbered(&log, TOPIC, 10);
    let records = read::<R>(log.reader(TOPIC, 0, 7).unwrap().as_mut(), 3);
    assert_eq!(records.iter().map(|it| it.offset).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(records[0].value.as_deref(), Some(b"7".as_slice()));
    assert!(records.iter().all(|it| it.topic == TOPIC && it.partition == 0));
}

pub fn a_reader_lends_what_it_would_give<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    case.append_numbered(&log, TOPIC, 10);
    case.append(&log, vec![tombstone(TOPIC, "Uone/1/3")]);
    let given = read::<R>(log.reader(TOPIC, 0, 2).unwrap().as_mut(), 9);
    let (mut reader, mut lent) = (log.reader(TOPIC, 0, 2).unwrap(), Vec::new());
    while lent.len() < given.len() {
        let before = lent.len();
        let count = reader.visit(4, R::PATIENCE, &mut |record| lent.push(record.to_record())).unwrap();
        assert!((1..=4).contains(&count) && before + count == lent.len(), "{count} records");
    }
    assert!(lent == given, "{lent:?}");
    assert!(given.iter().all(|record| record.lend().to_record() == *record));
}

pub fn a_reader_gives_at_most_what_was_asked_for<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    case.append_numbered(&log, TOPIC, 10);
    let mut reader = log.reader(TOPIC, 0, 0).unwrap();
    let mut offsets = Vec::new();
    while offsets.len() < 10 {
        let records = reader.next(3, R::PATIENCE).unwrap();
        assert!((1..=3).contains(&records.len()), "{} records", records.len());
        offsets.extend(records.iter().map(|it| it.offset));
    }
    assert_eq!(offsets, (0..10).collect::<Vec<_>>(), "and goes on where it stopped");
}

pub fn a_reader_at_the_end_returns_nothing_when_its_wait_is_over<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    case.append_numbered(&log, TOPIC, 2);
    let mut reader = log.reader(TOPIC, 0, 2).unwrap();
    assert!(reader.next(10, Duration::ZERO).unwrap().is_empty());
    let since = Instant::now();
    assert!(reader.next(10, Duration::from_millis(120)).unwrap().is_empty());
    assert!(since.elapsed() >= Duration::from_millis(120), "it waited {:?} only", since.elapsed());
}

pub fn a_reader_of_all_that_there_is_ends_at_the_end_and_nowhere_else<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    case.append_numbered(&log, TOPIC, 3);
    let (mut reader, mut offsets) = (log.reader(TOPIC, 0, 1).unwrap(), Vec::new());
    let mut visit = |reader: &mut dyn Reader| {
        let since = Instant::now();
        while reader.visit_to_end(10, R::PATIENCE, &mut |record| offsets.push(record.offset)).unwrap() > 0 {}
        assert!(reader.is_at_end() && since.elapsed() < R::PATIENCE, "it waited {:?}", since.elapsed());
        std::mem::take(&mut offsets)
    };
    assert_eq!(visit(reader.as_mut()), [1, 2]);
    case.append_numbered(&log, TOPIC, 1);
    assert_eq!(visit(log.reader(TOPIC, 0, 3).unwrap().as_mut()), [3]);
    assert_eq!(read::<R>(reader.as_mut(), 1)[0].offset, 3);
}

pub fn a_waiting_reader_gets_what_is_appended<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    let mut reader = log.reader(TOPIC, 0, 0).unwrap();
    assert!(reader.next(10, Duration::ZERO).unwrap().is_empty());
    let waiting = thread::spawn(move || {
        let since = Instant::now();
        (reader.next(10, R::PATIENCE).unwrap(), since.elapsed())
    });
    case.append_numbered(&log, TOPIC, 1);
    let (records, waited) = waiting.join().unwrap();
    assert_eq!(records.len(), 1);
    assert!(waited < R::PATIENCE, "it waited {waited:?}");
}

pub fn a_position_past_the_end_is_out_of_range<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    case.append_numbered(&log, TOPIC, 5);
    assert!(log.reader(TOPIC, 0, 5).is_ok(), "the next record's place is not past the end");
    let error = first_error::<R>(&log, 6);
    assert!(
        matches!(error, Error::OutOfRange { topic: TOPIC, partition: 0, first: 0, next: 5, asked: 6 }),
        "{error:?}"
    );
}

/// The error that a reader from this offset ends with, when it is made or when it reads.
fn first_error<R: Rig>(log: &Arc<dyn Log>, from: u64) -> Error {
    match log.reader(TOPIC, 0, from) {
        Err(error) => error,
        Ok(mut reader) => reader.next(1, R::PATIENCE).unwrap_err(),
    }
}

pub fn a_reader_sees_what_another_process_appends<R: Rig>() {
    let case = Case::<R>::start(1);
    let (one, other) = (case.open(), case.open());
    let mut reader = one.reader(TOPIC, 0, 0).unwrap();
    case.append_numbered(&other, TOPIC, 3);
    assert_eq!(read::<R>(reader.as_mut(), 3).len(), 3);
    case.append_numbered(&one, TOPIC, 3);
    case.append_numbered(&other, TOPIC, 3);
    let offsets: Vec<_> = read::<R>(reader.as_mut(), 6).iter().map(|it| it.offset).collect();
    assert_eq!(offsets, (3..9).collect::<Vec<_>>(), "both append to the same partition");
    assert_eq!(one.span(TOPIC, 0).unwrap(), other.span(TOPIC, 0).unwrap());
}
