//! What the platform's history tells.

use serde::Serialize;

use super::fault::FaultKind;
use crate::delivery::Reaction;

/// One fact.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields of a fact are named after what they hold")]
pub enum Fact {
    /// An API call was answered (or, with a fault, left without an answer).
    Call {
        endpoint: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        channel_id: Option<String>,
        method: String,
        path: String,
        status: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<FaultKind>,
        /// Kept only when the settings say so.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<String>,
        /// Kept only when the settings say so.
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// A person did something; `event` is the webhook event it caused.
    Played { channel_id: String, user_id: String, act: &'static str, webhook_event_id: String, timestamp: i64 },
    /// A webhook was answered, or not.
    Webhook {
        channel_id: String,
        webhook_event_ids: Vec<String>,
        attempt: u32,
        reaction: Reaction,
        /// Kept only when the settings say so.
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// A webhook was given up, or could not be sent at all.
    Lost { channel_id: String, webhook_event_ids: Vec<String>, why: &'static str },
    /// A message was accepted. `arrives` is false for people who blocked the account.
    Sent {
        channel_id: String,
        way: &'static str,
        to: String,
        request_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_key: Option<String>,
        arrives: bool,
    },
}
