//! People's doings: what they change on the platform, and which events they cause.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::act::{Act, Manner};
use super::channel::Channel;
use super::event::{Frame, group_source, user_source};
use super::fact::Fact;
use super::person::{self, Likeness, Person};
use super::platform::Platform;

/// What came of an act.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Played {
    /// The person's user ID at this channel's provider.
    pub user_id: String,
    /// The events it caused; none for acts LINE does not tell.
    pub webhook_event_ids: Vec<String>,
    /// The messages it made.
    pub message_ids: Vec<String>,
    /// Numbers of the deliveries; none while the channel holds its events back.
    pub deliveries: Vec<u64>,
}

/// Why an act cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unplayable {
    /// There is no such channel.
    #[error("no such channel")]
    NoSuchChannel,
    /// There is no message to take back or to change.
    #[error("the person has no such message")]
    NoSuchMessage,
    /// An event without `type`.
    #[error("an event needs a type")]
    NoType,
}

/// The events of one act, before they get their common properties.
type Drafts = Vec<(String, Option<Value>, bool, Map<String, Value>)>;

impl Platform {
    /// Lets a person (user ID or nickname) do something at a channel.
    pub fn play(
        &mut self,
        now_ms: i64,
        channel_id: &str,
        user: &str,
        act: &Act,
        manner: &Manner,
    ) -> Result<Played, Unplayable> {
        let channel = self.channels.get(channel_id).cloned().ok_or(Unplayable::NoSuchChannel)?;
        let user_id = self.meet(&channel, user);
        let at_ms = manner.timestamp.unwrap_or(now_ms);
        let drafts = self.perform(at_ms, &channel, &user_id, act)?;
        let mut played = Played { user_id: user_id.clone(), ..Played::default() };
        for (kind, source, replyable, own) in drafts {
            let frame = Frame { at_ms, source, replyable, standby: manner.standby };
            let event = self.event(&kind, &frame, own);
            let event_id = event["webhookEventId"].as_str().unwrap_or_default().to_owned();
            if let Some(id) = event["message"]["id"].as_str() {
                played.message_ids.push(id.to_owned());
            }
            self.history.note(
                now_ms,
                Fact::Played {
                    channel_id: channel_id.to_owned(),
                    user_id: user_id.clone(),
                    act: act.name(),
                    webhook_event_id: event_id.clone(),
                    timestamp: at_ms,
                },
            );
            played.webhook_event_ids.push(event_id);
            played.deliveries.extend(self.mail_events(
                now_ms + manner.delay_ms,
                channel_id,
                vec![event],
                manner.copies,
            ));
        }
        Ok(played)
    }

    /// Makes somebody a friend without any event, as friends from before the connection are.
    pub fn befriend(&mut self, channel_id: &str, user: &str) -> Result<String, Unplayable> {
        let channel = self.channels.get(channel_id).cloned().ok_or(Unplayable::NoSuchChannel)?;
        let user_id = self.meet(&channel, user);
        let bond = self.bonds.of(channel_id, &user_id);
        (bond.friend, bond.blocked) = (true, false);
        Ok(user_id)
    }

    /// Changes what the platform knows of a person; nobody is told.
    pub fn change_person(&mut self, provider: &str, user: &str, change: impl FnOnce(&mut Person)) {
        let user_id = person::user_id(provider, user);
        let known = self.people.entry((provider.to_owned(), user_id)).or_insert_with(|| Person::named(provider, user));
        change(known);
    }

    fn meet(&mut self, channel: &Channel, user: &str) -> String {
        self.change_person(&channel.provider, user, |_| {});
        person::user_id(&channel.provider, user)
    }

    fn perform(&mut self, at_ms: i64, channel: &Channel, user_id: &str, act: &Act) -> Result<Drafts, Unplayable> {
        let source = || Some(user_source(user_id));
        let own = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
        let event = |kind: &str, own: Map<String, Value>| Ok(vec![(kind.to_owned(), source(), true, own)]);
        match act {
            Act::Follow => Ok(self.follow(channel, user_id)),
            Act::Unfollow => Ok(self.unfollow(channel, user_id)),
            Act::Unsend { message_id } => {
                let id = self.take_message(channel, user_id, message_id.as_deref())?;
                Ok(vec![("unsend".to_owned(), source(), false, own("unsend", json!({"messageId": id})))])
            }
            Act::Edit { text, message_id } => {
                let id = self.take_message(channel, user_id, message_id.as_deref())?;
                self.bonds.of(&channel.id, user_id).messages.push((id.clone(), text.clone()));
                let mut edited = self.message("text", json!({"id": id, "text": text}));
                if let Some(message) = edited.get_mut("message").and_then(Value::as_object_mut) {
                    message.remove("markAsReadToken");
                }
                event("messageEdited", edited)
            }
            Act::Postback { data, params } => {
                let mut postback = json!({"data": data});
                if let Some(params) = params {
                    postback["params"] = params.clone();
                }
                event("postback", own("postback", postback))
            }
            Act::VideoPlayComplete => {
                event("videoPlayComplete", own("videoPlayComplete", json!({"trackingId": "track-id"})))
            }
            Act::AccountLink { result } => {
                let source = if result == "ok" { source() } else { None };
                let link = own("link", json!({"result": result, "nonce": self.dice.alphanumeric(20)}));
                Ok(vec![("accountLink".to_owned(), source, result == "ok", link)])
            }
            Act::Beacon { beacon } => {
                event("beacon", own("beacon", json!({"hwid": self.dice.hex(10), "type": beacon})))
            }
            Act::Membership { membership } => {
                event("membership", own("membership", json!({"type": membership, "membershipId": 3189})))
            }
            Act::GroupMessage { text, group_id } => {
                let message = self.message("text", json!({"text": text}));
                Ok(vec![("message".to_owned(), Some(group_source(group_id, user_id)), true, message)])
            }
            Act::Profile(likeness) => {
                self.change_likeness(channel, user_id, likeness);
                Ok(Vec::new())
            }
            Act::DeleteAccount => {
                self.change_person(&channel.provider, user_id, |person| person.exists = false);
                self.bonds.of(&channel.id, user_id).friend = false;
                Ok(Vec::new())
            }
            Act::Event { event } => {
                let kind = event.get("type").and_then(Value::as_str).ok_or(Unplayable::NoType)?.to_owned();
                Ok(vec![(kind, source(), false, event.clone())])
            }
            _ => Ok(self.write(at_ms, channel, user_id, act)),
        }
    }

