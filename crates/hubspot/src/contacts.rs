//! Reading, deleting and erasing contacts.
//!
//! An answer to a batch of reads may leave contacts out without a word, merged ones above all, or because something failed. What is
//! neither in the results nor said to be missing is asked for again by itself, so that "not in the answer" always means "not
//! there".

use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::problem::Problem;
use crate::transport::Request;
use crate::{Contact, ContactKey, Error, Priority, batch, wire};
use contact::ContactId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Both hold addresses by which HubSpot finds a contact; the second separates them by semicolons.
const ADDRESSES: [&str; 2] = ["email", "hs_additional_emails"];

/// The category of the error that names those who are not there, or are in the recycle bin.
const NOT_THERE: &str = "OBJECT_NOT_FOUND";

/// Whatever is asked for, HubSpot needs some property to be named, or it gives several of its own.
const NO_PROPERTY: &str = "hs_object_id";

impl Client {
    pub(crate) async fn read_by_email(
        &self,
        emails: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(String, Contact)>, Error> {
        let asked: BTreeSet<_> =
            emails.iter().map(|email| batch::lower(email)).filter(|email| !email.is_empty()).collect();
        let asked: Vec<_> = asked.into_iter().collect();
        let mut found = Vec::new();
        for emails in asked.chunks(batch::INPUTS_MAX) {
            let answer = self.read_batch_by_email(emails, properties, priority).await?;
            let mut unmentioned = unmentioned(emails, &answer);
            for result in wire::list(&answer["results"]) {
                let Some(contact) = wire::contact(result, &self.names, asks_for(properties)) else { continue };
                let addresses = addresses(result);
                for email in emails.iter().filter(|email| addresses.contains(*email)) {
                    unmentioned.remove(&**email);
                    found.push((email.clone(), contact.clone()));
                }
            }
            for email in unmentioned {
                let answer = self.read_batch_by_email(&[email.to_owned()], properties, priority).await?;
                let result = wire::list(&answer["results"]).first();
                let contact = result.and_then(|result| wire::contact(result, &self.names, asks_for(properties)));
                found.extend(contact.map(|contact| (email.to_owned(), contact)));
            }
        }
        Ok(found)
    }

    async fn read_batch_by_email(
        &self,
        emails: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Value, Error> {
        let named: BTreeSet<_> = properties.iter().map(String::as_str).chain(ADDRESSES).collect();
        let inputs: Vec<_> = emails.iter().map(|email| json!({"id": email})).collect();
        let body = json!({"idProperty": "email", "properties": named, "inputs": inputs});
        self.read(&Request::new(Endpoint::ContactBatchRead).with(body), priority).await
    }

    pub(crate) async fn read_many(
        &self,
        ids: &[ContactId],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(ContactId, Contact)>, Error> {
        let mut found = Vec::new();
        for ids in distinct(ids.iter().copied()).chunks(batch::INPUTS_MAX) {
            let request = Request::new(Endpoint::ContactBatchRead).with(body_by_id(ids, properties));
            let answer = self.read(&request, priority).await?;
            let mut left: BTreeSet<_> = unmentioned_ids(ids, &answer);
            for result in wire::list(&answer["results"]) {
                let contact = wire::contact(result, &self.names, asks_for(properties));
                if let Some(contact) = contact.filter(|contact| left.remove(&contact.id)) {
                    found.push((contact.id, contact));
                }
            }
            found.extend(self.find_elsewhere(left, properties, priority).await?);
        }
        Ok(found)
    }

    /// Contacts that have other IDs by now. Those are asked for one by one, and what they hold all together, because an address
    /// has no room for the properties of many connections.
    async fn find_elsewhere(
        &self,
        ids: BTreeSet<ContactId>,
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(ContactId, Contact)>, Error> {
        let mut ids_now = Vec::new();
        for id in ids {
            ids_now.extend(self.read_one(id, &[], priority).await?.map(|contact| (id, contact.id)));
        }
        let mut contacts = BTreeMap::new();
        for ids in distinct(ids_now.iter().map(|(_, now)| *now)).chunks(batch::INPUTS_MAX) {
            let request = Request::new(Endpoint::ContactBatchRead).with(body_by_id(ids, properties));
            let answer = self.read(&request, priority).await?;
            let shown = wire::list(&answer["results"]).iter();
            let shown = shown.filter_map(|result| wire::contact(result, &self.names, asks_for(properties)));
            contacts.extend(shown.map(|contact| (contact.id, contact)));
        }
        let found = |(id, now): (ContactId, ContactId)| match contacts.get(&now) {
            Some(contact) => Ok((id, contact.clone())),
            None => Err(Error::Unavailable { detail: "a contact went away while it was read".into() }),
        };
        ids_now.into_iter().map(found).collect()
    }

    pub(crate) async fn read_archived(
        &self,
        ids: &[ContactId],
        priority: Priority,
    ) -> Result<Vec<(ContactId, Contact)>, Error> {
        let mut found = Vec::new();
        for ids in distinct(ids.iter().copied()).chunks(batch::INPUTS_MAX) {
            let request = Request::new(Endpoint::ContactBatchRead).ask("archived", true).with(body_by_id(ids, &[]));
            let answer = self.read(&request, priority).await?;
            let mut left = unmentioned_ids(ids, &answer);
            for result in wire::list(&answer["results"]) {
                if let Some(contact) = self.archived_contact(result).filter(|contact| left.remove(&contact.id)) {
                    found.push((contact.id, contact));
                }
            }
            for id in left {
                let request =
                    Request::of(Endpoint::ContactRead, id).ask("archived", true).ask("properties", NO_PROPERTY);
                let answer = none_if_missing(self.read(&request, priority).await)?;
                found.extend(answer.and_then(|result| self.archived_contact(&result)).map(|contact| (id, contact)));
            }
        }
        Ok(found)
    }

    fn archived_contact(&self, result: &Value) -> Option<Contact> {
        let contact = wire::contact(result, &self.names, |_| false)?;
        let is_archived = result["archived"] == true || contact.archived_at_ms.is_some();
        is_archived.then_some(contact)
    }

    pub(crate) async fn read_one(
        &self,
        id: ContactId,
        properties: &[String],
        priority: Priority,
    ) -> Result<Option<Contact>, Error> {
        let named = if properties.is_empty() { NO_PROPERTY.to_owned() } else { properties.join(",") };
        let request = Request::of(Endpoint::ContactRead, id).ask("properties", named);
        let Some(answer) = none_if_missing(self.read(&request, priority).await)? else { return Ok(None) };
        let contact = wire::contact(&answer, &self.names, asks_for(properties));
        contact.map(Some).ok_or_else(|| Error::Garbage { detail: "a contact without an ID".into() })
    }

    pub(crate) async fn archive(&self, id: ContactId, priority: Priority) -> Result<(), Error> {
        let request = Request::of(Endpoint::ContactArchive, id);
        none_if_missing(self.call(&request, priority).await.map_err(Error::from)).map(drop)
    }

    pub(crate) async fn gdpr_delete(&self, contact: ContactKey<'_>, priority: Priority) -> Result<(), Error> {
        let body = match contact {
            ContactKey::Id(id) => json!({"objectId": id.to_string()}),
            ContactKey::Email(email) => json!({"objectId": batch::lower(email), "idProperty": "email"}),
        };
        self.call(&Request::new(Endpoint::ContactErase).with(body), priority).await?;
        Ok(())
    }

    /// A call that is answered by an object.
    pub(crate) async fn read(&self, request: &Request, priority: Priority) -> Result<Value, Error> {
        let answer = self.call(request, priority).await?;
        if answer.is_object() {
            Ok(answer)
        } else {
            Err(Error::Garbage { detail: "an empty answer to a question".into() })
        }
    }
}

fn none_if_missing<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn asks_for(properties: &[String]) -> impl Fn(&str) -> bool {
    move |name| properties.iter().any(|property| property == name)
}

/// HubSpot refuses a batch that names a contact twice.
fn distinct(ids: impl IntoIterator<Item = ContactId>) -> Vec<ContactId> {
    ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

fn body_by_id(ids: &[ContactId], properties: &[String]) -> Value {
    let inputs: Vec<_> = ids.iter().map(|id| json!({"id": id.to_string()})).collect();
    if properties.is_empty() {
        json!({"properties": [NO_PROPERTY], "inputs": inputs})
    } else {
        json!({"properties": properties, "inputs": inputs})
    }
}

/// All addresses that a result is found by, in lower case.
fn addresses(result: &Value) -> BTreeSet<String> {
    let texts = ADDRESSES.iter().filter_map(|name| result["properties"][name].as_str());
    texts.flat_map(|text| text.split(';')).map(batch::lower).collect()
}

/// Of what was asked for, what no error says is not there.
fn unmentioned<'a>(asked: &'a [String], answer: &Value) -> BTreeSet<&'a str> {
    let missing: BTreeSet<_> = wire::list(&answer["errors"])
        .iter()
        .map(Problem::read)
        .filter(|problem| problem.category == NOT_THERE)
        .flat_map(|problem| problem.ids)
        .map(|id| batch::lower(&id))
        .collect();
    asked.iter().filter(|id| !missing.contains(*id)).map(String::as_str).collect()
}

fn unmentioned_ids(asked: &[ContactId], answer: &Value) -> BTreeSet<ContactId> {
    let texts: Vec<_> = asked.iter().map(ContactId::to_string).collect();
    unmentioned(&texts, answer).into_iter().filter_map(|id| id.parse().ok()).collect()
}
