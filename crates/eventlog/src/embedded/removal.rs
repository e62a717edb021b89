//! Removes records from the front of a partition, for a log that is used as a queue: what was taken out is gone, from the
//! disk too, and what is left keeps its offsets.

use super::batch::{Batch, Entry};
use super::database::failure;
use super::table;
use crate::{Error, Topic};
use rusqlite::{Connection, TransactionBehavior};
use std::iter::Sum;
use std::ops::Add;

/// What a partition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Records.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

impl Held {
    /// What a batch holds.
    pub(super) fn of(batch: &Batch<'_>) -> Result<Self, Error> {
        let one = |entry: Result<Entry<'_>, Error>| Ok(Self { records: 1, bytes: entry?.size() as u64 });
        batch.entries().map(one).sum()
    }

    /// The same without a part of it.
    pub(super) fn without(self, part: Self) -> Self {
        Self { records: self.records - part.records, bytes: self.bytes - part.bytes }
    }
}

impl Add for Held {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { records: self.records + other.records, bytes: self.bytes + other.bytes }
    }
}

impl Sum for Held {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

/// Counts what a partition holds.
pub(super) fn held(connection: &Connection, topic: Topic, partition: u32) -> Result<Held, Error> {
    let select = format!("SELECT {} FROM {}", table::COLUMNS, table::name(topic, partition));
    let mut statement = connection.prepare_cached(&select).map_err(failure)?;
    let mut rows = statement.query([]).map_err(failure)?;
    let mut held = Held::default();
    while let Some(row) = rows.next().map_err(failure)? {
        held = held + Held::of(&Batch::read(row)?)?;
    }
    Ok(held)
}

/// Removes the records before an offset, all of them or none, and returns what they were. From then on it is right that
/// they are missing, and the partition never gives their offsets again.
pub(super) fn remove_before(
    connection: &mut Connection,
    topic: Topic,
    partition: u32,
    offset: u64,
) -> Result<Held, Error> {
    let end = offset.min(table::span(connection, topic, partition)?.next);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
    table::set_compacted_to(&transaction, topic, partition, end)?;
    let mut removed = Held::default();
    let mut next = 0;
    while next < end
        && let Some(batch) = table::batch_from(&transaction, topic, partition, next)?
    {
        removed = removed + table::retain(&transaction, topic, partition, &batch, |offset| offset >= end)?;
        next = batch.last + 1;
    }
    transaction.commit().map_err(failure)?;
    Ok(removed)
}
