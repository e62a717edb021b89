//! What HubSpot must show for a user, from the user's events in their order: the plainest fold that follows the design, and none
//! of the code that it judges.

use sandbox::hubspot::Contact;
use sandbox::line::Person;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// One event of a user.
pub struct Event {
    pub id: String,
    pub user: String,
    pub time_ms: i64,
    connection: u32,
    raw: Value,
}

/// A user's contact as it must be; none when there must be no live one.
pub struct Expected(Option<BTreeMap<String, OneOf>>);

/// The values that a property may have.
struct OneOf(Vec<String>);

impl Event {
    /// An event that tells of a user's own chat with the account; none for any other.
    pub fn read(connection: u32, raw: Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if raw["source"]["type"] != "user" {
            return None;
        }
        let (id, user) = (text(&raw["webhookEventId"])?, text(&raw["source"]["userId"])?);
        Some(Self { id, user, time_ms: raw["timestamp"].as_i64()?, connection, raw })
    }

    fn kind(&self) -> &str {
        self.raw["type"].as_str().unwrap_or_default()
    }

    /// Does it bring a deleted contact back?
    pub fn brings_back(&self) -> bool {
        matches!(self.kind(), "message" | "follow")
    }

    /// Does it make a contact of somebody who has none?
    fn makes_contact(&self) -> bool {
        match self.kind() {
            "message" | "follow" | "postback" | "videoPlayComplete" | "membership" => true,
            "accountLink" => self.raw["link"]["result"] == "ok",
            "beacon" => self.raw["beacon"]["type"] != "stay",
            _ => false,
        }
    }

    /// What Last Response shows for a message.
    fn shown(&self) -> String {
        let message = &self.raw["message"];
        let text = message["text"].as_str();
        match message["type"].as_str().unwrap_or_default() {
            "text" => text.unwrap_or_default().to_owned(),
            "sticker" => text.unwrap_or("[スタンプ]").to_owned(),
            "image" => "[画像]".to_owned(),
            other => panic!("no run sends a message of type {other:?}"),
        }
    }
}

/// Folds a user's events, given in their order, with the time at which a person last deleted the contact.
pub fn expected(events: &[&Event], deleted_ms: Option<i64>, person: &Person) -> Expected {
    let made = events.iter().any(|event| event.makes_contact());
    let back = |since_ms| events.iter().any(|event| event.brings_back() && event.time_ms > since_ms);
    if !made || !deleted_ms.is_none_or(back) {
        return Expected(None);
    }
    let connections: BTreeSet<u32> = events.iter().map(|event| event.connection).collect();
    let mut values = BTreeMap::new();
    for connection in connections {
        let own: Vec<&Event> = events.iter().copied().filter(|event| event.connection == connection).collect();
        for (stem, value) in of_one_account(&own, person) {
            values.insert(format!("line_{stem}_{connection}"), value);
        }
    }
    Expected(Some(values))
}

/// The seven properties of one account.
fn of_one_account(events: &[&Event], person: &Person) -> Vec<(&'static str, OneOf)> {
    let last = |kind| events.iter().rposition(|event| event.kind() == kind);
    let first_action = events.iter().find(|event| event.makes_contact());
    let follows = match (last("follow"), last("unfollow")) {
        (None, None) if first_action.is_none() => return Vec::new(),
        (None, None) => true,
        (follow, unfollow) => follow > unfollow,
    };
    let unsent: BTreeSet<&str> = events.iter().filter_map(|event| event.raw["unsend"]["messageId"].as_str()).collect();
    let edits = events.iter().filter(|event| event.kind() == "messageEdited");
    let edited: HashMap<&str, String> =
        edits.filter_map(|event| Some((event.raw["message"]["id"].as_str()?, event.shown()))).collect();
    let message = events.iter().rev().filter(|event| event.kind() == "message").find_map(|event| {
        let id = event.raw["message"]["id"].as_str()?;
        (!unsent.contains(id)).then(|| edited.get(id).cloned().unwrap_or_else(|| event.shown()))
    });
    // Before the first friendship, and while blocked, LINE may tell nothing.
    let is_friend = follows && last("follow").is_some();
    let told =
        |value: &str| OneOf(if is_friend { vec![value.to_owned()] } else { vec![value.to_owned(), String::new()] });
    let yes_or_no = |yes: bool| OneOf(vec![if yes { "Yes" } else { "No" }.to_owned()]);
    vec![
        ("user_id", OneOf(vec![person.user_id.clone()])),
        ("user_name", told(&person.display_name)),
        ("user_picture", told(person.picture_url.as_deref().unwrap_or_default())),
        ("follow", yes_or_no(follows)),
        ("id_sync_date", OneOf(vec![first_action.map_or_else(String::new, |event| as_shown(event.time_ms))])),
        ("unanswered", yes_or_no(message.is_some())),
        ("last_response", OneOf(vec![message.unwrap_or_default()])),
    ]
}

/// A time as HubSpot shows it.
fn as_shown(time_ms: i64) -> String {
    format!("{:.3}", jiff::Timestamp::from_millisecond(time_ms).expect("a time of this age"))
}

impl Expected {
    /// In what the live contacts of the user differ from this; none when they do not.
    pub fn difference(&self, found: &[Arc<Contact>]) -> Option<String> {
        let ids = || found.iter().map(|contact| contact.id).collect::<Vec<_>>();
        let (values, contact) = match (&self.0, found) {
            (None, []) => return None,
            (Some(values), [contact]) => (values, contact),
            (None, _) => return Some(format!("{:?} should not be there", ids())),
            (Some(_), []) => return Some("there is no contact".to_owned()),
            (Some(_), _) => return Some(format!("there are {:?}", ids())),
        };
        values.iter().find_map(|(name, allowed)| {
            let shown = contact.value(name).unwrap_or_default();
            let is_allowed = allowed.0.iter().any(|value| *value == shown);
            (!is_allowed).then(|| format!("{name} is {shown:?} and should be {:?}", allowed.0.join(" or ")))
        })
    }
}
