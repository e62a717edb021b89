//! What LINE told us: webhook events and profiles.

use super::records;
use crate::body::write_line_event;
use crate::wire;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One webhook event of LINE as it was received. Reading one copies nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineEvent<'a> {
    /// Number of the connection whose webhook address was called.
    pub connection: u32,
    /// LINE's `webhookEventId`; for an event without one, a digest of its bytes.
    #[serde(borrow)]
    pub webhook_event_id: Cow<'a, str>,
    /// LINE's `type`, known today or not.
    #[serde(borrow)]
    pub event_type: Cow<'a, str>,
    /// `source.userId`, where the event names a user.
    #[serde(borrow, deserialize_with = "wire::optional_text::deserialize")]
    pub user_id: Option<Cow<'a, str>>,
    /// LINE's `timestamp`, milliseconds since 1970.
    pub occurred_at_ms: i64,
    /// When the webhook was received here, milliseconds since 1970.
    pub received_at_ms: i64,
    /// LINE says that an earlier delivery failed.
    pub redelivery: bool,
    /// The event exactly as it stood inside the request body.
    #[serde(borrow, serialize_with = "wire::bytes::serialize")]
    pub raw: Cow<'a, [u8]>,
}

/// What one look-up of a person's profile in LINE answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineProfile {
    /// The LINE user.
    pub user_id: String,
    /// Number of the connection whose token was used.
    pub connection: u32,
    /// Record time of the newest event that the look-up was made for, milliseconds.
    pub covers_ms: i64,
    /// When LINE answered, milliseconds since 1970.
    pub fetched_at_ms: i64,
    /// The profile; `None` when LINE has none for us.
    pub found: Option<Likeness>,
}

/// How a person looks in LINE.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Likeness {
    /// Display name: any Unicode.
    pub name: String,
    /// Address of the picture.
    pub picture: Option<String>,
}

impl LineEvent<'_> {
    /// The same event, borrowing nothing.
    pub fn into_owned(self) -> LineEvent<'static> {
        LineEvent {
            webhook_event_id: self.webhook_event_id.into_owned().into(),
            event_type: self.event_type.into_owned().into(),
            user_id: self.user_id.map(|user| user.into_owned().into()),
            raw: self.raw.into_owned().into(),
            ..self
        }
    }
}

records! {
    LineEvent<'a> size |event| 160 + event.raw.len(), written by write_line_event;
    LineProfile;
}

/// Prints nothing personal.
impl std::fmt::Debug for Likeness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Likeness(..)")
    }
}
