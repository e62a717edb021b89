//! Claims and definitions of connections.

use super::{NOON_MS, Sampled, bytes};
use proptest::prelude::*;
use schemas::{Codec, ConnectionClaim, ConnectionDefinition, ConnectionState, Error, Sealed};

impl Sampled for ConnectionClaim {
    const FOLDER: &'static str = "connection_claim";

    fn samples() -> Vec<(&'static str, Self)> {
        let first = Self {
            id: "2f1a4f0e-3c56-4f0c-8f2b-6d7d3a1f9b10".into(),
            channel_id: "2000000001".into(),
            connections_max: 2,
            removed: vec![],
            at_ms: NOON_MS,
        };
        let after_removals = Self { connections_max: u32::MAX, removed: vec![1, 4], ..first.clone() };
        vec![("first", first), ("after_removals", after_removals)]
    }

    fn any() -> BoxedStrategy<Self> {
        any::<(String, String, u32, Vec<u32>, i64)>()
            .prop_map(|(id, channel_id, connections_max, removed, at_ms)| Self {
                id,
                channel_id,
                connections_max,
                removed,
                at_ms,
            })
            .boxed()
    }

    fn read(codec: &Codec, bytes: &[u8]) -> Result<Self, Error> {
        codec.decode(bytes)
    }

    fn read_written_with(schema: &serde_avro_fast::Schema, body: &[u8]) -> Self {
        serde_avro_fast::from_datum_slice(body, schema).unwrap()
    }
}

impl Sampled for ConnectionDefinition {
    const FOLDER: &'static str = "connection_definition";

    fn samples() -> Vec<(&'static str, Self)> {
        let active = Self {
            number: 3,
            name: "公式アカウント".into(),
            description: "本店".into(),
            icon: "https://example.com/icon.png".into(),
            channel_id: "2000000001".into(),
            channel_secrets: vec![Sealed(vec![1, 2, 3]), Sealed(vec![0xff, 0x00])],
            access_token: Some(Sealed(vec![4, 5])),
            webhook_token: Some(Sealed(vec![6])),
            bot_user_id: Some("U4af4980629000000000000000000000f".into()),
            auto_create: true,
            state: ConnectionState::Active,
            properties_existed: false,
            created_at_ms: NOON_MS,
            older_secrets_until_ms: None,
            made_from: None,
        };
        let amended = Self { made_from: Some(12), ..active.clone() };
        let rotating = Self { older_secrets_until_ms: Some(NOON_MS), ..active.clone() };
        let paused = Self { state: ConnectionState::Paused, auto_create: false, ..active.clone() };
        let removed = Self {
            channel_secrets: vec![],
            access_token: None,
            webhook_token: None,
            bot_user_id: None,
            state: ConnectionState::Removed,
            ..active.clone()
        };
        vec![("active", active), ("amended", amended), ("rotating", rotating), ("paused", paused), ("removed", removed)]
    }

    fn any() -> BoxedStrategy<Self> {
        let state =
            prop_oneof![Just(ConnectionState::Active), Just(ConnectionState::Paused), Just(ConnectionState::Removed)];
        let sealed = || bytes().prop_map(Sealed);
        let secrets = (
            prop::collection::vec(sealed(), 0..3),
            prop::option::of(sealed()),
            prop::option::of(sealed()),
            prop::option::of(any::<String>()),
        );
        let places = any::<(Option<i64>, Option<i64>)>();
        (any::<(u32, String, String, String, String, bool, bool, i64)>(), secrets, state, places)
            .prop_map(
                |(plain, (channel_secrets, access_token, webhook_token, bot_user_id), state, (until, made_from))| {
                    let (number, name, description, icon, channel_id, auto_create, properties_existed, created_at_ms) =
                        plain;
                    Self {
                        number,
                        name,
                        description,
                        icon,
                        channel_id,
                        channel_secrets,
                        access_token,
                        webhook_token,
                        bot_user_id,
                        auto_create,
                        state,
                        properties_existed,
                        created_at_ms,
                        older_secrets_until_ms: until,
                        made_from,
                    }
                },
            )
            .boxed()
    }

    fn read(codec: &Codec, bytes: &[u8]) -> Result<Self, Error> {
        codec.decode(bytes)
    }

    fn read_written_with(schema: &serde_avro_fast::Schema, body: &[u8]) -> Self {
        serde_avro_fast::from_datum_slice(body, schema).unwrap()
    }
}
