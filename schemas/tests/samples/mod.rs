//! Records for the tests: fixed ones with every optional part present, absent and empty, and arbitrary ones.

#![allow(dead_code, reason = "each test program uses a part of it")]

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schemas::{
    Codec, ConnectionClaim, ConnectionDefinition, ConnectionState, ContactLink, DeadLetter, Error, HubspotContact,
    HubspotEvent, Likeness, LineEvent, LineProfile, OutboxMessage, Record, Sealed, SendOutcome, SentMessage,
};
use std::borrow::Cow;
use std::collections::BTreeMap;

const USER: &str = "U8e742f61d673b39c7fff3cecb7536ef0";
const NOON_MS: i64 = 1_790_000_000_000;
const CONTACT: u64 = 51_234_567_890;

/// A record type with samples.
pub trait Sampled: Record + PartialEq + std::fmt::Debug + Sized {
    /// The folder of its golden files.
    const FOLDER: &'static str;
    /// Named records, which golden files hold for ever.
    fn samples() -> Vec<(&'static str, Self)>;
    /// Any record.
    fn any() -> BoxedStrategy<Self>;
    /// Reads one record.
    fn read(codec: &Codec, bytes: &[u8]) -> Result<Self, Error>;
    /// Reads a body that was written with another version of the schema.
    fn read_written_with(schema: &serde_avro_fast::Schema, body: &[u8]) -> Self;
}

/// Checks a law for any values.
pub fn check<S: Strategy>(strategy: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    runner.run(&strategy, law).unwrap();
}

/// Calls a generic test function for each record type.
macro_rules! for_each_record {
    ($test:ident $(in $context:ident)?) => {{
        $test::<schemas::LineEvent<'static>>($(&$context)?);
        $test::<schemas::LineProfile>($(&$context)?);
        $test::<schemas::HubspotContact>($(&$context)?);
        $test::<schemas::OutboxMessage>($(&$context)?);
        $test::<schemas::SentMessage>($(&$context)?);
        $test::<schemas::HubspotEvent>($(&$context)?);
        $test::<schemas::ConnectionClaim>($(&$context)?);
        $test::<schemas::ConnectionDefinition>($(&$context)?);
        $test::<schemas::DeadLetter>($(&$context)?);
    }};
}
pub(crate) use for_each_record;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..200)
}

fn map() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(any::<String>(), any::<String>(), 0..9)
}

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

impl Sampled for HubspotContact {
    const FOLDER: &'static str = "hubspot_contact";

    fn samples() -> Vec<(&'static str, Self)> {
        let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let live = Self {
            user_id: USER.into(),
            revision: 7,
            observed_at_ms: NOON_MS,
            link: ContactLink::Live { contact_id: CONTACT },
            values: [value("line_follow_1", "Yes"), value("line_user_name_1", "山田 太郎")].into(),
            refused: Some([value("line_user_picture_1", "")].into()),
            reason: Some("INVALID_URL".into()),
        };
        let with_link = |link| Self { link, values: BTreeMap::new(), refused: None, reason: None, ..live.clone() };
        vec![
            ("unknown", with_link(ContactLink::Unknown)),
            ("gone", with_link(ContactLink::Gone { contact_id: CONTACT, since_ms: NOON_MS })),
            ("erased", with_link(ContactLink::Erased { since_ms: NOON_MS })),
            ("merged", with_link(ContactLink::Merged { into: CONTACT })),
            ("live", live),
        ]
    }

