//! The laws of the core, on random records that are as nasty as a log can be: same milliseconds, same IDs, takings-back
//! before their messages, times at both ends of the number line, several connections.
//!
//! `PROPTEST_CASES` raises the number of cases of each law.

mod support;

use contact::messages::{Messages, REMEMBERED};
use contact::profile::REFRESH_AFTER_MS;
use contact::{
    Action, Confirmation, Connections, ContactId, Event, EventId, Field, Kind, Likeness, Link, MessageId, Moment,
    Profile, Property, User, UserId, Values, decide, is_due, wanted,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;
use std::collections::{BTreeMap, BTreeSet};
use support::{Record, apply, bytes, connections, fold, hubspot_does, number};

const USER: UserId = UserId::from_u128(7);

fn thorough() -> ProptestConfig {
    let config = ProptestConfig::default();
    let regressions = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases: config.cases.max(1_000), failure_persistence: Some(Box::new(regressions)), ..config }
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        12 => 0..24_i64,
        2 => -3..3_i64,
        1 => (0..4_i64).prop_map(|days| days * REFRESH_AFTER_MS),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => any::<i64>(),
    ]
}

fn moment() -> impl Strategy<Value = Moment> {
    (time(), 0..3_u128).prop_map(|(time_ms, id)| Moment { time_ms, id: EventId(id) })
}

fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof![3 => "[a-c]{0,2}", 1 => "\\PC{0,8}"].prop_map(Into::into)
}

fn message() -> impl Strategy<Value = MessageId> {
    (0..16_u8, any::<bool>()).prop_map(|(id, is_number)| {
        let prefix = if is_number { "" } else { "m" };
        format!("{prefix}{}", id / 2).as_str().into()
    })
}

fn message_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        6 => (message(), text()).prop_map(|(message, text)| Kind::Messaged { message, text }),
        3 => message().prop_map(|message| Kind::Unsent { message }),
        2 => (message(), text()).prop_map(|(message, text)| Kind::Edited { message, text }),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        6 => message_kind(),
        1 => Just(Kind::Followed),
        1 => Just(Kind::Unfollowed),
        1 => Just(Kind::Acted),
        1 => Just(Kind::Imported),
        1 => Just(Kind::Answered),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let connection = prop_oneof![6 => Just(1), 1 => Just(2), 1 => Just(u32::MAX)];
    (connection, moment(), kind()).prop_map(|(connection, at, kind)| Event {
        user: USER,
        connection: number(connection),
        at,
        kind,
    })
}

fn profile() -> impl Strategy<Value = Profile> {
    let likeness = (text(), option::of(text())).prop_map(|(name, picture)| Likeness { name, picture });
    (time(), time(), option::of(likeness)).prop_map(|(fetched_at_ms, covers_ms, found)| Profile {
        fetched_at_ms,
        covers_ms,
        found,
    })
}

fn link() -> impl Strategy<Value = Link> {
    let contact = (0..3_u64).prop_map(ContactId);
    prop_oneof![
        Just(Link::Unknown),
        contact.clone().prop_map(Link::Live),
        (contact.clone(), time()).prop_map(|(contact, since_ms)| Link::Gone { contact, since_ms }),
        time().prop_map(|since_ms| Link::Erased { since_ms }),
        contact.prop_map(|into| Link::Merged { into }),
    ]
}

fn property() -> impl Strategy<Value = Property> {
    (1..3_u32, 0..Field::ALL.len())
        .prop_map(|(connection, field)| Property { connection: number(connection), field: Field::ALL[field] })
}

fn values() -> impl Strategy<Value = Values> {
    btree_map(property(), text(), 0..4)
}

fn confirmation() -> impl Strategy<Value = Confirmation> {
    let revision = prop_oneof![4 => 0..4_u64, 1 => Just(u64::MAX)];
    (revision, time(), link(), values(), option::of(values()), option::of(time()), btree_set(property(), 0..3))
        .prop_map(|(revision, observed_at_ms, link, values, refused, covers_ms, in_doubt)| Confirmation {
            revision,
            observed_at_ms,
            link,
            values,
            refused,
            covers_ms,
            in_doubt,
        })
}

