//! The naive fold: all events of a user, sorted, looked at from the beginning for each question.

use eventlog::{Record, Topic};
use schemas::{Codec, ContactLink, HubspotContact, LineEvent, LineProfile, SendOutcome, SentMessage};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Follow,
    Unfollow,
    Message {
        id: String,
        text: String,
    },
    Edit {
        id: String,
        text: String,
    },
    Unsend {
        id: String,
    },
    /// Makes a contact, and changes nothing else.
    Act,
    Answer,
    Look {
        name: String,
        picture: String,
    },
}

/// One thing that happened between a user and an account.
#[derive(Clone, Debug)]
pub struct Happening {
    pub account: u32,
    /// Of a look-up: when it was made.
    pub time_ms: i64,
    pub id: String,
    pub what: What,
    /// So many facts stood in HubSpot's history when it entered the log.
    pub facts: u64,
}

/// HubSpot's word about a user, as the projector wrote it down.
pub struct Confirmed {
    pub at_ms: i64,
    pub contact: HubspotContact,
}

/// The history of each user.
#[derive(Default)]
pub struct History {
    pub users: BTreeMap<String, Vec<Happening>>,
    pub confirmed: BTreeMap<String, Vec<Confirmed>>,
}

impl Happening {
    pub fn makes_contact(&self) -> bool {
        matches!(self.what, What::Follow | What::Message { .. } | What::Act)
    }

    pub fn brings_back(&self) -> bool {
        matches!(self.what, What::Follow | What::Message { .. })
    }

    fn place(&self) -> (i64, &str) {
        (self.time_ms, &self.id)
    }
}

impl History {
    pub fn of(entries: &[(Record, u64)]) -> Self {
        let mut history = Self::default();
        for (record, facts) in entries {
            let value = record.value.as_deref().unwrap_or_default();
            match record.topic {
                Topic::HubspotContacts => history.confirm(value, record.appended_at_ms),
                Topic::LineEvents | Topic::LineProfiles | Topic::LineSent => {
                    if let Some((user, happening)) = happening(record.topic, value, *facts) {
                        history.users.entry(user).or_default().push(happening);
                    }
                }
                _ => {}
            }
        }
        history
    }

    fn confirm(&mut self, value: &[u8], at_ms: i64) {
        if let Ok(contact) = Codec::default().decode::<HubspotContact>(value) {
            self.confirmed.entry(contact.user_id.clone()).or_default().push(Confirmed { at_ms, contact });
        }
    }

    /// The newest word of HubSpot that the log held by then.
    pub fn confirmed(&self, user: &str, at_ms: i64) -> Option<&HubspotContact> {
        let known = self.confirmed.get(user)?.iter().filter(|confirmed| confirmed.at_ms <= at_ms);
        known.map(|confirmed| &confirmed.contact).max_by_key(|contact| (contact.revision, contact.observed_at_ms))
    }

    /// Where the user's contact stands in the end.
    pub fn link(&self, user: &str) -> ContactLink {
        self.confirmed(user, i64::MAX).map_or(ContactLink::Unknown, |contact| contact.link)
    }
}

