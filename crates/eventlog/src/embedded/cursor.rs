//! A place in one partition and the reading from there, in big steps: one query per step, no lock in between.

use super::database::failure;
use super::table;
use crate::{Error, RecordRef, Topic};
use rusqlite::{Connection, Row, Rows};

/// About how many bytes of keys and values one step reads at most, whatever number of records was asked for.
const STEP_BYTES: usize = 8 << 20;

/// The next record to read of a partition.
pub(super) struct Cursor {
    topic: Topic,
    partition: u32,
    next: u64,
    compacted_to: u64,
    select: String,
}

impl Cursor {
    /// A cursor at `from`, which the partition must have or be about to have.
    pub(super) fn at(connection: &Connection, topic: Topic, partition: u32, from: u64) -> Result<Self, Error> {
        let span = table::span(connection, topic, partition)?;
        if from > span.next {
            return Err(Error::OutOfRange { topic, partition, first: span.first, next: span.next, asked: from });
        }
        let select = format!(
            "SELECT offset, appended_at_ms, checksum, key, value FROM {} WHERE offset >= ?1 ORDER BY offset LIMIT ?2",
            table::name(topic, partition)
        );
        Ok(Self {
            topic,
            partition,
            next: from,
            compacted_to: table::compacted_to(connection, topic, partition)?,
            select,
        })
    }

    /// Lends the next records to `visit`, at most `max`, moves past them, and returns how many there were. What precedes damage
    /// is given before the damage is told.
    pub(super) fn visit(
        &mut self,
        connection: &Connection,
        max: usize,
        visit: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<usize, Error> {
        let mut statement = connection.prepare_cached(&self.select).map_err(failure)?;
        let from = i64::try_from(self.next).map_err(|_| self.damaged("offset out of range"))?;
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        let mut rows = statement.query((from, limit)).map_err(failure)?;
        let mut count = 0;
        let mut bytes = 0;
        while bytes < STEP_BYTES {
            match self.advance(connection, &mut rows) {
                Ok(Some(record)) => {
                    bytes += record.key.len() + record.value.map_or(0, <[u8]>::len);
                    count += 1;
                    visit(record);
                }
                Ok(None) => break,
                Err(error) if count == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(count)
    }

    /// The record of the next row; moves past it.
    fn advance<'a>(&mut self, connection: &Connection, rows: &'a mut Rows<'_>) -> Result<Option<RecordRef<'a>>, Error> {
        let Some(row) = rows.next().map_err(failure)? else { return Ok(None) };
        let record = self.record(row)?;
        if record.offset != self.next {
            self.expect_gap(connection, self.next, record.offset)?;
        }
        self.next = record.offset + 1;
        Ok(Some(record))
    }

    fn record<'a>(&self, row: &'a Row<'_>) -> Result<RecordRef<'a>, Error> {
        let columns = || {
            let key = row.get_ref(3)?.as_blob()?;
            let value = row.get_ref(4)?.as_blob_or_null()?;
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i32>(2)?, key, value))
        };
        let (offset, appended_at_ms, checksum, key, value) = columns().map_err(failure)?;
        let offset = u64::try_from(offset).map_err(|_| self.damaged("negative offset"))?;
        if checksum != table::checksum(offset, appended_at_ms, key, value) {
            return Err(self.damaged(&format!("the record at offset {offset} does not match its checksum")));
        }
        Ok(RecordRef { topic: self.topic, partition: self.partition, offset, appended_at_ms, key, value })
    }

    /// Accepts that the records `from..to` are missing only where compaction has been.
    fn expect_gap(&mut self, connection: &Connection, from: u64, to: u64) -> Result<(), Error> {
        if to > self.compacted_to {
            self.compacted_to = table::compacted_to(connection, self.topic, self.partition)?;
        }
        if from < to && to <= self.compacted_to {
            return Ok(());
        }
        Err(self.damaged(&format!("the records from offset {from} to {to} are missing")))
    }

    fn damaged(&self, what: &str) -> Error {
        Error::Damaged(format!("{} partition {}: {what}", self.topic, self.partition))
    }
}
