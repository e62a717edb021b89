//! The embedded log between processes: killed in the middle of appends, and appending at the same time.
//!
//! Each test is its own other process: it starts this program again with [`ROLE`] set, which makes the same test append and
//! print each acknowledgement.

#![allow(clippy::unwrap_used)]

mod conformance;

use conformance::{read, record};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, Record, Topic};
use runtime::clock::SystemClock;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Environment variable with what the other process does: directory, name, number of appends of each of its tasks.
const ROLE: &str = "KIZUNA_TEST_APPENDER";
/// Tasks of an appender.
const TASKS: usize = 8;
const TOPIC: Topic = Topic::LineEvents;

struct OnDisk;

impl conformance::Rig for OnDisk {
    const PATIENCE: Duration = Duration::from_secs(60);

    fn start(_partitions: u32) -> Self {
        Self
    }

    fn open(&self) -> Arc<dyn Log> {
        unreachable!("these tests open their logs themselves")
    }
}

fn open(dir: &Path) -> Arc<dyn Log> {
    EmbeddedLog::open(dir, Options::new(Arc::new(SystemClock))).unwrap()
}

/// An acknowledgement: who appended what, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ack {
    offset: u64,
    appender: String,
    task: usize,
    number: usize,
}

impl Ack {
    fn key(&self) -> String {
        format!("U{}{}/1/{}", self.appender, self.task, self.number)
    }

    fn of(record: &Record) -> Self {
        let value = String::from_utf8(record.value.clone().unwrap()).unwrap();
        let (appender, task, number) = Self::parse(&mut value.split(' '));
        Self { offset: record.offset, appender, task, number }
    }

    fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> (String, usize, usize) {
        let mut word = || words.next().unwrap();
        (word().to_owned(), word().parse().unwrap(), word().parse().unwrap())
    }
}

/// Appends as [`ROLE`] says, if this is the other process.
fn did_append_as_other_process() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    // Ends the line on which the test harness announces the test.
    println!();
    let [appender, appends, dir] = role.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{role}") };
    let log = open(Path::new(dir));
    let _projector = log.subscribe(&format!("projector-{appender}"), &[TOPIC], Arc::new(|_, _| Ok(0))).unwrap();
    append_all(&log, appender, appends.parse().unwrap(), |ack| {
        let line = format!("ack {} {} {} {}\n", ack.appender, ack.task, ack.number, ack.offset);
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    });
    true
}

/// Appends from several tasks at once, `appends` records each.
fn append_all(log: &Arc<dyn Log>, appender: &str, appends: usize, acknowledged: impl Fn(Ack) + Clone + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (log, appender, acknowledged) = (Arc::clone(log), appender.to_owned(), acknowledged.clone());
            runtime.spawn(async move {
                for number in 0..appends {
                    let mut ack = Ack { offset: 0, appender: appender.clone(), task, number };
                    let value = format!("{appender} {task} {number}");
                    ack.offset = log.append(vec![record(TOPIC, &ack.key(), &value)]).await.unwrap()[0].offset;
                    acknowledged(ack);
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
}

/// Starts this test again as an appender.
fn start(test: &str, dir: &Path, appender: &str, appends: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ROLE, format!("{appender} {appends} {}", dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The acknowledgements that an appender prints, as they come, to the end of its output.
fn acks(child: &mut Child) -> impl Iterator<Item = Ack> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.filter_map(|line| {
        let line = line.unwrap();
        let mut words = line.strip_prefix("ack ")?.split(' ');
        let (appender, task, number) = Ack::parse(&mut words);
        Some(Ack { appender, task, number, offset: words.next().unwrap().parse().unwrap() })
    })
}

/// All records of the log, which must be complete and have each task's records in the order of its appends.
fn read_whole(log: &Arc<dyn Log>) -> Vec<Ack> {
    let count = usize::try_from(log.span(TOPIC, 0).unwrap().next).unwrap();
    let records = read::<OnDisk>(log.reader(TOPIC, 0, 0).unwrap().as_mut(), count);
    let held: Vec<_> = records.iter().map(Ack::of).collect();
    assert!(held.iter().zip(&records).all(|(ack, record)| ack.key().as_bytes() == record.key));
    assert!(held.iter().enumerate().all(|(place, ack)| ack.offset == place as u64), "no offset is missing or doubled");
    let mut next = BTreeMap::new();
    for ack in &held {
        let expected = next.entry((&ack.appender, ack.task)).or_insert(0);
        assert_eq!(ack.number, *expected, "of task {} of {}", ack.task, ack.appender);
        *expected += 1;
    }
    held
}

#[test]
fn every_acknowledged_record_survives_kill_9() {
    if did_append_as_other_process() {
        return;
    }
    let dir = TempDir::new().unwrap();
    let mut acknowledged = BTreeSet::new();
    for (round, acks_before_kill) in [1, 40, 333, 1_000, 57].into_iter().enumerate() {
        let appender = format!("round{round}-");
        let mut child = start("every_acknowledged_record_survives_kill_9", dir.path(), &appender, usize::MAX);
        let mut acks = acks(&mut child);
        acknowledged.extend(acks.by_ref().take(acks_before_kill));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(acks);

        let log = open(dir.path());
        let held: BTreeSet<_> = read_whole(&log).into_iter().collect();
        let lost: Vec<_> = acknowledged.difference(&held).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        log.subscribe(&format!("projector-{appender}"), &[TOPIC], Arc::new(|_, _| Ok(0)))
            .expect("its locks died with it");
    }
    assert!(acknowledged.len() >= 1_431);
}

#[test]
fn processes_that_append_at_once_lose_and_double_nothing() {
    const APPENDS: usize = 60;
    if did_append_as_other_process() {
        return;
    }
    let dir = TempDir::new().unwrap();
    // Nobody has made the log yet: all of them may try to at once.
    let test = "processes_that_append_at_once_lose_and_double_nothing";
    let mut children = ["one", "two"].map(|appender| start(test, dir.path(), appender, APPENDS));
    let log = open(dir.path());
    let (tell, own) = std::sync::mpsc::channel();
    append_all(&log, "parent", APPENDS, move |ack| tell.send(ack).unwrap());
    let mut acknowledged: BTreeSet<_> = own.into_iter().collect();
    for child in &mut children {
        acknowledged.extend(acks(child));
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(acknowledged.len(), 3 * TASKS * APPENDS);
    assert_eq!(read_whole(&log), acknowledged.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_reader_follows_a_process_that_appends() {
    const APPENDS: usize = 40;
    if did_append_as_other_process() {
        return;
    }
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    let mut reader = log.reader(TOPIC, 0, 0).unwrap();
    let mut child = start("a_reader_follows_a_process_that_appends", dir.path(), "child", APPENDS);
    let records = read::<OnDisk>(reader.as_mut(), TASKS * APPENDS);
    assert!(records.iter().enumerate().all(|(place, record)| record.offset == place as u64));
    assert_eq!(acks(&mut child).count(), TASKS * APPENDS);
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_appender_that_opens_a_path_with_spaces_finds_it() {
    let dir = TempDir::new().unwrap();
    let spaced: PathBuf = dir.path().join("a log with 空白");
    let log = open(&spaced);
    append_all(&log, "spaced", 1, |_| {});
    assert_eq!(log.span(TOPIC, 0).unwrap().next, TASKS as u64);
}
