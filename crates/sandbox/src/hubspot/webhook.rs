//! Webhooks of the portal: batches, shuffled, sometimes doubled, signed v3 and v1, repeated until they are taken.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::contact::RecordId;
use super::fact::{Actor, Fact};
use super::portal::Portal;
use crate::delivery::{Caller, Delivery, Reaction};
use crate::dice::Dice;

/// Who gets the portal's webhooks, and how they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscriber {
    /// The target URL, exactly as configured: it is part of the v3 signature.
    pub url: String,
    /// The app's client secret.
    pub client_secret: String,
    /// The app's number.
    #[serde(default = "default_app_id")]
    pub app_id: u64,
    /// Subscription types that are sent.
    #[serde(default = "default_types")]
    pub types: Vec<String>,
    /// Properties whose changes are sent, when `contact.propertyChange` is among the types.
    #[serde(default = "default_properties")]
    pub properties: Vec<String>,
    /// Milliseconds in which events are gathered before they are sent.
    #[serde(default = "default_gather_ms")]
    pub gather_ms: i64,
    /// Events of a hundred that are sent twice.
    #[serde(default = "default_duplicates")]
    pub duplicate_percent: u8,
    /// Milliseconds until the first repetition; it doubles each time.
    #[serde(default = "default_retry_ms")]
    pub retry_ms: i64,
}

fn default_app_id() -> u64 {
    1_160_452
}

fn default_types() -> Vec<String> {
    ["contact.deletion", "contact.restore", "contact.merge", "contact.privacyDeletion", "contact.propertyChange"]
        .map(str::to_owned)
        .to_vec()
}

fn default_properties() -> Vec<String> {
    vec!["email".to_owned()]
}

fn default_gather_ms() -> i64 {
    200
}

fn default_duplicates() -> u8 {
    10
}

fn default_retry_ms() -> i64 {
    1_000
}

impl Subscriber {
    /// A subscriber with the usual subscriptions.
    pub fn new(url: &str, client_secret: &str) -> Self {
        Self {
            url: url.to_owned(),
            client_secret: client_secret.to_owned(),
            app_id: default_app_id(),
            types: default_types(),
            properties: default_properties(),
            gather_ms: default_gather_ms(),
            duplicate_percent: default_duplicates(),
            retry_ms: default_retry_ms(),
        }
    }
}

/// What happened to a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of an event are named after what they hold")]
pub enum Event {
    /// Created.
    Creation,
    /// Moved to the recycle bin.
    Deletion,
    /// Brought back.
    Restore,
    /// Deleted for good; `Deletion` comes too.
    PrivacyDeletion,
    /// Two contacts became one.
    Merge { primary: RecordId, other: RecordId, into: RecordId, moved: usize },
    /// A value changed.
    PropertyChange { name: String, value: String },
}

impl Event {
    fn subscription(&self) -> &'static str {
        match self {
            Self::Creation => "contact.creation",
            Self::Deletion => "contact.deletion",
            Self::Restore => "contact.restore",
            Self::PrivacyDeletion => "contact.privacyDeletion",
            Self::Merge { .. } => "contact.merge",
            Self::PropertyChange { .. } => "contact.propertyChange",
        }
    }
}

/// A batch that was sent and not yet answered, or waits for its repetition.
#[derive(Clone, Debug)]
struct Batch {
    due_ms: i64,
    attempt: u32,
    events: Vec<Value>,
    /// Sent and not yet answered.
    out: bool,
}

/// The most events of one request.
const BATCH_LIMIT: usize = 100;
/// Repetitions after the first attempt.
const RETRIES: u32 = 10;

/// What is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    subscriber: Option<Subscriber>,
    gathered: Vec<Value>,
    gathered_due_ms: i64,
    batches: BTreeMap<u64, Batch>,
    next_number: u64,
    next_event: u64,
    dice: Dice,
}

impl Outbox {
    pub fn new(seed: u64) -> Self {
        Self {
            subscriber: None,
            gathered: Vec::new(),
            gathered_due_ms: 0,
            batches: BTreeMap::new(),
            next_number: 0,
            next_event: 100_200_300,
            dice: Dice::new(seed, "hubspot webhooks"),
        }
    }

    pub fn subscribe(&mut self, subscriber: Option<Subscriber>) {
        self.subscriber = subscriber;
        self.gathered.clear();
        self.batches.clear();
    }

