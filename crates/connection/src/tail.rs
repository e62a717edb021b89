//! Follows the topic `connections` and folds it.

use crate::Error;
use crate::registry::{Entry, Registry};
use contact::ConnectionNumber;
use eventlog::{Log, Reader, Topic};
use schemas::{Codec, ConnectionDefinition};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const RECORDS_MAX: usize = 1_000;
/// How long a read waits for a record.
const READ_WAIT: Duration = Duration::from_millis(250);
/// How long the log may bring nothing although it should.
const PATIENCE: Duration = Duration::from_secs(10);

/// What new records changed.
#[derive(Debug, Default)]
pub struct Changed {
    /// Numbers with a new definition.
    pub definitions: BTreeSet<ConnectionNumber>,
    /// Somebody claimed a number.
    pub claims: bool,
}

/// A definition, and where it stands in the log.
pub struct Placed {
    /// Where.
    pub offset: u64,
    /// Whose it is.
    pub number: ConnectionNumber,
    /// The definition.
    pub definition: ConnectionDefinition,
}

/// The topic as read so far.
pub struct Tail {
    reader: Box<dyn Reader>,
    codec: Codec,
    next: u64,
    /// The fold of what was read.
    pub registry: Registry,
    /// What changed since somebody took this.
    pub changed: Changed,
    keeps_all: bool,
    /// All definitions one by one, where they are kept.
    pub seen: Vec<Placed>,
}

impl Tail {
    /// Begins at the oldest record.
    pub fn start(log: &dyn Log, codec: Codec) -> Result<Self, Error> {
        let first = log.span(Topic::Connections, 0)?.first;
        let reader = log.reader(Topic::Connections, 0, first)?;
        Ok(Self {
            reader,
            codec,
            next: first,
            registry: Registry::default(),
            changed: Changed::default(),
            keeps_all: false,
            seen: Vec::new(),
        })
    }

    /// Begins at the oldest record and reads all that there is now.
    pub fn caught_up(log: &dyn Log, codec: Codec) -> Result<Self, Error> {
        Self::start(log, codec)?.catch_up(log)
    }

    /// As [`caught_up`](Self::caught_up); keeps all definitions one by one.
    pub fn keeping_all(log: &dyn Log, codec: Codec) -> Result<Self, Error> {
        Self { keeps_all: true, ..Self::start(log, codec)? }.catch_up(log)
    }

    /// Reads on to all that there is now.
    pub fn catch_up(self, log: &dyn Log) -> Result<Self, Error> {
        let mut tail = self;
        tail.read_to(log.span(Topic::Connections, 0)?.next)?;
        Ok(tail)
    }

    /// Reads until everything before the offset `end` was read.
    pub fn read_to(&mut self, end: u64) -> Result<(), Error> {
        let mut heard = Instant::now();
        while self.next < end {
            let before = self.next;
            self.step()?;
            if self.next > before {
                heard = Instant::now();
            } else if heard.elapsed() > PATIENCE {
                let missing = format!("{} brings no record {before} although it should", Topic::Connections);
                return Err(eventlog::Error::Unavailable(missing).into());
            }
        }
        Ok(())
    }

    /// Reads what comes next, if anything comes soon, and notes what it changed.
    ///
    /// A record that is none is passed over with a warning, by every reader alike.
    pub fn step(&mut self) -> Result<(), Error> {
        for record in self.reader.next(RECORDS_MAX, READ_WAIT)? {
            let offset = record.offset;
            match Entry::read(&self.codec, &record) {
                Ok(entry) => entry.into_iter().for_each(|entry| self.apply(offset, entry)),
                Err(source @ schemas::Error::UnknownSchema(_)) => return Err(Error::Newer { offset, source }),
                Err(error) => tracing::warn!(topic = %Topic::Connections, offset, %error, "passed over a record"),
            }
            self.next = offset + 1;
        }
        Ok(())
    }

    fn apply(&mut self, offset: u64, entry: Entry) {
        match &entry {
            Entry::Claim(_) => self.changed.claims = true,
            Entry::Definition(number, definition) => {
                self.changed.definitions.insert(*number);
                if self.keeps_all {
                    self.seen.push(Placed { offset, number: *number, definition: definition.as_ref().clone() });
                }
            }
        }
        self.registry.apply(entry);
    }
}
