//! What could not be used.

use super::{Reason, records};
use crate::wire;
use serde::{Deserialize, Serialize};

/// Something that could not be used, kept with its reason until it is retried or dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The topic it came from or was meant for.
    pub topic: String,
    /// The partition it came from; 0 when it never was in a log.
    pub partition: u32,
    /// The offset it came from; -1 when it never was in a log.
    pub offset: i64,
    /// Its key there.
    #[serde(with = "wire::bytes")]
    pub key: Vec<u8>,
    /// Its value there, unchanged.
    #[serde(with = "wire::bytes")]
    pub value: Vec<u8>,
    /// Why.
    pub reason: Reason,
    /// What people need to know beyond the reason.
    pub detail: String,
    /// When it was set aside, milliseconds since 1970.
    pub at_ms: i64,
    /// Number of the connection concerned, where known.
    pub connection: Option<u32>,
}

records! {
    DeadLetter size |letter| 160 + letter.key.len() + letter.value.len();
}
