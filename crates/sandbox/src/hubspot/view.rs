//! A contact as the API shows it, written straight into the answer's bytes.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::contact::{ALWAYS, Contact, DERIVED};
use super::property::Catalogue;
use crate::stamp;

/// The properties read when a request names none.
pub(super) const DEFAULT: &[&str] =
    &["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"];

/// Which properties an answer shows.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    /// Everything that is set: a fresh contact.
    All,
    /// What was asked for, unset ones as `null`. Sorted, without repetitions, known names only.
    Asked(Vec<String>),
}

impl Shown {
    /// What a read with `names` shows; none named = the default ones. Unknown names are left out.
    pub fn asked(names: &[String], catalogue: &Catalogue, now_ms: i64) -> Self {
        let always = if names.is_empty() { DEFAULT } else { ALWAYS };
        let known = names.iter().filter(|name| catalogue.active(name, now_ms).is_some());
        let mut shown: Vec<String> = known.cloned().chain(always.iter().map(|name| (*name).to_owned())).collect();
        shown.sort_unstable();
        shown.dedup();
        Self::Asked(shown)
    }
}

/// One object of an answer.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    pub contact: &'a Contact,
    pub shown: &'a Shown,
    pub portal_id: u64,
    /// Upsert: whether it was created.
    pub new: Option<bool>,
    pub trace: Option<&'a str>,
    pub warnings: &'a [Value],
}

impl<'a> View<'a> {
    pub fn new(contact: &'a Contact, shown: &'a Shown, portal_id: u64) -> Self {
        Self { contact, shown, portal_id, new: None, trace: None, warnings: &[] }
    }
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.contact.id.to_string())?;
        map.serialize_entry("properties", &Properties(self))?;
        map.serialize_entry("createdAt", &stamp::iso(self.contact.created_ms))?;
        map.serialize_entry("updatedAt", &stamp::iso(self.contact.updated_ms))?;
        map.serialize_entry("archived", &self.contact.archived_ms.is_some())?;
        if let Some(at_ms) = self.contact.archived_ms {
            map.serialize_entry("archivedAt", &stamp::iso(at_ms))?;
        }
        let url = format!("https://app.hubspot.com/contacts/{}/record/0-1/{}", self.portal_id, self.contact.id);
        map.serialize_entry("url", &url)?;
        if let Some(new) = self.new {
            map.serialize_entry("new", &new)?;
        }
        if let Some(trace) = self.trace {
            map.serialize_entry("objectWriteTraceId", trace)?;
        }
        if !self.warnings.is_empty() {
            map.serialize_entry("warnings", self.warnings)?;
        }
        map.end()
    }
}

struct Properties<'a>(&'a View<'a>);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let contact = self.0.contact;
        let mut map = serializer.serialize_map(None)?;
        match self.0.shown {
            Shown::Asked(names) => {
                for name in names {
                    map.serialize_entry(name, &contact.value(name))?;
                }
            }
            Shown::All => {
                for name in DERIVED {
                    if let Some(value) = contact.value(name) {
                        map.serialize_entry(name, &value)?;
                    }
                }
                for (name, value) in &contact.values {
                    map.serialize_entry(name, value)?;
                }
            }
        }
        map.end()
    }
}
