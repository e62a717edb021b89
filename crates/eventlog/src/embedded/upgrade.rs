//! Brings a log of the first format, which had a row for each record, to the one of today. Offsets, times and the identity of the
//! log stay.

use super::batch::Entry;
use super::database::{FORMAT, failure};
use super::table::{self, Newest};
use crate::{Error, Topic};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

/// The format that is upgraded.
pub(super) const FROM: i32 = 1;

/// What the table of a partition is called while its records go into the new one.
const OLD: &str = "records_of_format_1";

/// All partitions, or nothing. Blocks, for minutes on a large log.
pub(super) fn upgrade(connection: &mut Connection) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
    for (topic, partition) in partitions(&transaction).map_err(failure)? {
        let rename = format!("ALTER TABLE {} RENAME TO {OLD}", table::name(topic, partition));
        transaction.execute_batch(&rename).map_err(failure)?;
        table::create_only(&transaction, topic, partition).map_err(failure)?;
        copy(&transaction, topic, partition)?;
        transaction.execute_batch(&format!("DROP TABLE {OLD}")).map_err(failure)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT).map_err(failure)?;
    transaction.commit().map_err(failure)
}

fn partitions(transaction: &Transaction<'_>) -> Result<Vec<(Topic, u32)>, rusqlite::Error> {
    let mut select = transaction.prepare("SELECT topic, partition FROM partitions")?;
    let listed =
        select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?.collect::<Result<Vec<_>, _>>()?;
    let known = |(name, partition)| Some((Topic::ALL.into_iter().find(|topic| topic.name() == name)?, partition));
    Ok(listed.into_iter().filter_map(known).collect())
}

fn copy(transaction: &Transaction<'_>, topic: Topic, partition: u32) -> Result<(), Error> {
    let select = format!("SELECT offset, appended_at_ms, checksum, key, value FROM {OLD} ORDER BY offset");
    let mut select = transaction.prepare(&select).map_err(failure)?;
    let mut rows = select.query([]).map_err(failure)?;
    let mut newest = Newest::none(topic, partition);
    while let Some(row) = rows.next().map_err(failure)? {
        newest.append(transaction, Old::read(row)?.entry())?;
    }
    newest.write(transaction)
}

