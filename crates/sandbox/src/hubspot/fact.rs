//! What a portal's history tells.

use std::collections::BTreeMap;

use serde::Serialize;

use super::contact::RecordId;
use crate::delivery::Reaction;

/// Who changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The API's caller.
    Api,
    /// A person in HubSpot's user interface, played through the control API.
    Person,
}

/// One fact. IDs are texts in JSON, as in HubSpot's API.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields of a fact are named after what they hold")]
pub enum Fact {
    /// An API call was answered (or, with a fault, left without an answer).
    Call {
        endpoint: &'static str,
        method: String,
        path: String,
        status: u16,
        /// Inputs of a batch; 1 for a single call.
        items: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<super::FaultKind>,
        /// Kept only when the settings say so.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<String>,
        /// Kept only when the settings say so.
        #[serde(skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
    },
    /// A contact was created with these values.
    Created { id: RecordId, by: Actor, properties: BTreeMap<String, String> },
    /// These values were written; `changed` says whether one of them differed.
    Written { id: RecordId, by: Actor, properties: BTreeMap<String, String>, changed: bool },
    /// A contact went to the recycle bin.
    Archived { id: RecordId, by: Actor },
    /// A contact came back from the recycle bin.
    Restored { id: RecordId, by: Actor },
    /// Two contacts became one.
    Merged { primary: RecordId, other: RecordId, into: RecordId, by: Actor },
    /// A contact was deleted for good.
    Erased { id: RecordId, by: Actor },
    /// A property was created, or came back from the archive.
    PropertyCreated { name: String },
    /// A property's definition was changed.
    PropertyChanged { name: String },
    /// A property was archived.
    PropertyArchived { name: String },
    /// A webhook was answered.
    Webhook { events: usize, attempt: u32, reaction: Reaction },
}
