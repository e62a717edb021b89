//! Connected official accounts: claims of a number, and definitions.

use super::records;
use crate::wire;
use serde::{Deserialize, Serialize};

/// A request for a connection number. The order of claims in the log decides.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionClaim {
    /// Unique per claim.
    pub id: String,
    /// LINE's channel ID of the official account to connect.
    pub channel_id: String,
    /// How many connections the claimant's plan allows at a time.
    pub connections_max: u32,
    /// The connection numbers that the claimant knew to be removed: they use no quota.
    pub removed: Vec<u32>,
    /// When it was made, milliseconds since 1970.
    pub at_ms: i64,
}

/// A connected LINE Official Account. The newest definition of a number holds; removal is final.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionDefinition {
    /// The connection number: at least 1, never reused.
    pub number: u32,
    /// What people call it.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Address of a picture, or empty.
    pub icon: String,
    /// LINE's channel ID.
    pub channel_id: String,
    /// Channel secrets, newest first: one, two during a rotation, none once removed.
    pub channel_secrets: Vec<Sealed>,
    /// Long-lived channel access token; `None`: short-lived tokens are issued from channel ID and secret.
    pub access_token: Option<Sealed>,
    /// The secret part of the webhook address; `None` once removed.
    pub webhook_token: Option<Sealed>,
    /// The account's own user ID, which webhooks name as `destination`; `None` until known.
    pub bot_user_id: Option<String>,
    /// Does a friend's first action make a contact?
    pub auto_create: bool,
    /// Whether it works.
    pub state: ConnectionState,
    /// Were any of its seven properties in HubSpot before the connection was made?
    pub properties_existed: bool,
    /// When the connection was made, milliseconds since 1970.
    pub created_at_ms: i64,
    /// Until when channel secrets but the newest count, milliseconds since 1970; `None`: as long as they stand here.
    #[serde(default)]
    pub older_secrets_until_ms: Option<i64>,
    /// The offset of the definition that this one was made from; `None`: not known, then the one before it.
    #[serde(default)]
    pub made_from: Option<i64>,
}

/// Whether a connection works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionState {
    /// Kept in step.
    Active,
    /// Events are stored, nothing is written to HubSpot.
    Paused,
    /// Removed for good.
    Removed,
}

/// A secret as it may stand in the log: ciphertext that only the master key opens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(#[serde(with = "wire::bytes")] pub Vec<u8>);

records! {
    ConnectionClaim;
    ConnectionDefinition size |_| 512;
}

/// Prints no bytes.
impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed(..)")
    }
}
