//! Stories about one person, told in steps, and how they end.
//!
//! The expectation is the whole action in text, without the constant LINE user ID: `create: follow_1=Yes …`,
//! `update 1: unanswered_1=No` (contact 1), `check 1`, `nothing`. Each story is also told backwards and twice over, with the same
//! ending; an erasure stays where it is, between what was told before and after it.

use crate::support::{Record, apply, bytes, connections, fold, hubspot_does, number};
use contact::{
    Action, Confirmation, ContactId, Event, EventId, Field, Kind, Likeness, Link, Moment, Names, Profile, Property,
    User, UserId, decide,
};
use std::collections::BTreeMap;

pub const USER: UserId = UserId::from_u128(0x8e74_2f61_d673_b39c_7fff_3cec_b753_6ef0);

/// One step of a story. What happens between the person and LINE happens on connection 1 unless said otherwise.
#[derive(Clone)]
pub enum Step {
    /// An event; without an ID it gets its place in the story.
    Happened {
        on: u32,
        at: i64,
        id: Option<u128>,
        kind: Kind,
    },
    LookedUp {
        on: u32,
        profile: Profile,
    },
    /// HubSpot did what the rules ask for at this point, or refused it, or told something about the contact.
    Synced,
    /// The same, told by a version that did not say what it covers.
    SyncedLongAgo,
    /// What the rules ask for at this point was about to be written, and nobody knows whether HubSpot did it.
    Announced,
    Refused,
    Told(i64, fn(ContactId, i64) -> Link),
    /// A person merged the contact with that of another LINE user, whom it shows since to this connection.
    SharedBy(u32),
    /// The person was erased, and what happened until then.
    Erased(i64),
    /// The operator changed a connection.
    AutoCreateOff(u32),
    Paused(u32),
}

impl Step {
    pub fn on(mut self, connection: u32) -> Self {
        match &mut self {
            Self::Happened { on, .. } | Self::LookedUp { on, .. } => *on = connection,
            _ => panic!("only what LINE tells belongs to a connection"),
        }
        self
    }

    pub fn id(mut self, number: u128) -> Self {
        match &mut self {
            Self::Happened { id, .. } => *id = Some(number),
            _ => panic!("only events have an ID"),
        }
        self
    }
}

pub fn happened(at: i64, kind: Kind) -> Step {
    Step::Happened { on: 1, at, id: None, kind }
}

pub fn followed(at: i64) -> Step {
    happened(at, Kind::Followed)
}

pub fn unfollowed(at: i64) -> Step {
    happened(at, Kind::Unfollowed)
}

pub fn wrote(at: i64, message: &str, text: &str) -> Step {
    happened(at, Kind::Messaged { message: message.into(), text: text.into() })
}

pub fn edited(at: i64, message: &str, text: &str) -> Step {
    happened(at, Kind::Edited { message: message.into(), text: text.into() })
}

pub fn unsent(at: i64, message: &str) -> Step {
    happened(at, Kind::Unsent { message: message.into() })
}

pub fn acted(at: i64) -> Step {
    happened(at, Kind::Acted)
}

pub fn imported(at: i64) -> Step {
    happened(at, Kind::Imported)
}

pub fn answered(at: i64) -> Step {
    happened(at, Kind::Answered)
}

pub fn looked_up(at: i64, name: &str, picture: Option<&str>) -> Step {
    let found = Some(Likeness { name: name.into(), picture: picture.map(Into::into) });
    Step::LookedUp { on: 1, profile: Profile { fetched_at_ms: at, covers_ms: at, found } }
}

pub fn look_up_refused(at: i64) -> Step {
    Step::LookedUp { on: 1, profile: Profile { fetched_at_ms: at, covers_ms: at, found: None } }
}

pub fn deleted(at: i64) -> Step {
    Step::Told(at, |contact, since_ms| Link::Gone { contact, since_ms })
}

pub fn erased(at: i64) -> Step {
    Step::Erased(at)
}

