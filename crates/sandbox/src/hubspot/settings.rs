//! How a portal behaves: the switches of the reference's section 10.4, with its defaults.

use serde::{Deserialize, Serialize};

use crate::meter::Limit;

/// What a portal is like. Every field can be changed while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seed of IDs and shuffles.
    pub seed: u64,
    /// The portal's number.
    pub portal_id: u64,
    /// The bearer token at the start.
    pub token: String,
    /// Calls per ten seconds; none = no limit.
    pub burst: Option<Limit>,
    /// Calls per day of the account's time zone.
    pub daily_limit: u64,
    /// Searches per second; none = no limit.
    pub search: Option<Limit>,
    /// Milliseconds until search knows of a change.
    pub search_delay_ms: i64,
    /// Milliseconds until a new property can be read and written.
    pub property_delay_ms: i64,
    /// Batch results come in another order than the inputs.
    pub shuffle_results: bool,
    /// A merge keeps the primary's ID (HubSpot's beta) instead of making a third record.
    pub keep_primary_id: bool,
    /// An address that is replaced stays as an additional one (not documented, so off).
    pub keep_replaced_email: bool,
    /// An erased address cannot be used again.
    pub block_erased_email: bool,
    /// Custom properties per object.
    pub custom_property_limit: usize,
    /// Properties that an administrator made mandatory on creation; enforced from `2026-09` on.
    pub required_on_create: Vec<String>,
    /// Values that HubSpot refuses for good: a write that contains one of these texts in a value is invalid.
    pub refused_texts: Vec<String>,
    /// How many facts the history keeps.
    pub history_limit: usize,
    /// Whether the history keeps the bodies of requests and answers too.
    pub keep_bodies: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            portal_id: 12_345_678,
            token: "pat-na1-5a4d8b0c-0000-4000-8000-6b697a756e61".to_owned(),
            burst: Some(Limit::bucket(100, 10_000)),
            daily_limit: 250_000,
            search: Some(Limit::rolling(5, 1_000)),
            search_delay_ms: 5_000,
            property_delay_ms: 500,
            shuffle_results: true,
            keep_primary_id: false,
            keep_replaced_email: false,
            block_erased_email: true,
            custom_property_limit: 1_000,
            required_on_create: Vec::new(),
            refused_texts: Vec::new(),
            history_limit: 1_000_000,
            keep_bodies: false,
        }
    }
}
