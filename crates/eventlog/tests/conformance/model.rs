//! The log against a model of vectors: any interleaving of appends, reads and restarts sees what the model holds.

use super::{Case, Rig};
use eventlog::{Log, NewRecord, Reader, Span, Topic};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Partitions of the log under test.
const PARTITIONS: u32 = 2;

/// One thing that somebody does with the log.
#[derive(Clone, Debug)]
pub enum Action {
    /// Appends records.
    Append(Vec<NewRecord>),
    /// Opens a reader at a place, in thousandths of what the partition holds.
    Open { topic: Topic, partition: u32, from_thousandths: u64 },
    /// Reads on with one of the open readers.
    Read { reader: prop::sample::Index, max: usize },
    /// Closes the log and opens it again; readers end.
    Restart,
}

/// Any sequence of actions.
pub fn actions() -> impl Strategy<Value = Vec<Action>> {
    let topic = || prop::sample::select(vec![Topic::LineEvents, Topic::HubspotContacts]);
    let key = prop::collection::vec(any::<u8>(), 0..4);
    let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    let record = (topic(), key, value).prop_map(|(topic, key, value)| NewRecord { topic, key, value });
    let action = prop_oneof![
        6 => prop::collection::vec(record, 0..8).prop_map(Action::Append),
        2 => (topic(), 0..PARTITIONS, 0..=1_000_u64)
            .prop_map(|(topic, partition, from_thousandths)| Action::Open { topic, partition, from_thousandths }),
        6 => (any::<prop::sample::Index>(), 1..6_usize).prop_map(|(reader, max)| Action::Read { reader, max }),
        1 => Just(Action::Restart),
    ];
    prop::collection::vec(action, 1..40)
}

type Held = BTreeMap<(Topic, u32), Vec<NewRecord>>;

struct OpenReader {
    reader: Box<dyn Reader>,
    place: (Topic, u32),
    next: usize,
}

/// Does the actions to a log and to the model, and compares after each.
pub fn check<R: Rig>(actions: Vec<Action>) {
    let case = Case::<R>::start(PARTITIONS);
    let mut log = case.open();
    let mut held = Held::new();
    let mut readers: Vec<OpenReader> = Vec::new();
    for action in actions {
        match action {
            Action::Append(records) => append(&case, &log, &mut held, records),
            Action::Open { topic, partition, from_thousandths } => {
                let count = held.get(&(topic, partition)).map_or(0, Vec::len) as u64;
                let from = count * from_thousandths / 1_000;
                let reader = log.reader(topic, partition, from).unwrap();
                readers.push(OpenReader { reader, place: (topic, partition), next: usize::try_from(from).unwrap() });
            }
            Action::Read { reader, max } if !readers.is_empty() => {
                let count = readers.len();
                read::<R>(&mut readers[reader.index(count)], &held, max);
            }
            Action::Read { .. } => {}
            Action::Restart => {
                readers.clear();
                drop(log);
                log = case.open();
            }
        }
    }
    for ((topic, partition), records) in &held {
        assert_eq!(log.span(*topic, *partition).unwrap(), Span { first: 0, next: records.len() as u64 });
    }
}

fn append<R: Rig>(case: &Case<R>, log: &Arc<dyn Log>, held: &mut Held, records: Vec<NewRecord>) {
    let positions = case.append(log, records.clone());
    assert_eq!(positions.len(), records.len());
    for (record, position) in records.into_iter().zip(positions) {
        let partition = held.entry((record.topic, position.partition)).or_default();
        assert_eq!(position.offset, partition.len() as u64);
        partition.push(record);
    }
}

fn read<R: Rig>(open: &mut OpenReader, held: &Held, max: usize) {
    let nothing = Vec::new();
    let rest = &held.get(&open.place).unwrap_or(&nothing)[open.next..];
    let wait = if rest.is_empty() { Duration::ZERO } else { R::PATIENCE };
    let records = open.reader.next(max, wait).unwrap();
    assert_eq!(records.is_empty(), rest.is_empty());
    assert!(records.len() <= max);
    for (record, wanted) in records.iter().zip(rest) {
        assert_eq!((record.topic, record.partition, record.offset), (open.place.0, open.place.1, open.next as u64));
        assert!(record.key == wanted.key && record.value == wanted.value);
        open.next += 1;
    }
}
