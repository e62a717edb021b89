//! What happens when the log fails, stalls or is too slow, and when the client leaves.

use crate::client::head;
use crate::log::Mood;
use crate::world::{SECRET, TOKEN, World, body, ended, message};
use ingest::Settings;
use line::signature::Key;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Answers 503 so soon that a test can wait for it.
fn hasty() -> Settings {
    Settings { answer_timeout: Duration::from_millis(50), ..Settings::default() }
}

/// Answers 503 only when the test would have failed long ago.
fn patient() -> Settings {
    Settings { answer_timeout: Duration::from_secs(3600), ..Settings::default() }
}

async fn posting(world: &World) -> crate::client::Client {
    let body = body(&[&message("01"), &message("02")]);
    let signature = Key::new(SECRET).sign(&body);
    let mut client = world.client().await;
    client.post(TOKEN, &[("x-line-signature", &signature)], &body).await;
    client
}

#[tokio::test]
async fn a_log_that_fails_gets_503_until_it_works_again() {
    let world = World::new().await;
    world.log.is_now(Mood::Fails);
    let answer = posting(&world).await.answer().await;
    assert_eq!((answer.status, answer.body.len()), (503, 0));
    assert_eq!(world.counted("1", "unavailable"), 1);
    world.log.is_now(Mood::Takes);
    assert_eq!(posting(&world).await.answer().await.status, 200);
    assert_eq!(world.values().len(), 2);
}

#[tokio::test]
async fn a_log_that_panics_takes_only_the_connection_along() {
    let world = World::new().await;
    world.log.is_now(Mood::Panics);
    assert_eq!(posting(&world).await.answer_or_end().await, None);
    world.log.is_now(Mood::Takes);
    assert_eq!(posting(&world).await.answer().await.status, 200);
    ended(world.stop()).await.unwrap();
}

/// Sends a webhook whose body takes as long as the log may.
async fn posting_slowly(world: &World, log_has: Duration) -> crate::client::Client {
    let body = body(&[&message("01")]);
    let mut client = world.client().await;
    client.send(head(TOKEN, &[("x-line-signature", &Key::new(SECRET).sign(&body))], body.len())).await;
    tokio::time::sleep(log_has).await;
    client.send(body).await;
    client
}

#[tokio::test]
async fn the_time_of_the_log_begins_when_the_body_is_there_and_a_slow_body_takes_it_from_the_log_after_the_grace() {
    let answer_timeout = Duration::from_secs(1);
    for (body_grace, status) in [(answer_timeout * 2, 200), (Duration::ZERO, 503)] {
        let world = World::bounded(Settings { body_grace, answer_timeout, ..Settings::default() }).await;
        world.log.is_now(Mood::Stalls);
        let mut client = posting_slowly(&world, answer_timeout).await;
        world.log.has_begun(1).await;
        if status == 200 {
            world.log.is_now(Mood::Takes);
        }
        assert_eq!(client.answer().await.status, status, "{body_grace:?}");
    }
}

#[tokio::test]
async fn a_log_that_does_not_answer_in_time_gets_503_and_may_take_the_events_later() {
    let world = World::bounded(hasty()).await;
    world.log.is_now(Mood::Stalls);
    assert_eq!(posting(&world).await.answer().await.status, 503);
    assert!(world.values().is_empty());
    world.log.is_now(Mood::Takes);
    world.until(|metrics| metrics.append_seconds.get_sample_count() == 1).await;
    assert_eq!(world.values().len(), 2);
}

#[tokio::test]
async fn the_answer_waits_for_the_log() {
    let world = World::bounded(patient()).await;
    world.log.is_now(Mood::Stalls);
    let mut client = posting(&world).await;
    world.log.has_begun(1).await;
    tokio::select! {
        biased;
        answer = client.answer() => panic!("{answer:?} before the log had the events"),
        () = std::future::ready(()) => {}
    }
    world.log.is_now(Mood::Takes);
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(world.values().len(), 2);
}

#[tokio::test]
async fn a_dead_letter_that_the_log_does_not_take_gets_503() {
    let world = World::new().await;
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(b"no webhook").await, 503);
}

#[tokio::test]
async fn what_needs_no_log_is_answered_while_the_log_fails() {
    let world = World::new().await;
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&body(&[])).await, 200);
    assert_eq!(world.post(TOKEN, "wrong", &body(&[])).await.status, 401);
}

#[tokio::test]
async fn events_that_wait_for_the_log_are_bounded() {
    let world = World::bounded(Settings { pending_bytes_max: 2_000, ..patient() }).await;
    world.log.is_now(Mood::Stalls);
    let mut waiting = posting(&world).await;
    world.log.has_begun(1).await;
    assert_eq!(posting(&world).await.answer().await.status, 503);
    world.log.is_now(Mood::Takes);
    assert_eq!(waiting.answer().await.status, 200);
    assert_eq!(posting(&world).await.answer().await.status, 200, "there is room again");
}

#[tokio::test]
async fn a_client_that_leaves_does_not_take_its_events_along() {
    let world = World::bounded(patient()).await;
    world.log.is_now(Mood::Stalls);
    let client = posting(&world).await;
    world.log.has_begun(1).await;
    drop(client);
    world.log.is_now(Mood::Takes);
    world.until(|metrics| metrics.open_connections.get() == 0).await;
    let log = world.log.clone();
    ended(world.stop()).await.unwrap();
    assert_eq!(log.records(eventlog::Topic::LineEvents).len(), 2);
}

#[tokio::test]
async fn a_client_that_has_said_all_is_answered() {
    let world = World::bounded(patient()).await;
    world.log.is_now(Mood::Stalls);
    let mut client = posting(&world).await;
    world.log.has_begun(1).await;
    client.tcp.shutdown().await.unwrap();
    // Whoever comes later is answered only when the server has seen that.
    assert_eq!(world.exchange("GET / HTTP/1.1\r\nhost: kizuna\r\n\r\n").await.status, 404);
    world.log.is_now(Mood::Takes);
    assert_eq!(client.answer().await.status, 200);
    assert!(client.end().await.is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_within_its_body_stores_nothing() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.send(crate::client::head(TOKEN, &[], 100)).await;
    client.send("{\"events\":[").await;
    drop(client);
    world.until(|metrics| metrics.webhooks.with_label_values(&["none", "broken"]).get() == 1).await;
    assert_eq!(*world.log.begun.borrow(), 0);
}
