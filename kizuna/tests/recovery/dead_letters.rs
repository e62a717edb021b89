//! `kizuna dead-letters`.

use crate::place::eventually;
use crate::world::{PERSON, World};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord, Topic};
use runtime::clock::SystemClock;
use sandbox::line::Act;
use schemas::{Codec, DeadLetter, HubspotContact, Reason};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

async fn letters(world: &World) -> Vec<Value> {
    world.place.json(&["dead-letters", "list"]).await["dead_letters"].as_array().unwrap().clone()
}

async fn one_letter(world: &World) -> Value {
    eventually("a dead letter", async || letters(world).await.into_iter().next()).await
}

/// Appends to the log of the running installation, as another process does.
async fn append(world: &World, topic: Topic, key: Vec<u8>, value: Vec<u8>) {
    let log = EmbeddedLog::open(&world.data("log"), Options::new(Arc::new(SystemClock))).unwrap();
    log.append(vec![NewRecord { topic, key, value: Some(value) }]).await.unwrap();
}

/// What the log tells of a user's contact.
fn contact_records(world: &World, user: &str) -> Vec<HubspotContact> {
    let log = EmbeddedLog::open(&world.data("log"), Options::new(Arc::new(SystemClock))).unwrap();
    let mut reader = log.reader(Topic::HubspotContacts, 0, 0).unwrap();
    let mut told = Vec::new();
    loop {
        let records = reader.next(100, Duration::ZERO).unwrap();
        if records.is_empty() {
            return told;
        }
        let values = records.iter().filter_map(|record| record.value.as_deref());
        let contacts = values.map(|value| Codec::default().decode::<HubspotContact>(value).unwrap());
        told.extend(contacts.filter(|contact| contact.user_id == user));
    }
}

/// A person whom HubSpot takes no contact of, because the address was deleted for good.
async fn refused(world: &World) -> String {
    let user = world.say_and_see(PERSON, "こんにちは").await;
    let id = world.id(&user);
    world.sandbox.handle().hubspot(|portal, now_ms| portal.erase(now_ms, id)).unwrap();
    world.say(PERSON, "まだいますか").await;
    user
}

