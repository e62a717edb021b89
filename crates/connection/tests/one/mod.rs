//! The one connection that these tests change.

use connection::{Connection, Sealer, State, new_webhook_token};
use contact::ConnectionNumber;
use runtime::secret::Secret;

/// Its number.
pub fn number() -> ConnectionNumber {
    ConnectionNumber::new(1).unwrap()
}

/// What its secrets are sealed with.
pub fn sealer() -> Sealer {
    Sealer::from_master_key(&Secret::new(&"ab".repeat(32))).unwrap()
}

/// The connection as it was first defined.
pub fn connection() -> Connection {
    Connection {
        number: number(),
        name: "本店".into(),
        description: String::new(),
        icon: String::new(),
        channel_id: "2000000001".into(),
        channel_secrets: vec![Secret::new("first")],
        access_token: None,
        webhook_token: new_webhook_token(),
        bot_user_id: None,
        auto_create: true,
        state: State::Active,
        properties_existed: true,
        created_at_ms: 0,
        older_secrets_until_ms: None,
    }
}