pub fn merged(at: i64) -> Step {
    Step::Told(at, |_, _| Link::Merged { into: ContactId(99) })
}

pub fn moved(at: i64) -> Step {
    Step::Told(at, |_, _| Link::Live(ContactId(77)))
}

/// Tells the story and compares what HubSpot is to be told in the end.
#[track_caller]
pub fn check(story: impl IntoIterator<Item = Step>, expect: &str) {
    let mut user = User::default();
    let mut records = Vec::new();
    let mut auto_create = BTreeMap::from([(1, true), (2, true)]);
    for (place, step) in story.into_iter().enumerate() {
        let now = 1_000 + place as i64;
        let action = decide(USER, &user, &connections(auto_create.clone()));
        let record = match step {
            Step::Happened { on, at, id, kind } => {
                let at = Moment { time_ms: at, id: EventId(id.unwrap_or(place as u128)) };
                Some(Record::Event(Event { user: USER, connection: number(on), at, kind }))
            }
            Step::LookedUp { on, profile } => Some(Record::Profile(number(on), profile)),
            Step::Synced => hubspot_does(action, &user, now).map(Record::Confirmation),
            Step::SyncedLongAgo => hubspot_does(action, &user, now)
                .map(|confirmation| Record::Confirmation(Confirmation { covers_ms: None, ..confirmation })),
            Step::Announced => {
                let Action::Update(_, values) = action else {
                    panic!("only what is written to a live contact is told before")
                };
                user.account.clone().announce(values.keys()).map(Record::Confirmation)
            }
            Step::Refused => {
                let mut confirmation = user.account.next(now, user.account.link);
                confirmation.refused = match action {
                    Action::Create(values) | Action::Update(_, values) => Some(values),
                    Action::Check(_) | Action::Nothing => panic!("HubSpot can only refuse what it was asked for"),
                };
                Some(Record::Confirmation(confirmation))
            }
            Step::Told(at, link) => {
                Some(Record::Confirmation(user.account.next(now, link(ContactId(user.account.revision()), at))))
            }
            Step::SharedBy(connection) => {
                let mut confirmation = user.account.next(now, user.account.link);
                let property = Property { connection: number(connection), field: Field::UserId };
                confirmation.values.insert(property, UserId::from_u128(1).to_string().into());
                Some(Record::Confirmation(confirmation))
            }
            Step::Erased(at) => {
                apply(&mut user, &Record::Erased(at));
                records.push(Record::Erased(at));
                Some(Record::Confirmation(user.account.erased(now, at)))
            }
            Step::AutoCreateOff(connection) => auto_create.insert(connection, false).and(None),
            Step::Paused(connection) => auto_create.remove(&connection).and(None),
        };
        if let Some(record) = record {
            apply(&mut user, &record);
            records.push(record);
        }
    }
    assert_eq!(in_words(&decide(USER, &user, &connections(auto_create))), expect);
    let parts = || records.chunk_by(|before, after| is_erasure(before) == is_erasure(after));
    assert_eq!(bytes(&fold(parts().flat_map(|part| part.iter().rev()))), bytes(&user), "told backwards");
    assert_eq!(bytes(&fold(parts().flat_map(|part| part.iter().chain(part)))), bytes(&user), "told twice");
}

fn is_erasure(record: &Record) -> bool {
    matches!(record, Record::Erased(_))
}

fn in_words(action: &Action) -> String {
    let (mut words, values) = match action {
        Action::Nothing => return "nothing".into(),
        Action::Create(values) => ("create:".to_owned(), values),
        Action::Update(contact, values) => (format!("update {contact}:"), values),
        Action::Check(contact) => return format!("check {contact}"),
    };
    for (property, value) in values {
        if property.field == Field::UserId {
            assert_eq!(**value, USER.to_string());
        } else {
            let name = Names::default().name(*property);
            words += &format!(" {}={value}", name.trim_start_matches("line_"));
        }
    }
    words
}
