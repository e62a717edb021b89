//! The embedded log when something is wrong: its directory, its bytes, its settings, its queue, a second consumer.

#![allow(clippy::unwrap_used)]

mod conformance;

use conformance::{read_all, record};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Error, Log, Record, Topic};
use proptest::prelude::*;
use runtime::clock::ManualClock;
use rusqlite::Connection;
use std::fs;
use std::future::{Future, ready};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;

const TOPIC: Topic = Topic::LineEvents;
const FILE: &str = "log.sqlite3";

struct OnDisk;

impl conformance::Rig for OnDisk {
    const PATIENCE: Duration = Duration::from_secs(20);

    fn start(_partitions: u32) -> Self {
        Self
    }

    fn open(&self) -> Arc<dyn Log> {
        unreachable!("these tests open their logs themselves")
    }
}

fn options() -> Options {
    Options::new(Arc::new(ManualClock::at(1_700_000_000_000)))
}

fn open(dir: &Path) -> Arc<EmbeddedLog> {
    EmbeddedLog::open(dir, options()).unwrap()
}

fn open_error(dir: &Path) -> Error {
    EmbeddedLog::open(dir, options()).err().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn append(log: &EmbeddedLog, count: usize) -> Result<(), Error> {
    let records = (0..count).map(|it| record(TOPIC, &format!("Uone/1/{it}"), &format!("{it:0100}"))).collect();
    runtime().block_on(log.append(records)).map(drop)
}

/// A closed log with some records.
fn filled(count: usize) -> TempDir {
    let dir = TempDir::new().unwrap();
    append(&open(dir.path()), count).unwrap();
    dir
}

/// Records that fill a row of [`filled_rows`].
const ROW: u64 = 4;

/// A closed log with three rows, of which the last has only one record.
fn filled_rows() -> TempDir {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    for number in 0..=2 * ROW {
        let large = record(TOPIC, &format!("Uone/1/{number}"), &"x".repeat(3_900));
        runtime().block_on(log.append(vec![large])).unwrap();
    }
    let file = Connection::open(dir.path().join(FILE)).unwrap();
    let mut select = file.prepare("SELECT offset FROM \"line.events/0\"").unwrap();
    let rows: Vec<i64> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, [3, 7, 8]);
    dir
}

#[test]
fn a_log_keeps_its_identity_and_a_new_one_gets_another() {
    let (dir, other) = (filled(1), TempDir::new().unwrap());
    let id = open(dir.path()).log_id().to_owned();
    assert_eq!(open(dir.path()).log_id(), id);
    assert_ne!(open(other.path()).log_id(), id);
}

#[test]
fn missing_parents_of_the_directory_are_created() {
    let dir = TempDir::new().unwrap();
    let nested = dir.path().join("data/of/kizuna");
    append(&open(&nested), 1).unwrap();
    assert!(nested.join(FILE).is_file());
}

#[test]
fn a_directory_that_cannot_be_used_is_refused_with_its_name() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("occupied");
    fs::write(&file, "").unwrap();
    let error = open_error(&file);
    assert!(matches!(&error, Error::Unfit(text) if text.contains("occupied")), "{error}");
}

#[test]
fn a_log_of_a_later_format_is_refused() {
    let dir = filled(1);
    Connection::open(dir.path().join(FILE)).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let error = open_error(dir.path());
    assert!(matches!(&error, Error::Unfit(text) if text.contains("format 3")), "{error}");
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(FILE);
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (value)").unwrap();
    let before = fs::read(&file).unwrap();
    assert!(matches!(open_error(dir.path()), Error::Unfit(_)));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn another_partition_count_than_the_logs_is_refused() {
    let dir = TempDir::new().unwrap();
    let with = |partitions| EmbeddedLog::open(dir.path(), Options { partitions, ..options() });
    with(Some(3)).unwrap();
    let error = with(Some(4)).err().unwrap();
    assert!(matches!(&error, Error::Unfit(text) if text.contains("has 3 partitions") && text.contains('4')), "{error}");
    assert_eq!(with(None).unwrap().partitions(TOPIC), 3, "without a wish the log's own count holds");
    assert!(matches!(with(Some(0)), Err(Error::Unfit(_))));
}

#[test]
fn a_log_that_was_made_before_a_topic_existed_gets_the_topic() {
    let dir = filled(1);
    let older = Connection::open(dir.path().join(FILE)).unwrap();
    older.execute_batch("DROP TABLE \"line.sent/0\"; DELETE FROM partitions WHERE topic = 'line.sent'").unwrap();
    let log = open(dir.path());
    runtime().block_on(log.append(vec![record(Topic::LineSent, "Uone/c", "")])).unwrap();
    assert_eq!(log.span(Topic::LineSent, 0).unwrap().next, 1);
    assert_eq!(log.span(TOPIC, 0).unwrap().next, 1);
}

#[test]
fn a_log_whose_creation_was_cut_short_is_created_again() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("log.sqlite3.new"), "half").unwrap();
    append(&open(dir.path()), 1).unwrap();
}