    fn any() -> BoxedStrategy<Self> {
        let link = prop_oneof![
            Just(ContactLink::Unknown),
            any::<u64>().prop_map(|contact_id| ContactLink::Live { contact_id }),
            any::<(u64, i64)>().prop_map(|(contact_id, since_ms)| ContactLink::Gone { contact_id, since_ms }),
            any::<i64>().prop_map(|since_ms| ContactLink::Erased { since_ms }),
            any::<u64>().prop_map(|into| ContactLink::Merged { into }),
        ];
        (any::<(String, u64, i64, Option<String>)>(), link, map(), prop::option::of(map()))
            .prop_map(|((user_id, revision, observed_at_ms, reason), link, values, refused)| Self {
                user_id,
                revision,
                observed_at_ms,
                link,
                values,
                refused,
                reason,
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

impl Sampled for OutboxMessage {
    const FOLDER: &'static str = "outbox_message";

    fn samples() -> Vec<(&'static str, Self)> {
        let workflow = Self {
            user_id: USER.into(),
            connection: 2,
            command_id: "9c7f2f0e-5d1c-4a51-9c3b-0b3ae1b5a3f1".into(),
            requested_at_ms: NOON_MS,
            messages: r#"[{"type":"text","text":"ご予約ありがとうございます"}]"#.into(),
            source: "workflow".into(),
        };
        vec![("workflow", workflow)]
    }

    fn any() -> BoxedStrategy<Self> {
        any::<(String, u32, String, i64, String, String)>()
            .prop_map(|(user_id, connection, command_id, requested_at_ms, messages, source)| Self {
                user_id,
                connection,
                command_id,
                requested_at_ms,
                messages,
                source,
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

impl Sampled for SentMessage {
    const FOLDER: &'static str = "sent_message";

    fn samples() -> Vec<(&'static str, Self)> {
        let accepted = Self {
            user_id: USER.into(),
            connection: 2,
            command_id: "9c7f2f0e-5d1c-4a51-9c3b-0b3ae1b5a3f1".into(),
            ended_at_ms: NOON_MS,
            outcome: SendOutcome::Accepted,
            one_to_one: true,
            detail: None,
        };
        let detail = Some("The property, 'to', in the request body is invalid".into());
        let refused = Self { outcome: SendOutcome::Refused, one_to_one: false, detail, ..accepted.clone() };
        let unknown = Self { outcome: SendOutcome::Unknown, ..accepted.clone() };
        vec![("accepted", accepted), ("refused", refused), ("unknown", unknown)]
    }

    fn any() -> BoxedStrategy<Self> {
        let outcome = prop_oneof![Just(SendOutcome::Accepted), Just(SendOutcome::Refused), Just(SendOutcome::Unknown)];
        (any::<(String, u32, String, i64, bool, Option<String>)>(), outcome)
            .prop_map(|((user_id, connection, command_id, ended_at_ms, one_to_one, detail), outcome)| Self {
                user_id,
                connection,
                command_id,
                ended_at_ms,
                outcome,
                one_to_one,
                detail,
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

impl Sampled for HubspotEvent {
    const FOLDER: &'static str = "hubspot_event";

    fn samples() -> Vec<(&'static str, Self)> {
        let deletion = Self {
            portal_id: 62_515,
            object_id: 51_234_567_890,
            event_id: "3816279480".into(),
            subscription_type: "contact.deletion".into(),
            occurred_at_ms: NOON_MS,
            received_at_ms: NOON_MS + 900,
            raw: br#"{"eventId":3816279480,"objectId":51234567890}"#.into(),
        };
        vec![("deletion", deletion)]
    }

    fn any() -> BoxedStrategy<Self> {
        (any::<(i64, i64, String, String, i64, i64)>(), bytes())
            .prop_map(|((portal_id, object_id, event_id, subscription_type, occurred_at_ms, received_at_ms), raw)| {
                Self { portal_id, object_id, event_id, subscription_type, occurred_at_ms, received_at_ms, raw }
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
        };
        let paused = Self { state: ConnectionState::Paused, auto_create: false, ..active.clone() };
        let removed = Self {
            channel_secrets: vec![],
            access_token: None,
            webhook_token: None,
            bot_user_id: None,
            state: ConnectionState::Removed,
            ..active.clone()
        };
        vec![("active", active), ("paused", paused), ("removed", removed)]
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
        (any::<(u32, String, String, String, String, bool, bool, i64)>(), secrets, state)
            .prop_map(|(plain, (channel_secrets, access_token, webhook_token, bot_user_id), state)| {
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
                }
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

impl Sampled for DeadLetter {
    const FOLDER: &'static str = "dead_letter";

    fn samples() -> Vec<(&'static str, Self)> {
        let record = Self {
            topic: "line.events".into(),
            partition: 11,
            offset: 42,
            key: b"U8e742f61d673b39c7fff3cecb7536ef0/1/01FZ74A0TDDPYRVKNK77XKC3ZR".into(),
            value: vec![0xc3, 0x01, 0x00],
            reason: "malformed".into(),
            detail: "".into(),
            at_ms: NOON_MS,
            connection: Some(1),
        };
        let body = Self {
            partition: 0,
            offset: -1,
            key: vec![],
            value: b"not json".into(),
            reason: "unusable".into(),
            detail: "not a webhook".into(),
            connection: None,
            ..record.clone()
        };
        vec![("record", record), ("body", body)]
    }

    fn any() -> BoxedStrategy<Self> {
        (any::<(String, u32, i64, String, String, i64, Option<u32>)>(), bytes(), bytes())
            .prop_map(|((topic, partition, offset, reason, detail, at_ms, connection), key, value)| Self {
                topic,
                partition,
                offset,
                key,
                value,
                reason,
                detail,
                at_ms,
                connection,
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
