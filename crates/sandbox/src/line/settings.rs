//! How the platform behaves.

use serde::{Deserialize, Serialize};

/// What the platform is like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seed of IDs, tokens and shuffles.
    pub seed: u64,
    /// Waits between a refused webhook and its next delivery, in milliseconds; as many repetitions as waits. LINE
    /// discloses neither number nor interval.
    pub redelivery_ms: Vec<i64>,
    /// Webhook events of a hundred that LINE sends twice by itself, with `isRedelivery: false` both times.
    pub duplicate_percent: u8,
    /// Characters beyond ASCII come as `\uXXXX` in webhook bodies, as LINE does at times.
    pub escape_unicode: bool,
    /// Rate limits per channel and endpoint are enforced.
    pub rate_limits: bool,
    /// How many facts the history keeps.
    pub history_limit: usize,
    /// Whether the history keeps the bodies of webhooks, requests and answers too.
    pub keep_bodies: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            redelivery_ms: vec![1_000, 2_000, 4_000, 8_000, 16_000, 32_000],
            duplicate_percent: 0,
            escape_unicode: false,
            rate_limits: true,
            history_limit: 1_000_000,
            keep_bodies: false,
        }
    }
}