#[test]
fn an_emptied_or_overwritten_or_missing_file_is_damage_not_a_new_log() {
    let dir = filled(10);
    let file = dir.path().join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    fs::write(&file, "").unwrap();
    assert!(matches!(open_error(dir.path()), Error::Damaged(_)));
    bytes[..512].fill(0x5a);
    fs::write(&file, bytes).unwrap();
    assert!(matches!(open_error(dir.path()), Error::Damaged(_)));
    fs::rename(&file, dir.path().join("log.sqlite3-wal")).unwrap();
    assert!(matches!(open_error(dir.path()), Error::Damaged(_)));
}

#[test]
fn damage_is_told_with_its_file_and_with_what_to_restore() {
    let dir = filled(10);
    let file = dir.path().join(FILE);
    for content in ["", "no database at all"] {
        fs::write(&file, content).unwrap();
        let told = open_error(dir.path()).to_string();
        let place = dir.path().display();
        assert!(told.starts_with(&format!("the log is damaged: {}: ", file.display())), "{told}");
        assert!(told.ends_with(&format!("restore {place} from a copy, see docs/operations.md")), "{told}");
    }
}

/// Changes a log's file behind its back.
fn tamper(dir: &TempDir, sql: &str) {
    Connection::open(dir.path().join(FILE)).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_changed_row_is_damage_and_those_before_it_are_still_read() {
    let dir = filled_rows();
    tamper(&dir, "UPDATE \"line.events/0\" SET records = x'00' WHERE offset = 7");
    let log = open(dir.path());
    let mut reader = log.reader(TOPIC, 0, 0).unwrap();
    assert_eq!(reader.next(100, Duration::ZERO).unwrap().len() as u64, ROW);
    for _ in 0..2 {
        assert!(matches!(reader.next(100, Duration::ZERO), Err(Error::Damaged(text)) if text.contains("offset 7")));
    }
}

#[test]
fn a_missing_row_is_damage() {
    let dir = filled_rows();
    tamper(&dir, "DELETE FROM \"line.events/0\" WHERE offset = 7");
    let log = open(dir.path());
    let mut reader = log.reader(TOPIC, 0, 0).unwrap();
    assert_eq!(reader.next(100, Duration::ZERO).unwrap().len() as u64, ROW);
    assert!(matches!(reader.next(100, Duration::ZERO), Err(Error::Damaged(_))));
}

#[test]
fn what_comes_after_a_damaged_row_is_kept_beside_it() {
    let dir = filled_rows();
    tamper(&dir, "UPDATE \"line.events/0\" SET records = x'00' WHERE offset = 8");
    let log = open(dir.path());
    append(&log, 2).unwrap();
    let read = log.reader(TOPIC, 0, 2 * ROW + 1).unwrap().next(100, Duration::ZERO).unwrap();
    assert_eq!(read.iter().map(|record| record.offset).collect::<Vec<_>>(), [9, 10]);
    assert!(matches!(log.reader(TOPIC, 0, 8).unwrap().next(100, Duration::ZERO), Err(Error::Damaged(_))));
}

/// The bytes of a log with rows on several pages, and its records.
static WHOLE: LazyLock<(Vec<u8>, Vec<Record>)> = LazyLock::new(|| {
    let dir = filled(400);
    let records = read_all::<OnDisk>(&(open(dir.path()) as Arc<dyn Log>), TOPIC);
    (fs::read(dir.path().join(FILE)).unwrap(), records)
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_flipped_bit_is_never_read_as_another_record(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let (bytes, records) = &*WHOLE;
        let mut damaged = bytes.clone();
        damaged[place.index(bytes.len())] ^= 1_u8 << bit;
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(FILE), damaged).unwrap();
        let Ok(log) = EmbeddedLog::open(dir.path(), options()) else { return Ok(()) };
        let Ok(mut reader) = log.reader(TOPIC, 0, 0) else { return Ok(()) };
        let mut read = Vec::new();
        let told = loop {
            match reader.next(50, Duration::ZERO) {
                Ok(some) if some.is_empty() => break false,
                Ok(some) => read.extend(some),
                Err(_) => break true,
            }
        };
        prop_assert!(records.starts_with(&read));
        // A lost end looks like a shorter log: whoever has read further is told.
        let is_shorter = matches!(log.reader(TOPIC, 0, 400), Err(Error::OutOfRange { .. } | Error::Damaged(_)));
        prop_assert!(told || read.len() == 400 || is_shorter, "{} records, and no word", read.len());
    }
}

#[test]
fn a_log_whose_directory_is_taken_away_refuses_appends_until_it_is_back() {
    let parent = TempDir::new().unwrap();
    let (dir, away) = (parent.path().join("log"), parent.path().join("away"));
    let log = open(&dir);
    append(&log, 10).unwrap();
    let mut reader = log.reader(TOPIC, 0, 0).unwrap();
    fs::rename(&dir, &away).unwrap();
    for _ in 0..2 {
        assert!(matches!(append(&log, 1), Err(Error::Unavailable(_))));
        assert!(matches!(runtime().block_on(log.check()), Err(Error::Unavailable(_))));
    }
    fs::rename(&away, &dir).unwrap();
    runtime().block_on(log.check()).unwrap();
    append(&log, 1).unwrap();
    assert!(reader.next(100, Duration::ZERO).unwrap().len() >= 11);
}

#[test]
fn another_log_put_in_place_while_running_is_not_written_to() {
    let parent = TempDir::new().unwrap();
    let (dir, away) = (parent.path().join("log"), parent.path().join("away"));
    let log = open(&dir);
    fs::rename(&dir, &away).unwrap();
    assert!(append(&log, 1).is_err());
    let other = open(&dir);
    assert!(matches!(append(&log, 1), Err(Error::Unavailable(text)) if text.contains("another log")));
    assert_eq!(other.span(TOPIC, 0).unwrap().next, 0);
}

/// Lets a future begin, and leaves it waiting.
async fn begin(future: &mut Pin<&mut impl Future<Output = Result<(), Error>>>) {
    tokio::select! {
        biased;
        outcome = future => panic!("{outcome:?} although the log is locked"),
        () = ready(()) => {}
    }
}

#[test]
fn a_full_queue_refuses_at_once_and_what_it_holds_is_written_when_the_lock_is_free() {
    let dir = TempDir::new().unwrap();
    let log = EmbeddedLog::open(dir.path(), Options { queue_records: 10, ..options() }).unwrap();
    let other_process = Connection::open(dir.path().join(FILE)).unwrap();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let numbered = |count: usize| (0..count).map(|it| record(TOPIC, &format!("Uone/1/{it}"), "")).collect::<Vec<_>>();
    let append = async |count| log.append(numbered(count)).await.map(drop);
    runtime().block_on(async {
        let mut waiting = pin!(append(8));
        begin(&mut waiting).await;
        assert!(matches!(append(3).await, Err(Error::Unavailable(_))));
        other_process.execute_batch("COMMIT").unwrap();
        waiting.await.unwrap();
        append(3).await.unwrap();
    });
    assert_eq!(log.span(TOPIC, 0).unwrap().next, 11);
}

#[test]
fn a_full_queue_counts_bytes_too_and_takes_one_large_append_when_empty() {
    let dir = TempDir::new().unwrap();
    let log = EmbeddedLog::open(dir.path(), Options { queue_bytes: 1_000, ..options() }).unwrap();
    append(&log, 100).unwrap();
    assert_eq!(log.span(TOPIC, 0).unwrap().next, 100);
    let other_process = Connection::open(dir.path().join(FILE)).unwrap();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    let large = async || log.append(vec![record(TOPIC, "Uone/1/large", &"x".repeat(900))]).await.map(drop);
    runtime().block_on(async {
        let mut waiting = pin!(large());
        begin(&mut waiting).await;
        assert!(matches!(large().await, Err(Error::Unavailable(_))));
        other_process.execute_batch("COMMIT").unwrap();
        waiting.await.unwrap();
    });
}

#[test]
fn appends_that_nobody_waits_for_any_more_are_written_before_the_log_closes() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    let other_process = Connection::open(dir.path().join(FILE)).unwrap();
    other_process.execute_batch("BEGIN IMMEDIATE").unwrap();
    runtime().block_on(async {
        let append = async || log.append(vec![record(TOPIC, "Uone/1/a", "")]).await.map(drop);
        let mut waiting = pin!(append());
        begin(&mut waiting).await;
    });
    other_process.execute_batch("COMMIT").unwrap();
    drop(log);
    assert_eq!(open(dir.path()).span(TOPIC, 0).unwrap().next, 1);
}

#[test]
fn a_second_consumer_of_a_group_is_refused_until_the_first_is_gone() {
    let dir = TempDir::new().unwrap();
    let (one, other) = (open(dir.path()), open(dir.path()));
    let join = |log: &EmbeddedLog, group| log.subscribe(group, &[TOPIC], Arc::new(|_, _| Ok(0)));
    let first = join(&one, "projector").unwrap();
    for log in [&one, &other] {
        let error = join(log, "projector").err().unwrap();
        assert!(matches!(&error, Error::Unfit(text) if text.contains("another process")), "{error}");
    }
    join(&other, "auditor").unwrap();
    drop(first);
    join(&other, "projector").unwrap();
}

#[test]
fn a_group_name_that_could_leave_the_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    let log = open(dir.path());
    for group in ["", "../projector", "a/b", "a.b"] {
        assert!(matches!(log.subscribe(group, &[TOPIC], Arc::new(|_, _| Ok(0))), Err(Error::Unfit(_))), "{group}");
    }
}
