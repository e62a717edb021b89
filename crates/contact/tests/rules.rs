//! The rules of a contact, one test for each: what happened → what HubSpot is told.
//!
//! A story is a list of steps; the expectation is the whole action in text, without the constant LINE user ID:
//! `create: follow_1=Yes …`, `update 1: unanswered_1=No` (contact 1), `nothing`.
//! Each story is also told backwards and twice over, with the same ending.

mod support;

use contact::messages::REMEMBERED;
use contact::wanted::TEXT_CHARACTERS_MAX;
use contact::{
    Action, ContactId, Event, EventId, Field, Kind, Likeness, Link, Moment, Names, Profile, User, UserId, decide,
};
use std::collections::BTreeMap;
use support::{Record, apply, bytes, connections, fold, hubspot_does, number};

const USER: UserId = UserId::from_u128(0x8e74_2f61_d673_b39c_7fff_3cec_b753_6ef0);

/// One step of a story. What happens between the person and LINE happens on connection 1 unless said otherwise.
#[derive(Clone)]
enum Step {
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
    Refused,
    Told(i64, fn(ContactId, i64) -> Link),
    /// The operator changed a connection.
    AutoCreateOff(u32),
    Paused(u32),
}

impl Step {
    fn on(mut self, connection: u32) -> Self {
        match &mut self {
            Self::Happened { on, .. } | Self::LookedUp { on, .. } => *on = connection,
            _ => panic!("only what LINE tells belongs to a connection"),
        }
        self
    }

    fn id(mut self, number: u128) -> Self {
        match &mut self {
            Self::Happened { id, .. } => *id = Some(number),
            _ => panic!("only events have an ID"),
        }
        self
    }
}

fn happened(at: i64, kind: Kind) -> Step {
    Step::Happened { on: 1, at, id: None, kind }
}

fn followed(at: i64) -> Step {
    happened(at, Kind::Followed)
}

fn unfollowed(at: i64) -> Step {
    happened(at, Kind::Unfollowed)
}

fn wrote(at: i64, message: &str, text: &str) -> Step {
    happened(at, Kind::Messaged { message: message.into(), text: text.into() })
}

fn edited(at: i64, message: &str, text: &str) -> Step {
    happened(at, Kind::Edited { message: message.into(), text: text.into() })
}

fn unsent(at: i64, message: &str) -> Step {
    happened(at, Kind::Unsent { message: message.into() })
}

fn acted(at: i64) -> Step {
    happened(at, Kind::Acted)
}

fn imported(at: i64) -> Step {
    happened(at, Kind::Imported)
}

fn answered(at: i64) -> Step {
    happened(at, Kind::Answered)
}

fn looked_up(at: i64, name: &str, picture: Option<&str>) -> Step {
    let found = Some(Likeness { name: name.into(), picture: picture.map(Into::into) });
    Step::LookedUp { on: 1, profile: Profile { fetched_at_ms: at, covers_ms: at, found } }
}

fn look_up_refused(at: i64) -> Step {
    Step::LookedUp { on: 1, profile: Profile { fetched_at_ms: at, covers_ms: at, found: None } }
}

fn deleted(at: i64) -> Step {
    Step::Told(at, |contact, since_ms| Link::Gone { contact, since_ms })
}

fn erased(at: i64) -> Step {
    Step::Told(at, |_, since_ms| Link::Erased { since_ms })
}

fn merged(at: i64) -> Step {
    Step::Told(at, |_, _| Link::Merged { into: ContactId(99) })
}

fn moved(at: i64) -> Step {
    Step::Told(at, |_, _| Link::Live(ContactId(77)))
}

