//! How work ends at shutdown.

use crate::log::Mood;
use crate::world::{SECRET, TOKEN, World, body, ended, message};
use eventlog::Topic;
use ingest::{Error, Settings};
use line::signature::Key;
use std::time::Duration;
use tokio::net::TcpStream;

async fn posting(world: &World) -> crate::client::Client {
    let body = body(&[&message("01")]);
    let signature = Key::new(SECRET).sign(&body);
    let mut client = world.client().await;
    client.post(TOKEN, &[("x-line-signature", &signature)], &body).await;
    client
}

#[tokio::test]
async fn an_open_request_is_answered_and_its_connection_closed() {
    let world = World::bounded(Settings { answer_timeout: Duration::from_secs(3600), ..Settings::default() }).await;
    world.log.is_now(Mood::Stalls);
    let mut client = posting(&world).await;
    world.log.has_begun(1).await;
    let log = world.log.clone();
    let server = world.stop();
    log.is_now(Mood::Takes);
    assert_eq!(client.answer().await.status, 200);
    client.end().await;
    ended(server).await.unwrap();
    assert_eq!(log.records(Topic::LineEvents).len(), 1);
}

#[tokio::test]
async fn nobody_new_is_served() {
    let world = World::new().await;
    let address = world.address;
    ended(world.stop()).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn connections_at_rest_are_closed_at_once() {
    let endless = Duration::from_secs(3600);
    let settings =
        Settings { header_timeout: endless, idle_timeout: endless, drain_timeout: endless, ..Settings::default() };
    let world = World::bounded(settings).await;
    let (mut served, mut fresh) = (posting(&world).await, world.client().await);
    assert_eq!(served.answer().await.status, 200);
    world.until(|metrics| metrics.open_connections.get() == 2).await;
    ended(world.stop()).await.unwrap();
    assert_eq!((served.end().await, fresh.end().await), (vec![], vec![]));
}

#[tokio::test]
async fn an_append_whose_client_was_answered_503_is_waited_for() {
    let world = World::bounded(Settings { answer_timeout: Duration::from_millis(50), ..Settings::default() }).await;
    world.log.is_now(Mood::Stalls);
    assert_eq!(posting(&world).await.answer().await.status, 503);
    let log = world.log.clone();
    let server = world.stop();
    tokio::task::yield_now().await;
    assert!(!server.is_finished());
    log.is_now(Mood::Takes);
    ended(server).await.unwrap();
    assert_eq!(log.records(Topic::LineEvents).len(), 1);
}

#[tokio::test]
async fn work_that_does_not_end_is_given_up() {
    let within = Duration::from_millis(50);
    let world = World::bounded(Settings { drain_timeout: within, ..Settings::default() }).await;
    world.log.is_now(Mood::Stalls);
    let _client = posting(&world).await;
    world.log.has_begun(1).await;
    let Err(Error::Unfinished { within: waited }) = ended(world.stop()).await else { panic!("unfinished") };
    assert_eq!(waited, within);
}
