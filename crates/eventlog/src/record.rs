//! Records, topics and positions: the words that every implementation of the log shares.

use crate::Error;
use std::fmt;

/// The topics of the design's section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Raw webhook events of LINE.
    LineEvents,
    /// Answers of profile look-ups.
    LineProfiles,
    /// What HubSpot confirmed about a user's contact.
    HubspotContacts,
    /// Messages to send.
    LineOutbox,
    /// How sending ended.
    LineSent,
    /// Raw webhook events of HubSpot.
    HubspotEvents,
    /// Definitions of connected official accounts.
    Connections,
    /// Records that could not be used, with the reason.
    DeadLetters,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 8] = [
        Self::LineEvents,
        Self::LineProfiles,
        Self::HubspotContacts,
        Self::LineOutbox,
        Self::LineSent,
        Self::HubspotEvents,
        Self::Connections,
        Self::DeadLetters,
    ];

    /// The topics that a user's state is folded from: same partition count, same hash, so that one partition number holds
    /// everything about a user.
    pub const USER_STATE: [Self; 4] = [Self::LineEvents, Self::LineProfiles, Self::HubspotContacts, Self::LineSent];

    /// The topic's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LineEvents => "line.events",
            Self::LineProfiles => "line.profiles",
            Self::HubspotContacts => "hubspot.contacts",
            Self::LineOutbox => "line.outbox",
            Self::LineSent => "line.sent",
            Self::HubspotEvents => "hubspot.events",
            Self::Connections => "connections",
            Self::DeadLetters => "dead-letters",
        }
    }

    /// Has the topic exactly one partition, so that its records have one order?
    pub const fn is_single(self) -> bool {
        matches!(self, Self::Connections)
    }

    /// The part of a key that chooses the partition: the user of user-keyed topics, the object of HubSpot's events.
    pub fn partition_key(self, key: &[u8]) -> &[u8] {
        let mut parts = key.split(|byte| *byte == b'/');
        let part = match self {
            Self::HubspotEvents => parts.nth(1),
            Self::DeadLetters | Self::Connections => Some(key),
            _ => parts.next(),
        };
        part.unwrap_or(key)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A record to append.
#[derive(Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Where to.
    pub topic: Topic,
    /// Compaction keeps the newest record of a key; its leading part chooses the partition.
    pub key: Vec<u8>,
    /// `None` is a tombstone: the key's earlier records are to be forgotten.
    pub value: Option<Vec<u8>>,
}

impl NewRecord {
    /// The largest record that every log takes, key and value together.
    pub const MAX_BYTES: usize = 2 << 20;

    /// Bytes of key and value.
    pub fn size(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }

    /// Refuses a record that is larger than [`Self::MAX_BYTES`].
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn check_size(&self) -> Result<(), Error> {
        if self.size() <= Self::MAX_BYTES {
            return Ok(());
        }
        Err(Error::Refused(format!("{} of {} bytes, {} is the most", self.topic, self.size(), Self::MAX_BYTES)))
    }
}

/// A record as the log holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic.
    pub topic: Topic,
    /// The partition of the topic.
    pub partition: u32,
    /// Its place in the partition.
    pub offset: u64,
    /// When the log took it, milliseconds since 1970.
    pub appended_at_ms: i64,
    /// The key.
    pub key: Vec<u8>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

impl Record {
    /// The same record, lent.
    pub fn lend(&self) -> RecordRef<'_> {
        let Self { topic, partition, offset, appended_at_ms, key, value } = self;
        RecordRef {
            topic: *topic,
            partition: *partition,
            offset: *offset,
            appended_at_ms: *appended_at_ms,
            key,
            value: value.as_deref(),
        }
    }
}

/// A record as the log holds it, lent for as long as it is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// The topic.
    pub topic: Topic,
    /// The partition of the topic.
    pub partition: u32,
    /// Its place in the partition.
    pub offset: u64,
    /// When the log took it, milliseconds since 1970.
    pub appended_at_ms: i64,
    /// The key.
    pub key: &'a [u8],
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl RecordRef<'_> {
    /// A copy to keep.
    pub fn to_record(self) -> Record {
        let Self { topic, partition, offset, appended_at_ms, key, value } = self;
        Record { topic, partition, offset, appended_at_ms, key: key.to_vec(), value: value.map(<[u8]>::to_vec) }
    }
}

/// Prints no content: keys and values carry personal data.
impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordRef({} {}@{})", self.topic, self.partition, self.offset)
    }
}

/// Prints no content: keys and values carry personal data.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} {}@{})", self.topic, self.partition, self.offset)
    }
}

/// Prints no content: keys and values carry personal data.
impl fmt::Debug for NewRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewRecord({}, {} bytes)", self.topic, self.value.as_ref().map_or(0, Vec::len))
    }
}

/// Where an appended record landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The partition.
    pub partition: u32,
    /// The offset in it.
    pub offset: u64,
}

/// The offsets that a partition holds: `first..next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The oldest offset that can be asked for; compaction may have left gaps from there on.
    pub first: u64,
    /// The offset that the next record will get.
    pub next: u64,
}
