//! What a stored event means for a contact: LINE's JSON in, [`contact::Event`] out.
//!
//! | Event | Meaning |
//! | --- | --- |
//! | `follow`, `unfollow` | followed, unfollowed |
//! | `message` | messaged, with the text that "Last Response" shows |
//! | `messageEdited`, `unsend` | edited, unsent |
//! | `postback`, `videoPlayComplete`, `membership`, `accountLink` that succeeded, `beacon` entered or tapped | acted |
//! | `beacon` stay (repeats every ten seconds), `join`, `leave`, members, `delivery`, modules, unknown | nothing |
//!
//! Groups and rooms, an event without a time, and a user ID of another form mean nothing either. `mode` is not looked
//! at: while another module has control of the chat (`standby`), contacts still change.

mod id;
mod label;

pub use id::event_id;
pub use label::Labels;

use crate::object::{Found, is_text, members_of, text};
use contact::{ConnectionNumber, Event, Kind, Moment, UserId};
use label::Message;

/// An event as the log holds it: the fields of its envelope and its bytes.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// The official account that received it.
    pub connection: ConnectionNumber,
    /// Its identity, see [`crate::webhook::RawEvent::webhook_event_id`].
    pub webhook_event_id: &'a str,
    /// LINE's `type`.
    pub event_type: &'a str,
    /// `source.userId`, of any form.
    pub user_id: Option<&'a str>,
    /// LINE's `timestamp`, milliseconds since 1970; 0 if there was none.
    pub occurred_at_ms: i64,
    /// The exact bytes that LINE sent.
    pub raw: &'a [u8],
}

/// Reads an event. `None` if it changes no contact.
pub fn read(stored: &Stored<'_>, labels: &Labels) -> Option<Event> {
    let subject = subject(stored.event_type)?;
    let user = UserId::parse(stored.user_id?)?;
    if stored.occurred_at_ms <= 0 {
        return None;
    }
    let ([source_type], details) = members_of(stored.raw, ("source", ["type"]), (subject, DETAILS))?;
    if !is_text(source_type, "user") {
        return None;
    }
    let kind = kind(stored, details, labels)?;
    let at = Moment { time_ms: stored.occurred_at_ms, id: event_id(stored.webhook_event_id) };
    Some(Event { user, connection: stored.connection, at, kind })
}

/// The member that says more about an event of a type, for the types that can change a contact.
fn subject(event_type: &str) -> Option<&'static str> {
    Some(match event_type {
        "message" | "messageEdited" => "message",
        "follow" => "follow",
        "unfollow" => "unfollow",
        "unsend" => "unsend",
        "postback" => "postback",
        "videoPlayComplete" => "videoPlayComplete",
        "membership" => "membership",
        "accountLink" => "link",
        "beacon" => "beacon",
        _ => return None,
    })
}

/// What is read of that member, whichever it is.
const DETAILS: [&str; 5] = ["type", "id", "text", "messageId", "result"];

fn kind(stored: &Stored<'_>, details: Found<'_, 5>, labels: &Labels) -> Option<Kind> {
    let [kind, id, own_text, message_id, result] = details;
    let message = Message { event: stored.raw, kind, text: own_text };
    let id = id.and_then(text);
    Some(match stored.event_type {
        "follow" => Kind::Followed,
        "unfollow" => Kind::Unfollowed,
        "message" if id.is_none() && kind.is_none() => return None,
        // A message that LINE gave no ID cannot be edited or unsent; it only has to differ from the others.
        "message" => Kind::Messaged {
            message: id.as_deref().unwrap_or(stored.webhook_event_id).into(),
            text: message.shown(labels),
        },
        "messageEdited" => Kind::Edited { message: (&*id?).into(), text: message.shown(labels) },
        "unsend" => Kind::Unsent { message: (&*message_id.and_then(text)?).into() },
        "postback" | "videoPlayComplete" | "membership" => Kind::Acted,
        "accountLink" if is_text(result, "ok") => Kind::Acted,
        "beacon" if is_text(kind, "enter") || is_text(kind, "banner") => Kind::Acted,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
