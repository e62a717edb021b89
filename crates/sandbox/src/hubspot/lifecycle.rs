//! The ends and turns of a contact's life: recycle bin, restore, erasure, merge; through the API and by a person.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::batch::accepted;
use super::call::Call;
use super::contact::{Contact, RecordId};
use super::contacts::Whereabouts;
use super::fact::{Actor, Fact};
use super::input::{self, Batch, Scalar};
use super::portal::Portal;
use super::read::id_of;
use super::refusal::Refusal;
use super::route::Version;
use super::value;
use super::view::Shown;
use super::webhook::Event;
use crate::exchange::Response;

/// Why a person could not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// There is no such contact in the needed state.
    #[error("no such contact, or not in a state for this")]
    NoSuchContact,
    /// A live contact holds an address of the one to restore.
    #[error("contact {0} holds the same e-mail address")]
    AddressTaken(RecordId),
    /// HubSpot's words about a wrong value.
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MergeBody {
    primary_object_id: Value,
    object_id_to_merge: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GdprBody {
    object_id: Scalar,
    #[serde(default)]
    id_property: Option<String>,
}

impl Portal {
    /// `DELETE …/contacts/{id}`: 204 also for an ID that never existed.
    pub(super) fn archive_one(&mut self, call: &Call, subject: &str) -> Result<Response, Refusal> {
        let id = subject.parse().map_err(|_| Refusal::not_numeric(subject))?;
        self.archive(call.now_ms, Actor::Api, id);
        Ok(accepted())
    }

    /// `POST …/batch/archive`.
    pub(super) fn batch_archive(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let batch = Batch::read(body, 100)?;
        batch.refuse_duplicates(|input| input.id.0.clone())?;
        for id in batch.inputs.iter().filter_map(|input| input.id.0.parse().ok()) {
            self.archive(call.now_ms, Actor::Api, id);
        }
        Ok(accepted())
    }

    /// `POST …/merge`.
    pub(super) fn merge_call(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let body: MergeBody = input::read(body)?;
        let id = |value: &Value| id_of(value).ok_or_else(|| Refusal::validation("Object IDs must be numeric"));
        let (primary, other) = (id(&body.primary_object_id)?, id(&body.object_id_to_merge)?);
        let into = self.unite(call.now_ms, Actor::Api, primary, other).map_err(|impossible| match impossible {
            Impossible::NoSuchContact => Refusal::not_found(),
            other => Refusal::validation(other.to_string()),
        })?;
        Ok(self.show(into, &Shown::All, 200, &[]))
    }

    /// `POST …/gdpr-delete`. An unknown address is blocked all the same.
    pub(super) fn gdpr_delete(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let body: GdprBody = input::read(body)?;
        let id = match body.id_property.as_deref() {
            Some("email") => {
                let email = value::email(&body.object_id.0).ok_or_else(|| {
                    Refusal::invalid(&[value::invalid_email(&body.object_id.0)], self.settings.portal_id)
                })?;
                let id = self.contacts.by_email(&email);
                self.erased_emails.insert(email);
                match id {
                    Some(id) => id,
                    None => return Ok(accepted()),
                }
            }
            Some(property) => return Err(Refusal::non_unique_property(property)),
            None => body.object_id.0.parse().map_err(|_| Refusal::not_numeric(&body.object_id.0))?,
        };
        if self.remove_for_good(call.now_ms, Actor::Api, id) { Ok(accepted()) } else { Err(Refusal::not_found()) }
    }

    fn archive(&mut self, now_ms: i64, by: Actor, id: RecordId) -> bool {
        let Some(contact) = self.contacts.live(id) else { return false };
        let contact = Contact { archived_ms: Some(now_ms), ..Contact::clone(contact) };
        self.store(now_ms, contact);
        self.history.note(now_ms, Fact::Archived { id, by });
        self.outbox.note(now_ms, by, id, Event::Deletion);
        true
    }

    fn remove_for_good(&mut self, now_ms: i64, by: Actor, id: RecordId) -> bool {
        let id = match self.contacts.whereabouts(id) {
            Whereabouts::Live => id,
            Whereabouts::Merged(id) | Whereabouts::Archived(id) => id,
            Whereabouts::Unknown => return false,
        };
        if let Some(contact) = self.contacts.get(id) {
            self.erased_emails.extend(contact.emails().map(str::to_owned));
        }
        self.drop_record(now_ms, id);
        self.history.note(now_ms, Fact::Erased { id, by });
        self.outbox.note(now_ms, by, id, Event::PrivacyDeletion);
        self.outbox.note(now_ms, by, id, Event::Deletion);
        true
    }

    fn unite(&mut self, now_ms: i64, by: Actor, primary: RecordId, other: RecordId) -> Result<RecordId, Impossible> {
        let live = |id| self.contacts.live(id).cloned().ok_or(Impossible::NoSuchContact);
        let (winner, loser) = (live(primary)?, live(other)?);
        if primary == other {
            return Err(Impossible::Refused("A contact cannot be merged with itself".to_owned()));
        }
        let into = if self.settings.keep_primary_id { primary } else { self.issue_id() };
        let moved = loser.values.keys().filter(|name| !winner.values.contains_key(*name)).count();
        let contact = united(&winner, &loser, into, now_ms);
        self.drop_record(now_ms, other);
        self.contacts.forward(other, into);
        if into != primary {
            self.drop_record(now_ms, primary);
            self.contacts.forward(primary, into);
        }
        self.store(now_ms, contact);
        self.history.note(now_ms, Fact::Merged { primary, other, into, by });
        self.outbox.note(now_ms, by, into, Event::Merge { primary, other, into, moved });
        Ok(into)
    }
}

/// The record two contacts become: the primary's values win, all addresses stay.
fn united(winner: &Contact, loser: &Contact, into: RecordId, now_ms: i64) -> Contact {
    let mut values = loser.values.clone();
    values.extend(winner.values.iter().map(|(name, value)| (name.clone(), value.clone())));
    let primary_email = values.get("email").cloned();
    let mut additional: Vec<String> = winner.emails().chain(loser.emails()).map(str::to_owned).collect();
    additional.retain(|email| Some(email) != primary_email.as_ref());
    let mut merged = winner.merged.clone();
    merged.extend(loser.merged.iter().copied());
    merged.extend([winner.id, loser.id].into_iter().filter(|id| *id != into).map(|id| (id, now_ms)));
    Contact {
        id: into,
        values,
        additional_emails: additional,
        created_ms: winner.created_ms.min(loser.created_ms),
        updated_ms: now_ms,
        archived_ms: None,
        merged,
    }
}

/// What a person does in HubSpot's user interface.
impl Portal {
    /// Moves a contact to the recycle bin.
    pub fn delete(&mut self, now_ms: i64, id: RecordId) -> Result<(), Impossible> {
        if self.archive(now_ms, Actor::Person, id) { Ok(()) } else { Err(Impossible::NoSuchContact) }
    }

    /// Brings a contact back from the recycle bin. Refused while a live contact holds one of its addresses.
    pub fn restore(&mut self, now_ms: i64, id: RecordId) -> Result<(), Impossible> {
        let contact = self.contacts.archived(id).ok_or(Impossible::NoSuchContact)?;
        if let Some(owner) = self.contacts.owner_of_any(contact.emails(), id) {
            return Err(Impossible::AddressTaken(owner));
        }
        let contact = Contact { archived_ms: None, updated_ms: now_ms, ..Contact::clone(contact) };
        self.store(now_ms, contact);
        self.history.note(now_ms, Fact::Restored { id, by: Actor::Person });
        self.outbox.note(now_ms, Actor::Person, id, Event::Restore);
        Ok(())
    }

    /// Merges `other` into `primary`; answers the ID of the surviving record.
    pub fn merge(&mut self, now_ms: i64, primary: RecordId, other: RecordId) -> Result<RecordId, Impossible> {
        self.unite(now_ms, Actor::Person, primary, other)
    }

    /// Deletes a contact for good, live or archived.
    pub fn erase(&mut self, now_ms: i64, id: RecordId) -> Result<(), Impossible> {
        if self.remove_for_good(now_ms, Actor::Person, id) { Ok(()) } else { Err(Impossible::NoSuchContact) }
    }

    /// Creates a contact by hand.
    pub fn add(&mut self, now_ms: i64, properties: &BTreeMap<String, String>) -> Result<RecordId, Impossible> {
        let prepared = self.checked(now_ms, properties, None)?;
        Ok(self.create(now_ms, Actor::Person, &prepared))
    }

    /// Edits values of a live contact; an empty value clears.
    pub fn edit(&mut self, now_ms: i64, id: RecordId, properties: &BTreeMap<String, String>) -> Result<(), Impossible> {
        self.contacts.live(id).ok_or(Impossible::NoSuchContact)?;
        let prepared = self.checked(now_ms, properties, Some(id))?;
        self.update(now_ms, Actor::Person, id, &prepared);
        Ok(())
    }

    /// Adds an additional address to a live contact.
    pub fn add_email(&mut self, now_ms: i64, id: RecordId, address: &str) -> Result<(), Impossible> {
        let email = value::email(address).ok_or_else(|| Impossible::Refused(value::invalid_email(address).message))?;
        let contact = self.contacts.live(id).ok_or(Impossible::NoSuchContact)?;
        match self.contacts.by_email(&email) {
            Some(owner) if owner == id => return Ok(()),
            Some(owner) => return Err(Impossible::AddressTaken(owner)),
            None => {}
        }
        let mut contact = Contact { updated_ms: now_ms, ..Contact::clone(contact) };
        contact.additional_emails.push(email.clone());
        self.store(now_ms, contact);
        let properties = BTreeMap::from([("hs_additional_emails".to_owned(), email)]);
        self.history.note(now_ms, Fact::Written { id, by: Actor::Person, properties, changed: true });
        Ok(())
    }

    fn checked(
        &self,
        now_ms: i64,
        properties: &BTreeMap<String, String>,
        own: Option<RecordId>,
    ) -> Result<super::write::Prepared, Impossible> {
        let properties = properties.iter().map(|(name, value)| (name.clone(), Scalar(value.clone()))).collect();
        let checked = self.prepare(now_ms, Version::September2026, &properties).and_then(|prepared| {
            self.refuse_taken(&prepared, own, &super::write::Claims::default())?;
            Ok(prepared)
        });
        checked.map_err(|refusal| Impossible::Refused(refusal.message))
    }
}
