//! What is written to contacts, and what became of each write.

use crate::{Contact, reason};
use contact::ContactId;
use std::collections::BTreeMap;
use std::fmt;

/// Asked with the trace of an input when its turn in the request budget has come, right before the request goes out: a wait may
/// have been long. What may no longer be sent by then never is.
pub type MaySend<'a> = &'a (dyn Fn(&str) -> bool + Send + Sync);

/// A contact to create.
#[derive(Clone, PartialEq, Eq)]
pub struct CreateInput {
    /// Names this input in the answer. Two inputs with the same trace never share a request.
    pub trace: String,
    /// All properties of the new contact, `email` among them.
    pub properties: BTreeMap<String, String>,
}

/// Properties of a contact to write.
#[derive(Clone, PartialEq, Eq)]
pub struct UpdateInput {
    /// Names this input in the answer. Two inputs with the same trace never share a request.
    pub trace: String,
    /// The contact. Two inputs for one contact never share a request; they are written in order.
    pub id: ContactId,
    /// The properties to change; an empty text clears one.
    pub properties: BTreeMap<String, String>,
}

/// What became of a [`CreateInput`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateOutcome {
    /// Created; the contact shows what HubSpot stored of the properties sent.
    Created(Contact),
    /// Another contact has this e-mail, as primary or additional address. Nothing was written.
    Exists(ContactId),
    /// HubSpot refuses this input for good. Nothing was written.
    Refused(Refusal),
    /// Nobody knows whether it was created: read it by e-mail.
    Unknown,
    /// It was not sent: it no longer might be, or an earlier part of the same call met a limit or an outage.
    NotSent,
}

/// What became of an [`UpdateInput`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// Written; the contact shows what HubSpot stored of the properties sent. Its ID differs after a merge.
    Updated(Contact),
    /// No live contact has this ID: deleted, or never there.
    Missing,
    /// HubSpot refuses this input for good. Nothing was written.
    Refused(Refusal),
    /// Nobody knows whether it was written, for one because the contact was merged: read it.
    Unknown,
    /// It was not sent: it no longer might be, or an earlier part of the same call met a limit or an outage.
    NotSent,
}

impl CreateOutcome {
    /// One word, for metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Exists(_) => "exists",
            Self::Refused(_) => "refused",
            Self::Unknown => "unknown",
            Self::NotSent => "not_sent",
        }
    }
}

impl UpdateOutcome {
    /// One word, for metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Updated(_) => "updated",
            Self::Missing => "missing",
            Self::Refused(_) => "refused",
            Self::Unknown => "unknown",
            Self::NotSent => "not_sent",
        }
    }
}

/// Why HubSpot refuses something for good, in words that name nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For people. Carries no value that was sent.
    pub reason: String,
    /// HubSpot's code or category, as `INVALID_OPTION`.
    pub code: Option<String>,
    /// The internal name of the property that the refusal is about.
    pub property: Option<String>,
}

impl Refusal {
    /// The property whose definition in the portal no longer fits what is written to it: archived, retyped, read-only,
    /// or an option removed. It then fails for every contact, and no contact is to blame.
    pub fn broken_property(&self) -> Option<&str> {
        let broken = self.code.as_deref().is_some_and(reason::is_of_definition);
        self.property.as_deref().filter(|_| broken)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Prints the names of the properties, never values.
impl fmt::Debug for CreateInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateInput").field("properties", &self.properties.keys()).finish_non_exhaustive()
    }
}

/// Prints the ID and the names of the properties, never values.
impl fmt::Debug for UpdateInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateInput")
            .field("id", &self.id)
            .field("properties", &self.properties.keys())
            .finish_non_exhaustive()
    }
}
