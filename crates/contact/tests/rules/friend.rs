//! What is shown of a friend.

use crate::story::*;
use crate::support::{Record, bytes, fold, number};
use contact::messages::REMEMBERED;
use contact::wanted::TEXT_CHARACTERS_MAX;
use contact::{Event, EventId, Friend, Kind, Moment, UserId};

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

#[test]
fn a_friend_was_last_seen_acting_or_blocking_the_account() {
    let event = |time_ms, kind| {
        let at = Moment { time_ms, id: EventId(0) };
        Record::Event(Event { user: UserId::from_u128(1), connection: number(1), at, kind })
    };
    let seen = |records: &[Record]| fold(records).friend(number(1)).and_then(Friend::last_seen_ms);
    let followed = event(10, Kind::Followed);
    assert_eq!(seen(&[event(30, Kind::Acted), followed.clone()]), Some(30));
    assert_eq!(seen(&[event(30, Kind::Unfollowed), followed.clone()]), Some(30));
    assert_eq!(seen(&[event(30, Kind::Answered), followed]), Some(10), "an answer is not the friend's doing");
}