/// Tells the story and compares what HubSpot is to be told in the end.
#[track_caller]
fn check(story: impl IntoIterator<Item = Step>, expect: &str) {
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
            Step::Refused => {
                let mut confirmation = user.account.next(now, user.account.link);
                confirmation.refused = match action {
                    Action::Create(values) | Action::Update(_, values) => Some(values),
                    Action::Nothing => panic!("HubSpot can only refuse what it was asked for"),
                };
                Some(Record::Confirmation(confirmation))
            }
            Step::Told(at, link) => {
                Some(Record::Confirmation(user.account.next(now, link(ContactId(user.account.revision()), at))))
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
    assert_eq!(bytes(&fold(records.iter().rev())), bytes(&user), "told backwards");
    assert_eq!(bytes(&fold(records.iter().chain(&records))), bytes(&user), "told twice");
}

fn in_words(action: &Action) -> String {
    let (mut words, values) = match action {
        Action::Nothing => return "nothing".into(),
        Action::Create(values) => ("create:".to_owned(), values),
        Action::Update(contact, values) => (format!("update {contact}:"), values),
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

// What is shown of a friend (section 5 of the design).

#[test]
fn a_follow_shows_yes() {
    check([followed(10)], "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No");
}

#[test]
fn the_newest_of_follow_and_unfollow_holds() {
    let no = "create: follow_1=No id_sync_date_1=10 unanswered_1=No";
    let yes = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No";
    check([followed(10), unfollowed(20)], no);
    check([followed(10), unfollowed(20), followed(30)], yes);
    check([followed(10), followed(30), unfollowed(20)], yes);
    check([followed(10), unfollowed(20), followed(15)], no);
    check([followed(10).id(1), unfollowed(10).id(2)], no);
    check([followed(10).id(2), unfollowed(10).id(1)], yes);
}

#[test]
fn who_acted_without_a_follow_counts_as_following() {
    let yes = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No";
    check([acted(10)], yes);
    check([imported(10)], yes);
    check([wrote(10, "a", "hello")], "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=hello");
}

#[test]
fn a_message_after_an_unfollow_leaves_no() {
    let no = "create: follow_1=No id_sync_date_1=10 unanswered_1=Yes last_response_1=hello";
    check([followed(10), unfollowed(20), wrote(30, "a", "hello")], no);
    check([acted(10), unfollowed(20), wrote(30, "a", "hello")], no);
}

#[test]
fn name_and_picture_come_from_the_newest_look_up() {
    let newest = "create: user_name_1=New user_picture_1=https://p/new follow_1=Yes id_sync_date_1=10 unanswered_1=No";
    let (old, new) = (looked_up(20, "Old", Some("https://p/old")), looked_up(30, "New", Some("https://p/new")));
    check([followed(10), old.clone(), new.clone()], newest);
    check([followed(10), new, old], newest);
}

#[test]
fn name_and_picture_stay_when_a_later_look_up_is_refused() {
    check(
        [followed(10), looked_up(20, "山田", Some("https://p")), look_up_refused(30)],
        "create: user_name_1=山田 user_picture_1=https://p follow_1=Yes id_sync_date_1=10 unanswered_1=No",
    );
}

#[test]
fn a_picture_that_was_removed_is_emptied() {
    check(
        [followed(10), looked_up(20, "A", Some("https://p")), Step::Synced, looked_up(30, "A", None)],
        "update 1: user_picture_1=",
    );
}

#[test]
fn the_sync_date_is_the_first_event_that_makes_a_contact() {
    check([followed(30), acted(20), acted(40)], "create: follow_1=Yes id_sync_date_1=20 unanswered_1=No");
    check(
        [unfollowed(1), unsent(2, "a"), answered(3), edited(4, "b", "x"), looked_up(5, "A", None), followed(30)],
        "create: user_name_1=A follow_1=Yes id_sync_date_1=30 unanswered_1=No",
    );
    check([followed(30), Step::Synced, acted(20)], "update 1: id_sync_date_1=20");
}

#[test]
fn the_sync_date_stays_over_deletion_and_a_new_life() {
    check(
        [followed(10), Step::Synced, deleted(20), followed(30)],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No",
    );
}

#[test]
fn the_last_response_is_the_newest_message() {
    let two = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=two";
    check([wrote(10, "a", "one"), wrote(20, "b", "two")], two);
    check([wrote(20, "b", "two"), wrote(10, "a", "one")], two);
    check([wrote(10, "a", "two").id(2), wrote(10, "b", "one").id(1)], two);
    check([followed(10), Step::Synced, acted(20)], "nothing");
}

#[test]
fn an_unsent_message_was_never_sent() {
    let one = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=one";
    check([wrote(10, "a", "one"), wrote(20, "b", "two"), unsent(30, "b")], one);
    check([wrote(10, "a", "one"), unsent(30, "b"), wrote(20, "b", "two")], one);
    check([wrote(10, "a", "one"), wrote(20, "b", "two"), unsent(20, "b")], one);
}

#[test]
fn with_all_messages_unsent_there_is_no_response_and_nobody_waits() {
    let none = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No";
    check([wrote(10, "a", "one"), unsent(20, "a")], none);
    check([wrote(10, "a", "one"), wrote(11, "b", "two"), unsent(20, "a"), unsent(20, "b")], none);
    check([wrote(10, "a", "one"), Step::Synced, unsent(20, "a")], "update 1: unanswered_1=No last_response_1=");
}

#[test]
fn an_unsend_older_than_the_message_takes_nothing_back() {
    check(
        [wrote(20, "a", "one"), unsent(10, "a")],
        "create: follow_1=Yes id_sync_date_1=20 unanswered_1=Yes last_response_1=one",
    );
}

#[test]
fn the_text_of_an_unsent_message_is_kept_nowhere() {
    const SECRET: &str = "my card number";
    let kind = |text: &str| Kind::Messaged { message: "a".into(), text: text.into() };
    let event = |time_ms, kind| {
        let at = Moment { time_ms, id: EventId(0) };
        Record::Event(Event { user: USER, connection: number(1), at, kind })
    };
    let edit = event(15, Kind::Edited { message: "a".into(), text: SECRET.into() });
    let records = [event(10, kind(SECRET)), edit, event(20, Kind::Unsent { message: "a".into() })];
    let holds_it =
        |records: &[Record]| bytes(&fold(records)).windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    assert!(holds_it(&records[..1]), "the test can tell");
    assert!(holds_it(&records[1..2]), "the test can tell");
    assert!(!holds_it(&records));
    assert!(!holds_it(&[records[2].clone(), records[1].clone(), records[0].clone()]));
}

#[test]
fn who_unsends_as_many_messages_as_are_remembered_is_shown_without_a_response() {
    let messages = (0..=REMEMBERED as i64).map(|n| wrote(10 + n, &n.to_string(), "text"));
    let all_but_one: Vec<_> = messages.chain((2..=REMEMBERED).map(|n| unsent(100, &n.to_string()))).collect();
    check(all_but_one.clone(), "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=text");
    check([all_but_one, vec![unsent(100, "1")]].concat(), "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No");
}

#[test]
fn an_edit_replaces_the_text() {
    let new = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=new";
    check([wrote(10, "a", "old"), edited(20, "a", "new")], new);
    check([edited(20, "a", "new"), wrote(10, "a", "old")], new);
    check([wrote(10, "a", "old"), edited(10, "a", "new")], new);
}

#[test]
fn of_several_edits_the_newest_holds() {
    let newest = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=newest";
    check([wrote(10, "a", "old"), edited(20, "a", "newer"), edited(30, "a", "newest")], newest);
    check([wrote(10, "a", "old"), edited(30, "a", "newest"), edited(20, "a", "newer")], newest);
}

#[test]
fn an_edit_of_an_older_message_changes_nothing_shown() {
    check(
        [wrote(10, "a", "one"), wrote(20, "b", "two"), edited(30, "a", "late")],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=two",
    );
    check(
        [wrote(10, "a", "one"), wrote(20, "b", "two"), edited(30, "a", "late"), unsent(40, "b")],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=late",
    );
}

#[test]
fn an_edit_makes_no_message_newer_and_no_unsent_one_visible() {
    check(
        [wrote(10, "a", "one"), answered(20), edited(30, "a", "late")],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No last_response_1=late",
    );
    check(
        [wrote(10, "a", "one"), unsent(20, "a"), edited(30, "a", "late")],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No",
    );
}

#[test]
fn a_message_is_unanswered_until_an_answer() {
    let waits = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=hello";
    let rests = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No last_response_1=hello";
    check([followed(10), wrote(20, "a", "hello")], waits);
    check([followed(10), wrote(20, "a", "hello"), answered(30)], rests);
    check([followed(10), answered(15), wrote(20, "a", "hello")], waits);
    check([followed(10), wrote(20, "a", "hello").id(1), answered(20).id(2)], rests);
    check([followed(10), wrote(20, "a", "hello").id(2), answered(20).id(1)], waits);
    check([followed(10), wrote(20, "a", "hello"), answered(30), acted(40), followed(50)], rests);
}

#[test]
fn before_the_first_message_nobody_waits() {
    check([followed(10), answered(20)], "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No");
}

#[test]
fn an_unsend_counts_for_unanswered() {
    check(
        [wrote(10, "a", "one"), answered(20), wrote(30, "b", "two"), unsent(40, "b")],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No last_response_1=one",
    );
}

#[test]
fn a_text_is_cut_between_characters_where_hubspot_ends() {
    let limit = TEXT_CHARACTERS_MAX;
    assert_eq!(limit, 65_536);
    let shown = |text: &str| format!("create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1={text}");
    let fits = "語".repeat(limit);
    check([wrote(10, "a", &fits)], &shown(&fits));
    check([wrote(10, "a", &format!("{fits}𩸽"))], &shown(&fits));
    let wide = format!("{}😀", "a".repeat(limit - 1));
    check([wrote(10, "a", &format!("{wide}tail"))], &shown(&wide));
}

// What is done in HubSpot (section 6 of the design).

#[test]
fn every_action_of_a_person_makes_a_contact() {
    for step in [followed(10), wrote(10, "a", ""), acted(10), imported(10)] {
        let waits = if matches!(&step, Step::Happened { kind: Kind::Messaged { .. }, .. }) { "Yes" } else { "No" };
        check([step], &format!("create: follow_1=Yes id_sync_date_1=10 unanswered_1={waits}"));
    }
}

#[test]
fn unfollow_unsend_edit_answer_and_profile_never_make_a_contact() {
    for step in [unfollowed(10), unsent(10, "a"), edited(10, "a", "x"), answered(10), looked_up(10, "A", None)] {
        check([step], "nothing");
    }
    check([], "nothing");
}

#[test]
fn with_auto_create_off_no_contact_is_made_but_one_that_lives_is_kept_up() {
    check([Step::AutoCreateOff(1), followed(10), wrote(20, "a", "x")], "nothing");
    check([followed(10), Step::Synced, Step::AutoCreateOff(1), unfollowed(20)], "update 1: follow_1=No");
    check([followed(10), Step::Synced, Step::AutoCreateOff(1), deleted(20), followed(30)], "nothing");
}

#[test]
fn with_auto_create_off_on_one_connection_the_other_makes_the_whole_contact() {
    check(
        [Step::AutoCreateOff(1), followed(10), acted(20).on(2)],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No follow_2=Yes id_sync_date_2=20 unanswered_2=No",
    );
}

#[test]
fn only_what_differs_is_written() {
    check([followed(10), Step::Synced], "nothing");
    check([followed(10), Step::Synced, followed(20)], "nothing");
    check([followed(10), Step::Synced, unfollowed(20)], "update 1: follow_1=No");
    check(
        [followed(10), Step::Synced, wrote(20, "a", "x"), wrote(21, "b", "y")],
        "update 1: unanswered_1=Yes last_response_1=y",
    );
    check([followed(10), Step::Synced, unfollowed(20), followed(30)], "nothing");
}

#[test]
fn a_deleted_contact_comes_back_for_a_later_message_or_follow() {
    check(
        [followed(10), Step::Synced, deleted(20), followed(21)],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No",
    );
    check(
        [followed(10), Step::Synced, deleted(20), wrote(21, "a", "back")],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=back",
    );
}

#[test]
fn a_message_or_follow_of_the_very_millisecond_of_the_deletion_brings_nothing_back() {
    check([followed(10), Step::Synced, deleted(20), followed(20)], "nothing");
    check([followed(10), Step::Synced, deleted(20), wrote(20, "a", "late")], "nothing");
    check([followed(10), Step::Synced, deleted(20), wrote(19, "a", "late")], "nothing");
}

#[test]
fn nothing_else_brings_a_deleted_contact_back() {
    let others = [
        acted(30),
        imported(30),
        unfollowed(30),
        unsent(30, "a"),
        edited(30, "a", "x"),
        answered(30),
        looked_up(30, "New", None),
        followed(10),
    ];
    for step in others {
        check([followed(10), wrote(15, "a", "one"), Step::Synced, deleted(20), step], "nothing");
    }
}

#[test]
fn a_message_that_was_taken_back_still_brought_the_contact_back() {
    check(
        [followed(10), Step::Synced, deleted(20), wrote(30, "a", "x"), unsent(40, "a")],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No",
    );
}

#[test]
fn a_contact_comes_back_with_the_state_of_all_connections() {
    check(
        [followed(10), followed(11).on(2), Step::Synced, deleted(20), unfollowed(25).on(2), wrote(30, "a", "back")],
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=back \
         follow_2=No id_sync_date_2=11 unanswered_2=No",
    );
}

#[test]
fn a_contact_deleted_again_stays_deleted() {
    let lives_twice = [followed(10), Step::Synced, deleted(20), followed(30), Step::Synced, deleted(40)];
    check(lives_twice.clone(), "nothing");
    check([lives_twice.to_vec(), vec![acted(50)]].concat(), "nothing");
    check(
        [lives_twice.to_vec(), vec![unfollowed(50), followed(60)]].concat(),
        "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No",
    );
}

#[test]
fn a_contact_restored_in_hubspot_is_brought_up_to_date() {
    let restored = Step::Told(0, |_, _| Link::Live(ContactId(1)));
    check([followed(10), Step::Synced, deleted(20), acted(30), unfollowed(40), restored], "update 1: follow_1=No");
}

#[test]
fn a_contact_merged_into_another_users_is_left_alone() {
    check([followed(10), Step::Synced, merged(20), wrote(30, "a", "x"), followed(40)], "nothing");
}

#[test]
fn a_contact_that_answers_under_another_id_is_adopted() {
    check([followed(10), Step::Synced, moved(20), unfollowed(30)], "update 77: follow_1=No");
}

#[test]
fn an_erased_person_comes_back_only_by_a_later_message_or_follow() {
    check([followed(10), Step::Synced, erased(20)], "nothing");
    check([followed(10), Step::Synced, erased(20), acted(30), followed(20)], "nothing");
    check([erased(20), followed(30)], "create: follow_1=Yes id_sync_date_1=30 unanswered_1=No");
    check([Step::AutoCreateOff(1), erased(20), followed(30)], "nothing");
}

#[test]
fn refused_values_are_not_sent_again_until_they_change() {
    check([followed(10), Step::Refused], "nothing");
    check([followed(10), Step::Refused, followed(20)], "nothing");
    check([followed(10), Step::Refused, unfollowed(20)], "create: follow_1=No id_sync_date_1=10 unanswered_1=No");
    let refused = [followed(10), Step::Synced, wrote(20, "a", "x"), Step::Refused];
    check(refused.clone(), "nothing");
    check([refused.to_vec(), vec![wrote(30, "b", "y")]].concat(), "update 1: unanswered_1=Yes last_response_1=y");
    check([refused.to_vec(), vec![unsent(30, "a")]].concat(), "nothing");
}

#[test]
fn two_connections_that_see_one_user_share_the_contact() {
    check(
        [followed(10), Step::Synced, wrote(20, "a", "x").on(2), looked_up(20, "Two", None).on(2)],
        "update 1: user_name_2=Two follow_2=Yes id_sync_date_2=20 unanswered_2=Yes last_response_2=x",
    );
    check([followed(10), followed(10).on(2), Step::Synced, unfollowed(20).on(2)], "update 1: follow_2=No");
}

#[test]
fn a_connection_that_knows_only_a_profile_or_an_answer_is_not_shown() {
    let one = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=No";
    check([followed(10), looked_up(20, "Two", None).on(2), answered(30).on(2)], one);
    check([followed(10), unfollowed(20).on(2)], &format!("{one} follow_2=No unanswered_2=No"));
}

#[test]
fn a_paused_or_removed_connection_is_not_written() {
    check([Step::Paused(1), followed(10)], "nothing");
    check([followed(10), Step::Synced, Step::Paused(1), unfollowed(20)], "nothing");
    check(
        [Step::Paused(1), followed(10), followed(20).on(2)],
        "create: follow_2=Yes id_sync_date_2=20 unanswered_2=No",
    );
    check([followed(10), Step::Synced, deleted(20), Step::Paused(1), followed(30)], "nothing");
}
