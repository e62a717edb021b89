//! Messages to LINE users: what to send, and how it ended.

use super::records;
use serde::{Deserialize, Serialize};

/// A command to send messages to one LINE user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// The receiver.
    pub user_id: String,
    /// Number of the connection that sends.
    pub connection: u32,
    /// Identity of the command; LINE's retry key is derived from it.
    pub command_id: String,
    /// When the command was given, milliseconds since 1970.
    pub requested_at_ms: i64,
    /// JSON array of LINE message objects, one to five.
    pub messages: String,
    /// Who asked, as `workflow`, `chat` or `api`.
    pub source: String,
}

/// How a command of the outbox ended.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentMessage {
    /// The receiver.
    pub user_id: String,
    /// Number of the connection that sent.
    pub connection: u32,
    /// The command.
    pub command_id: String,
    /// When LINE answered for good, or when it was given up; milliseconds since 1970.
    pub ended_at_ms: i64,
    /// How it ended.
    pub outcome: SendOutcome,
    /// An answer to one person; false for bulk sends, which do not count as an answer.
    pub one_to_one: bool,
    /// LINE's reason, for people.
    pub detail: Option<String>,
}

/// How sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SendOutcome {
    /// LINE took it.
    Accepted,
    /// LINE never will.
    Refused,
    /// LINE's answer is unknown and its retry key has expired: a person must decide.
    Unknown,
}

records! {
    OutboxMessage size |message| 160 + message.messages.len();
    SentMessage;
}