#[tokio::test]
async fn a_refused_contact_is_listed_with_its_reason_and_without_naming_the_person() {
    let (world, _up) = World::begin().await;
    let user = refused(&world).await;
    let letter = one_letter(&world).await;
    assert_eq!((&letter["reason"], &letter["topic"]), (&json!("refused"), &json!("hubspot.contacts")));
    assert!(letter["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{letter}");
    let listed = world.place.run(&["dead-letters", "list"]).await.stdout;
    for personal in [&*user, &user.to_lowercase(), PERSON, "まだいますか"] {
        assert!(!letter.to_string().contains(personal) && !listed.contains(personal), "{listed}");
    }
    let shown = world.place.json(&["dead-letters", "list", "--show-content"]).await;
    assert!(shown["dead_letters"][0]["full_key"].as_str().unwrap().ends_with(&user));
    assert_eq!(world.place.json(&["dead-letters", "list", "--reason", "malformed"]).await["count"], 0);
}

#[tokio::test]
async fn a_refused_contact_is_sent_again_on_retry_and_what_fails_again_comes_back() {
    let (world, _up) = World::begin().await;
    let user = refused(&world).await;
    let letter = one_letter(&world).await;
    let tried = world.place.json(&["dead-letters", "retry", letter["key"].as_str().unwrap()]).await;
    assert_eq!((&tried["retried"], &tried["left"]), (&json!(1), &json!([])));
    let again = eventually("HubSpot refuses it again", async || {
        letters(&world).await.into_iter().find(|it| it["at_ms"].as_i64() > letter["at_ms"].as_i64())
    })
    .await;
    assert_eq!(again["key"], letter["key"]);
    assert!(world.contacts(&user).is_empty());
}

#[tokio::test]
async fn a_dropped_letter_is_gone_and_the_others_stay() {
    let (world, _up) = World::begin().await;
    append(&world, Topic::LineEvents, b"nobody/1/one".to_vec(), b"nonsense".to_vec()).await;
    append(&world, Topic::LineEvents, b"nobody/1/two".to_vec(), b"nonsense".to_vec()).await;
    eventually("both are set aside", async || (letters(&world).await.len() == 2).then_some(())).await;
    let key = letters(&world).await[0]["key"].as_str().unwrap().to_owned();
    assert_eq!(world.place.json(&["dead-letters", "drop", &key]).await["dropped"], 1);
    assert_eq!(letters(&world).await.len(), 1);
    let ended = world.place.run(&["dead-letters", "drop", &key]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("dead-letters list"), "{}", ended.stderr);
    assert_eq!(world.place.json(&["dead-letters", "drop", "--all"]).await["dropped"], 1);
    assert!(letters(&world).await.is_empty());
}

#[tokio::test]
async fn a_record_that_cannot_be_read_says_where_it_was_and_goes_back_into_its_topic() {
    let (world, _up) = World::begin().await;
    append(&world, Topic::LineEvents, b"nobody/1/one".to_vec(), b"nonsense".to_vec()).await;
    let letter = one_letter(&world).await;
    assert_eq!((&letter["reason"], &letter["topic"]), (&json!("malformed"), &json!("line.events")));
    let offset = letter["offset"].as_i64().unwrap();
    world.place.json(&["dead-letters", "retry", "--all"]).await;
    let again = eventually("it is read again", async || {
        letters(&world).await.into_iter().find(|it| it["offset"].as_i64() > Some(offset))
    })
    .await;
    assert_eq!(again["reason"], "malformed");
}

#[tokio::test]
async fn a_sound_record_set_aside_by_mistake_counts_after_a_retry() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, "one").await;
    let log = EmbeddedLog::open(&world.data("log"), Options::new(Arc::new(SystemClock))).unwrap();
    let record = {
        let mut reader = log.reader(Topic::LineEvents, 0, 0).unwrap();
        let records = reader.next(100, Duration::from_secs(10)).unwrap();
        records.into_iter().rfind(|record| record.key.starts_with(user.as_bytes())).unwrap()
    };
    // The same message once more, later and with another text.
    let codec = Codec::default();
    let mut event: schemas::LineEvent<'_> = codec.decode(record.value.as_deref().unwrap()).unwrap();
    event.webhook_event_id = "01ZZZZZZZZZZZZZZZZZZZZZZZZ".into();
    event.occurred_at_ms += 1;
    let raw = String::from_utf8(event.raw.to_vec()).unwrap().replace("\"one\"", "\"two\"");
    event.raw = raw.into_bytes().into();
    let key = schemas::key::line_event(&user, 1, &event.webhook_event_id);
    let letter = DeadLetter {
        topic: Topic::LineEvents.name().to_owned(),
        partition: 0,
        offset: 7,
        value: codec.encode(&event),
        reason: Reason::Malformed,
        detail: "an older version could not read it".to_owned(),
        at_ms: 0,
        connection: None,
        key: key.clone(),
    };
    append(&world, Topic::DeadLetters, schemas::key::dead_letter("line.events", &key), codec.encode(&letter)).await;
    assert_eq!(world.place.json(&["dead-letters", "retry", "--all"]).await["retried"], 1);
    world.see(&user, "line_last_response_1", "two").await;
    assert!(letters(&world).await.is_empty());
}

/// What HubSpot shows there was settled once. That the contact is this user's stays known meanwhile.
#[tokio::test]
async fn a_settled_value_is_written_again_on_retry_and_what_is_known_of_the_contact_stays() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, "one").await;
    let change = [("line_last_response_1".to_owned(), "typed by hand".to_owned())].into();
    let id = world.id(&user);
    world.sandbox.handle().hubspot(|portal, now_ms| portal.edit(now_ms, id, &change)).unwrap();
    let settled = contact_records(&world, &user).pop().unwrap();
    let key = schemas::key::hubspot_contact(&user);
    let letter = DeadLetter {
        topic: Topic::HubspotContacts.name().to_owned(),
        partition: 0,
        offset: -1,
        value: Codec::default().encode(&settled),
        reason: Reason::Settled,
        detail: "HubSpot keeps another value".to_owned(),
        at_ms: 0,
        connection: None,
        key: key.clone(),
    };
    let letter = (schemas::key::dead_letter("hubspot.contacts", &key), Codec::default().encode(&letter));
    append(&world, Topic::DeadLetters, letter.0, letter.1).await;
    assert_eq!(world.place.json(&["dead-letters", "retry", "--all"]).await["retried"], 1);
    world.see(&user, "line_last_response_1", "one").await;
    let retried = contact_records(&world, &user).into_iter().find(|it| it.revision > settled.revision).unwrap();
    assert_eq!(retried.values, settled.values);
}

