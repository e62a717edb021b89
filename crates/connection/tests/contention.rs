//! Changes of one connection at the same moment: none is lost.

#![allow(clippy::unwrap_used)]

mod one;

use async_trait::async_trait;
use connection::{Connection, Editor, Error, State, amend, current, define, remove};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Consumer, Log, NewRecord, Position, Reader, Span, StartOffset, Topic};
use one::{connection, number, sealer};
use runtime::clock::ManualClock;
use runtime::secret::Secret;
use schemas::{Codec, ConnectionDefinition};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const NOON_MS: i64 = 1_790_000_000_000;

type Act = Box<dyn Fn(&mut Connection) + Send + Sync>;

/// A log in which others write right before we do, from what stood there when we began.
struct Crowded {
    inner: Arc<dyn Log>,
    others: Mutex<Vec<NewRecord>>,
}

impl Crowded {
    /// Each of the definitions, made from the first one in the log, comes before one append of ours.
    fn with(inner: &Arc<dyn Log>, others: impl IntoIterator<Item = Connection>) -> Arc<dyn Log> {
        let record = |connection: Connection| NewRecord {
            topic: Topic::Connections,
            key: match connection.state {
                State::Removed => schemas::key::removal(connection.number.get()),
                State::Active | State::Paused => schemas::key::connection(connection.number.get()),
            },
            value: Some(Codec::default().encode(&made_from_the_first(&connection))),
        };
        let mut others: Vec<_> = others.into_iter().map(record).collect();
        others.reverse();
        Arc::new(Self { inner: Arc::clone(inner), others: Mutex::new(others) })
    }
}

fn made_from_the_first(connection: &Connection) -> ConnectionDefinition {
    ConnectionDefinition { made_from: Some(0), ..connection.seal(&sealer()) }
}

#[async_trait]
impl Log for Crowded {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, eventlog::Error> {
        let other = self.others.lock().unwrap().pop();
        if let Some(other) = other {
            self.inner.append(vec![other]).await?;
        }
        self.inner.append_shared(records).await
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.inner.partitions(topic)
    }

    fn span(&self, topic: Topic, partition: u32) -> Result<Span, eventlog::Error> {
        self.inner.span(topic, partition)
    }

    fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, eventlog::Error> {
        self.inner.reader(topic, partition, from)
    }

    fn subscribe(
        &self,
        group: &str,
        topics: &[Topic],
        start: Arc<StartOffset>,
    ) -> Result<Box<dyn Consumer>, eventlog::Error> {
        self.inner.subscribe(group, topics, start)
    }

