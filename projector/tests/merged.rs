//! Contacts that people merged: with one of their own, or two LINE users with each other.

#![allow(clippy::unwrap_used)]

mod driver;

use driver::{Driver, user};
use eventlog::Topic;
use schemas::ContactLink;

const LINE_ME: &str = "u00000000000000000000000000000001@line.me";

/// What people made of the contacts of two friends: one contact, first of all that of the first account's friend.
async fn shared(driver: &Driver) -> u64 {
    let one = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    let two = driver.contact_with(user(2), "line_follow_2", "Yes").await;
    driver.crm.merge(one, two)
}

fn shows(driver: &Driver, contact: u64, property: &str) -> String {
    driver.crm.rows()[&contact].properties.get(property).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_of_two_accounts_share_the_contact_that_people_made_of_theirs() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    let running = driver.start();
    let merged = shared(&driver).await;
    driver.message(2, user(2), 2_000, "second").await;
    assert_eq!(driver.contact_with(user(2), "line_last_response_2", "second").await, merged);
    driver.message(1, user(1), 2_000, "first").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_1", "first").await, merged);
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_the_place_of_the_person_whose_contact_it_is_first_of_all() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    let running = driver.start();
    let merged = shared(&driver).await;
    driver.event(1, user(2), "unfollow", 2_000, "").await;
    driver.message(2, user(2), 3_000, "second").await;
    driver.contact_with(user(2), "line_last_response_2", "second").await;
    running.stop().await;
    assert_eq!(shows(&driver, merged, "line_user_id_1"), user(1).to_string());
    assert_eq!(shows(&driver, merged, "line_follow_1"), "Yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_kept_the_contacts_id_is_noticed_before_it_is_written_to_with_one_more_account() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    for (name, value) in [("email", user(2).dummy_email()), ("line_user_id_2", user(2).to_string())] {
        driver.crm.edit(id, name, &value);
    }
    driver.message(2, user(1), 2_000, "first").await;
    driver.message(1, user(1), 3_000, "first").await;
    driver.contact_with(user(1), "line_last_response_1", "first").await;
    assert_eq!(shows(&driver, id, "line_user_id_2"), user(2).to_string());
    assert_eq!(shows(&driver, id, "line_last_response_2"), "");

    // A person gives the place free.
    driver.crm.edit(id, "line_user_id_2", "");
    driver.message(2, user(1), 4_000, "again").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_2", "again").await, id);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_first_of_all_leaves_nothing_of_the_other_and_the_other_gives_way() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    let running = driver.start();
    let merged = shared(&driver).await;
    driver.message(2, user(2), 2_000, "second").await;
    driver.contact_with(user(2), "line_last_response_2", "second").await;
    driver.follow(2, user(1), 3_000).await;
    driver.contact_with(user(1), "line_user_id_2", &user(1).to_string()).await;
    assert_eq!(shows(&driver, merged, "line_last_response_2"), "");
    driver.message(2, user(2), 4_000, "too late").await;
    assert_eq!(driver.first_letter().await.0, "merged");
    running.stop().await;
    assert_eq!(shows(&driver, merged, "line_last_response_2"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_was_merged_and_then_deleted_is_gone_since_its_deletion() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    let merged = driver.crm.merge(driver.crm.insert(&[("email", "taro@example.jp")]), id);
    driver.crm.delete(merged, 10_000);
    driver.event(1, user(1), "unfollow", 9_000, "").await;
    let known = driver.contacts(3).await;
    running.stop().await;
    assert_eq!(known[2].link, ContactLink::Gone { contact_id: merged, since_ms: 10_000 });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_of_two_merged_users_stays_so_when_it_acts_with_the_account_that_only_the_other_knew() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(1, user(2), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    let running = driver.start();
    let merged = shared(&driver).await;
    driver.message(2, user(1), 2_000, "first").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_2", "first").await, merged);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_of_two_merged_users_stays_so_when_it_is_known_what_the_other_left_and_the_contact_is_merged_again()
{
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(1, user(2), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    driver.follow(2, user(3), 1_000).await;
    let running = driver.start();
    let three = driver.contact_with(user(3), "line_follow_2", "Yes").await;
    let merged = shared(&driver).await;
    driver.crm.merge(three, driver.crm.insert(&[("email", "jiro@example.jp")]));
    let unfollow = |n, who| driver.record(n, who, "unfollow", 2_000, "");
    driver.append(vec![unfollow(1, user(1)), unfollow(2, user(3))]).await;
    driver.contact_with(user(1), "line_follow_1", "No").await;
    let again = driver.crm.merge(merged, driver.crm.insert(&[("email", "taro@example.jp")]));
    driver.message(2, user(1), 3_000, "first").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_2", "first").await, again);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_is_known_to_carry_another_user_of_another_account_stays_found_when_it_is_merged() {
    let driver = Driver::with_connections(true).await;
    let id = driver.crm.insert(&[("email", LINE_ME), ("line_user_id_2", &user(2).to_string())]);
    driver.crm.insert(&[("email", &user(3).dummy_email())]);
    let follow = |n, who| driver.record(n, who, "follow", 1_000, r#""follow":{}"#);
    driver.append(vec![follow(1, user(1)), follow(2, user(3))]).await;
    driver.crm.hold_writes(true);
    let running = driver.start();
    driver.crm.until_waiting(1).await;
    let merged = driver.crm.merge(id, driver.crm.insert(&[("email", "taro@example.jp")]));
    driver.crm.hold_writes(false);
    assert_eq!(driver.contact_with(user(1), "line_follow_1", "Yes").await, merged);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_of_two_merged_users_stays_so_when_the_contact_was_deleted_and_restored_meanwhile() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(1, user(2), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    let running = driver.start();
    let merged = shared(&driver).await;
    driver.event(1, user(1), "unfollow", 2_000, "").await;
    driver.contact_with(user(1), "line_follow_1", "No").await;
    driver.crm.delete(merged, 10_000);
    driver.follow(1, user(1), 3_000).await;
    driver.crm.until_calls("read_archived", 1).await;
    driver.crm.restore(merged);
    driver.message(2, user(1), 10_001, "first").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_2", "first").await, merged);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_contact_is_followed_to_its_new_id() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    let person = driver.crm.insert(&[("email", "taro@example.jp")]);
    let merged = driver.crm.merge(person, id);
    driver.message(1, user(1), 2_000, "hello").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_1", "hello").await, merged);
    running.stop().await;
    assert_eq!(driver.crm.rows()[&merged].properties["email"], "taro@example.jp");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_users_merged_into_one_contact_the_primary_stays_and_the_other_is_left_alone() {
    let driver = Driver::new().await;
    driver.follow(1, user(1), 1_000).await;
    driver.follow(1, user(2), 1_000).await;
    let running = driver.start();
    let one = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    let two = driver.contact_with(user(2), "line_follow_1", "Yes").await;
    let merged = driver.crm.merge(one, two);
    driver.message(1, user(2), 2_000, "second").await;
    driver.records(Topic::DeadLetters, 1).await;
    driver.message(1, user(1), 2_000, "first").await;
    assert_eq!(driver.contact_with(user(1), "line_last_response_1", "first").await, merged);
    driver.message(1, user(2), 3_000, "second again").await;
    driver.follow(1, user(3), 1_000).await;
    driver.contact_with(user(3), "line_follow_1", "Yes").await;
    running.stop().await;
    assert_eq!(driver.crm.rows()[&merged].properties["line_last_response_1"], "first");
    assert_eq!(driver.crm.live().len(), 2);
}
