//! Removes what newer records have made void, and leaves every other record at its offset.
//!
//! The rules are Kafka's: the newest record of a key stays, and a tombstone stays for a day, so that every reader that is not
//! further behind sees it. On `line.events` a tombstone erases a person's event for good: a redelivery that came after it
//! goes too.

use super::batch::{Batch, Entry};
use super::database::failure;
use super::table::{self, row_id};
use crate::{Error, Topic};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::collections::BTreeSet;

/// How long a tombstone stays: Kafka's default of `delete.retention.ms`.
const TOMBSTONE_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Records removed per transaction, so that appends get their turn in between.
const STEP_RECORDS: i64 = 5_000;

/// Compacts one partition as it is now, and returns how many records it removed.
pub(super) fn compact(connection: &mut Connection, topic: Topic, partition: u32, now_ms: i64) -> Result<u64, Error> {
    let end = table::span(connection, topic, partition)?.next;
    list(connection, topic, partition, end, now_ms.saturating_sub(TOMBSTONE_KEPT_MS))?;
    find(connection, topic).map_err(failure)?;
    remove(connection, topic, partition, end)
}

/// Makes the file forget the removed records too: their bytes are zeroed, and the journal that still held them emptied.
pub(super) fn forget(connection: &Connection) -> Result<(), Error> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failure)?;
    if busy {
        return Err(Error::Unavailable("the journal is in use and could not be emptied; compact again".into()));
    }
    Ok(())
}

/// Lists the records before an offset with what decides whether they are void.
fn list(
    connection: &mut Connection,
    topic: Topic,
    partition: u32,
    end: u64,
    tombstones_before_ms: i64,
) -> Result<(), Error> {
    let transaction = connection.transaction().map_err(failure)?;
    transaction
        .execute_batch(
            "DROP TABLE IF EXISTS temp.entries;
             DROP TABLE IF EXISTS temp.void;
             CREATE TEMP TABLE entries (offset INTEGER PRIMARY KEY, key BLOB, tombstone INTEGER, is_old INTEGER);
             CREATE TEMP TABLE void (step INTEGER PRIMARY KEY, offset INTEGER);",
        )
        .map_err(failure)?;
    {
        let select = format!("SELECT {} FROM {} WHERE offset < ?1", table::COLUMNS, table::name(topic, partition));
        let mut select = transaction.prepare(&select).map_err(failure)?;
        let mut insert = transaction.prepare("INSERT INTO temp.entries VALUES (?1, ?2, ?3, ?4)").map_err(failure)?;
        let mut rows = select.query([row_id(end)?]).map_err(failure)?;
        while let Some(row) = rows.next().map_err(failure)? {
            let batch = Batch::read(row)?;
            for entry in batch.entries() {
                let Entry { offset, appended_at_ms, key, value } = entry?;
                let is_old = appended_at_ms < tombstones_before_ms;
                let listed = params![row_id(offset)?, key, value.is_none(), is_old];
                insert.execute(listed).map_err(failure)?;
            }
        }
    }
    transaction.commit().map_err(failure)
}

/// Picks the void records, tombstones last: while a removal is half done, no tombstone is gone whose records are still there.
fn find(connection: &Connection, topic: Topic) -> Result<(), rusqlite::Error> {
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

fn remove(connection: &mut Connection, topic: Topic, partition: u32, end: u64) -> Result<u64, Error> {
    let void: i64 = connection.query_row("SELECT count(*) FROM temp.void", [], |row| row.get(0)).map_err(failure)?;
    let mut removed = 0;
    for done in (0..void).step_by(STEP_RECORDS as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
        table::set_compacted_to(&transaction, topic, partition, end)?;
        let void = step(&transaction, done).map_err(failure)?;
        let mut left = void.first().copied();
        while let Some(offset) = left {
            let batch = table::batch_from(&transaction, topic, partition, offset)?
                .ok_or_else(|| Error::Damaged(format!("{topic} partition {partition} has lost offset {offset}")))?;
            removed += table::retain(&transaction, topic, partition, &batch, |offset| !void.contains(&offset))?.records;
            left = void.range(batch.last + 1..).next().copied();
        }
        transaction.commit().map_err(failure)?;
    }
    connection.execute_batch("DROP TABLE temp.void").map_err(failure)?;
    Ok(removed)
}

/// The offsets of the void records that are removed after so many.
fn step(transaction: &Transaction<'_>, done: i64) -> Result<BTreeSet<u64>, rusqlite::Error> {
    let select = "SELECT offset FROM temp.void WHERE step > ?1 AND step <= ?2";
    let mut select = transaction.prepare_cached(select)?;
    let offsets = select.query_map([done, done + STEP_RECORDS], |row| row.get::<_, i64>(0))?;
    offsets.map(|offset| Ok(offset?.unsigned_abs())).collect()
}
