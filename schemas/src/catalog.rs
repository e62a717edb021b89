//! Every schema version ever released, and where a schema registry files it.
//!
//! To change a record: add `avro/<record>.v<n>.avsc` (new fields with a default, nothing else), list it below, extend the
//! Rust type with `#[serde(default)]`, add golden files. A released file is never edited; a test compares fingerprints.

use serde_avro_fast::Schema;
use std::sync::LazyLock;

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`LineEvent`](crate::LineEvent).
    LineEvent,
    /// [`LineProfile`](crate::LineProfile).
    LineProfile,
    /// [`HubspotContact`](crate::HubspotContact).
    HubspotContact,
    /// [`OutboxMessage`](crate::OutboxMessage).
    OutboxMessage,
    /// [`SentMessage`](crate::SentMessage).
    SentMessage,
    /// [`HubspotEvent`](crate::HubspotEvent).
    HubspotEvent,
    /// [`ConnectionClaim`](crate::ConnectionClaim).
    ConnectionClaim,
    /// [`ConnectionDefinition`](crate::ConnectionDefinition).
    ConnectionDefinition,
    /// [`DeadLetter`](crate::DeadLetter).
    DeadLetter,
}

impl Kind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; 9] = [
        Self::LineEvent,
        Self::LineProfile,
        Self::HubspotContact,
        Self::OutboxMessage,
        Self::SentMessage,
        Self::HubspotEvent,
        Self::ConnectionClaim,
        Self::ConnectionDefinition,
        Self::DeadLetter,
    ];

    /// The record's name inside the namespace `kizuna`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LineEvent => "LineEvent",
            Self::LineProfile => "LineProfile",
            Self::HubspotContact => "HubspotContact",
            Self::OutboxMessage => "OutboxMessage",
            Self::SentMessage => "SentMessage",
            Self::HubspotEvent => "HubspotEvent",
            Self::ConnectionClaim => "ConnectionClaim",
            Self::ConnectionDefinition => "ConnectionDefinition",
            Self::DeadLetter => "DeadLetter",
        }
    }

    /// The subject in a schema registry: `{topic}-value`, and on the topic that carries two kinds of records
    /// `{topic}-{record}`. These are Confluent's TopicNameStrategy and TopicRecordNameStrategy.
    pub const fn subject(self) -> &'static str {
        match self {
            Self::LineEvent => "line.events-value",
            Self::LineProfile => "line.profiles-value",
            Self::HubspotContact => "hubspot.contacts-value",
            Self::OutboxMessage => "line.outbox-value",
            Self::SentMessage => "line.sent-value",
            Self::HubspotEvent => "hubspot.events-value",
            Self::ConnectionClaim => "connections-kizuna.ConnectionClaim",
            Self::ConnectionDefinition => "connections-kizuna.ConnectionDefinition",
            Self::DeadLetter => "dead-letters-value",
        }
    }

    /// The Avro files of all released versions, oldest first.
    pub const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::LineEvent => &[include_str!("../avro/line_event.v1.avsc")],
            Self::LineProfile => &[include_str!("../avro/line_profile.v1.avsc")],
            Self::HubspotContact => {
                &[include_str!("../avro/hubspot_contact.v1.avsc"), include_str!("../avro/hubspot_contact.v2.avsc")]
            }
            Self::OutboxMessage => &[include_str!("../avro/outbox_message.v1.avsc")],
            Self::SentMessage => &[include_str!("../avro/sent_message.v1.avsc")],
            Self::HubspotEvent => &[include_str!("../avro/hubspot_event.v1.avsc")],
            Self::ConnectionClaim => &[include_str!("../avro/connection_claim.v1.avsc")],
            Self::ConnectionDefinition => &[
                include_str!("../avro/connection_definition.v1.avsc"),
                include_str!("../avro/connection_definition.v2.avsc"),
                include_str!("../avro/connection_definition.v3.avsc"),
            ],
            Self::DeadLetter => &[include_str!("../avro/dead_letter.v1.avsc")],
        }
    }

    /// The released versions, parsed, oldest first; never empty.
    pub(crate) fn released(self) -> &'static [Schema] {
        &PARSED[self as usize]
    }

    /// The schema that writers use.
    pub(crate) fn newest(self) -> &'static Schema {
        self.released().last().expect("every kind has a released version")
    }

    /// The CRC-64-AVRO fingerprints of the released versions, oldest first, as single-object encoding carries them.
    pub fn fingerprints(self) -> impl Iterator<Item = [u8; 8]> {
        self.released().iter().map(|schema| *schema.rabin_fingerprint())
    }
}

static PARSED: LazyLock<[Vec<Schema>; Kind::ALL.len()]> = LazyLock::new(|| {
    Kind::ALL.map(|kind| {
        let parse = |json: &&str| json.parse().expect("the shipped schemas are valid Avro");
        kind.versions().iter().map(parse).collect()
    })
});
