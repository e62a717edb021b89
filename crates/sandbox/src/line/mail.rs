//! Webhooks on their way: signed, held back, doubled, delivered again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::channel::Channel;
use super::event;
use super::fact::Fact;
use super::platform::Platform;
use crate::delivery::{Caller, Delivery, Reaction};

/// How held-back events are sent in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// As they happened.
    #[default]
    AsIs,
    /// The newest first.
    Reverse,
    /// Shuffled.
    Shuffle,
}

/// One webhook request.
#[derive(Clone, Debug)]
struct Parcel {
    channel_id: String,
    content: Content,
    attempt: u32,
}

#[derive(Clone, Debug)]
enum Content {
    Events(Vec<Value>),
    /// Signed bytes that are no ordinary webhook.
    Raw(Vec<u8>),
}

/// The webhooks of all channels.
#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    /// By number: waiting, or sent and not yet answered.
    parcels: HashMap<u64, Parcel>,
    /// When the waiting ones are due.
    waiting: BTreeSet<(i64, u64)>,
    held: BTreeMap<String, Vec<Value>>,
    next_number: u64,
}

/// How long LINE waits for an answer.
const TIMEOUT_MS: u64 = 2_000;

impl Mail {
    pub fn issue_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn enclose(&mut self, channel_id: &str, content: Content, due_ms: i64) -> u64 {
        let number = self.issue_number();
        self.queue(number, Parcel { channel_id: channel_id.to_owned(), content, attempt: 0 }, due_ms);
        number
    }

    fn queue(&mut self, number: u64, parcel: Parcel, due_ms: i64) {
        self.parcels.insert(number, parcel);
        self.waiting.insert((due_ms, number));
    }
}

impl Platform {
    /// Sends events in one webhook; held back while the channel holds. Answers the numbers of the deliveries.
    pub(super) fn mail_events(&mut self, due_ms: i64, channel_id: &str, events: Vec<Value>, copies: u32) -> Vec<u64> {
        if let Some(held) = self.mail.held.get_mut(channel_id) {
            for _ in 0..=copies {
                held.extend(events.iter().cloned());
            }
            return Vec::new();
        }
        let extra = u32::from(self.dice.chance(self.settings.duplicate_percent));
        (0..=copies + extra).map(|_| self.mail.enclose(channel_id, Content::Events(events.clone()), due_ms)).collect()
    }

    /// Holds a channel's events back from now on.
    pub fn hold(&mut self, channel_id: &str) {
        self.mail.held.entry(channel_id.to_owned()).or_default();
    }

    /// Sends what a channel held back, in `order`; `together` in one request. Answers the numbers of the deliveries.
    pub fn release(&mut self, now_ms: i64, channel_id: &str, order: Order, together: bool) -> Vec<u64> {
        let Some(mut events) = self.mail.held.remove(channel_id) else { return Vec::new() };
        match order {
            Order::AsIs => {}
            Order::Reverse => events.reverse(),
            Order::Shuffle => self.dice.shuffle(&mut events),
        }
        if together && !events.is_empty() {
            return self.mail_events(now_ms, channel_id, events, 0);
        }
        events.into_iter().flat_map(|event| self.mail_events(now_ms, channel_id, vec![event], 0)).collect()
    }

    /// Sends any bytes, correctly signed, once.
    pub fn mail_raw(&mut self, now_ms: i64, channel_id: &str, body: Vec<u8>) -> u64 {
        self.mail.enclose(channel_id, Content::Raw(body), now_ms)
    }

    /// A signed webhook without events, as the console's "Verify" sends it.
    pub(super) fn empty_webhook(&mut self, channel: &Channel, url: &str) -> Delivery {
        let body = event::body(&channel.bot_user_id, &[], false).into_bytes();
        signed(self.mail.issue_number(), channel, url, body)
    }

    /// Gives a parcel up.
    fn lose(&mut self, now_ms: i64, parcel: &Parcel, why: &'static str) {
        let fact = Fact::Lost { channel_id: parcel.channel_id.clone(), webhook_event_ids: parcel.ids(), why };
        self.history.note(now_ms, fact);
    }

