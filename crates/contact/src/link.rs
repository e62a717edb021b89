//! What HubSpot last confirmed about a user's contact.

use crate::{ContactId, Property, Values, property};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where the user's contact stands in HubSpot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Link {
    /// No contact of this user was ever seen.
    #[default]
    Unknown,
    /// The contact lives under this ID.
    Live(ContactId),
    /// A person deleted the contact.
    Gone {
        /// The ID it had.
        contact: ContactId,
        /// HubSpot's `archivedAt`, or our last confirmed write where HubSpot names no time; milliseconds.
        since_ms: i64,
    },
    /// The person was erased on request; milliseconds.
    Erased {
        /// When.
        since_ms: i64,
    },
    /// Somebody merged the contact into the contact of another LINE user of the same connection, which stays that user's.
    Merged {
        /// The other user's contact.
        into: ContactId,
    },
}

/// What HubSpot answered about one user's contact, or that it is about to be asked to write. Each confirmation is complete, so
/// the newest alone tells everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confirmation {
    /// Counts up by one with each confirmation of this user; the highest holds.
    pub revision: u64,
    /// When HubSpot answered, milliseconds since 1970.
    pub observed_at_ms: i64,
    /// Where the contact stands.
    pub link: Link,
    /// The values that HubSpot holds, as far as they are ours.
    pub values: Values,
    /// The values that HubSpot refused for good: not sent again until something changes.
    pub refused: Option<Values>,
    /// The newest message or follow of which it is known that the contact lived afterwards, milliseconds; `None` in records of
    /// the time before this was told.
    pub covers_ms: Option<i64>,
    /// Properties that were about to be written: until HubSpot answers, nobody knows whether it holds what `values` says.
    pub in_doubt: BTreeSet<Property>,
}

/// The fold of confirmations.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    revision: u64,
    observed_at_ms: i64,
    /// Where the contact stands.
    pub link: Link,
    /// The values that HubSpot holds, as far as they are ours.
    pub values: Values,
    /// The values that HubSpot refused for good.
    pub refused: Option<Values>,
    covers_ms: Option<i64>,
    in_doubt: BTreeSet<Property>,
}

/// By how much an erasure raises the revision: more than the answers that can be under way, so that none of them, told
/// later, takes its place.
const ERASURE_LEAP: u64 = 1 << 20;

impl Account {
    /// Of two confirmations of one revision, which only processes that do not hear of each other append, the greater holds, and
    /// what either doubts is in doubt.
    pub(crate) fn apply(&mut self, confirmation: Confirmation) {
        let Confirmation { revision, observed_at_ms, link, values, refused, covers_ms, mut in_doubt } = confirmation;
        if revision == self.revision {
            self.in_doubt.append(&mut in_doubt);
            in_doubt.clone_from(&self.in_doubt);
        }
        let confirmed = Self { revision, observed_at_ms, link, values, refused, covers_ms, in_doubt };
        if confirmed > *self {
            *self = confirmed;
        }
    }

    /// Bytes of memory that it owns, about.
    pub(crate) fn weight(&self) -> usize {
        let values = [Some(&self.values), self.refused.as_ref()].into_iter().flatten().map(property::weight);
        let in_doubt = self.in_doubt.len().saturating_mul(size_of::<Property>());
        values.fold(in_doubt, usize::saturating_add)
    }

    /// The number of the confirmation that holds; 0 before the first.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When HubSpot last answered, milliseconds since 1970; 0 before the first answer.
    pub fn observed_at_ms(&self) -> i64 {
        self.observed_at_ms
    }

    /// The newest message or follow of which it is known that the contact lived afterwards, milliseconds. Records of the time
    /// before this was told cover everything until HubSpot answered.
    pub fn covers_ms(&self) -> i64 {
        self.covers_ms.unwrap_or(self.observed_at_ms)
    }

    /// May HubSpot hold something else in this property than it last confirmed, because a write of it was begun?
    pub fn is_in_doubt(&self, property: Property) -> bool {
        self.in_doubt.contains(&property)
    }

    /// The properties of which that is so.
    pub fn in_doubt(&self) -> impl Iterator<Item = Property> {
        self.in_doubt.iter().copied()
    }

    /// The value that HubSpot is known to hold, an empty one too; `None` while that is in doubt.
    pub fn confirmed(&self, property: Property) -> Option<&str> {
        let value = self.values.get(&property).map_or("", |value| value);
        (!self.is_in_doubt(property)).then_some(value)
    }

    /// The confirmation that holds, once more.
    pub fn present(&self) -> Confirmation {
        let Self { revision, observed_at_ms, link, values, refused, covers_ms, in_doubt } = self.clone();
        Confirmation { revision, observed_at_ms, link, values, refused, covers_ms, in_doubt }
    }

    /// The confirmation that follows this one: the same values, the next revision.
    pub fn next(&self, observed_at_ms: i64, link: Link) -> Confirmation {
        Confirmation {
            revision: self.revision.saturating_add(1),
            observed_at_ms,
            link,
            values: self.values.clone(),
            refused: None,
            covers_ms: Some(self.covers_ms()),
            in_doubt: self.in_doubt.clone(),
        }
    }

    /// The same where HubSpot showed the contact, and the newest message or follow known when it was asked is `returned_ms`.
    pub fn next_alive(&self, observed_at_ms: i64, contact: ContactId, returned_ms: Option<i64>) -> Confirmation {
        let covers_ms = returned_ms.max(Some(self.covers_ms()));
        Confirmation { covers_ms, ..self.next(observed_at_ms, Link::Live(contact)) }
    }

    /// To be told before these properties are written: from then on they are in doubt. `None` where they are already.
    ///
    /// The answer comes after it. What is known here stays as it is, because an answer that nothing was written leaves
    /// everything as it was.
    pub fn announce<'a>(&mut self, written: impl IntoIterator<Item = &'a Property>) -> Option<Confirmation> {
        let mut told = self.next(self.observed_at_ms, self.link);
        told.in_doubt.extend(written);
        if told.in_doubt == self.in_doubt {
            return None;
        }
        self.revision = told.revision;
        Some(Confirmation { refused: self.refused.clone(), ..told })
    }

    /// The confirmation that the person was erased, which holds nothing else and outranks every answer still under way.
    pub fn erased(&self, observed_at_ms: i64, since_ms: i64) -> Confirmation {
        Confirmation {
            revision: self.revision.saturating_add(ERASURE_LEAP),
            observed_at_ms,
            link: Link::Erased { since_ms },
            values: Values::new(),
            refused: None,
            covers_ms: None,
            in_doubt: BTreeSet::new(),
        }
    }
}
