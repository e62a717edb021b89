//! Sending messages: push, reply, multicast, broadcast, and what they count.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::answer;
use super::channel::Channel;
use super::fact::Fact;
use super::person;
use super::platform::{Call, Platform};
use super::retry;
use crate::exchange::Response;

/// One accepted message to one person or chat.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sent {
    /// When, by the sandbox's clock.
    pub at_ms: i64,
    /// From which channel.
    pub channel_id: String,
    /// `push`, `reply`, `multicast` or `broadcast`.
    pub way: &'static str,
    /// To whom: a user ID, or the chat of a reply.
    pub to: String,
    /// The message objects.
    pub messages: Value,
    /// `x-line-request-id` of the call.
    pub request_id: String,
    /// Retry key of the call.
    pub retry_key: Option<String>,
    /// False for people who blocked the account or are not its friends: LINE answers 200 all the same.
    pub arrives: bool,
}

/// Reply tokens: usable once, for a minute after each arrival of their event, for 20 minutes after the event.
#[derive(Clone, Debug, Default)]
pub(super) struct Replies(HashMap<String, Reply>);

#[derive(Clone, Debug)]
struct Reply {
    channel_id: String,
    to: String,
    until_ms: i64,
    used: bool,
}

const REPLY_MS: i64 = 60_000;
const REPLY_AT_MOST_MS: i64 = 20 * 60_000;
/// How long an account may write to somebody who is no friend but wrote to it.
const WROTE_MS: i64 = 7 * crate::stamp::DAY_MS;

impl Replies {
    /// Notes that an event is delivered now.
    pub fn arrive(&mut self, now_ms: i64, channel_id: &str, event: &Value) {
        let Some(token) = event["replyToken"].as_str() else { return };
        let source = &event["source"];
        let chat = source["groupId"].as_str().or(source["userId"].as_str()).unwrap_or_default();
        let latest_ms = event["timestamp"].as_i64().unwrap_or(now_ms) + REPLY_AT_MOST_MS;
        let fresh = Reply { channel_id: channel_id.to_owned(), to: chat.to_owned(), until_ms: 0, used: false };
        let reply = self.0.entry(token.to_owned()).or_insert(fresh);
        reply.until_ms = (now_ms + REPLY_MS).min(latest_ms);
    }

    fn spend(&mut self, now_ms: i64, channel_id: &str, token: &str) -> Option<String> {
        let reply = self.0.get_mut(token)?;
        let good = !reply.used && reply.channel_id == channel_id && now_ms <= reply.until_ms;
        good.then(|| {
            reply.used = true;
            reply.to.clone()
        })
    }
}

impl Platform {
    /// `POST /v2/bot/message/push`.
    pub(super) fn push(&mut self, call: &Call<'_>, channel: &Channel) -> Response {
        self.keyed(call, channel, |platform, body| {
            let Some(to) = body["to"].as_str() else { return Err(answer::flawed("to", "May not be empty")) };
            if !platform.addressable(channel, to) {
                return Err(answer::error(400, "Failed to send messages"));
            }
            platform.charge(channel, 1)?;
            platform.note_sent(call, channel, "push", to, &body["messages"]);
            Ok(json!({"sentMessages": platform.sent_messages(&body["messages"])}))
        })
    }

