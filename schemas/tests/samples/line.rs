//! Webhook events and profiles of LINE.

use super::{NOON_MS, Sampled, USER, bytes};
use proptest::prelude::*;
use schemas::{Codec, Error, Likeness, LineEvent, LineProfile};
use std::borrow::Cow;

impl Sampled for LineEvent<'static> {
    const FOLDER: &'static str = "line_event";

    fn samples() -> Vec<(&'static str, Self)> {
        let message = Self {
            connection: 1,
            webhook_event_id: "01FZ74A0TDDPYRVKNK77XKC3ZR".into(),
            event_type: "message".into(),
            user_id: Some(USER.into()),
            occurred_at_ms: NOON_MS,
            received_at_ms: NOON_MS + 250,
            redelivery: false,
            raw: Cow::Borrowed(r#"{"type":"message","message":{"type":"text","text":"こんにちは 🍣"}}"#.as_bytes()),
        };
        let without_user = Self {
            connection: u32::MAX,
            webhook_event_id: "".into(),
            event_type: "somethingNew".into(),
            user_id: None,
            occurred_at_ms: -1,
            received_at_ms: i64::MAX,
            redelivery: true,
            raw: Cow::Borrowed(b""),
        };
        vec![("message", message), ("without_user", without_user)]
    }

    fn any() -> BoxedStrategy<Self> {
        (any::<(u32, String, String, Option<String>, i64, i64, bool)>(), bytes())
            .prop_map(|((connection, id, event_type, user, occurred_at_ms, received_at_ms, redelivery), raw)| Self {
                connection,
                webhook_event_id: id.into(),
                event_type: event_type.into(),
                user_id: user.map(Cow::Owned),
                occurred_at_ms,
                received_at_ms,
                redelivery,
                raw: raw.into(),
            })
            .boxed()
    }

    fn read(codec: &Codec, bytes: &[u8]) -> Result<Self, Error> {
        codec.decode::<LineEvent<'_>>(bytes).map(LineEvent::into_owned)
    }

    fn read_written_with(schema: &serde_avro_fast::Schema, body: &[u8]) -> Self {
        serde_avro_fast::from_datum_slice::<LineEvent<'_>>(body, schema).unwrap().into_owned()
    }
}

impl Sampled for LineProfile {
    const FOLDER: &'static str = "line_profile";

    fn samples() -> Vec<(&'static str, Self)> {
        let likeness =
            Likeness { name: "山田 太郎 👪".into(), picture: Some("https://profile.line-scdn.net/abc".into()) };
        let found = Self {
            user_id: USER.into(),
            connection: 1,
            covers_ms: NOON_MS,
            fetched_at_ms: NOON_MS + 500,
            found: Some(likeness),
        };
        let without_picture = Self { found: Some(Likeness { name: "".into(), picture: None }), ..found.clone() };
        let refused = Self { found: None, ..found.clone() };
        vec![("found", found), ("without_picture", without_picture), ("refused", refused)]
    }

    fn any() -> BoxedStrategy<Self> {
        any::<(String, u32, i64, i64, Option<(String, Option<String>)>)>()
            .prop_map(|(user_id, connection, covers_ms, fetched_at_ms, found)| Self {
                user_id,
                connection,
                covers_ms,
                fetched_at_ms,
                found: found.map(|(name, picture)| Likeness { name, picture }),
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
