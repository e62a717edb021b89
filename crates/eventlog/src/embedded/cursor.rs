//! A place in one partition and the reading from there, in big steps: one query per step, no lock in between.

use super::batch::{Batch, Entry};
use super::database::failure;
use super::table::{self, row_id};
use crate::{Error, RecordRef, Topic};
use rusqlite::{Connection, Row};

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

/// What a step has read.
struct Step {
    max: usize,
    records: usize,
    bytes: usize,
}

impl Step {
    fn is_over(&self) -> bool {
        self.records == self.max || self.bytes >= STEP_BYTES
    }
}

impl Cursor {
    /// A cursor at `from`, which the partition must have or be about to have.
    pub(super) fn at(connection: &Connection, topic: Topic, partition: u32, from: u64) -> Result<Self, Error> {
        let span = table::span(connection, topic, partition)?;
        if from > span.next {
            return Err(Error::OutOfRange { topic, partition, first: span.first, next: span.next, asked: from });
        }
        let select = format!(
            "SELECT {} FROM {} WHERE offset >= ?1 ORDER BY offset",
            table::COLUMNS,
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
        let mut rows = statement.query([row_id(self.next)?]).map_err(failure)?;
        let mut step = Step { max, records: 0, bytes: 0 };
        while !step.is_over() {
            let Some(row) = rows.next().transpose() else { break };
            match row.map_err(failure).and_then(|row| self.pass(connection, row, &mut step, visit)) {
                Ok(()) => {}
                Err(error) if step.records == 0 => return Err(self.located(error)),
                Err(_) => break,
            }
        }
        Ok(step.records)
    }

    /// Lends what of a row is ahead, as far as the step goes.
    fn pass(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
        step: &mut Step,
        visit: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<(), Error> {
        let Self { topic, partition, .. } = *self;
        let batch = Batch::read(row)?;
        for entry in batch.entries() {
            let entry = entry?;
            let Entry { offset, appended_at_ms, key, value } = entry;
            if offset < self.next {
                continue;
            }
            if step.is_over() {
                return Ok(());
            }
            self.go(connection, offset)?;
            self.next += 1;
            step.records += 1;
            step.bytes += entry.size();
            visit(RecordRef { topic, partition, offset, appended_at_ms, key, value });
        }
        self.go(connection, self.next.max(batch.last + 1))
    }

    /// Goes to an offset ahead; accepts that records in between are missing only where compaction has been.
    fn go(&mut self, connection: &Connection, to: u64) -> Result<(), Error> {
        if to == self.next {
            return Ok(());
        }
        if to > self.compacted_to {
            self.compacted_to = table::compacted_to(connection, self.topic, self.partition)?;
        }
        if to > self.compacted_to {
            return Err(Error::Damaged(format!("the records from offset {} to {to} are missing", self.next)));
        }
        self.next = to;
        Ok(())
    }

    /// Damage with the partition that has it.
    fn located(&self, error: Error) -> Error {
        match error {
            Error::Damaged(what) => Error::Damaged(format!("{} partition {}: {what}", self.topic, self.partition)),
            other => other,
        }
    }
}