    /// `POST /v2/bot/message/multicast`.
    pub(super) fn multicast(&mut self, call: &Call<'_>, channel: &Channel) -> Response {
        self.keyed(call, channel, |platform, body| {
            let to: Vec<&str> =
                body["to"].as_array().map(|to| to.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
            if to.is_empty() || to.len() > 500 {
                return Err(answer::flawed("to", "Size must be between 1 and 500"));
            }
            if let Some(place) = to.iter().position(|user_id| !person::well_formed(user_id)) {
                return Err(answer::flawed(
                    &format!("to[{place}]"),
                    "The property, 'to', in the request body is invalid",
                ));
            }
            platform.charge(channel, to.len() as u64)?;
            for user_id in to {
                platform.note_sent(call, channel, "multicast", user_id, &body["messages"]);
            }
            Ok(json!({}))
        })
    }

    /// `POST /v2/bot/message/broadcast`.
    pub(super) fn broadcast(&mut self, call: &Call<'_>, channel: &Channel) -> Response {
        self.keyed(call, channel, |platform, body| {
            let friends: Vec<String> = platform.bonds.friends_from(&channel.id, "").cloned().collect();
            platform.charge(channel, friends.len() as u64)?;
            for user_id in &friends {
                platform.note_sent(call, channel, "broadcast", user_id, &body["messages"]);
            }
            Ok(json!({}))
        })
    }

    /// `POST /v2/bot/message/reply`: no retry key, the token works once.
    pub(super) fn reply(&mut self, call: &Call<'_>, channel: &Channel) -> Response {
        if call.request.header("x-line-retry-key").is_some() {
            return answer::error(400, "The retry key is not supported by this API");
        }
        let body = match call.json().and_then(|body| checked(&body).map(|()| body)) {
            Ok(body) => body,
            Err(response) => return response,
        };
        let token = body["replyToken"].as_str().unwrap_or_default();
        let Some(to) = self.replies.spend(call.now_ms, &channel.id, token) else {
            return answer::error(400, "Invalid reply token");
        };
        self.note_sent(call, channel, "reply", &to, &body["messages"]);
        Response::json(200, &json!({"sentMessages": self.sent_messages(&body["messages"])}))
    }

    /// `GET /v2/bot/message/quota`.
    pub(super) fn quota(&self, channel: &Channel) -> Response {
        match channel.monthly_limit {
            Some(limit) => Response::json(200, &json!({"type": "limited", "value": limit})),
            None => Response::json(200, &json!({"type": "none"})),
        }
    }

    /// `GET /v2/bot/message/quota/consumption`.
    pub(super) fn quota_consumption(&self, channel: &Channel) -> Response {
        let usage = self.consumption.get(&channel.id).copied().unwrap_or_default();
        Response::json(200, &json!({"totalUsage": usage}))
    }

    /// Carries a send out once per retry key.
    fn keyed(
        &mut self,
        call: &Call<'_>,
        channel: &Channel,
        send: impl FnOnce(&mut Self, &Value) -> Result<Value, Response>,
    ) -> Response {
        let key = call.request.header("x-line-retry-key");
        if key.is_some_and(|key| !retry::well_formed(key)) {
            return answer::error(400, "The retry key is invalid");
        }
        if let Some(accepted) = key.and_then(|key| self.retry_keys.accepted(call.now_ms, &channel.id, key)) {
            let mut body = accepted.body.clone();
            body["message"] = json!("The retry key is already accepted");
            return Response::json(409, &body).with_header("x-line-accepted-request-id", accepted.request_id.clone());
        }
        let sent = call.json().and_then(|body| checked(&body).and_then(|()| send(self, &body)));
        match sent {
            Err(response) => response,
            Ok(body) => {
                if let Some(key) = key {
                    self.retry_keys.spend(call.now_ms, &channel.id, key, &call.request_id, &body);
                }
                Response::json(200, &body)
            }
        }
    }

    /// People of this provider, and chats.
    fn addressable(&self, channel: &Channel, to: &str) -> bool {
        let chat = to.starts_with(['C', 'R']) && to.len() == 33;
        chat || person::well_formed(to) && self.person(&channel.provider, to).is_some()
    }

    fn charge(&mut self, channel: &Channel, recipients: u64) -> Result<(), Response> {
        let usage = self.consumption.entry(channel.id.clone()).or_default();
        if channel.monthly_limit.is_some_and(|limit| *usage + recipients > limit) {
            return Err(answer::error(429, "You have reached your monthly limit."));
        }
        *usage += recipients;
        Ok(())
    }

    fn note_sent(&mut self, call: &Call<'_>, channel: &Channel, way: &'static str, to: &str, messages: &Value) {
        let bond = self.bonds.get(&channel.id, to);
        let wrote = |at_ms: i64| call.now_ms - at_ms <= WROTE_MS;
        let arrives = !to.starts_with('U')
            || bond.is_some_and(|bond| !bond.blocked && (bond.friend || bond.wrote_ms.is_some_and(wrote)));
        let retry_key = call.request.header("x-line-retry-key").map(str::to_owned);
        self.history.note(
            call.now_ms,
            Fact::Sent {
                channel_id: channel.id.clone(),
                way,
                to: to.to_owned(),
                request_id: call.request_id.clone(),
                retry_key: retry_key.clone(),
                arrives,
            },
        );
        self.sent.push(Sent {
            at_ms: call.now_ms,
            channel_id: channel.id.clone(),
            way,
            to: to.to_owned(),
            messages: messages.clone(),
            request_id: call.request_id.clone(),
            retry_key,
            arrives,
        });
    }

    fn sent_messages(&mut self, messages: &Value) -> Vec<Value> {
        let count = messages.as_array().map_or(0, Vec::len);
        (0..count).map(|_| json!({"id": self.dice.digits(18), "quoteToken": self.dice.alphanumeric(48)})).collect()
    }
}

/// Checks `messages`: one to five objects with a type; texts of 1 to 5,000 UTF-16 code units.
fn checked(body: &Value) -> Result<(), Response> {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if messages.is_empty() || messages.len() > 5 {
        return Err(answer::flawed("messages", "Size must be between 1 and 5"));
    }
    for (place, message) in messages.iter().enumerate() {
        let flaw = |property: &str, words: &str| Err(answer::flawed(&format!("messages[{place}].{property}"), words));
        match message["type"].as_str() {
            Some("text") => {
                let length = message["text"].as_str().map_or(0, |text| text.encode_utf16().count());
                if length == 0 {
                    return flaw("text", "May not be empty");
                }
                if length > 5_000 {
                    return flaw("text", "Length must be between 0 and 5000");
                }
            }
            Some(
                "textV2" | "sticker" | "image" | "video" | "audio" | "location" | "imagemap" | "template" | "flex",
            ) => {}
            _ => {
                return flaw(
                    "type",
                    "Must be one of the following values: [text, sticker, image, video, audio, location, ...]",
                );
            }
        }
    }
    Ok(())
}