/// A record of the first format.
struct Old {
    offset: u64,
    appended_at_ms: i64,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Old {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let columns = || Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i32>(2)?, row.get(3)?, row.get(4)?));
        let (offset, appended_at_ms, checksum, key, value) = columns().map_err(failure)?;
        let offset = u64::try_from(offset).map_err(|_| Error::Damaged("negative offset".into()))?;
        let old = Self { offset, appended_at_ms, key, value };
        if old.checksum() != checksum {
            return Err(Error::Damaged(format!("the record at offset {offset} does not match its checksum")));
        }
        Ok(old)
    }

    fn entry(&self) -> Entry<'_> {
        Entry { offset: self.offset, appended_at_ms: self.appended_at_ms, key: &self.key, value: self.value.as_deref() }
    }

    fn checksum(&self) -> i32 {
        let mut head = [0; 24];
        head[..8].copy_from_slice(&self.offset.to_le_bytes());
        head[8..16].copy_from_slice(&self.appended_at_ms.to_le_bytes());
        head[16..].copy_from_slice(&((self.key.len() as u64) << 1 | u64::from(self.value.is_some())).to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&head), &self.key);
        crc32c::crc32c_append(checksum, self.value.as_deref().unwrap_or_default()).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::embedded::{EmbeddedLog, Options};
    use crate::{Error, Log, NewRecord, Record, Topic};
    use proptest::prelude::*;
    use runtime::clock::ManualClock;
    use rusqlite::{Connection, params};
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;
    use tempfile::TempDir;

    const TOPIC: Topic = Topic::LineEvents;

    fn open(dir: &Path) -> Arc<EmbeddedLog> {
        EmbeddedLog::open(dir, Options::new(Arc::new(ManualClock::at(9)))).unwrap()
    }

    /// Makes the empty log in a directory one of the first format, with these records, and returns its identity.
    fn make_old(dir: &Path, records: &[Record]) -> String {
        let id = open(dir).log_id().to_owned();
        let file = Connection::open(dir.join("log.sqlite3")).unwrap();
        for topic in Topic::ALL {
            file.execute_batch(&format!(
                "DROP TABLE \"{topic}/0\";
                 CREATE TABLE \"{topic}/0\" (offset INTEGER PRIMARY KEY, appended_at_ms INTEGER NOT NULL,
                     checksum INTEGER NOT NULL, key BLOB NOT NULL, value BLOB) STRICT"
            ))
            .unwrap();
        }
        for Record { offset, appended_at_ms, key, value, .. } in records.iter().cloned() {
            let checksum = super::Old { offset, appended_at_ms, key: key.clone(), value: value.clone() }.checksum();
            let row = params![i64::try_from(offset).unwrap(), appended_at_ms, checksum, key, value];
            file.execute("INSERT INTO \"line.events/0\" VALUES (?1, ?2, ?3, ?4, ?5)", row).unwrap();
        }
        file.execute_batch("UPDATE partitions SET compacted_to = 1000; PRAGMA user_version = 1").unwrap();
        id
    }

    fn any_records() -> impl Strategy<Value = Vec<Record>> {
        let record = (1..3_u64, 0..3_i64, any::<Vec<u8>>(), any::<Option<Vec<u8>>>());
        prop::collection::vec(record, 0..40).prop_map(|records| {
            let mut at = 0;
            let place = |(step, appended_at_ms, key, value)| {
                at += step;
                Record { topic: TOPIC, partition: 0, offset: at, appended_at_ms, key, value }
            };
            records.into_iter().map(place).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_log_of_the_first_format_keeps_its_records_and_its_identity(records in any_records()) {
            let dir = TempDir::new().unwrap();
            let id = make_old(dir.path(), &records);
            for _ in 0..2 {
                let log = open(dir.path());
                prop_assert_eq!(log.log_id(), &id);
                let read = log.reader(TOPIC, 0, 0).unwrap().next(1_000, Duration::ZERO).unwrap();
                prop_assert_eq!(&read, &records);
            }
            let log = open(dir.path());
            let new = NewRecord { topic: TOPIC, key: b"U/1/new".to_vec(), value: None };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let at = runtime.block_on(log.append(vec![new])).unwrap()[0].offset;
            prop_assert_eq!(at, 1_000);
        }
    }

    #[test]
    fn a_damaged_record_of_the_first_format_is_told_and_the_log_left_as_it_is() {
        let dir = TempDir::new().unwrap();
        let record =
            Record { topic: TOPIC, partition: 0, offset: 0, appended_at_ms: 7, key: b"k".to_vec(), value: None };
        make_old(dir.path(), &[record]);
        let file = Connection::open(dir.path().join("log.sqlite3")).unwrap();
        file.execute_batch("UPDATE \"line.events/0\" SET key = x'00'").unwrap();
        drop(file);
        for _ in 0..2 {
            let error = EmbeddedLog::open(dir.path(), Options::new(Arc::new(ManualClock::at(9)))).err().unwrap();
            assert!(error.to_string().contains("offset 0 does not match its checksum"), "{error}");
        }
    }

    #[test]
    fn a_log_that_an_older_version_works_with_is_left_to_it() {
        let dir = TempDir::new().unwrap();
        make_old(dir.path(), &[]);
        let older = Connection::open(dir.path().join("log.sqlite3")).unwrap();
        let select = "SELECT offset, appended_at_ms, checksum, key, value FROM \"line.events/0\"";
        older.query_row(select, [], |_| Ok(())).unwrap_err();
        let refused = EmbeddedLog::open(dir.path(), Options::new(Arc::new(ManualClock::at(9)))).err();
        older.execute("INSERT INTO \"line.events/0\" VALUES (1000, 7, 0, x'00', NULL)", []).unwrap();
        assert!(matches!(&refused, Some(Error::Unfit(why)) if why.contains("stop every process")), "{refused:?}");
    }

    #[test]
    fn nothing_of_the_old_rows_stays_behind_in_the_file() {
        const ERASED: &[u8] = b"words that are to be erased";
        let dir = TempDir::new().unwrap();
        let record = Record {
            topic: TOPIC,
            partition: 0,
            offset: 0,
            appended_at_ms: 7,
            key: b"k".to_vec(),
            value: Some(ERASED.repeat(2_000)),
        };
        make_old(dir.path(), &[record]);
        let log = open(dir.path());
        log.remove_before(TOPIC, 0, 1).unwrap();
        log.forget_removed().unwrap();
        let bytes = std::fs::read(dir.path().join("log.sqlite3")).unwrap();
        assert!(!bytes.windows(ERASED.len()).any(|window| window == ERASED));
    }
}
