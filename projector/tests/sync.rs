//! HubSpot is brought to the state, whatever it answers: the rules of the design's section 6 from records to contacts.

#![allow(clippy::unwrap_used)]

mod driver;

use connection::State;
use contact::Likeness;
use driver::crm::Fault;
use driver::{Driver, user};
use eventlog::{NewRecord, Topic};
use hubspot::Error;
use projector::records::{erasure_key, erasure_record};
use schemas::{ContactLink, HubspotContact};
use std::sync::atomic::Ordering;

const LINE_ME: &str = "u00000000000000000000000000000001@line.me";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_friend_becomes_a_contact_with_the_dummy_email_and_seven_properties() {
    let driver = Driver::new().await;
    let taro = Likeness { name: "太郎".into(), picture: Some("https://p/1".into()) };
    driver.profiles.known.lock().unwrap().insert(user(1), taro);
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_user_name_1", "太郎").await;
    running.stop().await;
    let live = driver.crm.live();
    let expected = [
        ("email", LINE_ME),
        ("line_follow_1", "Yes"),
        ("line_id_sync_date_1", "1000"),
        ("line_unanswered_1", "No"),
        ("line_user_id_1", "U00000000000000000000000000000001"),
        ("line_user_name_1", "太郎"),
        ("line_user_picture_1", "https://p/1"),
    ];
    let found: Vec<_> = live[0].properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expected);
    assert_eq!((live.len(), driver.crm.writes()), (1, 1), "made at once with name and picture");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_line_does_not_give_does_not_hold_the_contact_back() {
    let driver = Driver::new().await;
    *driver.profiles.away.lock().unwrap() = true;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_line_refuses_tells_the_known_name_again_so_that_compaction_keeps_it() {
    let driver = Driver::new().await;
    let name = || contact::Likeness { name: "Hanako".into(), picture: None };
    driver.profiles.known.lock().unwrap().insert(user(1), name());
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_user_name_1", "Hanako").await;
    driver.profiles.known.lock().unwrap().clear();
    driver.follow(1, user(1), 2_000).await;
    let records = driver.records(Topic::LineProfiles, 2).await;
    let newest: schemas::LineProfile = driver.codec.decode(records[1].value.as_deref().unwrap()).unwrap();
    assert_eq!(newest.covers_ms, 2_000);
    assert_eq!(newest.found.unwrap().name, "Hanako");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_contact_is_found_by_its_email_and_filled() {
    let driver = Driver::with_connections(true).await;
    let id = driver.crm.insert(&[("email", LINE_ME), ("firstname", "Taro")]);
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    assert_eq!(driver.contact_with(user(1), "line_follow_1", "Yes").await, id);
    running.stop().await;
    assert_eq!(driver.crm.calls("create"), 0);
    assert_eq!(driver.crm.rows()[&id].properties["firstname"], "Taro");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_whose_email_a_person_replaced_is_found_by_the_user_id() {
    let driver = Driver::with_connections(true).await;
    let id = driver.crm.insert(&[("email", "taro@example.jp"), ("line_user_id_1", &user(1).to_string())]);
    driver.message(1, user(1), 1_000, "hello").await;
    let running = driver.start();
    assert_eq!(driver.contact_with(user(1), "line_last_response_1", "hello").await, id);
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
    assert_eq!(driver.crm.rows()[&id].properties["email"], "taro@example.jp", "e-mail is written only at creation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_exists_unexpectedly_is_adopted_from_the_conflict() {
    let driver = Driver::new().await;
    let id = driver.crm.insert(&[("email", LINE_ME)]);
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    assert_eq!(driver.contact_with(user(1), "line_follow_1", "Yes").await, id);
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_whose_answer_was_lost_leaves_one_contact() {
    let driver = Driver::new().await;
    driver.crm.fail([Fault::AnswerLost]);
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.records(Topic::HubspotContacts, 1).await;
    driver.message(1, user(1), 2_000, "hello").await;
    driver.contact_with(user(1), "line_last_response_1", "hello").await;
    running.stop().await;
    assert_eq!(
        (driver.crm.live().len(), driver.crm.calls("create")),
        (1, 1),
        "it is looked for before it is made again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_shows_nothing_is_read_back() {
    for fault in [Fault::AnswerLost, Fault::ShowsNothing] {
        let driver = Driver::new().await;
        driver.follow(1, user(1), 1_000).await;
        let running = driver.start();
        driver.contact_with(user(1), "line_follow_1", "Yes").await;
        driver.records(Topic::HubspotContacts, 1).await;
        driver.crm.fail([fault]);
        driver.message(1, user(1), 2_000, "hello").await;
        driver.records(Topic::HubspotContacts, 3).await;
        running.stop().await;
        assert_eq!((driver.crm.writes(), driver.crm.calls("read_many")), (2, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_was_not_done_is_sent_again() {
    for fault in [Fault::RequestLost, Fault::Pretends] {
        let driver = Driver::new().await;
        driver.follow(1, user(1), 1_000).await;
        let running = driver.start();
        driver.records(Topic::HubspotContacts, 1).await;
        driver.crm.fail([fault]);
        driver.message(1, user(1), 2_000, "hello").await;
        driver.contact_with(user(1), "line_last_response_1", "hello").await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_lost_is_sent_again() {
    let driver = Driver::new().await;
    driver.crm.fail([Fault::RequestLost, Fault::Fails(Error::Unavailable { detail: "502".into() })]);
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    running.stop().await;
    assert_eq!(driver.crm.writes(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_refused_for_good_is_set_aside_alone_and_not_sent_again_until_it_changes() {
    let driver = Driver::new().await;
    driver.crm.refuse("poison", "VALIDATION_ERROR", None);
    driver.message(1, user(1), 1_000, "poison").await;
    driver.message(1, user(2), 1_000, "fine").await;
    let running = driver.start();
    driver.contact_with(user(2), "line_last_response_1", "fine").await;
    assert_eq!(driver.first_letter().await, ("refused".to_owned(), "VALIDATION_ERROR in the double".to_owned()));
    let writes = driver.crm.writes();
    driver.postback(1, user(1), 1_500).await;
    driver.message(1, user(2), 2_000, "again").await;
    driver.contact_with(user(2), "line_last_response_1", "again").await;
    assert_eq!(driver.crm.writes(), writes + 1);
    driver.message(1, user(1), 3_000, "harmless").await;
    driver.contact_with(user(1), "line_last_response_1", "harmless").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_hubspot_refuses_by_name_does_not_keep_the_others_back() {
    let driver = Driver::new().await;
    driver.crm.refuse("poison", "VALIDATION_ERROR", Some("line_last_response_1"));
    driver.message(1, user(1), 1_000, "poison").await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_unanswered_1", "Yes").await;
    assert!(!driver.crm.rows()[&id].properties.contains_key("line_last_response_1"));
    assert_eq!(driver.first_letter().await, ("settled".to_owned(), "VALIDATION_ERROR in the double".to_owned()));
    driver.event(1, user(1), "unfollow", 2_000, "").await;
    driver.contact_with(user(1), "line_follow_1", "No").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_contact_is_made_without_the_user_id_that_hubspot_does_not_take() {
    let driver = Driver::new().await;
    driver.crm.refuse(&user(1).to_string(), "VALIDATION_ERROR", Some("line_user_id_1"));
    driver.message(1, user(1), 1_000, "hello").await;
    driver.message(1, user(2), 1_000, "fine").await;
    let running = driver.start();
    driver.contact_with(user(2), "line_last_response_1", "fine").await;
    assert_eq!(driver.first_letter().await, ("refused".to_owned(), "VALIDATION_ERROR in the double".to_owned()));
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_hubspot_keeps_otherwise_is_not_written_for_ever() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.records(Topic::HubspotContacts, 1).await;
    driver.crm.fail([Fault::Pretends, Fault::Pretends, Fault::Pretends, Fault::Pretends]);
    driver.message(1, user(1), 2_000, " x ").await;
    driver.records(Topic::HubspotContacts, 3).await;
    let writes = driver.crm.writes();
    driver.follow(1, user(2), 3_000).await;
    driver.contact_with(user(2), "line_follow_1", "Yes").await;
    running.stop().await;
    assert_eq!(driver.crm.writes(), writes + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_deleted_in_hubspot_comes_back_only_by_a_later_message_or_follow() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.message(1, user(1), 2_000, "before").await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_last_response_1", "before").await;
    driver.crm.delete(id, 10_000);
    driver.postback(1, user(1), 20_000).await;
    driver.event(1, user(1), "unfollow", 21_000, "").await;
    driver.message(1, user(1), 9_000, "late").await;
    driver.follow(1, user(2), 1_000).await;
    driver.contact_with(user(2), "line_follow_1", "Yes").await;
    assert_eq!(driver.crm.live().len(), 1, "only the second user");
    driver.follow(1, user(1), 30_000).await;
    let again = driver.contact_with(user(1), "line_last_response_1", "late").await;
    running.stop().await;
    assert_ne!(again, id);
    let properties = &driver.crm.rows()[&again].properties;
    assert_eq!(properties["line_id_sync_date_1"], "1000", "kept over deletion and re-creation");
    assert_eq!(properties["line_follow_1"], "Yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_leave_a_contact_deleted_are_counted() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    driver.crm.delete(id, 10_000);
    driver.event(1, user(1), "unfollow", 20_000, "").await;
    driver.records(Topic::HubspotContacts, 2).await;
    // A write to a contact that was just made shows that the fold has read the answers before it.
    driver.follow(1, user(2), 1_000).await;
    driver.contact_with(user(2), "line_follow_1", "Yes").await;
    driver.message(1, user(2), 2_000, "hello").await;
    driver.contact_with(user(2), "line_last_response_1", "hello").await;
    assert_eq!(driver.metrics.left_deleted.get(), 0);
    driver.postback(1, user(1), 30_000).await;
    driver.message(1, user(2), 3_000, "again").await;
    driver.contact_with(user(2), "line_last_response_1", "again").await;
    assert_eq!(driver.metrics.left_deleted.get(), 1);
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_after_the_deletion_brings_the_contact_back_at_once() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    driver.crm.delete(id, 10_000);
    driver.message(1, user(1), 10_001, "hello").await;
    assert_ne!(driver.contact_with(user(1), "line_last_response_1", "hello").await, id);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_changes_nothing_brings_a_deleted_contact_back() {
    let driver = Driver::new().await;
    driver.message(1, user(1), 1_000, "hello").await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_last_response_1", "hello").await;
    driver.crm.delete(id, 10_000);
    driver.message(1, user(1), 10_001, "hello").await;
    assert_ne!(driver.contact_with(user(1), "line_last_response_1", "hello").await, id);
    running.stop().await;
    assert_eq!((driver.crm.calls("create"), driver.crm.calls("update")), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_changes_nothing_leaves_a_living_contact_as_people_have_it() {
    let driver = Driver::new().await;
    driver.message(1, user(1), 1_000, "hello").await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_last_response_1", "hello").await;
    driver.contacts(1).await;
    driver.crm.edit(id, "line_last_response_1", "typed by hand");
    driver.message(1, user(1), 2_000, "hello").await;
    let known = driver.contacts(2).await;
    running.stop().await;
    assert_eq!((known[0].covers_ms, known[1].covers_ms), (Some(1_000), Some(2_000)));
    assert_eq!(known[1].values, known[0].values);
    assert_eq!((driver.crm.writes(), driver.crm.calls("read_many")), (1, 1));
    assert_eq!(driver.crm.rows()[&id].properties["line_last_response_1"], "typed by hand");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_is_erased_while_a_creation_waits_for_its_turn_gets_a_contact() {
    let driver = Driver::new().await;
    driver.crm.hold_writes(true);
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.crm.until_waiting(1).await;
    let value = Some(driver.codec.encode(&erasure_record(user(1), 2_000, 2_000)));
    driver.append(vec![NewRecord { topic: Topic::LineEvents, key: erasure_key(user(1)), value }]).await;
    // That the next friend's creation waits too shows that the fold has read the erasure before it.
    driver.follow(1, user(2), 3_000).await;
    driver.crm.until_waiting(2).await;
    driver.crm.hold_writes(false);
    driver.contact_with(user(2), "line_follow_1", "Yes").await;
    driver.crm.until_calls("create", 2).await;
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_to_be_written_is_in_doubt_in_the_log_until_hubspot_answers() {
    let driver = Driver::new().await;
    driver.crm.refuse("poison", "VALIDATION_ERROR", None);
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contacts(1).await;
    driver.message(1, user(1), 2_000, "hello").await;
    driver.contacts(3).await;
    driver.message(1, user(1), 3_000, "poison").await;
    let known = driver.contacts(5).await;
    running.stop().await;
    let in_doubt: Vec<String> = known.iter().map(|known| Vec::from_iter(known.in_doubt.clone()).join(" ")).collect();
    assert_eq!(in_doubt, ["", "line_last_response_1 line_unanswered_1", "", "line_last_response_1", ""]);
    let shown = |known: &HubspotContact| known.values.get("line_last_response_1").cloned();
    assert_eq!(shown(&known[1]), None, "not before HubSpot shows it");
    assert_eq!(shown(&known[2]), Some("hello".to_owned()));
    assert_eq!(shown(&known[4]), Some("hello".to_owned()), "what was refused was not written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_wanted_again_after_a_write_that_nobody_heard_of_is_written() {
    let driver = Driver::new().await;
    driver.message(1, user(1), 1_000, "one").await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_last_response_1", "one").await;
    let created = driver.contacts(1).await.remove(0);
    running.stop().await;

    let in_doubt = ["line_last_response_1".to_owned()].into();
    let announced = HubspotContact { revision: created.revision + 1, in_doubt, ..created };
    let key = schemas::key::hubspot_contact(&announced.user_id);
    let value = Some(driver.codec.encode(&announced));
    driver.append(vec![NewRecord { topic: Topic::HubspotContacts, key, value }]).await;
    driver.crm.edit(id, "line_last_response_1", "two, taken back meanwhile");
    let running = driver.start();
    driver.contact_with(user(1), "line_last_response_1", "one").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_restored_under_another_address_is_taken_up_again_instead_of_a_second_one() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    driver.crm.edit(id, "email", "taro@example.jp");
    driver.crm.delete(id, 10_000);
    driver.event(1, user(1), "unfollow", 9_000, "").await;
    driver.records(Topic::HubspotContacts, 3).await;
    driver.crm.restore(id);
    driver.message(1, user(1), 10_001, "hello").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_1", "hello").await, id);
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_came_back_while_an_account_was_paused_shows_that_accounts_user_id_when_it_goes_on() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(2, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_2", "Yes").await;
    driver.change(2, |connection| connection.state = State::Paused).await;
    driver.crm.delete(id, 10_000);
    driver.message(1, user(1), 10_001, "hello").await;
    let again = driver.contact_with(user(1), "line_last_response_1", "hello").await;
    assert!(!driver.crm.rows()[&again].properties.contains_key("line_user_id_2"));
    driver.change(2, |connection| connection.state = State::Active).await;
    assert_eq!(driver.contact_with(user(1), "line_follow_2", "Yes").await, again);
    running.stop().await;
    assert_eq!(driver.crm.rows()[&again].properties["line_user_id_2"], user(1).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_restored_before_the_one_that_followed_it_was_deleted_is_taken_up_again_instead_of_a_third_one() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let first = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    driver.crm.edit(first, "email", "taro@example.jp");
    driver.crm.delete(first, 10_000);
    driver.message(1, user(1), 10_001, "hello").await;
    let second = driver.contact_with(user(1), "line_last_response_1", "hello").await;
    driver.crm.restore(first);
    driver.crm.delete(second, 20_000);
    driver.message(1, user(1), 20_001, "again").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_1", "again").await, first);
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_was_restored_and_deleted_again_comes_back_only_for_what_is_later_than_that() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    driver.crm.delete(id, 10_000);
    driver.event(1, user(1), "unfollow", 9_000, "").await;
    driver.contacts(3).await;
    driver.crm.restore(id);
    driver.crm.delete(id, 20_000);
    driver.message(1, user(1), 15_000, "between").await;
    let known = driver.contacts(4).await;
    assert_eq!(known[3].link, ContactLink::Gone { contact_id: id, since_ms: 20_000 });
    driver.message(1, user(1), 20_001, "later").await;
    assert_ne!(driver.contact_with(user(1), "line_last_response_1", "later").await, id);
    running.stop().await;
    assert_eq!((driver.crm.live().len(), driver.crm.calls("create")), (1, 2));
}

/// What HubSpot shows of the second account is read with the contacts of a batch in which somebody knows it.
#[tokio::test(flavor = "multi_thread")]
async fn two_connections_of_one_provider_share_the_contact() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.message(2, user(1), 2_000, "to the second").await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_last_response_2", "to the second").await;
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
    assert_eq!(driver.crm.rows()[&id].properties["line_follow_1"], "Yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_from_the_log_calls_nobody() {
    let driver = Driver::new().await;
    for n in 1..=5 {
        driver.follow(1, user(n), 1_000).await;
        driver.message(1, user(n), 2_000, "hello").await;
    }
    let running = driver.start();
    for n in 1..=5 {
        driver.contact_with(user(n), "line_last_response_1", "hello").await;
    }
    running.stop().await;
    driver.crm.delete(*driver.crm.rows().keys().next().unwrap(), 5_000);
    let (writes, asked) = (driver.crm.writes(), driver.profiles.asked.load(Ordering::SeqCst));

    driver.delete_state();
    let running = driver.start();
    driver.follow(1, user(6), 3_000).await;
    driver.contact_with(user(6), "line_follow_1", "Yes").await;
    running.stop().await;
    assert_eq!(driver.crm.writes(), writes + 1, "only the new friend was written");
    assert_eq!(driver.profiles.asked.load(Ordering::SeqCst), asked + 1);
    assert_eq!(driver.crm.live().len(), 5, "the deleted contact stays deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_too_large_for_a_dead_letter_holds_nobody_up() {
    let driver = Driver::new().await;
    let key = schemas::key::line_event(&user(1).to_string(), 1, "broken");
    let value = Some(vec![b'x'; NewRecord::MAX_BYTES - key.len()]);
    driver.append(vec![NewRecord { topic: Topic::LineEvents, key, value }]).await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    let (reason, detail) = driver.first_letter().await;
    running.stop().await;
    assert!(reason == "malformed" && detail.contains("too large"), "{reason}: {detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_set_aside_and_the_others_go_on() {
    let driver = Driver::new().await;
    let key = schemas::key::line_event(&user(1).to_string(), 1, "broken");
    driver.append(vec![NewRecord { topic: Topic::LineEvents, key, value: Some(b"not a record".to_vec()) }]).await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    let letters = driver.records(Topic::DeadLetters, 1).await;
    let letter: schemas::DeadLetter = driver.codec.decode(letters[0].value.as_deref().unwrap()).unwrap();
    running.stop().await;
    assert_eq!((letter.reason.as_str(), &letter.value[..], letter.offset), ("malformed", &b"not a record"[..], 0));
}
