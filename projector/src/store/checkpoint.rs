//! The place in the log that a state is the fold of.

use eventlog::{RecordRef, Topic};
use serde::{Deserialize, Serialize};

/// For each topic of [`Topic::USER_STATE`]: the next offset to fold, and the last record folded, to recognise the log by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint([Place; Topic::USER_STATE.len()]);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// 0 where nothing was folded.
    next: u64,
    last: Trace,
}

/// What a record is recognised by: another log has another record at its offset, appended at another time or of other bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Trace {
    appended_at_ms: i64,
    key_bytes: u64,
    checksum: u32,
}

impl Checkpoint {
    /// Was nothing folded yet?
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|place| place.next == 0)
    }

    /// The next offset of a topic to fold; 0 where nothing was.
    pub fn next(&self, topic: Topic) -> u64 {
        index(topic).map_or(0, |index| self.0[index].next)
    }

    /// The last offset folded of a topic.
    pub fn last(&self, topic: Topic) -> Option<u64> {
        self.next(topic).checked_sub(1)
    }

    /// The record was folded. `false` if it had been before, or if no state is folded from its topic.
    pub fn pass(&mut self, record: RecordRef<'_>) -> bool {
        match index(record.topic).map(|index| &mut self.0[index]) {
            Some(place) if record.offset >= place.next => {
                *place = Place { next: record.offset + 1, last: Trace::of(record) };
                true
            }
            _ => false,
        }
    }

    /// Is this the last record that was folded of its topic, byte for byte?
    pub fn recognises(&self, record: RecordRef<'_>) -> bool {
        self.last(record.topic) == Some(record.offset)
            && index(record.topic).is_some_and(|index| self.0[index].last == Trace::of(record))
    }
}

impl Trace {
    fn of(record: RecordRef<'_>) -> Self {
        let RecordRef { appended_at_ms, key, value, .. } = record;
        let checksum = crc32c::crc32c_append(crc32c::crc32c(key), value.unwrap_or_default());
        Self { appended_at_ms, key_bytes: key.len() as u64, checksum }
    }
}

fn index(topic: Topic) -> Option<usize> {
    Topic::USER_STATE.iter().position(|known| *known == topic)
}
