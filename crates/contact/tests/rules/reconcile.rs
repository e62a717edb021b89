//! What is done in HubSpot.

use crate::story::*;
use contact::{ContactId, Kind, Link};

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
    check([followed(10), Step::Synced, acted(20)], "nothing");
    check([followed(10), Step::Synced, unfollowed(20)], "update 1: follow_1=No");
    check(
        [followed(10), Step::Synced, wrote(20, "a", "x"), wrote(21, "b", "y")],
        "update 1: unanswered_1=Yes last_response_1=y",
    );
    check([followed(10), Step::Synced, unfollowed(20), acted(30), followed(20)], "check 1");
}

#[test]
fn a_message_or_follow_that_changes_nothing_has_the_contact_looked_at() {
    let known = [wrote(10, "a", "x"), Step::Synced];
    let then = |later: Vec<Step>, expect: &str| check([known.to_vec(), later].concat(), expect);
    for returns in [wrote(20, "b", "x"), followed(20)] {
        then(vec![returns.clone()], "check 1");
        then(vec![returns.clone(), Step::Synced], "nothing");
        then(vec![Step::AutoCreateOff(1), returns.clone()], "nothing");
        then(vec![returns.clone(), Step::Synced, returns], "nothing");
    }
    then(vec![wrote(20, "b", "x"), Step::Synced, wrote(30, "c", "x")], "check 1");
    then(vec![followed(20).on(2), Step::Synced, followed(30).on(2)], "check 1");
    let back = "create: follow_1=Yes id_sync_date_1=10 unanswered_1=Yes last_response_1=x";
    then(vec![wrote(20, "b", "x"), deleted(15)], back);
    then(vec![wrote(20, "b", "x"), deleted(25)], "nothing");
}

#[test]
fn nothing_else_has_a_contact_looked_at() {
    let others = [
        acted(30),
        imported(30),
        answered(9),
        unsent(30, "b"),
        edited(30, "a", "x"),
        wrote(10, "a", "x"),
        wrote(9, "c", "late"),
        followed(5),
    ];
    for step in others {
        check([followed(1), wrote(10, "a", "x"), Step::Synced, step], "nothing");
    }
}

#[test]
fn what_was_confirmed_before_it_was_told_what_it_covers_covers_everything_until_then() {
    check([followed(10), Step::SyncedLongAgo, followed(1_001)], "nothing");
    check([followed(10), Step::SyncedLongAgo, followed(1_002)], "check 1");
    check([followed(10), Step::SyncedLongAgo, followed(1_002), Step::Synced], "nothing");
}

#[test]
fn what_was_about_to_be_written_is_in_doubt_until_hubspot_answers() {
    let begun = [followed(10), wrote(15, "a", "x"), Step::Synced, wrote(20, "b", "y"), Step::Announced];
    let then = |later: Vec<Step>, expect: &str| check([begun.to_vec(), later].concat(), expect);
    then(vec![], "update 1: last_response_1=y");
    then(vec![unsent(30, "b")], "update 1: last_response_1=x");
    then(vec![Step::Synced], "nothing");
    then(vec![unsent(30, "b"), Step::Synced], "nothing");
    then(vec![unsent(30, "b"), unsent(30, "a")], "update 1: unanswered_1=No last_response_1=");
    then(
        vec![unfollowed(30), Step::Announced, unsent(40, "b"), followed(50)],
        "update 1: follow_1=Yes last_response_1=x",
    );
    then(vec![deleted(25), acted(30)], "nothing");
    then(vec![erased(25), followed(30)], "create: follow_1=Yes id_sync_date_1=30 unanswered_1=No");
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
fn of_two_persons_on_one_contact_each_has_the_connections_that_show_them_and_nobody_takes_anothers() {
    let mine = |connection| [followed(10).on(connection), Step::Synced];
    let then = |known: [Step; 2], later: Vec<Step>, expect: &str| check([known.to_vec(), later].concat(), expect);
    then(mine(2), vec![Step::SharedBy(1), unfollowed(30)], "nothing");
    then(mine(2), vec![Step::SharedBy(1), wrote(30, "a", "x")], "check 1");
    then(mine(2), vec![Step::SharedBy(1), unfollowed(30), unfollowed(30).on(2)], "update 1: follow_2=No");
    then(mine(2), vec![Step::SharedBy(3), unfollowed(30)], "update 1: follow_1=No unanswered_1=No");
    then(mine(1), vec![Step::SharedBy(2), unfollowed(30).on(2)], "nothing");
    then(mine(2), vec![Step::SharedBy(1), deleted(40), wrote(50, "a", "x")], CREATED_WITH_ALL);
}

const CREATED_WITH_ALL: &str = "create: follow_1=Yes id_sync_date_1=50 unanswered_1=Yes last_response_1=x follow_2=Yes \
                                id_sync_date_2=10 unanswered_2=No";

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
fn an_erased_person_who_comes_back_is_somebody_new() {
    let known = [followed(10), looked_up(10, "Before", None), wrote(15, "a", "before"), Step::Synced, erased(20)];
    let returns = |later: Vec<Step>, expect: &str| check([known.to_vec(), later].concat(), expect);
    returns(vec![followed(30)], "create: follow_1=Yes id_sync_date_1=30 unanswered_1=No");
    returns(
        vec![wrote(30, "b", "after")],
        "create: follow_1=Yes id_sync_date_1=30 unanswered_1=Yes last_response_1=after",
    );
    returns(
        vec![wrote(15, "a", "before"), looked_up(20, "Before", None), wrote(30, "b", "after"), unsent(40, "b")],
        "create: follow_1=Yes id_sync_date_1=30 unanswered_1=No",
    );
    returns(vec![followed(30), Step::Synced, deleted(40), followed(10)], "nothing");
}

#[test]
fn a_person_erased_for_good_never_comes_back() {
    check([followed(10), Step::Synced, erased(i64::MAX), followed(30), wrote(40, "a", "x")], "nothing");
    check([followed(10), Step::Synced, erased(i64::MAX), erased(50), followed(60)], "nothing");
}

#[test]
fn refused_values_are_not_sent_again_until_they_change() {
    check([followed(10), Step::Refused], "nothing");
    check([followed(10), Step::Refused, followed(20)], "nothing");
    check([followed(10), Step::Refused, unfollowed(20)], "create: follow_1=No id_sync_date_1=10 unanswered_1=No");
    let refused = [followed(10), Step::Synced, wrote(20, "a", "x"), Step::Refused];
    check([refused.to_vec(), vec![Step::Synced]].concat(), "nothing");
    check([refused.to_vec(), vec![wrote(30, "b", "y")]].concat(), "update 1: unanswered_1=Yes last_response_1=y");
    check([refused.to_vec(), vec![Step::Synced, unsent(30, "a")]].concat(), "nothing");
}

#[test]
fn a_refusal_does_not_show_that_the_contact_is_there() {
    check([followed(10), Step::Synced, wrote(20, "a", "x"), Step::Refused], "check 1");
}

#[test]
fn a_part_of_what_was_refused_is_not_sent_either() {
    check(
        [followed(10), Step::Synced, unfollowed(20), wrote(20, "a", "x"), Step::Refused, acted(30), followed(30)],
        "check 1",
    );
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
