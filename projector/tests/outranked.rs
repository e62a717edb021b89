//! The last record of a contact or a profile in the log is the one that holds, whoever else appended one: compaction keeps the
//! last.

#![allow(clippy::unwrap_used)]

mod driver;

use contact::Likeness;
use driver::{Driver, user};
use eventlog::{NewRecord, Record, Topic};
use schemas::{ContactLink, HubspotContact, LineProfile};

/// Appends what a process that is behind would: a lower revision of another contact.
async fn append_late(driver: &Driver, revision: u64) {
    let user_id = user(1).to_string();
    let key = schemas::key::hubspot_contact(&user_id);
    let late = HubspotContact {
        user_id,
        revision,
        observed_at_ms: 1,
        link: ContactLink::Live { contact_id: 7 },
        values: [].into(),
        refused: None,
        reason: None,
        covers_ms: None,
        in_doubt: [].into(),
    };
    let value = Some(driver.codec.encode(&late));
    driver.append(vec![NewRecord { topic: Topic::HubspotContacts, key, value }]).await;
}

#[tokio::test]
async fn a_confirmation_that_holds_is_appended_again_behind_a_lower_one() {
    let driver = Driver::new().await;
    let running = driver.start();
    driver.follow(1, user(1), 1_000).await;
    let contact_id = driver.contact_with(user(1), "line_follow_1", "Yes").await;
    driver.message(1, user(1), 2_000, "hello").await;
    driver.contact_with(user(1), "line_last_response_1", "hello").await;
    let holding = driver.contacts(3).await.pop().unwrap();
    assert_eq!((holding.revision, &holding.link), (3, &ContactLink::Live { contact_id }));

    append_late(&driver, 2).await;
    let told = driver.contacts(5).await;
    assert_eq!(told[4], holding);

    running.stop().await;
    append_late(&driver, 2).await;
    let running = driver.start();
    assert_eq!(driver.contacts(7).await[6], holding, "also where it came while nobody had the partition");
    running.stop().await;

    driver.delete_state();
    let running = driver.start();
    driver.message(1, user(1), 3_000, "again").await;
    driver.contact_with(user(1), "line_last_response_1", "again").await;
    running.stop().await;
    assert_eq!(driver.contacts(9).await.len(), 9, "once is enough, also when all is read anew");
}

/// Of two processes that did not hear of each other.
#[tokio::test]
async fn of_two_confirmations_of_one_revision_the_one_that_holds_is_appended_again_behind_the_other() {
    let driver = Driver::new().await;
    let running = driver.start();
    driver.follow(1, user(1), 1_000).await;
    driver.contact_with(user(1), "line_follow_1", "Yes").await;
    let holding = driver.contacts(1).await.pop().unwrap();
    append_late(&driver, holding.revision).await;
    assert_eq!(driver.contacts(3).await[2], holding);
    running.stop().await;
    assert_eq!(driver.contacts(3).await.len(), 3, "once is enough");
}

#[tokio::test]
async fn a_profile_that_holds_is_appended_again_behind_a_lower_one_and_behind_one_that_tells_nothing() {
    let driver = Driver::new().await;
    let name = Likeness { name: "Hanako".into(), picture: None };
    driver.profiles.known.lock().unwrap().insert(user(1), name);
    let running = driver.start();
    driver.follow(1, user(1), 1_000).await;
    driver.contact_with(user(1), "line_user_name_1", "Hanako").await;
    let profile = |record: &Record| driver.codec.decode::<LineProfile>(record.value.as_deref().unwrap()).unwrap();
    let holding = profile(&driver.records(Topic::LineProfiles, 1).await[0]);

    // As of a process that is behind: for the same event an older name, then no answer for an event that nobody knows here.
    let late = LineProfile {
        fetched_at_ms: 1,
        found: Some(schemas::Likeness { name: "old".into(), picture: None }),
        ..holding.clone()
    };
    let key = schemas::key::line_profile(&late.user_id, 1);
    driver.append(vec![NewRecord { topic: Topic::LineProfiles, key, value: Some(driver.codec.encode(&late)) }]).await;
    assert_eq!(profile(&driver.records(Topic::LineProfiles, 3).await[2]), holding);
    driver.append(vec![driver.profile(1, user(1), 2_000)]).await;
    let again = LineProfile { covers_ms: 2_000, ..holding };
    assert_eq!(profile(&driver.records(Topic::LineProfiles, 5).await[4]), again);
    running.stop().await;
    assert_eq!(driver.records(Topic::LineProfiles, 5).await.len(), 5, "once is enough");
}
