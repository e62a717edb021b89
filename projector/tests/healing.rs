//! What becomes of contacts whose properties an administrator of HubSpot removed or replaced.

#![allow(clippy::unwrap_used)]

mod driver;

use driver::crm::Fault;
use driver::{Driver, user};
use eventlog::Topic;
use hubspot::Error;

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_an_administrator_removed_is_brought_back_and_nobody_is_set_aside() {
    let driver = Driver::new().await;
    driver.crm.remove_property("line_follow_1");
    driver.follow(1, user(1), 1_000).await;
    driver.follow(1, user(2), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    driver.contact_with(user(2), "line_follow_1", "Yes").await;
    running.stop().await;
    assert_eq!(driver.crm.ensured(), 1);
    assert_eq!(driver.log.span(Topic::DeadLetters, 0).unwrap().next, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_friend_is_found_or_made_although_an_administrator_removed_the_property_to_search_by() {
    let driver = Driver::with_connections(true).await;
    driver.crm.remove_property("line_user_id_1");
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    running.stop().await;
    assert_eq!(driver.crm.ensured(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_not_given_up_whose_property_came_back_although_another_cannot() {
    let driver = Driver::new().await;
    driver.crm.remove_property("line_follow_1");
    driver.crm.lose_property("line_unanswered_1");
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    let id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    assert_eq!(driver.first_letter().await, ("settled".to_owned(), "no such property".to_owned()));
    running.stop().await;
    assert!(!driver.crm.rows()[&id].properties.contains_key("line_unanswered_1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_hubspot_refuses_although_nothing_is_wrong_with_its_property_is_set_aside() {
    let driver = Driver::new().await;
    driver.crm.refuse("No", "INVALID_OPTION", Some("line_unanswered_1"));
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    assert_eq!(driver.first_letter().await, ("settled".to_owned(), "INVALID_OPTION in the double".to_owned()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_property_to_search_by_that_cannot_be_brought_back() {
    let driver = Driver::with_connections(true).await;
    let known = [("email", "taro@example.jp"), ("line_user_id_2", &*user(2).to_string())];
    let known = driver.crm.insert(&known);
    driver.crm.lose_property("line_user_id_1");
    driver.follow(1, user(1), 1_000).await;
    driver.follow(2, user(2), 1_000).await;
    let running = driver.start();
    assert_eq!(driver.contact_with(user(2), "line_follow_2", "Yes").await, known);
    assert_eq!(driver.first_letter().await, ("refused".to_owned(), "no such property".to_owned()));
    running.stop().await;
    assert_eq!(driver.crm.live().len(), 1);
}

/// Another process brings it back, after an outage in which everything was tried often.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_set_aside_for_a_property_that_somebody_else_just_brought_back() {
    let driver = Driver::new().await;
    let down = || Fault::Fails(Error::Unavailable { detail: "as the test wants it".to_owned() });
    driver.crm.fail([down(), down(), down()]);
    driver.crm.refuse_once("No", "INVALID_OPTION", "line_unanswered_1");
    driver.follow(1, user(1), 1_000).await;
    let running = driver.start();
    driver.contact_with(user(1), "line_unanswered_1", "No").await;
    running.stop().await;
    assert_eq!(driver.log.span(Topic::DeadLetters, 0).unwrap().next, 0);
}