fn happening(topic: Topic, value: &[u8], facts: u64) -> Option<(String, Happening)> {
    let codec = Codec::default();
    match topic {
        Topic::LineEvents => event(&codec.decode::<LineEvent<'_>>(value).ok()?, facts),
        Topic::LineProfiles => {
            let profile: LineProfile = codec.decode(value).ok()?;
            let found = profile.found?;
            let (name, picture) = (found.name.to_string(), found.picture.unwrap_or_default().to_string());
            let (account, time_ms) = (profile.connection, profile.fetched_at_ms);
            let what = What::Look { name, picture };
            Some((profile.user_id, Happening { account, time_ms, id: String::new(), what, facts }))
        }
        _ => {
            let sent: SentMessage = codec.decode(value).ok()?;
            let counts = sent.one_to_one && sent.outcome == SendOutcome::Accepted;
            let (account, time_ms, id) = (sent.connection, sent.ended_at_ms, sent.command_id);
            counts.then_some((sent.user_id, Happening { account, time_ms, id, what: What::Answer, facts }))
        }
    }
}

/// Reads LINE's JSON.
fn event(stored: &LineEvent<'_>, facts: u64) -> Option<(String, Happening)> {
    let json: Value = serde_json::from_slice(&stored.raw).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if json["source"]["type"] != "user" {
        return None;
    }
    let message = &json["message"];
    let shown = match message["type"].as_str() {
        Some("sticker") => "[スタンプ]".to_owned(),
        Some("image") => "[画像]".to_owned(),
        _ => text(&message["text"]).unwrap_or_default(),
    };
    let what = match json["type"].as_str()? {
        "follow" => What::Follow,
        "unfollow" => What::Unfollow,
        "message" => What::Message { id: text(&message["id"])?, text: shown },
        "messageEdited" => What::Edit { id: text(&message["id"])?, text: shown },
        "unsend" => What::Unsend { id: text(&json["unsend"]["messageId"])? },
        "postback" | "videoPlayComplete" | "membership" => What::Act,
        "accountLink" if json["link"]["result"] == "ok" => What::Act,
        "beacon" if json["beacon"]["type"] == "enter" => What::Act,
        _ => return None,
    };
    let (time_ms, id) = (json["timestamp"].as_i64()?, text(&json["webhookEventId"])?);
    Some((text(&json["source"]["userId"])?, Happening { account: stored.connection, time_ms, id, what, facts }))
}

/// What HubSpot should show after these happenings, by internal name; what is empty is left out.
pub fn wanted(user: &str, happenings: &[Happening]) -> BTreeMap<String, String> {
    let accounts: BTreeSet<u32> = happenings.iter().map(|happening| happening.account).collect();
    let mut wanted = BTreeMap::new();
    for account in accounts {
        let mut with_account: Vec<_> = happenings.iter().filter(|happening| happening.account == account).collect();
        with_account.sort_by(|one, other| one.place().cmp(&other.place()));
        for (stem, value) in of_account(user, &with_account) {
            if !value.is_empty() {
                wanted.insert(format!("line_{stem}_{account}"), value);
            }
        }
    }
    wanted
}

/// `happenings` in order of time.
fn of_account(user: &str, happenings: &[&Happening]) -> Vec<(&'static str, String)> {
    let acted = happenings.iter().find(|happening| happening.makes_contact());
    let turn = happenings.iter().rev().find(|happening| matches!(happening.what, What::Follow | What::Unfollow));
    let follows = match turn {
        Some(turn) => turn.what == What::Follow,
        None if acted.is_some() => true,
        None => return Vec::new(),
    };
    let taken_back = |message: &str, sent_ms: i64| {
        happenings.iter().any(|happening| {
            matches!(&happening.what, What::Unsend { id } if id == message) && happening.time_ms >= sent_ms
        })
    };
    let newest = happenings.iter().rev().find_map(|happening| match &happening.what {
        What::Message { id, text } if !taken_back(id, happening.time_ms) => Some((happening, id, text)),
        _ => None,
    });
    let reads = newest.map(|(sent, message, text)| {
        let edit = happenings.iter().rev().find_map(|happening| match &happening.what {
            What::Edit { id, text } if id == message && happening.time_ms >= sent.time_ms => Some(text),
            _ => None,
        });
        edit.unwrap_or(text).clone()
    });
    let answered_ms =
        happenings.iter().filter(|happening| happening.what == What::Answer).map(|answer| answer.time_ms).max();
    let unanswered = newest.is_some_and(|(sent, ..)| answered_ms.is_none_or(|answered_ms| sent.time_ms > answered_ms));
    let look = happenings.iter().rev().find_map(|happening| match &happening.what {
        What::Look { name, picture } => Some((name.clone(), picture.clone())),
        _ => None,
    });
    let (name, picture) = look.unwrap_or_default();
    let yes_no = |yes: bool| if yes { "Yes" } else { "No" }.to_owned();
    vec![
        ("user_id", user.to_owned()),
        ("user_name", name),
        ("user_picture", picture),
        ("follow", yes_no(follows)),
        ("id_sync_date", acted.map_or_else(String::new, |acted| acted.time_ms.to_string())),
        ("last_response", reads.unwrap_or_default()),
        ("unanswered", yes_no(unanswered)),
    ]
}

/// A value as the log would have it: HubSpot shows times in another form.
pub fn plain(name: &str, value: &str) -> String {
    if !name.starts_with("line_id_sync_date") {
        return value.to_owned();
    }
    let parsed: Result<jiff::Timestamp, _> = value.parse();
    parsed.map_or_else(|_| value.to_owned(), |time| time.as_millisecond().to_string())
}

/// The seven properties of both accounts, by internal name.
pub fn names() -> impl Iterator<Item = String> {
    let stems = ["user_id", "user_name", "user_picture", "follow", "id_sync_date", "last_response", "unanswered"];
    [1, 2].into_iter().flat_map(move |account| stems.map(|stem| format!("line_{stem}_{account}")))
}

/// The address that a contact of the user is created with.
pub fn address(user: &str) -> String {
    format!("{}@line.me", user.to_lowercase())
}

/// The property that shows whose this one is.
pub fn user_id_beside(name: &str) -> String {
    let account = name.rsplit('_').next().unwrap_or_default();
    format!("line_user_id_{account}")
}

/// Is it one of them?
pub fn is_ours(name: &str) -> bool {
    names().any(|ours| ours == name)
}
