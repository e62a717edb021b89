//! People in LINE's app, an owner in LINE's console, and LINE's moods.

use serde_json::{Map, Value, json};

use super::body::{Body, merged, parsed};
use super::{Answered, Control, Refused};
use crate::delivery::Reaction;
use crate::line::{Act, Channel, Fault, Manner, Order, Unplayable};

impl From<Unplayable> for Refused {
    fn from(unplayable: Unplayable) -> Self {
        let status = if unplayable == Unplayable::NoSuchChannel { 404 } else { 409 };
        Self(status, unplayable.to_string())
    }
}

/// Members of an act's body that say how it is told, not what is done.
const MANNERS: [&str; 4] = ["timestamp", "copies", "delay_ms", "standby"];

impl Control {
    pub(super) async fn line(&self, method: &str, path: &[&str], body: &Body) -> Answered {
        match (method, path) {
            ("POST", [channel, "friends", user, "befriend"]) => self.befriend(channel, user),
            ("POST", [channel, "friends", user, act]) => self.play(channel, user, act, body).await,
            ("POST", [channel, "play"]) => self.play(channel, body.needed("user")?, body.needed("act")?, body).await,
            _ => self.console(method, path, body),
        }
    }

    fn console(&self, method: &str, path: &[&str], body: &Body) -> Answered {
        match (method, path) {
            ("GET", ["channels"]) => self.handle.line(|platform, _| Ok(json!(platform.channels().collect::<Vec<_>>()))),
            ("GET", ["sent"]) => self.handle.line(|platform, _| Ok(json!({"sent": platform.sent()}))),
            ("GET", ["settings"]) => self.handle.line(|platform, _| Ok(json!(platform.settings()))),
            ("POST", ["settings"]) => self.adjust_line(body),
            ("POST", ["faults"]) => {
                let fault: Fault = body.parsed()?;
                self.handle.line(|platform, _| platform.inject(fault));
                Ok(json!({}))
            }
            ("DELETE", ["faults"]) => {
                self.handle.line(|platform, _| platform.clear_faults());
                Ok(json!({}))
            }
            ("GET", [channel]) => self.channel(channel).map(|channel| json!(channel)),
            ("POST", [channel]) => {
                let changed: Channel = merged(&self.channel(channel)?, body.object()?)?;
                self.handle.line(|platform, _| platform.put_channel(changed.clone()));
                Ok(json!(changed))
            }
            ("GET", [channel, "friends"]) => self.friends(channel),
            ("POST", [channel, "hold"]) => {
                self.channel(channel)?;
                self.handle.line(|platform, _| platform.hold(channel));
                Ok(json!({}))
            }
            ("POST", [channel, "release"]) => {
                let order: Order = parsed(body.object()?.get("order").cloned().unwrap_or(json!("as-is")))?;
                let together = body.object()?.get("together").and_then(Value::as_bool).unwrap_or_default();
                let deliveries =
                    self.handle.line(|platform, now_ms| platform.release(now_ms, channel, order, together));
                Ok(json!({"deliveries": deliveries}))
            }
            ("POST", [channel, "raw"]) => {
                self.channel(channel)?;
                let delivery =
                    self.handle.line(|platform, now_ms| platform.mail_raw(now_ms, channel, body.raw().to_vec()));
                Ok(json!({"deliveries": [delivery]}))
            }
            _ => Err(Refused::unknown("endpoint")),
        }
    }

    fn channel(&self, channel_id: &str) -> Result<Channel, Refused> {
        self.handle.line(|platform, _| platform.channel(channel_id).cloned()).ok_or_else(|| Refused::unknown("channel"))
    }

    fn adjust_line(&self, body: &Body) -> Answered {
        let changes = body.object()?;
        self.handle.line(|platform, _| {
            let settings = merged(platform.settings(), changes)?;
            platform.adjust(|current| *current = settings);
            Ok(json!(platform.settings()))
        })
    }

    fn befriend(&self, channel_id: &str, user: &str) -> Answered {
        let user_id = self.handle.line(|platform, _| platform.befriend(channel_id, user))?;
        Ok(json!({"user_id": user_id}))
    }

    fn friends(&self, channel_id: &str) -> Answered {
        let channel = self.channel(channel_id)?;
        self.handle.line(|platform, _| {
            let friend = |(user_id, bond): (&String, _)| {
                json!({"person": platform.person(&channel.provider, user_id), "bond": bond})
            };
            Ok(json!({"friends": platform.bonds(channel_id).map(friend).collect::<Vec<_>>()}))
        })
    }

    async fn play(&self, channel_id: &str, user: &str, act: &str, body: &Body) -> Answered {
        let (act, manner) = acted(act, body)?;
        let told = self.handle.play(channel_id, user, &act, &manner).await?;
        let mut answer = json!(told);
        answer["summary"] = json!(summary(user, act.name(), &told.played.webhook_event_ids, &told.reactions));
        Ok(answer)
    }
}

/// Splits a body into the act and its manner.
fn acted(act: &str, body: &Body) -> Result<(Act, Manner), Refused> {
    let mut object: Map<String, Value> = body.object()?.clone();
    object.remove("user");
    if body.is_form() && !matches!(act, "message" | "group-message" | "edit" | "sticker") {
        // The page's form has one text field for all acts.
        object.remove("text");
    }
    let manner = MANNERS.iter().filter_map(|name| object.remove_entry(*name)).collect();
    object.insert("act".to_owned(), json!(act));
    Ok((parsed(Value::Object(object))?, parsed(Value::Object(manner))?))
}

fn summary(user: &str, act: &str, events: &[String], reactions: &[Option<Reaction>]) -> String {
    if events.is_empty() {
        return format!("{user}: {act} — LINE sends nothing for this");
    }
    if reactions.is_empty() {
        return format!("{user}: {act} — no webhook URL is set, or events are held back");
    }
    let words = reactions.iter().map(|reaction| match reaction {
        Some(Reaction::Status(status)) => status.to_string(),
        Some(other) => other.reason().to_owned(),
        None => "no answer yet".to_owned(),
    });
    format!("{user}: {act} → {}", words.collect::<Vec<_>>().join(", "))
}
