//! kill -9 of a process that spools and forwards.
//!
//! Each test is its own other process: it starts this program again with [`ROLE`] set to a directory.

use crate::log::{Memory, Mood};
use crate::world::{NOW_MS, World, body, connection, ended, message, message_of, sealer};
use async_trait::async_trait;
use connection::{View, define};
use eventlog::embedded::{EmbeddedLog, Options as LogOptions};
use eventlog::{Consumer, Error, Log, NewRecord, Position, Reader, Record, Span, StartOffset, Topic};
use ingest::spool::{Options, Spool};
use ingest::{Metrics, Outside, Settings};
use prometheus::Registry;
use runtime::clock::ManualClock;
use schemas::Codec;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;

const ROLE: &str = "KIZUNA_TEST_SPOOLER";
/// After how many events the log of the other process falls silent.
const SILENT_AFTER: &str = "KIZUNA_TEST_SILENT_AFTER";
const USERS: [&str; 3] =
    ["Uaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Ubbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "Ucccccccccccccccccccccccccccccccc"];

fn options() -> Options {
    Options { retry_pause: Duration::from_millis(5), ..Options::new(4) }
}

/// Starts a test again as the other process.
fn start(test: &str, directory: &Path, silent_after: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("spool_killed::{test}"), "--nocapture"])
        .env(ROLE, directory)
        .env(SILENT_AFTER, silent_after.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn id(record: &Record) -> String {
    String::from_utf8(record.key.clone()).unwrap().rsplit('/').next().unwrap().to_owned()
}

/// The events in the order in which they first came, by user.
fn firsts(records: impl IntoIterator<Item = Record>) -> BTreeMap<Vec<u8>, Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut firsts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records {
        let id = id(&record);
        if seen.insert(id.clone()) {
            firsts.entry(record.key.split(|byte| *byte == b'/').next().unwrap().to_vec()).or_default().push(id);
        }
    }
    firsts
}

#[tokio::test]
async fn events_answered_200_while_the_log_is_away_survive_kill_9() {
    if let Some(directory) = std::env::var_os(ROLE) {
        return answer_for_ever(Path::new(&directory)).await;
    }
    let directory = TempDir::new().unwrap();
    let mut answered = Vec::new();
    for (round, answers_before_kill) in [1, 25, 110].into_iter().enumerate() {
        let mut child = start("events_answered_200_while_the_log_is_away_survive_kill_9", directory.path(), 0);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut ids = lines.filter_map(|line| Some(format!("{round}-{}", line.strip_prefix("answered ")?)));
        answered.extend(ids.by_ref().take(answers_before_kill));
        child.kill().unwrap();
        child.wait().unwrap();
        answered.extend(ids);
        let world = World::spooling(Memory::new(), Settings::default(), directory.path(), options()).await;
        world.until(|metrics| metrics.spool_records.get() == 0).await;
        let stored = firsts(world.log.records(Topic::LineEvents));
        let all: BTreeSet<_> = stored.values().flatten().map(|id| format!("{round}-{id}")).collect();
        let lost: Vec<_> =
            answered.iter().filter(|id| id.starts_with(&format!("{round}-")) && !all.contains(*id)).collect();
        assert!(lost.is_empty(), "answered 200 and lost: {lost:?}");
        assert!(stored.values().all(|ids| ids.is_sorted()), "each user's events in their order");
        ended(world.stop()).await.unwrap();
    }
    assert!(answered.len() >= 136);
}

