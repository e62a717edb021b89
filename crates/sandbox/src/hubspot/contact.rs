//! One contact record, and the properties HubSpot derives itself.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::stamp;

/// The ID of a contact. Numbers beyond 32 bits, as HubSpot's.
pub type RecordId = u64;

/// A contact, live or in the recycle bin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Record ID.
    pub id: RecordId,
    /// Values that are set, by internal name, as stored. Derived properties are not among them.
    pub values: BTreeMap<Arc<str>, String>,
    /// Addresses beside the primary one.
    pub additional_emails: Vec<String>,
    /// Creation.
    pub created_ms: i64,
    /// Last change.
    pub updated_ms: i64,
    /// When it was moved to the recycle bin.
    pub archived_ms: Option<i64>,
    /// The records merged into this one, and when.
    pub merged: Vec<(RecordId, i64)>,
}

/// Derived properties a fresh contact shows.
pub(super) const DERIVED: &[&str] = &[
    "createdate",
    "hs_additional_emails",
    "hs_all_contact_vids",
    "hs_calculated_merged_vids",
    "hs_email_domain",
    "hs_is_contact",
    "hs_is_unworked",
    "hs_lifecyclestage_lead_date",
    "hs_merged_object_ids",
    "hs_object_id",
    "hs_object_source",
    "hs_object_source_id",
    "hs_object_source_label",
    "hs_pipeline",
    "lastmodifieddate",
];

/// The derived properties that come with every answer.
pub(super) const ALWAYS: &[&str] = &["createdate", "hs_object_id", "lastmodifieddate"];

impl Contact {
    /// A property's value, derived or stored; none when it is not set.
    pub fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        let owned = |text: String| Some(Cow::Owned(text));
        match name {
            "createdate" => owned(stamp::iso(self.created_ms)),
            "hs_lifecyclestage_lead_date" => owned(self.created_ms.to_string()),
            "lastmodifieddate" => owned(stamp::iso(self.updated_ms)),
            "hs_object_id" => owned(self.id.to_string()),
            "hs_additional_emails" => joined(self.additional_emails.iter().cloned()),
            "hs_all_contact_vids" => joined(std::iter::once(self.id).chain(self.merged_ids()).map(|id| id.to_string())),
            "hs_merged_object_ids" => joined(self.merged_ids().map(|id| id.to_string())),
            "hs_calculated_merged_vids" => joined(self.merged.iter().map(|(id, at_ms)| format!("{id}:{at_ms}"))),
            "hs_email_domain" => self.email().and_then(|email| email.split('@').nth(1)).map(Cow::Borrowed),
            "hs_is_contact" | "hs_is_unworked" => Some(Cow::Borrowed("true")),
            "hs_object_source" | "hs_object_source_label" => Some(Cow::Borrowed("INTEGRATION")),
            "hs_object_source_id" => Some(Cow::Borrowed("19083857")),
            "hs_pipeline" => Some(Cow::Borrowed("contacts-lifecycle-pipeline")),
            stored => self.values.get(stored).map(|text| Cow::Borrowed(text.as_str())),
        }
    }

    /// The primary address.
    pub fn email(&self) -> Option<&str> {
        self.values.get("email").map(String::as_str)
    }

    /// Primary and additional addresses.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        self.email().into_iter().chain(self.additional_emails.iter().map(String::as_str))
    }

    /// The same contact as JSON with all values: for looking at from outside, not HubSpot's form.
    pub fn summary(&self) -> Value {
        json!({
            "id": self.id.to_string(), "archived": self.archived_ms.is_some(), "archived_ms": self.archived_ms,
            "created_ms": self.created_ms, "updated_ms": self.updated_ms, "properties": self.values,
            "additional_emails": self.additional_emails,
            "merged_ids": self.merged_ids().map(|id| id.to_string()).collect::<Vec<_>>(),
        })
    }

    fn merged_ids(&self) -> impl Iterator<Item = RecordId> {
        self.merged.iter().map(|(id, _)| *id)
    }
}

fn joined(parts: impl Iterator<Item = String>) -> Option<Cow<'static, str>> {
    let text = parts.collect::<Vec<_>>().join(";");
    (!text.is_empty()).then_some(Cow::Owned(text))
}
