//! Why each property of a person is what it is: the facts of the log, folded one after the other in LINE's time.

use contact::{Confirmation, Connection, ConnectionNumber, Connections, Event, Field, Kind, Link, Profile, Property};
use contact::{User, UserId, Values, wanted};
use std::collections::BTreeMap;

/// One thing that the log knows of a person.
#[derive(Clone, Debug)]
pub enum Fact {
    /// An event, with its identity and type as LINE wrote them.
    Event {
        /// As the core folds it.
        event: Event,
        /// The `webhookEventId`.
        id: String,
        /// The event's `type`, or what else it was.
        name: String,
    },
    /// The answer to a profile look-up.
    Profile(ConnectionNumber, Profile),
    /// What HubSpot answered about the contact.
    Confirmation(Confirmation),
    /// The person was erased; milliseconds.
    Erased(i64),
}

/// What gave a property its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// When, in LINE's time; of a profile, when it was fetched. Milliseconds since 1970.
    pub time_ms: i64,
    /// The `webhookEventId`; `None` for a profile and an import.
    pub event_id: Option<String>,
    /// The event's type, or `profile`.
    pub kind: String,
}

/// Something that happened to a person, and what of it still shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When and what.
    pub cause: Cause,
    /// With which connection; `None` of what concerns the person as a whole.
    pub connection: Option<ConnectionNumber>,
    /// The properties that have their value from it.
    pub decides: Vec<Property>,
}

/// What is known of a person, with reasons.
#[derive(Debug)]
pub struct Explained {
    /// The state.
    pub user: User,
    /// What HubSpot should show.
    pub values: Values,
    /// For each of those values what gave it.
    pub causes: BTreeMap<Property, Cause>,
    /// All that happened, in the order of the fold.
    pub history: Vec<Happened>,
}

/// Does HubSpot show a value?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It does.
    Yes,
    /// It shows another one, or has no contact.
    NotYet,
    /// A write was begun, and nobody knows yet.
    InDoubt,
}

impl Explained {
    /// A state without its history: values and no reasons.
    pub fn unread(id: UserId, user: User) -> Self {
        let all = user.friends().map(|(number, _)| Connection { number, auto_create: true }).collect();
        let values = wanted(id, &user, &all);
        Self { user, values, causes: BTreeMap::new(), history: Vec::new() }
    }

    /// Does HubSpot show what this property should be?
    pub fn shown(&self, property: Property) -> Shown {
        let account = &self.user.account;
        match account.confirmed(property) {
            None => Shown::InDoubt,
            Some(confirmed) => {
                let is_wanted = self.values.get(&property).is_some_and(|value| **value == *confirmed);
                if is_wanted && matches!(account.link, Link::Live(_)) { Shown::Yes } else { Shown::NotYet }
            }
        }
    }
}

/// Folds everything and remembers, for each property, the last fact that decided its value: one that changed it, or one that
/// says the same anew (a second follow, a second equal message).
pub fn explain(id: UserId, mut facts: Vec<Fact>) -> Explained {
    facts.sort_by_key(place);
    let connections = connections_of(&facts);
    let mut user = User::default();
    let mut values = Values::new();
    let mut deciding = BTreeMap::new();
    let mut history = Vec::with_capacity(facts.len());
    for fact in facts {
        let gives_values = apply(&mut user, &fact);
        let after = wanted(id, &user, &connections);
        for (property, value) in after.iter().filter(|_| gives_values) {
            if values.get(property) != Some(value) || says_anew(&fact, *property, value, &user) {
                deciding.insert(*property, history.len());
            }
        }
        values = after;
        history.push(happened(fact));
    }
    deciding.retain(|property, _| values.contains_key(property));
    let causes = deciding.iter().map(|(property, place)| (*property, history[*place].cause.clone())).collect();
    deciding.into_iter().for_each(|(property, place)| history[place].decides.push(property));
    Explained { user, values, causes, history }
}

/// The order of the fold: LINE's time, ties by event. A profile stands where it was fetched.
fn place(fact: &Fact) -> (i64, u128) {
    match fact {
        Fact::Event { event, .. } => (event.at.time_ms, event.at.id.0),
        Fact::Profile(_, profile) => (profile.fetched_at_ms, u128::MAX),
        Fact::Confirmation(confirmation) => (confirmation.observed_at_ms, u128::MAX),
        Fact::Erased(since_ms) => (*since_ms, u128::MAX),
    }
}