/// What LINE tells: events and the answers to look-ups.
fn told() -> impl Strategy<Value = Record> {
    prop_oneof![
        12 => event().prop_map(Record::Event),
        1 => (1..3_u32, profile()).prop_map(|(connection, profile)| Record::Profile(number(connection), profile)),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![12 => told(), 1 => confirmation().prop_map(Record::Confirmation)]
}

/// Some of the connections that the events speak of, and whether they make contacts.
fn rules() -> impl Strategy<Value = Connections> {
    let known = |number| option::weighted(0.8, any::<bool>()).prop_map(move |auto| auto.map(|auto| (number, auto)));
    (known(1), known(2), known(u32::MAX))
        .prop_map(|(one, two, last)| connections([one, two, last].into_iter().flatten()))
}

/// The same records in another order, some of them several times.
fn records_and_disorder() -> impl Strategy<Value = (Vec<Record>, Vec<Record>)> {
    (vec(record(), 0..48), vec(any::<Index>(), 0..24)).prop_flat_map(|(records, again)| {
        let mut disorder = records.clone();
        if !records.is_empty() {
            disorder.extend(again.iter().map(|index| index.get(&records).clone()));
        }
        (Just(records), Just(disorder).prop_shuffle())
    })
}

fn stored_and_loaded(user: &User) -> User {
    postcard::from_bytes(&bytes(user)).expect("a stored state loads")
}

/// All messages, takings-back and edits of a friend, kept for ever.
#[derive(Default)]
struct Unbounded {
    messages: BTreeMap<(Moment, MessageId), Box<str>>,
    unsent: BTreeMap<MessageId, i64>,
    edits: BTreeMap<MessageId, (Moment, Box<str>)>,
}

impl Unbounded {
    fn apply(&mut self, at: Moment, kind: &Kind) {
        match kind.clone() {
            Kind::Messaged { message, text } => {
                let known = self.messages.entry((at, message)).or_default();
                *known = text.max(known.clone());
            }
            Kind::Unsent { message } => {
                let newest = self.unsent.entry(message).or_insert(at.time_ms);
                *newest = at.time_ms.max(*newest);
            }
            Kind::Edited { message, text } => {
                let newest = self.edits.entry(message).or_insert((at, text.clone()));
                *newest = (at, text).max(newest.clone());
            }
            _ => {}
        }
    }

    fn taken_back(&self, at: Moment, message: &MessageId) -> bool {
        self.unsent.get(message).is_some_and(|unsent| *unsent >= at.time_ms)
    }

    /// How many of the newest messages in a row were taken back.
    fn taken_back_in_a_row(&self) -> usize {
        self.messages.keys().rev().take_while(|(at, message)| self.taken_back(*at, message)).count()
    }

    fn newest(&self) -> Option<(Moment, &str)> {
        let ((at, message), text) =
            self.messages.iter().rev().find(|((at, message), _)| !self.taken_back(*at, message))?;
        let edit = self.edits.get(message).filter(|(edited, _)| edited.time_ms >= at.time_ms);
        Some((*at, edit.map_or(text, |(_, text)| text)))
    }
}

/// Does the record stand in the topic of events, where an erasure stands too? Otherwise it may stand anywhere.
fn is_event(record: &Record) -> bool {
    matches!(record, Record::Event(event) if event.kind != Kind::Answered)
}

/// Is the record of the time after the erasure, or not of LINE at all?
fn outlives(record: &Record, erased_ms: i64) -> bool {
    match record {
        Record::Event(event) => event.at.time_ms > erased_ms,
        Record::Profile(_, profile) => profile.covers_ms > erased_ms,
        Record::Confirmation(_) => true,
        Record::Erased(_) => false,
    }
}

proptest! {
    #![proptest_config(thorough())]

    #[test]
    fn after_an_erasure_the_state_is_that_of_somebody_new_wherever_the_rest_stands(
        before in vec(event(), 0..24),
        (after, elsewhere) in (vec(event(), 0..24), vec(record(), 0..24)),
        (erased_ms, again) in (time(), any::<bool>()),
        places in any::<[Index; 24]>(),
    ) {
        let records = |events: Vec<Event>| events.into_iter().map(Record::Event).filter(is_event).collect::<Vec<_>>();
        let (before, mut after) = (records(before), records(after));
        let elsewhere: Vec<Record> = elsewhere.into_iter().filter(|record| !is_event(record)).collect();
        if again {
            after.insert(after.len() / 2, Record::Erased(erased_ms));
        }
        let new: Vec<Record> =
            after.iter().chain(&elsewhere).filter(|record| outlives(record, erased_ms)).cloned().collect();
        let mut log = [before, vec![Record::Erased(erased_ms)], after].concat();
        for (record, place) in elsewhere.into_iter().zip(places) {
            log.insert(place.index(log.len() + 1), record);
        }
        let somebody_new = fold([&Record::Erased(erased_ms)].into_iter().chain(&new));
        prop_assert_eq!(bytes(&fold(&log)), bytes(&somebody_new));
        prop_assert_eq!(wanted(USER, &somebody_new, &all()), wanted(USER, &fold(&new), &all()));
    }

    #[test]
    fn no_answer_under_way_takes_the_place_of_an_erasure(
        known in vec(confirmation(), 0..4),
        under_way in vec((0..1_000_u64, confirmation()), 0..8),
        since_ms in time(),
    ) {
        let known: Vec<_> = known.into_iter().filter(|known| known.revision < 4).map(Record::Confirmation).collect();
        let mut user = fold(&known);
        let revision = user.account.revision();
        let erased = user.account.erased(0, since_ms);
        user.apply_confirmation(erased.clone());
        for (further, answer) in under_way {
            user.apply_confirmation(Confirmation { revision: revision + further, ..answer });
        }
        prop_assert_eq!(user.account.link, Link::Erased { since_ms });
        prop_assert!(user.account.values.is_empty() && user.account.refused.is_none());
    }

    #[test]
    fn any_order_any_duplication_and_any_split_give_the_same_state(
        (records, disorder) in records_and_disorder(),
        every in 1..8_usize,
    ) {
        let mut user = User::default();
        for (place, record) in disorder.iter().enumerate() {
            if place % every == 0 {
                user = stored_and_loaded(&user);
            }
            apply(&mut user, record);
        }
        prop_assert_eq!(bytes(&user), bytes(&fold(&records)));
        prop_assert_eq!(&stored_and_loaded(&user), &user);
    }

    #[test]
    fn the_confirmation_with_the_highest_revision_holds(
        (first, shuffled) in vec(confirmation(), 1..8).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let accounts = [first.clone(), shuffled].map(|confirmations| {
            let records: Vec<_> = confirmations.into_iter().map(Record::Confirmation).collect();
            fold(&records).account
        });
        prop_assert_eq!(&accounts[0], &accounts[1]);
        let newest = first.iter().map(|confirmation| confirmation.revision).max();
        prop_assert_eq!(Some(accounts[0].revision()), newest);
        prop_assert!(accounts[0].next(0, Link::Unknown).revision >= accounts[0].revision());
        let of_newest = first.iter().filter(|confirmation| Some(confirmation.revision) == newest);
        let doubted: BTreeSet<_> = of_newest.flat_map(|confirmation| confirmation.in_doubt.clone()).collect();
        prop_assert_eq!(accounts[0].in_doubt().collect::<BTreeSet<_>>(), doubted, "what either doubts is in doubt");
    }

    #[test]
    fn hubspot_comes_to_show_the_state_whatever_it_did_unheard(
        told in vec((told(), 0..4_u8), 0..48),
        rules in rules(),
    ) {
        let mut user = User::default();
        let mut held = Values::new();
        let write = |user: &mut User, held: &mut Values, done: bool, heard: bool| {
            let action = decide(USER, user, &rules);
            assert_eq!(is_due(USER, user, &rules), action != Action::Nothing);
            let announced = match &action {
                Action::Update(_, values) => user.account.clone().announce(values.keys()),
                _ => None,
            };
            announced.into_iter().for_each(|announced| user.apply_confirmation(announced));
            if let (Action::Create(values) | Action::Update(_, values), true) = (&action, done) {
                held.extend(values.clone());
            }
            if heard && let Some(confirmation) = hubspot_does(action, user, 0) {
                user.apply_confirmation(confirmation);
            }
        };
        for (record, end) in told {
            apply(&mut user, &record);
            match (end, user.account.link) {
                (0, _) => {}
                (1, Link::Live(_)) => write(&mut user, &mut held, true, false),
                (2, Link::Live(_)) => write(&mut user, &mut held, false, false),
                _ => write(&mut user, &mut held, true, true),
            }
        }
        write(&mut user, &mut held, true, true);
        prop_assert_eq!(decide(USER, &user, &rules), Action::Nothing, "one write is enough");
        if matches!(user.account.link, Link::Live(_)) {
            held.retain(|_, value| !value.is_empty());
            let mut shown = wanted(USER, &user, &rules);
            shown.retain(|_, value| !value.is_empty());
            prop_assert_eq!(held, shown);
        }
    }

    #[test]
    fn a_synced_contact_needs_nothing_and_a_replay_changes_nothing(
        told in vec((told(), any::<bool>()), 0..48),
        rules in rules(),
        every in 1..4_usize,
    ) {
        let mut user = User::default();
        let mut log = Vec::new();
        for (record, then_sync) in told.into_iter().chain([(Record::Profile(number(1), nobody()), true)]) {
            apply(&mut user, &record);
            log.push(record);
            if then_sync && let Some(confirmation) = hubspot_does(decide(USER, &user, &rules), &user, 0) {
                let confirmation = Record::Confirmation(confirmation);
                apply(&mut user, &confirmation);
                log.push(confirmation);
                prop_assert_eq!(decide(USER, &user, &rules), Action::Nothing, "one write is enough");
            }
        }
        prop_assert_eq!(decide(USER, &user, &rules), Action::Nothing);
        let synced = bytes(&user);
        for record in log.iter().step_by(every).chain(log.iter().rev()) {
            apply(&mut user, record);
        }
        prop_assert_eq!(bytes(&user), &*synced);
        prop_assert_eq!(bytes(&fold(&log)), synced);
    }

    #[test]
    fn only_a_later_message_or_follow_brings_a_deleted_contact_back(
        records in vec(told(), 0..48),
        gone_ms in time(),
        erased in any::<bool>(),
        rules in rules(),
        later in (event(), time()),
    ) {
        let since_ms = gone_ms;
        let link = if erased { Link::Erased { since_ms } } else { Link::Gone { contact: ContactId(1), since_ms } };
        let deleted = Record::Confirmation(User::default().account.next(0, link));
        let mut user = fold(&[deleted]);
        for mut record in records {
            if let Record::Event(event) = &mut record && event.kind.brings_back() {
                event.at.time_ms = event.at.time_ms.min(gone_ms);
            }
            apply(&mut user, &record);
            prop_assert_eq!(decide(USER, &user, &rules), Action::Nothing);
        }
        let (mut event, time_ms) = later;
        event.at.time_ms = time_ms;
        let returns = event.kind.brings_back()
            && time_ms > gone_ms
            && rules.get(event.connection).is_some_and(|connection| connection.auto_create);
        user.apply(event);
        let mut complete = wanted(USER, &user, &rules);
        complete.retain(|_, value| !value.is_empty());
        let expected = if returns { Action::Create(complete) } else { Action::Nothing };
        prop_assert_eq!(decide(USER, &user, &rules), expected);
    }

    #[test]
    fn the_window_of_messages_shows_what_an_unbounded_memory_shows(
        happened in vec((moment(), message_kind()), 0..64),
    ) {
        let mut window = Messages::default();
        let mut unbounded = Unbounded::default();
        for (at, kind) in &happened {
            match kind.clone() {
                Kind::Messaged { message, text } => window.receive(*at, message, text),
                Kind::Unsent { message } => window.unsend(*at, &message),
                Kind::Edited { message, text } => window.edit(*at, message, text),
                _ => {}
            }
            unbounded.apply(*at, kind);
            let expected = if unbounded.taken_back_in_a_row() < REMEMBERED { unbounded.newest() } else { None };
            prop_assert_eq!(window.newest(), expected);
        }
    }

    #[test]
    fn no_text_of_a_message_taken_back_is_kept(
        sent in vec((moment(), option::of((moment(), 0..2_usize))), 1..24),
        order in any::<[Index; 48]>(),
    ) {
        let mut events = Vec::new();
        let mut gone = Vec::new();
        for (number, (at, taking_back)) in sent.into_iter().enumerate() {
            let message = MessageId::from(&*format!("m{number}"));
            let text: Box<str> = format!("text of {number:03}").into();
            events.push((at, Kind::Messaged { message: message.clone(), text: text.clone() }));
            if let Some((unsent, edits)) = taking_back.filter(|(unsent, _)| unsent.time_ms >= at.time_ms) {
                events.extend((0..edits).map(|_| (unsent, Kind::Edited { message: message.clone(), text: text.clone() })));
                events.push((unsent, Kind::Unsent { message }));
                gone.push(text);
            }
        }
        for (place, index) in order.iter().enumerate().take(events.len()) {
            let other = index.index(events.len());
            events.swap(place, other);
        }
        let mut user = User::default();
        for (at, kind) in events {
            user.apply(Event { user: USER, connection: number(1), at, kind });
        }
        let state = bytes(&user);
        for text in gone {
            prop_assert!(!state.windows(text.len()).any(|part| part == text.as_bytes()));
        }
    }

    #[test]
    fn the_diff_of_equal_states_is_empty_and_an_update_is_all_that_is_missing(
        records in vec(told(), 0..32),
        rules in rules(),
        confirmed in values(),
    ) {
        let mut user = fold(&records);
        let wanted = wanted(USER, &user, &rules);
        let mut live = user.account.next_alive(0, ContactId(1), user.returned_ms());
        live.values = confirmed;
        user.apply_confirmation(live.clone());
        if let Action::Update(_, changed) = decide(USER, &user, &rules) {
            let held = |property| live.values.get(property).map_or("", |value| &**value);
            prop_assert!(changed.iter().all(|(property, value)| *value == wanted[property] && **value != *held(property)));
            live.values.extend(changed);
        }
        let missing = wanted.iter().find(|(property, value)| live.values.get(property).map_or("", |held| held) != &***value);
        prop_assert_eq!(missing, None);
        live.revision += 1;
        user.apply_confirmation(live);
        prop_assert_eq!(decide(USER, &user, &rules), Action::Nothing);
    }

    #[test]
    fn what_happens_on_one_connection_is_not_seen_on_another(records in vec(told(), 0..48)) {
        let rules = all();
        let together = wanted(USER, &fold(&records), &rules);
        let mut apart = Values::new();
        for connection in [1, 2, u32::MAX].map(number) {
            let of_connection = records.iter().filter(|record| match record {
                Record::Event(event) => event.connection == connection,
                Record::Profile(of, _) => *of == connection,
                Record::Confirmation(_) | Record::Erased(_) => false,
            });
            apart.extend(wanted(USER, &fold(of_connection), &rules));
        }
        prop_assert_eq!(together, apart);
    }

    #[test]
    fn an_answered_look_up_is_not_asked_again(records in vec(told(), 0..32), found in any::<bool>()) {
        let mut user = fold(&records);
        let friends: Vec<_> = user.friends().map(|(number, friend)| (number, friend.profile_due())).collect();
        for (connection, due) in friends {
            if let Some(due) = due {
                let found = found.then(|| Likeness { name: "A".into(), picture: None });
                user.apply_profile(connection, Profile { fetched_at_ms: 0, covers_ms: due.covers_ms, found });
                prop_assert_eq!(user.friend(connection).and_then(|friend| friend.profile_due()), None);
            }
        }
    }
}

fn all() -> Connections {
    connections([(1, true), (2, true), (u32::MAX, true)])
}

fn nobody() -> Profile {
    Profile { fetched_at_ms: 0, covers_ms: 0, found: None }
}
