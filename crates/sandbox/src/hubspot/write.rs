//! Creating and changing contacts: what a write must satisfy, and what it does.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::call::Call;
use super::contact::{ALWAYS, Contact, RecordId};
use super::fact::{Actor, Fact};
use super::input::{self, Input, Properties};
use super::portal::Portal;
use super::refusal::{Flaw, Refusal};
use super::route::Version;
use super::value;
use super::view::{Shown, View};
use super::webhook::Event;
use crate::exchange::{Request, Response};

/// Values that passed every check; an empty one clears.
#[derive(Clone, Debug, Default)]
pub(super) struct Prepared {
    pub values: BTreeMap<Arc<str>, String>,
    pub warnings: Vec<Value>,
}

impl Prepared {
    /// What an answer to an update shows.
    pub fn shown(&self) -> Shown {
        let mut names: Vec<String> = self.values.keys().map(|name| name.to_string()).collect();
        names.extend(ALWAYS.iter().map(|name| (*name).to_owned()));
        names.sort_unstable();
        Shown::Asked(names)
    }

    fn texts(&self) -> BTreeMap<String, String> {
        self.values.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    }
}

/// Unique values that inputs of the same request already asked for.
#[derive(Debug, Default)]
pub(super) struct Claims(HashSet<(Arc<str>, String)>);

impl Claims {
    /// Remembers what `prepared` will own.
    pub fn add(&mut self, prepared: &Prepared, unique: &HashSet<String>) {
        let owned = prepared.values.iter().filter(|(name, value)| unique.contains(&***name) && !value.is_empty());
        self.0.extend(owned.map(|(name, value)| (name.clone(), value.clone())));
    }
}

impl Portal {
    /// `POST …/contacts`.
    pub(super) fn create_one(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let input: Input = input::read(body)?;
        let prepared = self.prepare(call.now_ms, call.version, &input.properties)?;
        self.refuse_incomplete(call.version, &prepared)?;
        self.refuse_taken(&prepared, None, &Claims::default())?;
        let id = self.create(call.now_ms, Actor::Api, &prepared);
        Ok(self.show(id, &Shown::All, 201, &prepared.warnings))
    }

    /// `PATCH …/contacts/{id}`. An ID that was merged away leads to the surviving record, as with a read.
    pub(super) fn update_one(&mut self, call: &Call, subject: &str, request: &Request) -> Result<Response, Refusal> {
        let input: Input = input::read(&request.body)?;
        let id = self.find_live(subject, request.query.get("idProperty"))?;
        let prepared = self.prepare(call.now_ms, call.version, &input.properties)?;
        self.refuse_taken(&prepared, Some(id), &Claims::default())?;
        self.update(call.now_ms, Actor::Api, id, &prepared);
        Ok(self.show(id, &prepared.shown(), 200, &prepared.warnings))
    }

    /// Checks values against their definitions.
    pub(super) fn prepare(&self, now_ms: i64, version: Version, properties: &Properties) -> Result<Prepared, Refusal> {
        let mut prepared = Prepared::default();
        let mut flaws = Vec::new();
        for (name, raw) in properties {
            let Some(definition) = self.catalogue.active(name, now_ms) else {
                flaws.push(Flaw::unknown_property(name));
                continue;
            };
            if self.settings.refused_texts.iter().any(|text| raw.0.contains(text.as_str())) {
                flaws.push(Flaw::new(name, "INVALID_VALUE", format!("{name} has a value that is not allowed")));
                continue;
            }
            match value::check(definition, &raw.0, version) {
                Err(flaw) => flaws.push(flaw),
                Ok(stored) => {
                    if let Some(normalised) = stored.normalised {
                        let (message, category) = (format!("{name} was normalized"), "PROPERTY_VALUE_NORMALIZED");
                        let context = json!({"propertyName": name, "rawValue": raw.0, "normalizedValue": normalised});
                        let warning = json!({"category": category, "message": message, "context": context});
                        prepared.warnings.push(warning);
                    }
                    prepared.values.insert(definition.name.clone(), stored.text);
                }
            }
        }
        if flaws.is_empty() { Ok(prepared) } else { Err(Refusal::invalid(&flaws, self.settings.portal_id)) }
    }

    /// Refuses a creation that leaves out what an administrator made mandatory (enforced from `2026-09` on).
    pub(super) fn refuse_incomplete(&self, version: Version, prepared: &Prepared) -> Result<(), Refusal> {
        let given = |name: &String| prepared.values.get(name.as_str()).is_some_and(|value| !value.is_empty());
        let absent: Vec<String> =
            self.settings.required_on_create.iter().filter(|name| !given(name)).cloned().collect();
        if version == Version::September2026 && !absent.is_empty() { Err(Refusal::required(&absent)) } else { Ok(()) }
    }

