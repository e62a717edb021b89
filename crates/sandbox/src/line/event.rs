//! Webhook events as LINE writes them.

use serde_json::{Map, Value, json};

use super::platform::Platform;

/// What an event needs beside its own properties.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub at_ms: i64,
    pub source: Option<Value>,
    /// Whether the event can be replied to.
    pub replyable: bool,
    pub standby: bool,
}

/// `source` of a one-to-one chat.
pub(super) fn user_source(user_id: &str) -> Value {
    json!({"type": "user", "userId": user_id})
}

/// `source` of a group.
pub(super) fn group_source(group_id: &str, user_id: &str) -> Value {
    json!({"type": "group", "groupId": group_id, "userId": user_id})
}

impl Platform {
    /// Puts an event together: the common properties, over them those in `own`.
    pub(super) fn event(&mut self, kind: &str, frame: &Frame, own: Map<String, Value>) -> Value {
        // The time part of an event's ID lies a little after the event.
        let issued_ms = frame.at_ms + i64::try_from(self.dice.below(513)).unwrap_or_default();
        let mut event = json!({
            "type": kind, "mode": if frame.standby { "standby" } else { "active" }, "timestamp": frame.at_ms,
            "webhookEventId": self.dice.ulid(issued_ms), "deliveryContext": {"isRedelivery": false},
        });
        if let Some(source) = &frame.source {
            event["source"] = source.clone();
        }
        if frame.replyable && !frame.standby {
            event["replyToken"] = json!(self.dice.hex(32));
        }
        if let Some(fields) = event.as_object_mut() {
            fields.extend(own);
        }
        event
    }

    /// A message's common properties: a fresh decimal ID, beyond what a JSON number can hold exactly.
    pub(super) fn message(&mut self, kind: &str, own: Value) -> Map<String, Value> {
        let mut message = json!({"id": self.dice.digits(18), "type": kind});
        if matches!(kind, "text" | "sticker" | "image" | "video") {
            message["quoteToken"] = json!(self.dice.alphanumeric(48));
        }
        message["markAsReadToken"] = json!(self.dice.alphanumeric(64));
        if let (Some(fields), Value::Object(own)) = (message.as_object_mut(), own) {
            fields.extend(own.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Map::from_iter([("message".to_owned(), message)])
    }
}

/// The JSON text of a webhook body.
pub(super) fn body(destination: &str, events: &[Value], escape_unicode: bool) -> String {
    let text = json!({"destination": destination, "events": events}).to_string();
    if escape_unicode { escaped(&text) } else { text }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if character.is_ascii() {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_beyond_ascii_can_come_as_escapes() {
        let events = [json!({"text": "🤨あ"})];
        let text = body("U1", &events, true);
        assert!(text.contains(r#""\uD83E\uDD28\u3042""#), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(json!({"destination": "U1", "events": events})));
    }
}