    /// Takes an event, if somebody wants it.
    pub fn note(&mut self, now_ms: i64, by: Actor, id: RecordId, event: Event) {
        let Some(subscriber) = &self.subscriber else { return };
        let subscription = event.subscription();
        let unwanted_property =
            matches!(&event, Event::PropertyChange { name, .. } if !subscriber.properties.contains(name));
        let Some(place) =
            subscriber.types.iter().position(|wanted| wanted == subscription).filter(|_| !unwanted_property)
        else {
            return;
        };
        self.next_event += 1 + self.dice.below(1_000);
        let mut body = json!({
            "eventId": self.next_event, "subscriptionId": 22 + place, "appId": subscriber.app_id,
            "occurredAt": now_ms, "subscriptionType": subscription, "attemptNumber": 0, "objectId": id,
        });
        let (source, source_id) = match by {
            Actor::Person => ("CRM_UI", "userId:864745280"),
            Actor::Api => ("INTEGRATION", "19083857"),
        };
        (body["changeSource"], body["sourceId"]) = (json!(source), json!(source_id));
        match event {
            Event::Creation => body["changeFlag"] = json!("NEW"),
            Event::Deletion => body["changeFlag"] = json!("DELETED"),
            Event::Merge { primary, other, into, moved } => {
                (body["primaryObjectId"], body["mergedObjectIds"]) = (json!(primary), json!([other]));
                (body["newObjectId"], body["numberOfPropertiesMoved"]) = (json!(into), json!(moved));
            }
            Event::PropertyChange { name, value } => {
                (body["propertyName"], body["propertyValue"]) = (json!(name), json!(value));
                body["isSensitive"] = json!(false);
            }
            Event::Restore | Event::PrivacyDeletion => {}
        }
        if self.gathered.is_empty() {
            self.gathered_due_ms = now_ms + subscriber.gather_ms;
        }
        if self.dice.chance(subscriber.duplicate_percent) {
            self.gathered.push(body.clone());
        }
        self.gathered.push(body);
    }

    fn pack(&mut self) {
        let mut events = std::mem::take(&mut self.gathered);
        self.dice.shuffle(&mut events);
        for events in events.chunks(BATCH_LIMIT) {
            let batch = Batch { due_ms: self.gathered_due_ms, attempt: 0, events: events.to_vec(), out: false };
            self.batches.insert(self.next_number, batch);
            self.next_number += 1;
        }
    }
}

impl Caller for Portal {
    fn next_due_ms(&self) -> Option<i64> {
        let waiting = self.outbox.batches.values().filter(|batch| !batch.out).map(|batch| batch.due_ms);
        let gathered = (!self.outbox.gathered.is_empty()).then_some(self.outbox.gathered_due_ms);
        waiting.chain(gathered).min()
    }

    fn take_due(&mut self, now_ms: i64) -> Vec<Delivery> {
        if self.outbox.gathered_due_ms <= now_ms {
            self.outbox.pack();
        }
        let portal_id = self.settings.portal_id;
        let Some(subscriber) = &self.outbox.subscriber else { return Vec::new() };
        let due = self.outbox.batches.iter_mut().filter(|(_, batch)| !batch.out && batch.due_ms <= now_ms);
        due.map(|(number, batch)| {
            batch.out = true;
            for event in &mut batch.events {
                (event["portalId"], event["attemptNumber"]) = (json!(portal_id), json!(batch.attempt));
            }
            let body = Value::from(batch.events.clone()).to_string();
            let headers = signatures(subscriber, &body, now_ms);
            Delivery {
                number: *number,
                url: subscriber.url.clone(),
                headers,
                body: body.into_bytes(),
                timeout_ms: 5_000,
            }
        })
        .collect()
    }

    fn answered(&mut self, now_ms: i64, number: u64, reaction: Reaction) {
        let Some(mut batch) = self.outbox.batches.remove(&number) else { return };
        self.history.note(now_ms, Fact::Webhook { events: batch.events.len(), attempt: batch.attempt, reaction });
        let again = !reaction.accepted() && batch.attempt < RETRIES;
        if let Some(subscriber) = self.outbox.subscriber.as_ref().filter(|_| again) {
            let wait_ms = subscriber.retry_ms << batch.attempt;
            batch.attempt += 1;
            (batch.due_ms, batch.out) = (now_ms + wait_ms, false);
            self.outbox.batches.insert(number, batch);
        }
    }
}

/// v3 over method, URI, body and time; v1 over secret and body.
fn signatures(subscriber: &Subscriber, body: &str, now_ms: i64) -> Vec<(&'static str, String)> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(subscriber.client_secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("POST{}{body}{now_ms}", subscriber.url).as_bytes());
    let v3 = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let v1 = hex::encode(Sha256::digest(format!("{}{body}", subscriber.client_secret)));
    vec![
        ("content-type", "application/json".to_owned()),
        ("x-hubspot-signature", v1),
        ("x-hubspot-signature-version", "v1".to_owned()),
        ("x-hubspot-signature-v3", v3),
        ("x-hubspot-request-timestamp", now_ms.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(body: &str, at_ms: i64) -> String {
        let subscriber = Subscriber::new("https://www.example.com/webhook_uri", "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy");
        signatures(&subscriber, body, at_ms)
            .into_iter()
            .find(|(name, _)| *name == "x-hubspot-signature-v3")
            .map_or(String::new(), |found| found.1)
    }

    #[test]
    fn the_v3_signature_is_the_published_one() {
        let body = r#"{"example_field":"example_value"}"#;
        assert_eq!(signed(body, 1_693_657_560_000), "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go=");
    }

    #[test]
    fn the_v1_signature_is_the_published_one() {
        let body = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
        let subscriber = Subscriber::new("https://www.example.com/webhook_uri", "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy");
        let headers = signatures(&subscriber, body, 0);
        assert_eq!(headers[1].1, "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de");
    }
}