/// Every connection that the facts speak of, so that removed ones are explained too.
fn connections_of(facts: &[Fact]) -> Connections {
    let number = |fact: &Fact| match fact {
        Fact::Event { event, .. } => Some(event.connection),
        Fact::Profile(connection, _) => Some(*connection),
        Fact::Confirmation(_) | Fact::Erased(_) => None,
    };
    facts.iter().filter_map(number).map(|number| Connection { number, auto_create: true }).collect()
}

/// Folds a fact in. Is it one that gives properties their values?
fn apply(user: &mut User, fact: &Fact) -> bool {
    match fact {
        Fact::Event { event, .. } => user.apply(event.clone()),
        Fact::Profile(connection, profile) => user.apply_profile(*connection, profile.clone()),
        Fact::Confirmation(confirmation) => user.apply_confirmation(confirmation.clone()),
        Fact::Erased(since_ms) => user.erase(*since_ms),
    }
    matches!(fact, Fact::Event { .. } | Fact::Profile(..))
}

/// The fact as a line of the history.
fn happened(fact: Fact) -> Happened {
    let (time_ms, event_id, kind, connection) = match fact {
        // An import is no event of LINE's: its record is called after its kind.
        Fact::Event { event, id, name } => {
            (event.at.time_ms, Some(id).filter(|id| *id != name), name, Some(event.connection))
        }
        Fact::Profile(connection, profile) => {
            let kind = if profile.found.is_some() { "profile" } else { "no_profile" };
            (profile.fetched_at_ms, None, kind.to_owned(), Some(connection))
        }
        Fact::Confirmation(confirmation) => (confirmation.observed_at_ms, None, answer(&confirmation).to_owned(), None),
        Fact::Erased(since_ms) => (since_ms, None, "erased".to_owned(), None),
    };
    Happened { cause: Cause { time_ms, event_id, kind }, connection, decides: Vec::new() }
}

/// What HubSpot answered, in one word.
fn answer(confirmation: &Confirmation) -> &'static str {
    match confirmation.link {
        _ if !confirmation.in_doubt.is_empty() => "hubspot_asked",
        Link::Unknown => "hubspot_unknown",
        Link::Live(_) => "hubspot_shows",
        Link::Gone { .. } => "hubspot_gone",
        Link::Erased { .. } => "hubspot_erased",
        Link::Merged { .. } => "hubspot_merged",
    }
}