    /// Messages of a one-to-one chat.
    fn write(&mut self, at_ms: i64, channel: &Channel, user_id: &str, act: &Act) -> Drafts {
        let content = json!({"type": "line"});
        let messages: Vec<Map<String, Value>> = match act {
            Act::Message { text } => vec![self.message("text", json!({"text": text}))],
            Act::Sticker { text } => {
                let kind = if text.is_some() { "MESSAGE" } else { "STATIC" };
                let sticker = json!({"packageId": "446", "stickerId": "1988", "stickerResourceType": kind,
                                     "keywords": ["hello", "smile"], "text": text});
                vec![self.message("sticker", sticker)]
            }
            Act::Image { total: 0 | 1 } => vec![self.message("image", json!({"contentProvider": content}))],
            Act::Image { total } => {
                let id = self.dice.hex(64).to_uppercase();
                let place = |index: u32| json!({"id": id, "index": index, "total": total});
                let picture = |index: u32| json!({"contentProvider": content, "imageSet": place(index)});
                (1..=*total).map(|index| self.message("image", picture(index))).collect()
            }
            Act::Video => vec![self.message("video", json!({"duration": 60_000, "contentProvider": content}))],
            Act::Audio => vec![self.message("audio", json!({"duration": 4_200, "contentProvider": content}))],
            Act::File { file_name } => vec![self.message("file", json!({"fileName": file_name, "fileSize": 2_138}))],
            Act::Location { title, address } => {
                let place = json!({"title": title, "address": address, "latitude": 35.67966, "longitude": 139.73669});
                vec![self.message("location", place)]
            }
            _ => Vec::new(),
        };
        let bond = self.bonds.of(&channel.id, user_id);
        for message in &messages {
            bond.wrote_ms = bond.wrote_ms.max(Some(at_ms));
            let id = message["message"]["id"].as_str().unwrap_or_default().to_owned();
            let text = message["message"]["text"].as_str().unwrap_or_default().to_owned();
            bond.messages.push((id, text));
        }
        messages.into_iter().map(|message| ("message".to_owned(), Some(user_source(user_id)), true, message)).collect()
    }

    fn follow(&mut self, channel: &Channel, user_id: &str) -> Drafts {
        let bond = self.bonds.of(&channel.id, user_id);
        if bond.friend {
            return Vec::new();
        }
        let follow = json!({"isUnblocked": bond.blocked});
        (bond.friend, bond.blocked) = (true, false);
        vec![("follow".to_owned(), Some(user_source(user_id)), true, Map::from_iter([("follow".to_owned(), follow)]))]
    }

    fn unfollow(&mut self, channel: &Channel, user_id: &str) -> Drafts {
        let bond = self.bonds.of(&channel.id, user_id);
        if bond.blocked {
            return Vec::new();
        }
        (bond.friend, bond.blocked) = (false, true);
        vec![("unfollow".to_owned(), Some(user_source(user_id)), false, Map::new())]
    }

    fn change_likeness(&mut self, channel: &Channel, user_id: &str, likeness: &Likeness) {
        self.change_person(&channel.provider, user_id, |person| person.change(likeness));
    }

    /// Takes a message out of a chat: the named one, or the newest.
    fn take_message(
        &mut self,
        channel: &Channel,
        user_id: &str,
        message_id: Option<&str>,
    ) -> Result<String, Unplayable> {
        let messages = &mut self.bonds.of(&channel.id, user_id).messages;
        let place = match message_id {
            Some(wanted) => messages.iter().position(|(id, _)| id == wanted),
            None => messages.len().checked_sub(1),
        };
        place.map(|place| messages.remove(place).0).ok_or(Unplayable::NoSuchMessage)
    }
}