    async fn check(&self) -> Result<(), eventlog::Error> {
        self.inner.check().await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

fn open(directory: &Path) -> Arc<dyn Log> {
    EmbeddedLog::open(directory, Options::new(Arc::new(ManualClock::at(0)))).unwrap()
}

async fn change(log: &Arc<dyn Log>, act: impl Fn(&mut Connection)) -> Result<Connection, Error> {
    amend(log, &Codec::default(), &sealer(), number(), act).await
}

async fn now(log: &Arc<dyn Log>) -> Connection {
    current(log, &Codec::default(), &sealer(), number()).await.unwrap()
}

/// A log that holds the connection, and what came of it after others changed it at the moment of our change.
async fn beside(others: &[Act], ours: impl Fn(&mut Connection)) -> (Result<Connection, Error>, Connection) {
    let directory = TempDir::new().unwrap();
    let log = open(directory.path());
    let before = connection();
    define(&log, &Codec::default(), &sealer(), &before).await.unwrap();
    let theirs = others.iter().map(|act| {
        let mut theirs = before.clone();
        act(&mut theirs);
        theirs
    });
    let changed = change(&Crowded::with(&log, theirs), ours).await;
    (changed, now(&log).await)
}

fn secrets(connection: &Connection) -> Vec<&str> {
    connection.channel_secrets.iter().map(Secret::expose).collect()
}

fn rotate(secret: &'static str) -> impl Fn(&mut Connection) {
    move |it| it.renew_secret(Secret::new(secret), NOON_MS)
}

#[tokio::test]
async fn a_new_name_beside_a_rotation_loses_neither() {
    let (changed, now) = beside(&[Box::new(rotate("second"))], |it| it.name = "渋谷店".into()).await;
    assert_eq!((now.name.as_str(), secrets(&now)), ("渋谷店", vec!["second", "first"]));
    assert_eq!(changed.unwrap(), now);
}

#[tokio::test]
async fn two_rotations_at_the_same_moment_leave_both_new_secrets() {
    let (_, now) = beside(&[Box::new(rotate("second"))], rotate("third")).await;
    assert_eq!(secrets(&now), ["third", "second"]);
}

#[tokio::test]
async fn of_two_names_at_the_same_moment_the_one_that_was_written_last_holds() {
    let (_, now) = beside(&[Box::new(|it| it.name = "新宿店".into())], |it| it.name = "渋谷店".into()).await;
    assert_eq!(now.name, "渋谷店");
}

#[tokio::test]
async fn others_may_come_in_between_again_while_the_first_are_put_back() {
    let pause: Act = Box::new(|it| it.state = State::Paused);
    let describe: Act = Box::new(|it| it.description = "駅前".into());
    let (_, now) = beside(&[pause, describe, Box::new(rotate("second"))], |it| it.name = "渋谷店".into()).await;
    let told = (now.name.as_str(), now.description.as_str(), now.state, secrets(&now));
    assert_eq!(told, ("渋谷店", "駅前", State::Paused, vec!["second", "first"]));
}

#[tokio::test]
async fn who_is_interrupted_without_end_gives_up_and_says_so() {
    let others: Vec<Act> =
        (1..100).map(|count| Box::new(move |it: &mut Connection| it.created_at_ms = count) as Act).collect();
    let (changed, _) = beside(&others, |it| it.name = "渋谷店".into()).await;
    assert!(matches!(changed, Err(Error::Contended(of)) if of == number()), "{changed:?}");
}

#[tokio::test]
async fn who_begins_after_a_race_puts_back_what_its_loser_has_not() {
    let directory = TempDir::new().unwrap();
    let log = open(directory.path());
    let before = connection();
    define(&log, &Codec::default(), &sealer(), &before).await.unwrap();
    // Both were made from the first; whoever wrote the second did not live to see that it undid the rotation.
    let mut rotated = before.clone();
    rotate("second")(&mut rotated);
    for theirs in [rotated, Connection { name: "渋谷店".into(), ..before }] {
        let value = Some(Codec::default().encode(&made_from_the_first(&theirs)));
        let record = NewRecord { topic: Topic::Connections, key: schemas::key::connection(1), value };
        log.append(vec![record]).await.unwrap();
    }
    change(&log, |it| it.state = State::Paused).await.unwrap();
    let now = now(&log).await;
    assert_eq!((now.name.as_str(), now.state, secrets(&now)), ("渋谷店", State::Paused, vec!["second", "first"]));
}

#[tokio::test]
async fn a_removal_at_the_same_moment_holds() {
    let directory = TempDir::new().unwrap();
    let log = open(directory.path());
    define(&log, &Codec::default(), &sealer(), &connection()).await.unwrap();
    let crowded = Crowded::with(&log, [Connection { state: State::Removed, ..connection() }]);
    let changed = change(&crowded, |it| it.name = "渋谷店".into()).await;
    assert!(matches!(changed, Err(Error::NotFound(_))), "{changed:?}");
    assert!(matches!(current(&log, &Codec::default(), &sealer(), number()).await, Err(Error::NotFound(_))));
    remove(&log, &Codec::default(), number(), 0).await.unwrap();
}

#[tokio::test]
async fn two_who_add_the_same_channel_at_once_agree_on_its_webhook_address() {
    let directory = TempDir::new().unwrap();
    let log = open(directory.path());
    let (theirs, ours) = (connection(), Connection { name: "渋谷店".into(), ..connection() });
    let crowded = Crowded::with(&log, [theirs.clone()]);
    let made = |existing: Option<&Connection>| Connection {
        webhook_token: existing.unwrap_or(&ours).webhook_token.clone(),
        ..ours.clone()
    };
    let editor = Editor::open(&crowded, &Codec::default()).await.unwrap();
    let settled = editor.settle(&sealer(), number(), made).await.unwrap();
    assert_eq!(settled, Connection { webhook_token: theirs.webhook_token, ..ours });
    assert_eq!(now(&log).await, settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_in_two_processes_lose_nothing() {
    let directory = TempDir::new().unwrap();
    let logs = [open(directory.path()), open(directory.path())];
    define(&logs[0], &Codec::default(), &sealer(), &connection()).await.unwrap();
    let acts: Vec<Act> = vec![
        Box::new(|it| it.name = "渋谷店".into()),
        Box::new(|it| it.description = "駅前".into()),
        Box::new(|it| it.icon = "https://example.jp/i.png".into()),
        Box::new(|it| it.auto_create = false),
        Box::new(|it| it.state = State::Paused),
        Box::new(|it| it.bot_user_id = Some("U1".into())),
        Box::new(|it| it.access_token = Some(Secret::new("token"))),
        Box::new(rotate("second")),
    ];
    let mut expected = Connection { webhook_token: now(&logs[0]).await.webhook_token, ..connection() };
    acts.iter().for_each(|act| act(&mut expected));
    let writers = acts.into_iter().zip(0..).map(|(act, place)| {
        let log = Arc::clone(&logs[place % 2]);
        tokio::spawn(async move { change(&log, act).await.unwrap() })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(now(&logs[1]).await, expected);
}