/// Does the fact itself say what the property is, and is it what the property now shows?
fn says_anew(fact: &Fact, property: Property, value: &str, user: &User) -> bool {
    let last_response = || user.friend(property.connection).and_then(|friend| friend.last_response());
    match fact {
        Fact::Event { event, .. } if event.connection == property.connection => match (&event.kind, property.field) {
            (Kind::Followed, Field::Follow) | (Kind::Messaged { .. }, Field::Unanswered) => value == "Yes",
            (Kind::Unfollowed, Field::Follow) | (Kind::Answered, Field::Unanswered) => value == "No",
            (Kind::Messaged { text, .. } | Kind::Edited { text, .. }, Field::LastResponse) => {
                last_response() == Some(text)
            }
            _ => false,
        },
        Fact::Profile(connection, profile) if *connection == property.connection => {
            profile.found.is_some() && matches!(property.field, Field::UserName | Field::UserPicture)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contact::{ContactId, EventId, Likeness, Moment};

    fn number(number: u32) -> ConnectionNumber {
        ConnectionNumber::new(number).expect("not 0")
    }

    fn user() -> UserId {
        UserId::from_u128(7)
    }

    fn event(time_ms: i64, kind: Kind) -> Fact {
        let at = Moment { time_ms, id: EventId(u128::try_from(time_ms).expect("not negative")) };
        let event = Event { user: user(), connection: number(1), at, kind };
        Fact::Event { event, id: format!("event-{time_ms}"), name: "some".to_owned() }
    }

    fn message(time_ms: i64, text: &str) -> Fact {
        event(time_ms, Kind::Messaged { message: format!("m{time_ms}").as_str().into(), text: text.into() })
    }

    fn cause(facts: Vec<Fact>, field: Field) -> Option<i64> {
        let property = Property { connection: number(1), field };
        explain(user(), facts).causes.get(&property).map(|cause| cause.time_ms)
    }

    #[test]
    fn a_property_names_the_event_that_gave_it_its_value_in_any_order_of_arrival() {
        let facts = vec![message(30, "b"), event(10, Kind::Followed), message(20, "a")];
        assert_eq!(cause(facts.clone(), Field::LastResponse), Some(30));
        assert_eq!(cause(facts.clone(), Field::SyncDate), Some(10));
        assert_eq!(cause(facts, Field::Follow), Some(10));
    }

    #[test]
    fn an_equal_message_later_is_the_one_that_counts() {
        assert_eq!(cause(vec![message(10, "same"), message(20, "same")], Field::LastResponse), Some(20));
    }

    #[test]
    fn a_second_follow_counts_and_a_postback_between_does_not() {
        let facts =
            vec![event(10, Kind::Followed), event(20, Kind::Acted), event(30, Kind::Followed), event(40, Kind::Acted)];
        assert_eq!(cause(facts.clone(), Field::Follow), Some(30));
        assert_eq!(cause(facts, Field::SyncDate), Some(10));
    }

    #[test]
    fn a_message_taken_back_leaves_the_notice_as_the_reason() {
        let facts = vec![message(10, "a"), message(20, "b"), event(30, Kind::Unsent { message: "m20".into() })];
        assert_eq!(cause(facts.clone(), Field::LastResponse), Some(30));
        let explained = explain(user(), facts);
        let property = Property { connection: number(1), field: Field::LastResponse };
        assert_eq!(explained.values.get(&property).map(|value| &**value), Some("a"));
    }

    #[test]
    fn of_the_time_before_an_erasure_nothing_is_explained() {
        let facts = vec![message(10, "a"), Fact::Erased(20)];
        assert!(explain(user(), facts.clone()).values.is_empty());
        let facts = [facts, vec![message(30, "b")]].concat();
        assert_eq!(cause(facts.clone(), Field::SyncDate), Some(30));
        assert_eq!(cause(facts, Field::LastResponse), Some(30));
    }

    #[test]
    fn an_answer_is_why_nobody_waits() {
        assert_eq!(cause(vec![message(10, "a"), event(20, Kind::Answered)], Field::Unanswered), Some(20));
        assert_eq!(cause(vec![event(20, Kind::Answered), message(30, "a")], Field::Unanswered), Some(30));
    }

    #[test]
    fn a_name_comes_from_the_newest_profile_that_line_gave() {
        let profile = |fetched_at_ms, found: Option<&str>| {
            let found = found.map(|name| Likeness { name: name.into(), picture: None });
            Fact::Profile(number(1), Profile { fetched_at_ms, covers_ms: 10, found })
        };
        let facts = vec![event(10, Kind::Followed), profile(20, Some("a")), profile(30, None)];
        assert_eq!(cause(facts, Field::UserName), Some(20));
    }

    #[test]
    fn the_history_says_of_each_fact_what_still_has_its_value_from_it() {
        let facts = vec![message(30, "b"), event(10, Kind::Followed), message(20, "a"), event(40, Kind::Answered)];
        let history = explain(user(), facts).history;
        let fields = |place: usize| history[place].decides.iter().map(|it| it.field).collect::<Vec<_>>();
        assert_eq!(history.iter().map(|it| it.cause.time_ms).collect::<Vec<_>>(), [10, 20, 30, 40]);
        assert!(fields(0).contains(&Field::Follow) && fields(0).contains(&Field::SyncDate));
        assert_eq!((fields(1), fields(2)), (vec![], vec![Field::LastResponse]));
        assert_eq!(fields(3), [Field::Unanswered]);
    }

    #[test]
    fn a_value_is_in_hubspot_only_if_a_live_contact_was_seen_with_it() {
        let followed = Property { connection: number(1), field: Field::Follow };
        let confirmed = |link, value: &str, in_doubt: &[Property]| {
            Fact::Confirmation(Confirmation {
                revision: 1,
                observed_at_ms: 20,
                link,
                values: [(followed, value.into())].into_iter().collect(),
                refused: None,
                covers_ms: None,
                in_doubt: in_doubt.iter().copied().collect(),
            })
        };
        let live = Link::Live(ContactId(7));
        let gone = Link::Gone { contact: ContactId(7), since_ms: 15 };
        for (confirmation, shown) in [
            (confirmed(live, "Yes", &[]), Shown::Yes),
            (confirmed(live, "No", &[]), Shown::NotYet),
            (confirmed(gone, "Yes", &[]), Shown::NotYet),
            (confirmed(live, "Yes", &[followed]), Shown::InDoubt),
        ] {
            assert_eq!(explain(user(), vec![event(10, Kind::Followed), confirmation]).shown(followed), shown);
        }
    }
}
