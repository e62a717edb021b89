//! The account, its friends' profiles, its webhook URL.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::answer;
use super::channel::Channel;
use super::person;
use super::platform::{Call, Outcome, Platform};
use crate::exchange::Response;
use crate::stamp::DAY_MS;

/// Continuation tokens of the follower list: when they were issued, and the last user ID given out.
#[derive(Clone, Debug, Default)]
pub(super) struct PageTokens(HashMap<String, (i64, String)>);

impl Platform {
    /// `GET /v2/bot/info`.
    pub(super) fn bot_info(&self, channel: &Channel) -> Response {
        let (chat, mark_as_read) = if channel.chat { ("chat", "manual") } else { ("bot", "auto") };
        let mut body = json!({
            "userId": channel.bot_user_id, "basicId": channel.basic_id, "displayName": channel.display_name,
            "chatMode": chat, "markAsReadMode": mark_as_read,
        });
        if let Some(url) = &channel.picture_url {
            body["pictureUrl"] = json!(url);
        }
        Response::json(200, &body)
    }

    /// `GET /v2/bot/profile/{userId}`: friends, and people who wrote and have not blocked.
    pub(super) fn profile(&self, call: &Call<'_>, channel: &Channel) -> Response {
        if !person::well_formed(&call.subject) {
            return answer::error(400, "The value for the 'userId' parameter is invalid");
        }
        let person = self.person(&channel.provider, &call.subject).filter(|person| person.exists && person.consent);
        let bond = self.bonds.get(&channel.id, &call.subject);
        let reachable = bond.is_some_and(|bond| !bond.blocked && (bond.friend || bond.wrote_ms.is_some()));
        let Some(person) = person.filter(|_| reachable) else { return answer::not_found() };
        let mut body = json!({"userId": person.user_id, "displayName": person.display_name});
        let optional = [
            ("pictureUrl", &person.picture_url),
            ("statusMessage", &person.status_message),
            ("language", &person.language),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        Response::json(200, &body)
    }

    /// `GET /v2/bot/followers/ids`.
    pub(super) fn followers(&mut self, call: &Call<'_>, channel: &Channel) -> Response {
        if !channel.verified {
            return answer::error(403, "Access to this API is not available for your account");
        }
        let limit = match call.request.query.get("limit").map(str::parse::<usize>) {
            None => 300,
            Some(Ok(limit)) if (1..=1_000).contains(&limit) => limit,
            Some(_) => return answer::error(400, "The value for the 'limit' parameter is invalid"),
        };
        let start = match call.request.query.get("start") {
            None => String::new(),
            Some(token) => match self.page_tokens.0.get(token) {
                Some((issued_ms, last)) if call.now_ms - issued_ms < DAY_MS => last.clone(),
                _ => return answer::error(400, "The value for the 'start' parameter is invalid"),
            },
        };
        // A page can hold fewer IDs than asked for, although there are more.
        let short = if limit >= 10 { usize::try_from(self.dice.below(3)).unwrap_or(0) } else { 0 };
        let known = |user_id: &&String| {
            self.person(&channel.provider, user_id).is_some_and(|person| person.exists && person.consent)
        };
        let mut page: Vec<String> =
            self.bonds.friends_from(&channel.id, &start).filter(known).take(limit - short + 1).cloned().collect();
        let more = page.len() > limit - short;
        page.truncate(limit - short);
        let mut body = json!({"userIds": page});
        if let Some(last) = page.last().filter(|_| more) {
            let token = self.dice.alphanumeric(32);
            body["next"] = json!(token);
            self.page_tokens.0.insert(token, (call.now_ms, last.clone()));
        }
        Response::json(200, &body)
    }

    /// `GET /v2/bot/channel/webhook/endpoint`.
    pub(super) fn endpoint(&self, channel: &Channel) -> Response {
        match &channel.endpoint {
            Some(url) => Response::json(200, &json!({"endpoint": url, "active": channel.use_webhook})),
            None => answer::error(404, "Webhook endpoint not found"),
        }
    }

    /// `PUT /v2/bot/channel/webhook/endpoint`.
    pub(super) fn set_endpoint(&mut self, call: &Call<'_>, channel: &Channel) -> Response {
        let body = match call.json() {
            Ok(body) => body,
            Err(response) => return response,
        };
        match body["endpoint"].as_str().filter(|url| acceptable(url)) {
            Some(url) => {
                self.put_channel(Channel { endpoint: Some(url.to_owned()), ..channel.clone() });
                Response::json(200, &json!({}))
            }
            None => answer::error(400, "Invalid webhook endpoint URL"),
        }
    }

    /// `POST /v2/bot/channel/webhook/test`: calls the URL with a signed webhook without events.
    pub(super) fn test_endpoint(&mut self, call: &Call<'_>, channel: &Channel) -> Outcome {
        let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
        let url = body["endpoint"].as_str().or(channel.endpoint.as_deref());
        match url.filter(|url| acceptable(url)) {
            Some(url) => Outcome::Probe(self.empty_webhook(channel, url)),
            None => Outcome::Answer(answer::error(400, "Invalid webhook endpoint URL")),
        }
    }
}

/// HTTPS, at most 500 characters. Plain HTTP is taken for this machine only: the sandbox has no certificates to check.
fn acceptable(url: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let host_ends = |rest: &str| rest.is_empty() || rest.starts_with([':', '/']);
    let is_local = local.iter().any(|prefix| url.strip_prefix(prefix).is_some_and(host_ends));
    url.chars().count() <= 500 && (url.starts_with("https://") && url.len() > "https://".len() || is_local)
}
