//! All contacts of a portal, with the look-ups that the API needs at constant cost.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::contact::{Contact, RecordId};

/// Where a record ID leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// To a live contact of that ID.
    Live,
    /// To the live contact it was merged into.
    Merged(RecordId),
    /// To this contact in the recycle bin.
    Archived(RecordId),
    /// Nowhere: never issued, or erased.
    Unknown,
}

/// The records of a portal.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    records: BTreeMap<RecordId, Arc<Contact>>,
    by_email: HashMap<String, RecordId>,
    by_unique: HashMap<Arc<str>, HashMap<String, RecordId>>,
    forwards: HashMap<RecordId, RecordId>,
    live: usize,
}

impl Contacts {
    /// A live contact.
    pub fn live(&self, id: RecordId) -> Option<&Arc<Contact>> {
        self.records.get(&id).filter(|contact| contact.archived_ms.is_none())
    }

    /// A contact in the recycle bin.
    pub fn archived(&self, id: RecordId) -> Option<&Arc<Contact>> {
        self.records.get(&id).filter(|contact| contact.archived_ms.is_some())
    }

    /// A contact, live or archived.
    pub fn get(&self, id: RecordId) -> Option<&Arc<Contact>> {
        self.records.get(&id)
    }

    /// All records, live and archived, by ascending ID.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Contact>> {
        self.records.values()
    }

    /// The records from `id` on, by ascending ID.
    pub fn from(&self, id: RecordId) -> impl Iterator<Item = &Arc<Contact>> {
        self.records.range(id..).map(|(_, contact)| contact)
    }

    /// How many contacts are live.
    pub fn live_count(&self) -> usize {
        self.live
    }

    /// Where `id` leads, following merges.
    pub fn whereabouts(&self, id: RecordId) -> Whereabouts {
        let mut current = id;
        while let Some(next) = self.forwards.get(&current) {
            current = *next;
        }
        match self.records.get(&current) {
            Some(contact) if contact.archived_ms.is_some() => Whereabouts::Archived(current),
            Some(_) if current == id => Whereabouts::Live,
            Some(_) => Whereabouts::Merged(current),
            None => Whereabouts::Unknown,
        }
    }

    /// The live contact `id` leads to, following merges.
    pub fn resolve(&self, id: RecordId) -> Option<&Arc<Contact>> {
        match self.whereabouts(id) {
            Whereabouts::Live => self.live(id),
            Whereabouts::Merged(into) => self.live(into),
            Whereabouts::Archived(_) | Whereabouts::Unknown => None,
        }
    }

    /// The live contact that has this address, primary or additional. Any case.
    pub fn by_email(&self, email: &str) -> Option<RecordId> {
        self.by_email.get(email.trim().to_lowercase().as_str()).copied()
    }

    /// The live contact that has this value in a property without duplicates.
    pub fn by_unique(&self, property: &str, value: &str) -> Option<RecordId> {
        self.by_unique.get(property)?.get(value).copied()
    }

    /// Makes a property one without duplicates. Nothing has a value in it yet.
    pub(super) fn keep_unique(&mut self, property: Arc<str>) {
        self.by_unique.entry(property).or_default();
    }

    /// Adds or replaces a record.
    pub(super) fn put(&mut self, contact: Contact) -> Arc<Contact> {
        self.take(contact.id);
        if contact.archived_ms.is_none() {
            self.live += 1;
            self.by_email.extend(contact.emails().map(|email| (email.to_owned(), contact.id)));
            for (property, owners) in &mut self.by_unique {
                if let Some(value) = contact.values.get(property) {
                    owners.insert(value.clone(), contact.id);
                }
            }
        }
        let contact = Arc::new(contact);
        self.records.insert(contact.id, contact.clone());
        contact
    }

    /// Removes a record for good.
    pub(super) fn take(&mut self, id: RecordId) -> Option<Arc<Contact>> {
        let contact = self.records.remove(&id)?;
        if contact.archived_ms.is_none() {
            self.live -= 1;
            for email in contact.emails() {
                self.by_email.remove(email);
            }
            for (property, owners) in &mut self.by_unique {
                if let Some(value) = contact.values.get(property) {
                    owners.remove(value);
                }
            }
        }
        Some(contact)
    }

    /// Lets an ID lead to another record.
    pub(super) fn forward(&mut self, from: RecordId, to: RecordId) {
        self.forwards.insert(from, to);
    }

    /// The first address of `emails` that a live contact other than `own` has.
    pub(super) fn owner_of_any<'a>(&self, emails: impl Iterator<Item = &'a str>, own: RecordId) -> Option<RecordId> {
        emails.filter_map(|email| self.by_email.get(email)).copied().find(|owner| *owner != own)
    }

    /// The names of the properties without duplicates.
    pub(super) fn unique_properties(&self) -> HashSet<&str> {
        self.by_unique.keys().map(|name| &**name).collect()
    }
}
