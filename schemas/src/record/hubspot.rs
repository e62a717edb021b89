//! What HubSpot told us: the state of contacts, and webhook events.

use super::records;
use crate::wire;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What HubSpot last confirmed about one LINE user's contact. Complete in itself: the highest revision alone tells all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubspotContact {
    /// The LINE user.
    pub user_id: String,
    /// Counts up by one with each answer about this user; the highest holds.
    #[serde(with = "wire::unsigned")]
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
}

/// Where a user's contact stands in HubSpot. Contact IDs are HubSpot's record IDs; times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContactLink {
    /// No contact of this user was ever seen.
    #[serde(rename = "Null")]
    Unknown,
    /// The contact lives.
    #[serde(rename = "kizuna.ContactLive")]
    Live {
        /// Its ID.
        #[serde(with = "wire::unsigned")]
        contact_id: u64,
    },
    /// A person deleted the contact.
    #[serde(rename = "kizuna.ContactGone")]
    Gone {
        /// The ID it had.
        #[serde(with = "wire::unsigned")]
        contact_id: u64,
        /// HubSpot's `archivedAt`; where HubSpot names no time, our last confirmed write.
        since_ms: i64,
    },
    /// The person was erased on request.
    #[serde(rename = "kizuna.ContactErased")]
    Erased {
        /// When.
        since_ms: i64,
    },
    /// Somebody merged the contact into the contact of another LINE user.
    #[serde(rename = "kizuna.ContactMerged")]
    Merged {
        /// The other user's contact.
        #[serde(with = "wire::unsigned")]
        into: u64,
    },
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
        128 + maps.flatten().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>()
    };
    HubspotEvent size |event| 128 + event.raw.len();
}