#[tokio::test]
async fn a_record_too_large_for_its_letter_is_not_overwritten_by_a_retry() {
    let (world, _up) = World::begin().await;
    let letter = DeadLetter {
        topic: Topic::LineEvents.name().to_owned(),
        partition: 0,
        offset: 7,
        key: b"nobody/1/one".to_vec(),
        value: Vec::new(),
        reason: Reason::Malformed,
        detail: "too large".to_owned(),
        at_ms: 0,
        connection: None,
    };
    let key = schemas::key::dead_letter("line.events", &letter.key);
    append(&world, Topic::DeadLetters, key, Codec::default().encode(&letter)).await;
    let ended = world.place.run(&["dead-letters", "retry", "--all"]).await;
    assert!(ended.status == 1 && ended.stdout.contains("in the log only"), "{ended:?}");
    assert_eq!(letters(&world).await.len(), 1);
}

#[tokio::test]
async fn a_body_that_is_no_webhook_cannot_be_tried_again_and_the_message_says_so() {
    let (world, _up) = World::begin().await;
    let letter = DeadLetter {
        topic: Topic::LineEvents.name().to_owned(),
        partition: 0,
        offset: -1,
        key: b"1/abc".to_vec(),
        value: b"[]".to_vec(),
        reason: Reason::NoEvents,
        detail: "no events".to_owned(),
        at_ms: 0,
        connection: Some(1),
    };
    let key = schemas::key::dead_letter("line.events", b"1/abc");
    append(&world, Topic::DeadLetters, key, Codec::default().encode(&letter)).await;
    let ended = world.place.run(&["dead-letters", "retry", "--all"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stdout.contains("only drop it"), "{ended:?}");
    assert_eq!(letters(&world).await.len(), 1);
}

#[tokio::test]
async fn a_letter_with_a_reason_of_another_version_is_listed_tried_again_and_dropped_like_any_other() {
    let (world, _up) = World::begin().await;
    let reason = Reason::Other("of_another_version".to_owned());
    for name in ["one", "two"] {
        let letter = DeadLetter {
            topic: Topic::LineProfiles.name().to_owned(),
            partition: 0,
            offset: 7,
            key: format!("nobody/{name}").into_bytes(),
            value: b"nonsense".to_vec(),
            reason: reason.clone(),
            detail: String::new(),
            at_ms: 0,
            connection: None,
        };
        let key = schemas::key::dead_letter(&letter.topic, &letter.key);
        append(&world, Topic::DeadLetters, key, Codec::default().encode(&letter)).await;
    }
    let listed = letters(&world).await;
    assert!(listed.len() == 2 && listed.iter().all(|letter| letter["reason"] == "of_another_version"), "{listed:?}");
    assert_eq!(world.place.json(&["dead-letters", "list", "--reason", "malformed"]).await["count"], 0);
    let key = |at: usize| listed[at]["key"].as_str().unwrap();
    assert_eq!(world.place.json(&["dead-letters", "retry", key(0)]).await["retried"], 1);
    assert_eq!(world.place.json(&["dead-letters", "drop", key(1)]).await["dropped"], 1);
    eventually("the one tried again comes back, unreadable", async || {
        let [letter] = &letters(&world).await[..] else { return None };
        (letter["key"] == key(0) && letter["reason"] == "malformed").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_erased_persons_dead_letters_go_with_the_person() {
    let (world, _up) = World::begin().await;
    let user = refused(&world).await;
    one_letter(&world).await;
    world.act(PERSON, &Act::Unfollow).await;
    let erased = world.place.json(&["erase", &user, "--yes"]).await;
    assert_eq!(erased["records"]["dead-letters"], 1, "{erased}");
    assert!(letters(&world).await.is_empty());
}