/// Receives while the log is away, until the process is killed.
async fn answer_for_ever(directory: &Path) {
    // Ends the line on which the test harness announces the test.
    println!();
    let memory = Memory::new();
    memory.is_now(Mood::Fails);
    let world = World::spooling(memory, Settings::default(), directory, options()).await;
    for number in 0.. {
        let id = format!("{number:06}");
        assert_eq!(world.receives(&body(&[&message_of(USERS[number % USERS.len()], &id)])).await, 200);
        std::io::stdout().lock().write_all(format!("answered {id}\n").as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn kill_9_in_the_middle_of_forwarding_loses_nothing() {
    if let Some(directory) = std::env::var_os(ROLE) {
        println!();
        let silent_after = std::env::var(SILENT_AFTER).unwrap().parse().unwrap();
        let (_spool, metrics) = forwarding(Path::new(&directory), silent_after).await;
        return until_empty(&metrics).await;
    }
    const WEBHOOKS: usize = 100;
    const EVENTS: usize = WEBHOOKS * 50;
    let directory = TempDir::new().unwrap();
    fill(&directory.path().join("spool"), WEBHOOKS).await;
    let log = log(directory.path());
    let mut reader = log.reader(Topic::LineEvents, 0, 0).unwrap();
    let mut records = Vec::new();
    // Killed while the log has the newest of them and the spool does not know.
    for more in [1, EVENTS / 8, EVENTS / 4] {
        let mut child = start("kill_9_in_the_middle_of_forwarding_loses_nothing", directory.path(), more);
        let at_least = records.len() + more;
        while records.len() < at_least {
            records.extend(reader.next(64, Duration::from_secs(20)).unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (spool, metrics) = forwarding(directory.path(), usize::MAX).await;
    assert!(spool.report().records > 0, "it was killed before it had forwarded everything");
    until_empty(&metrics).await;
    while let more @ [_, ..] = &reader.next(EVENTS, Duration::ZERO).unwrap()[..] {
        records.extend_from_slice(more);
    }
    let twice = records.len() - EVENTS;
    assert!(twice > 0, "what the spool did not know to be forwarded comes again");
    let ids: Vec<String> = firsts(records).into_values().flatten().collect();
    assert!(ids.len() == EVENTS && ids.is_sorted(), "all of them, in their order");
    assert!(twice <= 3 * 128, "{twice} came twice, which is more than a batch for each kill");
}

/// A spool with so many webhooks of 50 events each.
async fn fill(directory: &Path, webhooks: usize) {
    let memory = Memory::new();
    memory.is_now(Mood::Fails);
    let world = World::spooling(memory, Settings::default(), directory, options()).await;
    for webhook in 0..webhooks {
        let events: Vec<String> = (0..50).map(|event| message(&format!("{webhook:03}-{event:02}"))).collect();
        assert_eq!(world.receives(&body(&events.iter().map(String::as_str).collect::<Vec<_>>())).await, 200);
    }
    ended(world.stop()).await.unwrap();
}

fn log(directory: &Path) -> Arc<dyn Log> {
    EmbeddedLog::open(&directory.join("log"), LogOptions::new(Arc::new(ManualClock::at(NOW_MS)))).unwrap()
}

/// A log that takes so many events, and does not say that it has the last of them.
struct Silent {
    log: Arc<dyn Log>,
    left: AtomicUsize,
}

#[async_trait]
impl Log for Silent {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        let count = records.len();
        let taken = self.log.append_shared(records).await;
        let take = |left: usize| Some(left.saturating_sub(count));
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).unwrap();
        if left > count { taken } else { std::future::pending().await }
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.log.partitions(topic)
    }

    fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
        self.log.span(topic, partition)
    }

    fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, Error> {
        self.log.reader(topic, partition, from)
    }

    fn subscribe(&self, group: &str, topics: &[Topic], start: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
        self.log.subscribe(group, topics, start)
    }

    async fn check(&self) -> Result<(), Error> {
        self.log.check().await
    }

    fn describe(&self) -> String {
        self.log.describe()
    }
}

/// Receives, and forwards what the spool holds, until the log falls silent after so many events.
async fn forwarding(directory: &Path, silent_after: usize) -> (Arc<Spool>, Metrics) {
    let log = log(directory);
    define(&log, &Codec::default(), &sealer(), &connection()).await.unwrap();
    let view = View::open(log.clone(), Codec::default(), sealer()).unwrap();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let spool = Spool::open(&directory.join("spool"), options(), clock.clone(), metrics.clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let for_ever = std::future::pending();
    let log = Arc::new(Silent { log, left: AtomicUsize::new(silent_after) });
    let outside = Outside { log, spool: Some(spool.clone()), view, codec: Codec::default(), clock };
    tokio::spawn(ingest::run(listener, Settings::default(), outside, metrics.clone(), for_ever));
    (spool, metrics)
}

async fn until_empty(metrics: &Metrics) {
    while metrics.spool_records.get() > 0 {
        tokio::task::yield_now().await;
    }
}
