//! What is told from what HubSpot holds.

use super::*;
use contact::{Connection, ConnectionNumber, Event, EventId, Kind, Moment};
use std::collections::BTreeMap;

const ID: UserId = UserId::from_u128(7);
const CONTACT: ContactId = ContactId(101);

fn number() -> ConnectionNumber {
    ConnectionNumber::new(1).expect("not 0")
}

fn rules() -> Connections {
    [Connection { number: number(), auto_create: true }].into_iter().collect()
}

/// A follower who wrote "hello", and whose contact shows it.
fn synced() -> User {
    let mut user = User::default();
    let events = [Kind::Followed, Kind::Messaged { message: "m".into(), text: "hello".into() }];
    for (place, kind) in (1..).zip(events) {
        let at = Moment { time_ms: place, id: EventId(0) };
        user.apply(Event { user: ID, connection: number(), at, kind });
    }
    let mut confirmation = user.account.next_alive(50, CONTACT, user.returned_ms());
    confirmation.values = wanted(ID, &user, &rules());
    user.apply_confirmation(confirmation);
    user
}

/// The contact with all that the state wants.
fn contact(user: &User) -> Contact {
    let values = wanted(ID, user, &rules());
    let named = values.into_iter().map(|(property, value)| (Names::default().name(property), value.to_string()));
    Contact { id: CONTACT, properties: named.collect(), archived_at_ms: None, created_at_ms: None }
}

fn compare(user: &User, found: Option<&Contact>, archived_at_ms: Option<i64>) -> Drift {
    let (rules, names) = (rules(), Names::default());
    Subject { id: ID, user, rules: &rules, names: &names, asked_at_ms: 99 }.compare(found, archived_at_ms)
}

fn kinds(drift: &Drift) -> Vec<&'static str> {
    drift.findings.iter().map(Finding::kind).collect()
}

#[test]
fn a_contact_in_step_has_no_finding() {
    let user = synced();
    let drift = compare(&user, Some(&contact(&user)), None);
    assert_eq!((kinds(&drift), drift.truth.is_some()), (vec![], false));
}

#[test]
fn a_value_that_nobody_of_us_wrote_is_a_persons_edit_and_is_recorded_as_it_is() {
    let user = synced();
    let mut edited = contact(&user);
    edited.properties.insert("line_last_response_1".to_owned(), "typed".to_owned());
    edited.properties.remove("line_follow_1");
    let drift = compare(&user, Some(&edited), None);
    assert_eq!(kinds(&drift), ["edited", "edited"]);
    let (truth, _) = drift.truth.expect("recorded");
    let mut repaired = user;
    repaired.apply_confirmation(truth);
    let Action::Update(CONTACT, values) = decide(ID, &repaired, &rules()) else { panic!("written anew") };
    let names: Vec<_> = values.keys().map(|property| property.field).collect();
    assert_eq!(names, [Field::Follow, Field::LastResponse]);
}

#[test]
fn what_we_have_not_written_yet_is_not_taken_for_an_edit() {
    let mut user = synced();
    let before = contact(&user);
    let at = Moment { time_ms: 3, id: EventId(0) };
    user.apply(Event { user: ID, connection: number(), at, kind: Kind::Unfollowed });
    let drift = compare(&user, Some(&before), None);
    assert_eq!((kinds(&drift), drift.truth.is_some()), (vec!["unwritten"], false));
    let drift = compare(&user, Some(&contact(&user)), None);
    assert_eq!((kinds(&drift), drift.truth.is_some()), (vec!["unwritten"], true), "the answer was lost");
}

#[test]
fn a_connection_that_is_paused_or_removed_is_not_compared() {
    let user = synced();
    let mut edited = contact(&user);
    edited.properties.clear();
    let (rules, names) = (Connections::default(), Names::default());
    let drift =
        Subject { id: ID, user: &user, rules: &rules, names: &names, asked_at_ms: 99 }.compare(Some(&edited), None);
    assert_eq!((kinds(&drift), drift.truth.is_some()), (vec![], false));
}

