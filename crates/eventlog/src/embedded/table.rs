//! One table per partition: its rows are the records, its row IDs the offsets.

use super::database::failure;
use crate::{Error, Span, Topic};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// The table of a partition, quoted for SQL.
pub(super) fn name(topic: Topic, partition: u32) -> String {
    format!("\"{topic}/{partition}\"")
}

/// Creates the table of a partition.
pub(super) fn create(connection: &Connection, topic: Topic, partition: u32) -> Result<(), rusqlite::Error> {
    connection.execute_batch(&format!(
        "CREATE TABLE {} (
             offset INTEGER PRIMARY KEY,
             appended_at_ms INTEGER NOT NULL,
             checksum INTEGER NOT NULL,
             key BLOB NOT NULL,
             value BLOB
         ) STRICT",
        name(topic, partition)
    ))?;
    connection
        .execute("INSERT INTO partitions (topic, partition) VALUES (?1, ?2)", params![topic.name(), partition])?;
    Ok(())
}

/// CRC-32C over a record and its place, so that a damaged, moved or swapped row is noticed.
pub(super) fn checksum(offset: u64, appended_at_ms: i64, key: &[u8], value: Option<&[u8]>) -> i32 {
    let mut head = [0; 24];
    head[..8].copy_from_slice(&offset.to_le_bytes());
    head[8..16].copy_from_slice(&appended_at_ms.to_le_bytes());
    head[16..].copy_from_slice(&((key.len() as u64) << 1 | u64::from(value.is_some())).to_le_bytes());
    let mut checksum = crc32c::crc32c_append(crc32c::crc32c(&head), key);
    if let Some(value) = value {
        checksum = crc32c::crc32c_append(checksum, value);
    }
    checksum.cast_signed()
}

/// The offsets of a partition. Nothing is ever cut off at the front (compaction leaves gaps), so it begins at 0.
pub(super) fn span(connection: &Connection, topic: Topic, partition: u32) -> Result<Span, Error> {
    let newest = || {
        connection
            .prepare_cached(&format!("SELECT max(offset) FROM {}", name(topic, partition)))?
            .query_row([], |row| row.get::<_, Option<i64>>(0))
    };
    let after_newest = match newest().map_err(failure)? {
        None => 0,
        Some(newest) => {
            u64::try_from(newest).map_err(|_| Error::Damaged(format!("{topic} has a negative offset")))? + 1
        }
    };
    Ok(Span { first: 0, next: after_newest.max(compacted_to(connection, topic, partition)?) })
}

/// The offset up to which compaction may have removed records: below it gaps are right, from it on they are damage.
pub(super) fn compacted_to(connection: &Connection, topic: Topic, partition: u32) -> Result<u64, Error> {
    let read = |row: &Row<'_>| row.get::<_, i64>(0);
    let stored = || {
        connection
            .prepare_cached("SELECT compacted_to FROM partitions WHERE topic = ?1 AND partition = ?2")?
            .query_row(params![topic.name(), partition], read)
            .optional()
    };
    stored()
        .map_err(failure)?
        .and_then(|offset| u64::try_from(offset).ok())
        .ok_or_else(|| Error::Damaged(format!("{topic} partition {partition} is not listed")))
}
