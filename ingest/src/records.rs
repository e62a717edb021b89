//! What is written: one record per event, or a dead letter for a signed body that is no webhook.

use eventlog::{NewRecord, Topic};
use line::webhook::{RawEvent, Unusable};
use schemas::{Codec, DeadLetter, LineEvent, Reason, key};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Longer user IDs stay out of keys. LINE's have 33 characters, those of module channels 68.
const USER_ID_BYTES_MAX: usize = 100;

/// The record of an event. The bytes of the event are copied once, into the record.
pub(crate) fn event(codec: &Codec, connection: u32, event: &RawEvent<'_>, received_at_ms: i64) -> NewRecord {
    let id = &*event.webhook_event_id;
    let user = event.user_id.as_deref();
    let record = LineEvent {
        connection,
        webhook_event_id: Cow::Borrowed(id),
        event_type: Cow::Borrowed(&event.event_type),
        user_id: user.map(Cow::Borrowed),
        occurred_at_ms: event.occurred_at_ms,
        received_at_ms,
        redelivery: event.redelivery,
        raw: Cow::Borrowed(event.raw),
    };
    let leads = user.filter(|user| (1..=USER_ID_BYTES_MAX).contains(&user.len())).unwrap_or(id);
    NewRecord {
        topic: Topic::LineEvents,
        key: key::line_event(leads, connection, id),
        value: Some(codec.encode(&record)),
    }
}

/// The ID of the event that a record is of; empty for a dead letter.
pub(crate) fn event_id(record: &NewRecord) -> &str {
    let of_event = Some(record).filter(|record| record.topic == Topic::LineEvents);
    of_event.and_then(|record| key::read_line_event(&record.key)).map_or("", |(_, _, id)| id)
}

/// Why such a body is among the dead letters.
pub(crate) const fn reason(why: Unusable) -> Reason {
    match why {
        Unusable::NotJson => Reason::NotJson,
        Unusable::NoEvents => Reason::NoEvents,
    }
}

/// The dead letter of a body that LINE signed and that is no webhook. The same body has the same key each time.
pub(crate) fn dead_letter(codec: &Codec, connection: u32, body: &[u8], why: Unusable, at_ms: i64) -> NewRecord {
    let topic = Topic::LineEvents.name();
    let digest: String = Sha256::digest(body)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let source = format!("{connection}/{digest}").into_bytes();
    let letter = DeadLetter {
        topic: topic.into(),
        partition: 0,
        offset: -1,
        key: source.clone(),
        value: body.to_vec(),
        reason: reason(why),
        detail: why.to_string(),
        at_ms,
        connection: Some(connection),
    };
    NewRecord { topic: Topic::DeadLetters, key: key::dead_letter(topic, &source), value: Some(codec.encode(&letter)) }
}