#[test]
fn what_is_in_doubt_is_no_persons_edit_and_stays_in_doubt_until_it_is_written() {
    let last_response = Property { connection: number(), field: Field::LastResponse };
    let mut user = synced();
    let announced = user.account.clone().announce([&last_response]).expect("was certain");
    user.apply_confirmation(announced);
    for held in ["hello", "on its way"] {
        let mut found = contact(&user);
        found.properties.insert("line_last_response_1".to_owned(), held.to_owned());
        let drift = compare(&user, Some(&found), None);
        assert_eq!((kinds(&drift), drift.truth.is_some()), (vec!["unwritten"], false));
        found.properties.insert("line_follow_1".to_owned(), "No".to_owned());
        let (truth, _) = compare(&user, Some(&found), None).truth.expect("a person changed the other one");
        assert!(truth.in_doubt.contains(&last_response));
    }
}

#[test]
fn a_deleted_contact_is_gone_since_hubspot_says_or_our_last_write() {
    for (archived_at_ms, since_ms) in [(Some(70), 70), (None, 50)] {
        let drift = compare(&synced(), None, archived_at_ms);
        assert_eq!(drift.findings, [Finding::Gone { since_ms }]);
        let (truth, _) = drift.truth.expect("recorded");
        let mut repaired = synced();
        repaired.apply_confirmation(truth);
        assert_eq!(decide(ID, &repaired, &rules()), Action::Nothing, "it stays deleted");
    }
}

#[test]
fn a_merged_contact_is_followed_unless_it_is_another_persons() {
    let user = synced();
    let moved = Contact { id: ContactId(202), ..contact(&user) };
    let drift = compare(&user, Some(&moved), None);
    assert_eq!(drift.findings, [Finding::Merged { into: ContactId(202) }]);
    assert_eq!(drift.truth.expect("recorded").0.link, Link::Live(ContactId(202)));

    let mut theirs = moved;
    theirs.properties.insert("line_user_id_1".to_owned(), UserId::from_u128(8).to_string());
    let drift = compare(&user, Some(&theirs), None);
    assert_eq!(drift.truth.expect("recorded").0.link, Link::Merged { into: ContactId(202) });
}

#[test]
fn what_is_another_persons_on_a_merged_contact_is_no_difference() {
    let second = ConnectionNumber::new(2).expect("not 0");
    let rules = [number(), second].map(|number| Connection { number, auto_create: true }).into_iter().collect();
    let mut user = User::default();
    for connection in [number(), second] {
        user.apply(Event { user: ID, connection, at: Moment { time_ms: 1, id: EventId(0) }, kind: Kind::Followed });
    }
    let mut shown = wanted(ID, &user, &rules);
    shown.retain(|property, _| property.connection == second);
    shown.insert(Property { connection: number(), field: Field::UserId }, UserId::from_u128(8).to_string().into());
    let confirmation = user.account.next_alive(50, CONTACT, user.returned_ms());
    user.apply_confirmation(Confirmation { values: shown.clone(), ..confirmation });

    let names = Names::default();
    let named = shown.into_iter().map(|(property, value)| (names.name(property), value.to_string()));
    let found = Contact { properties: named.collect(), ..contact(&user) };
    let subject = Subject { id: ID, user: &user, rules: &rules, names: &names, asked_at_ms: 99 };
    assert_eq!(kinds(&subject.compare(Some(&found), None)), [""; 0]);
}

#[test]
fn a_restored_contact_is_taken_up_again_only_if_it_is_this_persons() {
    let mut user = synced();
    let gone = user.account.next(60, Link::Gone { contact: CONTACT, since_ms: 55 });
    user.apply_confirmation(gone);
    let restored = contact(&user);
    assert_eq!(kinds(&compare(&user, Some(&restored), None)), ["restored"]);
    let blank = Contact { properties: BTreeMap::new(), ..restored };
    assert_eq!(kinds(&compare(&user, Some(&blank), None)), [""; 0]);
    assert_eq!(kinds(&compare(&user, None, Some(55))), [""; 0], "known to be gone");
}

#[test]
fn a_person_without_a_contact_is_due_for_one() {
    let mut user = User::default();
    let at = Moment { time_ms: 1, id: EventId(0) };
    user.apply(Event { user: ID, connection: number(), at, kind: Kind::Followed });
    assert_eq!(kinds(&compare(&user, None, None)), ["uncreated"]);
    let refused = Confirmation { refused: Some(wanted(ID, &user, &rules())), ..user.account.next(9, Link::Unknown) };
    user.apply_confirmation(refused);
    assert_eq!(kinds(&compare(&user, None, None)), ["refused"]);
}
