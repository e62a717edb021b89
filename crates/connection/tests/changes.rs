//! Changing a connection: its secrets by the clock, and what stands in the log meanwhile.

#![allow(clippy::unwrap_used)]

mod one;

use connection::{Connection, Error, State, amend, current, define, remove};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, Topic};
use one::{connection, number, sealer};
use runtime::clock::ManualClock;
use runtime::secret::Secret;
use schemas::Codec;
use std::sync::Arc;
use tempfile::TempDir;

const NOON_MS: i64 = 1_790_000_000_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

struct World {
    _directory: TempDir,
    log: Arc<dyn Log>,
}

impl World {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let log = EmbeddedLog::open(directory.path(), Options::new(Arc::new(ManualClock::at(0)))).unwrap();
        let world = Self { _directory: directory, log };
        define(&world.log, &Codec::default(), &sealer(), &connection()).await.unwrap();
        world
    }

    async fn amend(&self, change: impl Fn(&mut Connection)) -> Result<Connection, Error> {
        amend(&self.log, &Codec::default(), &sealer(), number(), change).await
    }

    fn records(&self) -> u64 {
        self.log.span(Topic::Connections, 0).unwrap().next
    }
}

fn secrets(connection: &Connection) -> Vec<&str> {
    connection.channel_secrets.iter().map(Secret::expose).collect()
}

#[test]
fn a_replaced_secret_counts_for_a_day() {
    let mut rotated = connection();
    rotated.renew_secret(Secret::new("second"), NOON_MS);
    assert_eq!(secrets(&rotated), ["second", "first"]);
    assert!(rotated.older_secrets_count(NOON_MS + DAY_MS - 1));
    assert!(!rotated.older_secrets_count(NOON_MS + DAY_MS));
}

#[test]
fn the_same_secret_again_changes_nothing_and_gives_the_old_one_no_more_time() {
    let mut rotated = connection();
    rotated.renew_secret(Secret::new("second"), NOON_MS);
    let once = rotated.clone();
    rotated.renew_secret(Secret::new("second"), NOON_MS + DAY_MS / 2);
    assert_eq!(rotated, once);
}

#[test]
fn there_are_never_more_than_two_secrets() {
    let mut rotated = connection();
    for secret in ["second", "third"] {
        rotated.renew_secret(Secret::new(secret), NOON_MS);
    }
    assert_eq!(secrets(&rotated), ["third", "second"]);
}

#[test]
fn a_first_secret_replaces_none() {
    let mut fresh = Connection { channel_secrets: Vec::new(), ..connection() };
    fresh.renew_secret(Secret::new("first"), NOON_MS);
    assert_eq!(fresh, Connection { webhook_token: fresh.webhook_token.clone(), ..connection() });
}

#[tokio::test]
async fn when_the_old_secret_ends_stands_in_the_log() {
    let world = World::new().await;
    let rotated = world.amend(|it| it.renew_secret(Secret::new("second"), NOON_MS)).await.unwrap();
    let read = current(&world.log, &Codec::default(), &sealer(), number()).await.unwrap();
    assert_eq!(read, rotated);
    assert_eq!(read.older_secrets_until_ms, Some(NOON_MS + DAY_MS));
}

#[tokio::test]
async fn a_change_keeps_what_others_changed_before() {
    let world = World::new().await;
    world.amend(|it| it.name = "渋谷店".into()).await.unwrap();
    let changed = world.amend(|it| it.state = State::Paused).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.state), ("渋谷店", State::Paused));
}

#[tokio::test]
async fn a_change_that_changes_nothing_writes_nothing() {
    let world = World::new().await;
    let before = world.records();
    world.amend(|it| it.name = "本店".into()).await.unwrap();
    assert_eq!(world.records(), before);
}

#[tokio::test]
async fn a_removed_connection_cannot_be_changed() {
    let world = World::new().await;
    remove(&world.log, &Codec::default(), number(), 0).await.unwrap();
    let before = world.records();
    assert!(matches!(world.amend(|it| it.state = State::Active).await, Err(Error::NotFound(_))));
    assert_eq!(world.records(), before);
}