    fn addressed(&mut self, now_ms: i64, number: u64, mut parcel: Parcel) -> Option<Delivery> {
        let Some(channel) = self.channels.get(&parcel.channel_id).cloned() else {
            self.lose(now_ms, &parcel, "no_such_channel");
            return None;
        };
        let Some(url) = channel.endpoint.as_deref().filter(|_| channel.use_webhook) else {
            self.lose(now_ms, &parcel, "no_webhook_url");
            return None;
        };
        let body = match &mut parcel.content {
            Content::Raw(body) => body.clone(),
            Content::Events(events) => {
                for event in events.iter_mut() {
                    if parcel.attempt > 0 {
                        event["deliveryContext"] = json!({"isRedelivery": true});
                    }
                    self.replies.arrive(now_ms, &parcel.channel_id, event);
                }
                event::body(&channel.bot_user_id, events, self.settings.escape_unicode).into_bytes()
            }
        };
        let delivery = signed(number, &channel, url, body);
        self.mail.parcels.insert(number, parcel);
        Some(delivery)
    }
}

impl Parcel {
    fn ids(&self) -> Vec<String> {
        let events = match &self.content {
            Content::Events(events) => events.as_slice(),
            Content::Raw(_) => &[],
        };
        events.iter().filter_map(|event| event["webhookEventId"].as_str()).map(str::to_owned).collect()
    }
}

impl Caller for Platform {
    fn next_due_ms(&self) -> Option<i64> {
        self.mail.waiting.first().map(|(due_ms, _)| *due_ms)
    }

    fn take_due(&mut self, now_ms: i64) -> Vec<Delivery> {
        let later = self.mail.waiting.split_off(&(now_ms + 1, 0));
        let due = std::mem::replace(&mut self.mail.waiting, later);
        let parcels: Vec<(u64, Parcel)> =
            due.into_iter().filter_map(|(_, number)| Some((number, self.mail.parcels.remove(&number)?))).collect();
        parcels.into_iter().filter_map(|(number, parcel)| self.addressed(now_ms, number, parcel)).collect()
    }

    fn answered(&mut self, now_ms: i64, number: u64, reaction: Reaction) {
        let Some(mut parcel) = self.mail.parcels.remove(&number) else { return };
        let body = self.settings.keep_bodies.then(|| match &parcel.content {
            Content::Raw(body) => String::from_utf8_lossy(body).into_owned(),
            Content::Events(events) => Value::from(events.clone()).to_string(),
        });
        let (channel_id, attempt) = (parcel.channel_id.clone(), parcel.attempt);
        let fact = Fact::Webhook { channel_id, webhook_event_ids: parcel.ids(), attempt, reaction, body };
        self.history.note(now_ms, fact);
        if reaction.accepted() {
            return;
        }
        let redelivers = self.channels.get(&parcel.channel_id).is_some_and(|channel| channel.redelivery);
        let wait_ms = self.settings.redelivery_ms.get(usize::try_from(parcel.attempt).unwrap_or(usize::MAX)).copied();
        match wait_ms.filter(|_| redelivers && matches!(parcel.content, Content::Events(_))) {
            Some(wait_ms) => {
                parcel.attempt += 1;
                self.mail.queue(number, parcel, now_ms + wait_ms);
            }
            None => self.lose(now_ms, &parcel, if redelivers { "given_up" } else { "redelivery_is_off" }),
        }
    }
}

fn signed(number: u64, channel: &Channel, url: &str, body: Vec<u8>) -> Delivery {
    let headers = vec![
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("user-agent", "LineBotWebhook/2.0".to_owned()),
        ("x-line-signature", signature(&channel.secret, &body)),
    ];
    Delivery { number, url: url.to_owned(), headers, body, timeout_ms: TIMEOUT_MS }
}

/// Base64 of HMAC-SHA256; the key is the secret's text, not what its digits stand for.
fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_published_one() {
        let body = br#"{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}"#;
        let signature = signature("8c570fa6dd201bb328f1c1eac23a96d8", body);
        assert_eq!(signature, "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=");
    }
}
