//! What HubSpot told us: the state of contacts, and webhook events.

use super::records;
use crate::wire;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What HubSpot last confirmed about one LINE user's contact, and what is about to be written to it. Complete in itself: the
/// highest revision alone tells all.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Columns<'static>")]
pub struct HubspotContact {
    /// The LINE user.
    pub user_id: String,
    /// Counts up by one with each record of this user; the highest holds.
    pub revision: u64,
    /// When HubSpot answered, milliseconds since 1970.
    pub observed_at_ms: i64,
    /// Where the contact stands.
    pub link: ContactLink,
    /// Our properties as HubSpot holds them: internal name to value.
    pub values: BTreeMap<String, String>,
    /// Values that HubSpot refused for good.
    pub refused: Option<BTreeMap<String, String>>,
    /// HubSpot's reason for the refusal.
    pub reason: Option<String>,
    /// The newest message or follow of which it is known that the contact lived afterwards, milliseconds since 1970; `None` in
    /// records of the first version, which cover everything until HubSpot answered.
    pub covers_ms: Option<i64>,
    /// Internal names of the properties that were about to be written: until the next record, nobody knows whether HubSpot holds
    /// what `values` says of them.
    pub in_doubt: BTreeSet<String>,
}

/// Where a user's contact stands in HubSpot. Contact IDs are HubSpot's record IDs; times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactLink {
    /// No contact of this user was ever seen.
    Unknown,
    /// The contact lives.
    Live {
        /// Its ID.
        contact_id: u64,
    },
    /// A person deleted the contact.
    Gone {
        /// The ID it had.
        contact_id: u64,
        /// HubSpot's `archivedAt`; where HubSpot names no time, our last confirmed write.
        since_ms: i64,
    },
    /// The person was erased on request.
    Erased {
        /// When.
        since_ms: i64,
    },
    /// Somebody merged the contact into the contact of another LINE user.
    Merged {
        /// The other user's contact.
        into: u64,
    },
}

/// The record as Avro has it. The link is spread over three plain fields there: readers that resolve a union of records by
/// shape rather than by name would take a deleted contact for a living one.
#[derive(Serialize, Deserialize)]
struct Columns<'a> {
    user_id: Cow<'a, str>,
    #[serde(with = "wire::unsigned")]
    revision: u64,
    observed_at_ms: i64,
    link: Standing,
    contact_id: Option<i64>,
    since_ms: Option<i64>,
    values: Cow<'a, BTreeMap<String, String>>,
    refused: Option<Cow<'a, BTreeMap<String, String>>>,
    reason: Option<Cow<'a, str>>,
    #[serde(default)]
    covers_ms: Option<i64>,
    #[serde(default)]
    in_doubt: Cow<'a, BTreeSet<String>>,
}

#[derive(Serialize, Deserialize)]
enum Standing {
    Unknown,
    Live,
    Gone,
    Erased,
    Merged,
}

impl Serialize for HubspotContact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (link, contact_id, since_ms) = match self.link {
            ContactLink::Unknown => (Standing::Unknown, None, None),
            ContactLink::Live { contact_id } => (Standing::Live, Some(contact_id), None),
            ContactLink::Gone { contact_id, since_ms } => (Standing::Gone, Some(contact_id), Some(since_ms)),
            ContactLink::Erased { since_ms } => (Standing::Erased, None, Some(since_ms)),
            ContactLink::Merged { into } => (Standing::Merged, Some(into), None),
        };
        let columns = Columns {
            user_id: Cow::Borrowed(&self.user_id),
            revision: self.revision,
            observed_at_ms: self.observed_at_ms,
            link,
            contact_id: contact_id.map(u64::cast_signed),
            since_ms,
            values: Cow::Borrowed(&self.values),
            refused: self.refused.as_ref().map(Cow::Borrowed),
            reason: self.reason.as_deref().map(Cow::Borrowed),
            covers_ms: self.covers_ms,
            in_doubt: Cow::Borrowed(&self.in_doubt),
        };
        columns.serialize(serializer)
    }
}

impl TryFrom<Columns<'_>> for HubspotContact {
    type Error = &'static str;

    fn try_from(columns: Columns<'_>) -> Result<Self, Self::Error> {
        let contact_id = columns.contact_id.map(i64::cast_unsigned);
        let link = match (columns.link, contact_id, columns.since_ms) {
            (Standing::Unknown, None, None) => ContactLink::Unknown,
            (Standing::Live, Some(contact_id), None) => ContactLink::Live { contact_id },
            (Standing::Gone, Some(contact_id), Some(since_ms)) => ContactLink::Gone { contact_id, since_ms },
            (Standing::Erased, None, Some(since_ms)) => ContactLink::Erased { since_ms },
            (Standing::Merged, Some(into), None) => ContactLink::Merged { into },
            _ => return Err("link, contact_id and since_ms contradict each other"),
        };
        Ok(Self {
            user_id: columns.user_id.into_owned(),
            revision: columns.revision,
            observed_at_ms: columns.observed_at_ms,
            link,
            values: columns.values.into_owned(),
            refused: columns.refused.map(Cow::into_owned),
            reason: columns.reason.map(Cow::into_owned),
            covers_ms: columns.covers_ms,
            in_doubt: columns.in_doubt.into_owned(),
        })
    }
}

/// One webhook event of HubSpot as it was received.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubspotEvent {
    /// The HubSpot account.
    pub portal_id: i64,
    /// The record that the event is about.
    pub object_id: i64,
    /// HubSpot's `eventId`; not unique over all subscriptions.
    pub event_id: String,
    /// As `contact.deletion`.
    pub subscription_type: String,
    /// HubSpot's `occurredAt`, milliseconds since 1970.
    pub occurred_at_ms: i64,
    /// When the webhook was received here, milliseconds since 1970.
    pub received_at_ms: i64,
    /// The event exactly as it stood inside the request body.
    #[serde(with = "wire::bytes")]
    pub raw: Vec<u8>,
}

records! {
    HubspotContact size |contact| {
        let maps = [Some(&contact.values), contact.refused.as_ref()].into_iter().flatten();
        let values = maps.flatten().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
        128 + values + contact.in_doubt.iter().map(|name| name.len() + 2).sum::<usize>()
    };
    HubspotEvent size |event| 128 + event.raw.len();
}
