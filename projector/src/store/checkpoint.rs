//! The place in the log that a state is the fold of.

use contact::Connections;
use eventlog::{RecordRef, Topic};
use serde::{Deserialize, Serialize};

/// How far a state is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// For each topic of [`Topic::USER_STATE`]: the next offset to fold, and the last record folded, to recognise the log by.
    places: [Place; Topic::USER_STATE.len()],
    /// The connections by which all users are marked who have something to be done.
    marked_by: Option<Connections>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// 0 where nothing was folded.
    next: u64,
    last: Last,
}

/// The last record folded. Records pass by the million and few are ever written down, so that a copy is kept, and the trace
/// made only when somebody asks for it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Trace", into = "Trace")]
enum Last {
    Traced(Trace),
    Copied { appended_at_ms: i64, key_bytes: usize, key_and_value: Vec<u8> },
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
        self.places.iter().all(|place| place.next == 0)
    }

    /// The connections by which the state tells who has something to be done; `None` where not everybody is marked by the same.
    pub fn marked_by(&self) -> Option<&Connections> {
        self.marked_by.as_ref()
    }

    /// Everybody is marked by these connections now, or not everybody by the same.
    pub fn mark(&mut self, by: Option<&Connections>) {
        if self.marked_by.as_ref() != by {
            self.marked_by = by.cloned();
        }
    }

    /// The next offset of a topic to fold; 0 where nothing was.
    pub fn next(&self, topic: Topic) -> u64 {
        index(topic).map_or(0, |index| self.places[index].next)
    }

    /// The last offset folded of a topic.
    pub fn last(&self, topic: Topic) -> Option<u64> {
        self.next(topic).checked_sub(1)
    }

    /// The record was folded. `false` if it had been before, or if no state is folded from its topic.
    pub fn pass(&mut self, record: RecordRef<'_>) -> bool {
        match index(record.topic).map(|index| &mut self.places[index]) {
            Some(place) if record.offset >= place.next => {
                place.next = record.offset + 1;
                place.last.copy(record);
                true
            }
            _ => false,
        }
    }

    /// Is this the last record that was folded of its topic, byte for byte?
    pub fn recognises(&self, record: RecordRef<'_>) -> bool {
        self.last(record.topic) == Some(record.offset)
            && index(record.topic).is_some_and(|index| self.places[index].last.trace() == Trace::of(record))
    }
}

impl Last {
    /// Takes the place of the record before, and its memory.
    fn copy(&mut self, record: RecordRef<'_>) {
        let mut bytes = match self {
            Self::Copied { key_and_value, .. } => std::mem::take(key_and_value),
            Self::Traced(_) => Vec::new(),
        };
        bytes.clear();
        bytes.extend_from_slice(record.key);
        bytes.extend_from_slice(record.value.unwrap_or_default());
        *self =
            Self::Copied { appended_at_ms: record.appended_at_ms, key_bytes: record.key.len(), key_and_value: bytes };
    }

    fn trace(&self) -> Trace {
        match self {
            Self::Traced(trace) => *trace,
            Self::Copied { appended_at_ms, key_bytes, key_and_value } => Trace {
                appended_at_ms: *appended_at_ms,
                key_bytes: *key_bytes as u64,
                checksum: crc32c::crc32c(key_and_value),
            },
        }
    }
}

impl Default for Last {
    fn default() -> Self {
        Self::Traced(Trace::default())
    }
}

impl From<Trace> for Last {
    fn from(trace: Trace) -> Self {
        Self::Traced(trace)
    }
}

impl From<Last> for Trace {
    fn from(last: Last) -> Self {
        last.trace()
    }
}

/// Two are the same record if they leave the same trace.
impl PartialEq for Last {
    fn eq(&self, other: &Self) -> bool {
        self.trace() == other.trace()
    }
}

impl Eq for Last {}

/// Prints no content: keys and values carry personal data.
impl std::fmt::Debug for Last {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.trace().fmt(f)
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
