//! A Messaging API channel, as its owner sees it in LINE's console.

use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// One official account's channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Channel ID.
    pub id: String,
    /// The provider it belongs to; people have one user ID per provider.
    pub provider: String,
    /// Channel secret: signs webhooks.
    pub secret: String,
    /// Long-lived channel access token; none = never issued.
    pub access_token: Option<String>,
    /// `destination` of its webhooks.
    pub bot_user_id: String,
    /// Basic ID, with its `@`.
    pub basic_id: String,
    /// Name of the account.
    pub display_name: String,
    /// Picture of the account.
    pub picture_url: Option<String>,
    /// Whether chat is on (`chat`) or off (`bot`).
    pub chat: bool,
    /// Verified or premium: may list its followers.
    pub verified: bool,
    /// Messages per month; none = no limit.
    pub monthly_limit: Option<u64>,
    /// Webhook URL.
    pub endpoint: Option<String>,
    /// The console's switch "Use webhook".
    pub use_webhook: bool,
    /// The console's switch "Webhook redelivery".
    pub redelivery: bool,
}

impl Channel {
    /// Channel number `number` (from 1) of `provider`, the same for the same seed. Redelivery is off, as with LINE.
    pub fn seeded(seed: u64, number: u32, provider: &str) -> Self {
        let mut dice = Dice::new(seed, &format!("channel {number}"));
        Self {
            id: format!("20000{:05}", 10_000 + number),
            provider: provider.to_owned(),
            secret: dice.hex(32),
            access_token: Some(format!("{}=", dice.alphanumeric(171))),
            bot_user_id: format!("U{}", dice.hex(32)),
            basic_id: format!("@{}{}", dice.digits(3), dice.alphanumeric(5).to_lowercase()),
            display_name: match number {
                1 => "きずな商店 本店".to_owned(),
                2 => "きずな商店 渋谷店".to_owned(),
                other => format!("きずな商店 {other}号店"),
            },
            picture_url: None,
            chat: true,
            verified: true,
            monthly_limit: None,
            endpoint: None,
            use_webhook: true,
            redelivery: false,
        }
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Channel")
            .field("id", &self.id)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
