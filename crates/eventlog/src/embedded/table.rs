//! One table per partition: its rows are batches of records, its row IDs the offsets of their last ones.

use super::batch::{Batch, Entry};
use super::database::failure;
use super::removal::Held;
use crate::{Error, Span, Topic};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// The columns of a row, in the order in which [`Batch::read`] wants them.
pub(super) const COLUMNS: &str = "offset, first, began_at_ms, checksum, records";

/// The table of a partition, quoted for SQL.
pub(super) fn name(topic: Topic, partition: u32) -> String {
    format!("\"{topic}/{partition}\"")
}

/// Creates the table of a partition and lists it.
pub(super) fn create(connection: &Connection, topic: Topic, partition: u32) -> Result<(), rusqlite::Error> {
    create_only(connection, topic, partition)?;
    connection
        .execute("INSERT INTO partitions (topic, partition) VALUES (?1, ?2)", params![topic.name(), partition])?;
    Ok(())
}

/// Creates the table of a partition that is listed already.
pub(super) fn create_only(connection: &Connection, topic: Topic, partition: u32) -> Result<(), rusqlite::Error> {
    connection.execute_batch(&format!(
        "CREATE TABLE {} (
             offset INTEGER PRIMARY KEY,
             first INTEGER NOT NULL,
             began_at_ms INTEGER NOT NULL,
             checksum INTEGER NOT NULL,
             records BLOB NOT NULL
         ) STRICT",
        name(topic, partition)
    ))
}

/// The row of a partition that is being filled.
pub(super) struct Newest {
    topic: Topic,
    partition: u32,
    batch: Option<Batch<'static>>,
    /// The last offset of what is stored of it.
    stored: Option<u64>,
}

impl Newest {
    /// The newest row of a partition. One that is damaged is filled no further: whoever reads it will tell.
    pub(super) fn of(connection: &Connection, topic: Topic, partition: u32) -> Result<Self, Error> {
        let select = format!("SELECT {COLUMNS} FROM {} ORDER BY offset DESC LIMIT 1", name(topic, partition));
        let mut statement = connection.prepare_cached(&select).map_err(failure)?;
        let mut rows = statement.query([]).map_err(failure)?;
        let row = rows.next().map_err(failure)?;
        let batch = row.and_then(|row| Batch::read(row).ok()).map(Batch::into_owned);
        Ok(Self { topic, partition, stored: batch.as_ref().map(|batch| batch.last), batch })
    }

    /// That of an empty partition.
    pub(super) fn none(topic: Topic, partition: u32) -> Self {
        Self { topic, partition, batch: None, stored: None }
    }

    /// Appends a record, to this row or to the next one.
    pub(super) fn append(&mut self, connection: &Connection, entry: Entry<'_>) -> Result<(), Error> {
        if !self.batch.as_mut().is_some_and(|batch| batch.take(entry)) {
            self.write(connection)?;
            (self.batch, self.stored) = (Some(Batch::begin(entry)), None);
        }
        Ok(())
    }

    /// Writes what was appended and is not written yet.
    pub(super) fn write(&self, connection: &Connection) -> Result<(), Error> {
        let Some(batch) = self.batch.as_ref().filter(|batch| self.stored != Some(batch.last)) else { return Ok(()) };
        let table = name(self.topic, self.partition);
        if let Some(stored) = self.stored {
            return update(connection, &table, stored, batch);
        }
        let insert = format!("INSERT INTO {table} ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5)");
        let row = (row_id(batch.last)?, row_id(batch.first)?, batch.began_at_ms, batch.checksum(), batch.records());
        connection.prepare_cached(&insert).and_then(|mut insert| insert.execute(row)).map_err(failure)?;
        Ok(())
    }
}

/// Puts a batch in the place of the row that was stored for these records.
fn update(connection: &Connection, table: &str, stored: u64, batch: &Batch<'_>) -> Result<(), Error> {
    let update = format!("UPDATE {table} SET offset = ?2, checksum = ?3, records = ?4 WHERE offset = ?1");
    let row = (row_id(stored)?, row_id(batch.last)?, batch.checksum(), batch.records());
    connection.prepare_cached(&update).and_then(|mut update| update.execute(row)).map_err(failure)?;
    Ok(())
}

/// The batch that has the record at an offset, or the first one after it.
pub(super) fn batch_from(
    connection: &Connection,
    topic: Topic,
    partition: u32,
    offset: u64,
) -> Result<Option<Batch<'static>>, Error> {
    let table = name(topic, partition);
    let select = format!("SELECT {COLUMNS} FROM {table} WHERE offset >= ?1 ORDER BY offset LIMIT 1");
    let mut statement = connection.prepare_cached(&select).map_err(failure)?;
    let mut rows = statement.query([row_id(offset)?]).map_err(failure)?;
    let Some(row) = rows.next().map_err(failure)? else { return Ok(None) };
    Ok(Some(Batch::read(row)?.into_owned()))
}

/// Removes those records of a stored batch that are not to be kept, and returns what they were.
pub(super) fn retain(
    connection: &Connection,
    topic: Topic,
    partition: u32,
    batch: &Batch<'_>,
    keeps: impl Fn(u64) -> bool,
) -> Result<Held, Error> {
    let left = batch.retaining(|entry| keeps(entry.offset))?;
    let table = name(topic, partition);
    match &left {
        Some(left) => update(connection, &table, batch.last, left)?,
        None => {
            let delete = format!("DELETE FROM {table} WHERE offset = ?1");
            let row = [row_id(batch.last)?];
            connection.prepare_cached(&delete).and_then(|mut delete| delete.execute(row)).map_err(failure)?;
        }
    }
    let left = left.as_ref().map(Held::of).transpose()?.unwrap_or_default();
    Ok(Held::of(batch)?.without(left))
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

/// Notes that records before an offset are being removed.
pub(super) fn set_compacted_to(
    connection: &Connection,
    topic: Topic,
    partition: u32,
    offset: u64,
) -> Result<(), Error> {
    let update = "UPDATE partitions SET compacted_to = max(compacted_to, ?1) WHERE topic = ?2 AND partition = ?3";
    connection.execute(update, params![row_id(offset)?, topic.name(), partition]).map_err(failure)?;
    Ok(())
}

/// An offset as SQLite takes it.
pub(super) fn row_id(offset: u64) -> Result<i64, Error> {
    i64::try_from(offset).map_err(|_| Error::Damaged("offset out of range".into()))
}
