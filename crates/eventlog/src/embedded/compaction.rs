//! Removes what newer records have made void, and leaves every other record at its offset.
//!
//! The rules are Kafka's: the newest record of a key stays, and a tombstone stays for a day, so that every reader that is not
//! further behind sees it. On `line.events` a tombstone erases a person's event for good: a redelivery that came after it
//! goes too.

use super::database::failure;
use super::table;
use crate::{Error, Topic};
use rusqlite::{Connection, TransactionBehavior, params};

/// How long a tombstone stays: Kafka's default of `delete.retention.ms`.
const TOMBSTONE_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Rows removed per transaction, so that appends get their turn in between.
const STEP_ROWS: i64 = 5_000;

/// Compacts one partition as it is now, and returns how many records it removed.
pub(super) fn compact(connection: &mut Connection, topic: Topic, partition: u32, now_ms: i64) -> Result<u64, Error> {
    let end = table::span(connection, topic, partition)?.next;
    let end = i64::try_from(end).map_err(|_| Error::Damaged("offset out of range".into()))?;
    find(connection, topic, partition, end, now_ms.saturating_sub(TOMBSTONE_KEPT_MS)).map_err(failure)?;
    remove(connection, topic, partition, end).map_err(failure)
}

/// Makes the file forget the removed records too: their bytes are zeroed, and the journal that still held them emptied.
pub(super) fn forget(connection: &Connection) -> Result<(), Error> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failure)?;
    if busy {
        return Err(Error::Unavailable("the journal is in use and could not be emptied; compact again".into()));
    }
    Ok(())
}

/// Lists the offsets of void records, tombstones last: while a removal is half done, no tombstone is gone whose records are
/// still there.
fn find(
    connection: &Connection,
    topic: Topic,
    partition: u32,
    end: i64,
    tombstones_before_ms: i64,
) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "secure_delete", true)?;
    connection.execute_batch(
        "DROP TABLE IF EXISTS temp.entries;
         DROP TABLE IF EXISTS temp.void;
         CREATE TEMP TABLE entries (offset INTEGER PRIMARY KEY, key BLOB, tombstone INTEGER, is_old INTEGER);
         CREATE TEMP TABLE void (step INTEGER PRIMARY KEY, offset INTEGER);",
    )?;
    let entries = format!(
        "INSERT INTO temp.entries
         SELECT offset, key, typeof(value) = 'null', appended_at_ms < ?1 FROM {} WHERE offset < ?2",
        table::name(topic, partition)
    );
    connection.execute(&entries, params![tombstones_before_ms, end])?;
    connection.execute(
        "INSERT INTO temp.void (offset)
         SELECT offset FROM (
             SELECT offset, tombstone, is_old,
                 coalesce(max(offset) FILTER (WHERE tombstone AND ?1) OVER same, max(offset) OVER same) AS kept
             FROM temp.entries WINDOW same AS (PARTITION BY key)
         )
         WHERE offset <> kept OR (tombstone AND is_old)
         ORDER BY tombstone, offset",
        [topic == Topic::LineEvents],
    )?;
    connection.execute_batch("DROP TABLE temp.entries")
}

fn remove(connection: &mut Connection, topic: Topic, partition: u32, end: i64) -> Result<u64, rusqlite::Error> {
    let void: i64 = connection.query_row("SELECT count(*) FROM temp.void", [], |row| row.get(0))?;
    let delete = format!(
        "DELETE FROM {} WHERE offset IN (SELECT offset FROM temp.void WHERE step > ?1 AND step <= ?2)",
        table::name(topic, partition)
    );
    let mut removed = 0;
    for done in (0..void).step_by(STEP_ROWS as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "UPDATE partitions SET compacted_to = max(compacted_to, ?1) WHERE topic = ?2 AND partition = ?3",
            params![end, topic.name(), partition],
        )?;
        removed += transaction.execute(&delete, [done, done + STEP_ROWS])?;
        transaction.commit()?;
    }
    connection.execute_batch("DROP TABLE temp.void")?;
    Ok(removed as u64)
}
