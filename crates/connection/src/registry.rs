//! Who has which connection number: a pure fold of the topic `connections`.
//!
//! Two people may add connections at the same moment, in two processes, and no lock spans them. So each appends a claim, and
//! the order of the claims in the log decides, the same for everybody who reads it.
//!
//! Compaction must not change an answer, although it drops all but the newest record of a key. Therefore claims are decided
//! by claims alone, each under a key of its own: a claim says itself which removals it counts on. And a removal has a key of
//! its own, so that a later definition of the same number cannot make it forgotten.

use contact::ConnectionNumber;
use eventlog::Record;
use schemas::{Codec, ConnectionClaim, ConnectionDefinition, ConnectionState};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One record of the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Somebody wants a number.
    Claim(ConnectionClaim),
    /// A connection is so from now on, or, in state `Removed`, no more.
    Definition(ConnectionNumber, Box<ConnectionDefinition>),
}

impl Entry {
    /// Reads a record of the topic. `None` for keys of a form that this version does not know, and for tombstones.
    ///
    /// # Errors
    /// As [`Codec::decode`]; `Malformed` also when key and content disagree.
    pub fn read(codec: &Codec, record: &Record) -> Result<Option<Self>, schemas::Error> {
        let Some(value) = &record.value else { return Ok(None) };
        if record.key.starts_with(b"claim/") {
            let claim: ConnectionClaim = codec.decode(value)?;
            let fits = record.key == schemas::key::claim(&claim.id);
            return if fits { Ok(Some(Self::Claim(claim))) } else { Err(schemas::Error::Malformed("ConnectionClaim")) };
        }
        let digits = record.key.strip_suffix(b"/removed").unwrap_or(&record.key);
        if !digits.iter().all(u8::is_ascii_digit) {
            return Ok(None);
        }
        let definition: ConnectionDefinition = codec.decode(value)?;
        match ConnectionNumber::new(definition.number) {
            Some(number) if record.key == key(&definition) => Ok(Some(Self::Definition(number, Box::new(definition)))),
            _ => Err(schemas::Error::Malformed("ConnectionDefinition")),
        }
    }
}

/// The key of a definition: removals have their own.
pub(crate) fn key(definition: &ConnectionDefinition) -> Vec<u8> {
    match definition.state {
        ConnectionState::Removed => schemas::key::removal(definition.number),
        ConnectionState::Active | ConnectionState::Paused => schemas::key::connection(definition.number),
    }
}

/// How a claim was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It got a new number.
    Accepted(ConnectionNumber),
    /// The channel has a connection already: this one.
    Existing(ConnectionNumber),
    /// So many connections exist as the plan allows.
    QuotaReached {
        /// Connections allowed at a time.
        max: u32,
    },
}

/// The fold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// The channel IDs of accepted claims; the first has number 1.
    channels: Vec<String>,
    /// By claim ID.
    decisions: HashMap<String, Decision>,
    definitions: BTreeMap<ConnectionNumber, ConnectionDefinition>,
}

impl Registry {
    /// Folds one record in.
    pub fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Claim(claim) => {
                let removed = claim.removed.into_iter().filter_map(ConnectionNumber::new).collect();
                let decision = self.decide(&claim.channel_id, claim.connections_max, &removed);
                if let Decision::Accepted(_) = decision {
                    self.channels.push(claim.channel_id);
                }
                self.decisions.insert(claim.id, decision);
            }
            Entry::Definition(number, definition) => self.define(number, *definition),
        }
    }

    fn define(&mut self, number: ConnectionNumber, definition: ConnectionDefinition) {
        let is_removal = definition.state == ConnectionState::Removed;
        if is_removal || !self.is_removed(number) {
            self.definitions.insert(number, definition);
        }
    }

    /// How a claim made now would be decided if it came next in the log.
    pub fn foresee(&self, channel_id: &str, connections_max: u32) -> Decision {
        self.decide(channel_id, connections_max, &self.removed().collect())
    }

    fn decide(&self, channel_id: &str, max: u32, removed: &BTreeSet<ConnectionNumber>) -> Decision {
        let open: Vec<_> = self.claimed().filter(|(number, _)| !removed.contains(number)).collect();
        if let Some((number, _)) = open.iter().find(|(_, channel)| *channel == channel_id) {
            return Decision::Existing(*number);
        }
        if open.len() >= max as usize {
            return Decision::QuotaReached { max };
        }
        Decision::Accepted(number(self.channels.len()))
    }

    /// All numbers ever given, in their order, each with the channel ID that it was claimed for.
    pub fn claimed(&self) -> impl Iterator<Item = (ConnectionNumber, &str)> {
        self.channels.iter().enumerate().map(|(place, channel)| (number(place), channel.as_str()))
    }

    /// The numbers that were given but never defined, each with the channel ID that it was claimed for.
    pub fn unfinished(&self) -> Vec<(ConnectionNumber, String)> {
        let undefined = self.claimed().filter(|(number, _)| !self.definitions.contains_key(number));
        undefined.map(|(number, channel)| (number, channel.to_owned())).collect()
    }

    /// How the claim with this ID was decided; `None` before it was read.
    pub fn decision(&self, claim_id: &str) -> Option<Decision> {
        self.decisions.get(claim_id).copied()
    }

    /// The newest definition of each number, in order of numbers. A number claimed but not yet defined has none.
    pub fn definitions(&self) -> impl Iterator<Item = (ConnectionNumber, &ConnectionDefinition)> {
        self.definitions.iter().map(|(number, definition)| (*number, definition))
    }

    /// The newest definition of a number.
    pub fn definition(&self, number: ConnectionNumber) -> Option<&ConnectionDefinition> {
        self.definitions.get(&number)
    }

    /// The numbers that were removed.
    pub fn removed(&self) -> impl Iterator<Item = ConnectionNumber> {
        self.definitions()
            .filter(|(_, definition)| definition.state == ConnectionState::Removed)
            .map(|(number, _)| number)
    }

    /// Was the number removed?
    pub fn is_removed(&self, number: ConnectionNumber) -> bool {
        self.definition(number).is_some_and(|definition| definition.state == ConnectionState::Removed)
    }
}

/// The number of the claim that was accepted after `earlier` others.
fn number(earlier: usize) -> ConnectionNumber {
    let number = u32::try_from(earlier).ok().and_then(|earlier| ConnectionNumber::new(earlier.checked_add(1)?));
    number.expect("a log holds fewer than 2^32 claims")
}