    /// Refuses values that belong to another contact, or to an input before in the same request.
    pub(super) fn refuse_taken(
        &self,
        prepared: &Prepared,
        own: Option<RecordId>,
        claims: &Claims,
    ) -> Result<(), Refusal> {
        let email = prepared.values.get("email").filter(|email| !email.is_empty());
        if let Some(email) = email {
            if let Some(owner) = self.contacts.by_email(email).filter(|owner| Some(*owner) != own) {
                return Err(Refusal::contact_exists(owner));
            }
            if self.settings.block_erased_email && self.erased_emails.contains(email) {
                return Err(Refusal::invalid(&[value::invalid_email(email)], self.settings.portal_id));
            }
            if claims.0.contains(&(Arc::from("email"), email.clone())) {
                return Err(Refusal::some_contact_exists());
            }
        }
        let taken = |name: &Arc<str>, value: &String| {
            self.contacts.by_unique(name, value).is_some_and(|owner| Some(owner) != own)
                || claims.0.contains(&(name.clone(), value.clone()))
        };
        let flaws: Vec<Flaw> = prepared
            .values
            .iter()
            .filter(|(name, value)| &***name != "email" && !value.is_empty() && taken(name, value))
            .map(|(name, value)| {
                Flaw::new(
                    name,
                    "CONFLICTING_UNIQUE_VALUE",
                    format!("{value} is already used by another contact in {name}"),
                )
            })
            .collect();
        if flaws.is_empty() { Ok(()) } else { Err(Refusal::invalid(&flaws, self.settings.portal_id)) }
    }

    /// The names of properties in which two contacts never share a value.
    pub(super) fn unique_names(&self) -> HashSet<String> {
        self.contacts.unique_properties().into_iter().chain(["email"]).map(str::to_owned).collect()
    }

    /// Creates a contact from checked values.
    pub(super) fn create(&mut self, now_ms: i64, by: Actor, prepared: &Prepared) -> RecordId {
        let id = self.issue_id();
        let mut values = prepared.values.clone();
        values.retain(|_, value| !value.is_empty());
        values.entry(Arc::from("lifecyclestage")).or_insert_with(|| "lead".to_owned());
        self.history.note(now_ms, Fact::Created { id, by, properties: prepared.texts() });
        self.outbox.note(now_ms, by, id, Event::Creation);
        let contact = Contact {
            id,
            values,
            additional_emails: Vec::new(),
            created_ms: now_ms,
            updated_ms: now_ms,
            archived_ms: None,
            merged: Vec::new(),
        };
        self.store(now_ms, contact);
        id
    }

    /// Writes checked values into a live contact.
    pub(super) fn update(&mut self, now_ms: i64, by: Actor, id: RecordId, prepared: &Prepared) {
        let Some(before) = self.contacts.live(id).cloned() else { return };
        let mut contact = Contact::clone(&before);
        for (name, value) in &prepared.values {
            if value.is_empty() {
                contact.values.remove(name);
            } else {
                contact.values.insert(name.clone(), value.clone());
            }
        }
        let changed = contact.values != before.values;
        self.history.note(now_ms, Fact::Written { id, by, properties: prepared.texts(), changed });
        if !changed {
            return;
        }
        contact.updated_ms = now_ms;
        self.keep_addresses(&mut contact, before.email());
        for (name, value) in &prepared.values {
            if before.values.get(name).map_or("", String::as_str) != value {
                self.outbox.note(
                    now_ms,
                    by,
                    id,
                    Event::PropertyChange { name: name.to_string(), value: value.clone() },
                );
            }
        }
        self.store(now_ms, contact);
    }

    /// The additional addresses after the primary one was replaced.
    fn keep_addresses(&self, contact: &mut Contact, replaced: Option<&str>) {
        let primary = contact.email().map(str::to_owned);
        contact.additional_emails.retain(|email| Some(email) != primary.as_ref());
        if let Some(replaced) = replaced.filter(|_| self.settings.keep_replaced_email)
            && primary.as_deref() != Some(replaced)
        {
            contact.additional_emails.push(replaced.to_owned());
        }
    }

    /// The answer that shows one live contact.
    pub(super) fn show(&self, id: RecordId, shown: &Shown, status: u16, warnings: &[Value]) -> Response {
        let contact = self.contacts.live(id).expect("only stored contacts are shown");
        Response::json(status, &View { warnings, ..View::new(contact, shown, self.settings.portal_id) })
    }
}
