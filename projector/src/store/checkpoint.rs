//! The place in the log that a state is the fold of.

use eventlog::{Record, Topic};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// For each topic of a partition: the next offset to fold, and the last record folded, to recognise the log by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint(BTreeMap<String, Place>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    next: u64,
    digest: [u8; 16],
}

impl Checkpoint {
    /// Was nothing folded yet?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next offset of a topic to fold; 0 where nothing was.
    pub fn next(&self, topic: Topic) -> u64 {
        self.0.get(topic.name()).map_or(0, |place| place.next)
    }

    /// The last offset folded of a topic.
    pub fn last(&self, topic: Topic) -> Option<u64> {
        self.0.get(topic.name()).and_then(|place| place.next.checked_sub(1))
    }

    /// The record was folded. `false` if it had been before.
    pub fn pass(&mut self, record: &Record) -> bool {
        if record.offset < self.next(record.topic) {
            return false;
        }
        let place = Place { next: record.offset + 1, digest: digest(record) };
        if let Some(known) = self.0.get_mut(record.topic.name()) {
            *known = place;
        } else {
            self.0.insert(record.topic.name().to_owned(), place);
        }
        true
    }

    /// Is this the last record that was folded of its topic, byte for byte?
    pub fn recognises(&self, record: &Record) -> bool {
        self.0
            .get(record.topic.name())
            .is_some_and(|place| place.next == record.offset + 1 && place.digest == digest(record))
    }
}

fn digest(record: &Record) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(record.appended_at_ms.to_le_bytes());
    hash.update((record.key.len() as u64).to_le_bytes());
    hash.update(&record.key);
    hash.update(record.value.as_deref().unwrap_or_default());
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    first
}
