//! What HubSpot last confirmed about a user's contact.

use crate::{ContactId, Values};
use serde::{Deserialize, Serialize};

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

/// One answer of HubSpot about one user's contact. Each confirmation is complete, so the newest alone tells everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confirmation {
    /// Counts up by one with each answer about this user; the highest holds.
    pub revision: u64,
    /// When HubSpot answered, milliseconds since 1970.
    pub observed_at_ms: i64,
    /// Where the contact stands.
    pub link: Link,
    /// The values that HubSpot holds, as far as they are ours.
    pub values: Values,
    /// The values that HubSpot refused for good: not sent again until something changes.
    pub refused: Option<Values>,
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
}

/// By how much an erasure raises the revision: more than the answers that can be under way, so that none of them, told
/// later, takes its place.
const ERASURE_LEAP: u64 = 1 << 20;

impl Account {
    pub(crate) fn apply(&mut self, confirmation: Confirmation) {
        let Confirmation { revision, observed_at_ms, link, values, refused } = confirmation;
        let confirmed = Self { revision, observed_at_ms, link, values, refused };
        if confirmed > *self {
            *self = confirmed;
        }
    }

    /// The number of the confirmation that holds; 0 before the first.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// When HubSpot last answered, milliseconds since 1970; 0 before the first answer.
    pub fn observed_at_ms(&self) -> i64 {
        self.observed_at_ms
    }

    /// The confirmation that follows this one: the same values, the next revision.
    pub fn next(&self, observed_at_ms: i64, link: Link) -> Confirmation {
        let revision = self.revision.saturating_add(1);
        Confirmation { revision, observed_at_ms, link, values: self.values.clone(), refused: None }
    }

    /// The confirmation that the person was erased, which holds nothing else and outranks every answer still under way.
    pub fn erased(&self, observed_at_ms: i64, since_ms: i64) -> Confirmation {
        let revision = self.revision.saturating_add(ERASURE_LEAP);
        let link = Link::Erased { since_ms };
        Confirmation { revision, observed_at_ms, link, values: Values::new(), refused: None }
    }
}
