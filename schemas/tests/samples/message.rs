//! Messages and what could not be used.

use super::{NOON_MS, Sampled, USER, bytes};
use proptest::prelude::*;
use schemas::{Codec, DeadLetter, Error, OutboxMessage, Reason, SendOutcome, SentMessage};

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

impl Sampled for DeadLetter {
    const FOLDER: &'static str = "dead_letter";

    fn samples() -> Vec<(&'static str, Self)> {
        let record = Self {
            topic: "line.events".into(),
            partition: 11,
            offset: 42,
            key: b"U8e742f61d673b39c7fff3cecb7536ef0/1/01FZ74A0TDDPYRVKNK77XKC3ZR".into(),
            value: vec![0xc3, 0x01, 0x00],
            reason: Reason::Malformed,
            detail: "".into(),
            at_ms: NOON_MS,
            connection: Some(1),
        };
        let body = Self {
            partition: 0,
            offset: -1,
            key: vec![],
            value: b"not json".into(),
            reason: Reason::Other("unusable".into()),
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
                reason: reason.into(),
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
