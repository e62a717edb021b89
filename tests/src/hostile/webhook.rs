//! A webhook's body, and the header that signs it.

use ::line::event::{Labels, Stored};
use ::line::signature::Key;
use ::line::webhook::{RawEvent, split};
use contact::ConnectionNumber;

/// Of a body every event is a part, byte for byte and in order, or it is refused. Each event can be read by itself.
pub fn body(bytes: &[u8]) {
    let Ok(webhook) = split(bytes) else { return };
    let mut end = bytes.as_ptr_range().start;
    for event in &webhook.events {
        let part = event.raw.as_ptr_range();
        assert!(end <= part.start && part.end <= bytes.as_ptr_range().end, "a part of the body, after the one before");
        end = part.end;
        read(event);
    }
    let parts: Vec<&[u8]> = webhook.events.iter().map(|event| event.raw).collect();
    let again = [&br#"{"events":["#[..], &parts.join(&b',')[..], &b"]}"[..]].concat();
    let again = split(&again).expect("events that were cut out can be put together");
    assert!(again.events.iter().map(|event| event.raw).eq(parts), "not a byte is changed");
}

fn read(event: &RawEvent<'_>) {
    let stored = Stored {
        connection: ConnectionNumber::new(1).expect("one is a number"),
        webhook_event_id: &event.webhook_event_id,
        event_type: &event.event_type,
        user_id: event.user_id.as_deref(),
        occurred_at_ms: event.occurred_at_ms,
        raw: event.raw,
    };
    let labels = Labels::default();
    let (first, second) = (::line::event::read(&stored, &labels), ::line::event::read(&stored, &labels));
    assert!(first == second, "an event means the same whenever it is read");
}

/// A header, and after a zero byte a body. Only the one right header verifies; a change in the body makes it wrong.
pub fn signature(bytes: &[u8]) {
    let (header, body) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    let key = Key::new("a channel secret");
    let right = key.sign(body);
    assert!(key.verifies(body, Some(right.as_bytes())));
    assert_eq!(key.verifies(body, Some(header)), header == right.as_bytes(), "only the one right header verifies");
    assert!(!key.verifies(body, None));
    assert!(!key.verifies(&[body, b" "].concat(), Some(right.as_bytes())), "another body has another signature");
}
