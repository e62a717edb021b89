//! Takes a verified webhook body apart into its events, without re-serialising: each event is the exact bytes of the
//! body.
//!
//! Nothing that LINE signed may be lost. So whatever stands in `events` is an event, also when nothing in it can be
//! read, and only a body that has no list of events is [`Unusable`].

mod quick;

use crate::object::{Found, integer, members, text};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;

/// The type given to what stands in `events` and is no JSON object.
pub const UNREADABLE: &str = "unreadable";

/// Longer event IDs are replaced by a digest. LINE's have 26 characters.
const EVENT_ID_BYTES_MAX: usize = 64;

/// A body of LINE's webhook.
pub struct Webhook<'a> {
    /// The bot user ID of the receiving account.
    pub destination: Option<Cow<'a, str>>,
    /// The events, in the order of the body. LINE sends none to test the address.
    pub events: Vec<RawEvent<'a>>,
}

/// Prints no content: events carry personal data.
impl fmt::Debug for Webhook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("events", &self.events).finish_non_exhaustive()
    }
}

/// One event as it was received, with what the log's envelope needs.
pub struct RawEvent<'a> {
    /// The exact bytes of the event inside the body.
    pub raw: &'a [u8],
    /// LINE's `webhookEventId`: the event's identity, the same on every delivery. Where LINE gave none that can stand
    /// in a key (visible ASCII without `/`), a digest that is the same on every delivery too.
    pub webhook_event_id: Cow<'a, str>,
    /// LINE's `type`; empty if the event has none, [`UNREADABLE`] if it is no object.
    pub event_type: Cow<'a, str>,
    /// `source.userId` as LINE wrote it, of any form.
    pub user_id: Option<Cow<'a, str>>,
    /// LINE's `timestamp`, milliseconds since 1970; 0 if the event has none.
    pub occurred_at_ms: i64,
    /// Does LINE say that it sent this event before?
    pub redelivery: bool,
}

/// Prints no content: events carry personal data.
impl fmt::Debug for RawEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawEvent({}, {} bytes)", self.webhook_event_id, self.raw.len())
    }
}

/// Why a signed body is no webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is not JSON in UTF-8.
    #[error("the body is not JSON")]
    NotJson,
    /// It is JSON, but no object with a list `events`.
    #[error("the body is no object with a list of events")]
    NoEvents,
}

/// Takes a body apart.
///
/// # Errors
/// [`Unusable`] says why the body is no webhook.
pub fn split(body: &[u8]) -> Result<Webhook<'_>, Unusable> {
    quick::split(body).map_or_else(|| thorough(body), Ok)
}

/// Takes any body apart, however odd.
fn thorough(body: &[u8]) -> Result<Webhook<'_>, Unusable> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parts = json.deserialize_map(Body).and_then(|parts| json.end().map(|()| parts));
    let (destination, events) = parts.map_err(|error| match error.classify() {
        Category::Data => Unusable::NoEvents,
        Category::Syntax | Category::Eof | Category::Io => Unusable::NotJson,
    })?;
    Ok(Webhook {
        destination: destination.and_then(|named| text(named.get().as_bytes())),
        events: events.into_iter().map(RawEvent::read).collect(),
    })
}

impl<'a> RawEvent<'a> {
    fn read(raw: &'a RawValue) -> Self {
        let raw = raw.get().as_bytes();
        let found = members(raw, ["type", "webhookEventId", "timestamp", "source", "deliveryContext"]);
        let Some([event_type, id, timestamp, source, delivery]) = found else { return Self::unreadable(raw) };
        let [user_id] = source.and_then(|source| members(source, ["userId"])).unwrap_or_default();
        let [redelivery] = delivery.and_then(|delivery| members(delivery, ["isRedelivery"])).unwrap_or_default();
        Self::of(raw, [event_type, id, timestamp, user_id, redelivery])
    }

    /// The event with these values of its type, ID and timestamp, its source's user ID and its delivery's redelivery.
    fn of(raw: &'a [u8], [event_type, id, timestamp, user_id, redelivery]: Found<'a, 5>) -> Self {
        Self {
            raw,
            webhook_event_id: id.and_then(text).map_or_else(|| content_id(raw), key_safe),
            event_type: event_type.and_then(text).unwrap_or_default(),
            user_id: user_id.and_then(text),
            occurred_at_ms: timestamp.and_then(integer).unwrap_or_default(),
            redelivery: redelivery == Some(b"true"),
        }
    }

    fn unreadable(raw: &'a [u8]) -> Self {
        Self {
            raw,
            webhook_event_id: digest(&[raw]).into(),
            event_type: UNREADABLE.into(),
            user_id: None,
            occurred_at_ms: 0,
            redelivery: false,
        }
    }
}

fn key_safe(id: Cow<'_, str>) -> Cow<'_, str> {
    let safe =
        (1..=EVENT_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if safe { id } else { digest(&[id.as_bytes()]).into() }
}

/// Identity of an event without `webhookEventId`: a digest of what tells events apart and stays the same on redelivery.
#[cold]
fn content_id(raw: &[u8]) -> Cow<'static, str> {
    let [event_type, timestamp, source, message] =
        members(raw, ["type", "timestamp", "source", "message"]).unwrap_or_default();
    let source = source.and_then(|source| members(source, ["type", "userId", "groupId", "roomId"]));
    let [source_type, user, group, room] = source.unwrap_or_default();
    let [message_id] = message.and_then(|message| members(message, ["id"])).unwrap_or_default();
    let parts = [event_type, timestamp, source_type, user, group, room, message_id];
    digest(&parts.map(Option::unwrap_or_default)).into()
}

/// 128 bits of SHA-256 over the parts and their lengths, in hexadecimal.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads `destination` and the raw elements of `events`.
struct Body;

impl<'a> Visitor<'a> for Body {
    type Value = (Option<&'a RawValue>, Vec<&'a RawValue>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of events")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut destination = None;
        let mut events: Option<Vec<&RawValue>> = None;
        while let Some(key) = map.next_key_seed(AnyKey)? {
            match key {
                Key::Destination => destination = Some(map.next_value()?),
                Key::Events => {
                    let listed: Vec<&RawValue> = map.next_value()?;
                    match &mut events {
                        // A list that occurs twice was signed twice.
                        Some(events) => events.extend(listed),
                        None => events = Some(listed),
                    }
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        events.map(|events| (destination, events)).ok_or_else(|| A::Error::missing_field("events"))
    }
}

/// The keys that count.
enum Key {
    Destination,
    Events,
    Other,
}

/// Reads a key as bytes, because it may hold escapes that no text can.
struct AnyKey;

impl<'a> DeserializeSeed<'a> for AnyKey {
    type Value = Key;

    fn deserialize<D: Deserializer<'a>>(self, key: D) -> Result<Key, D::Error> {
        key.deserialize_bytes(self)
    }
}

impl Visitor<'_> for AnyKey {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Key, E> {
        Ok(match key {
            b"destination" => Key::Destination,
            b"events" => Key::Events,
            _ => Key::Other,
        })
    }
}

#[cfg(test)]
mod tests;
