//! Removes records from the front of a partition, for a log that is used as a queue: what was taken out is gone, from the
//! disk too, and what is left keeps its offsets.

use super::batch::{Batch, Entry};
use super::database::failure;
use super::table;
use crate::{Error, Topic};
use rusqlite::{Connection, TransactionBehavior};
use std::iter::Sum;
use std::ops::AddAssign;

/// What a partition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Records.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

impl<'a> FromIterator<&'a Entry<'a>> for Held {
    fn from_iter<I: IntoIterator<Item = &'a Entry<'a>>>(entries: I) -> Self {
        entries.into_iter().map(|entry| Self { records: 1, bytes: entry.size() as u64 }).sum()
    }
}

impl AddAssign for Held {
    fn add_assign(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
    }
}

impl Sum for Held {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |mut sum, part| {
            sum += part;
            sum
        })
    }
}

/// Counts what a partition holds.
pub(super) fn held(connection: &Connection, topic: Topic, partition: u32) -> Result<Held, Error> {
    let select = format!("SELECT {} FROM {}", table::COLUMNS, table::name(topic, partition));
    let mut statement = connection.prepare_cached(&select).map_err(failure)?;
    let mut rows = statement.query([]).map_err(failure)?;
    let mut held = Held::default();
    while let Some(row) = rows.next().map_err(failure)? {
        held += Batch::read(row)?.entries().collect::<Result<Vec<_>, _>>()?.iter().collect();
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
    connection.pragma_update(None, "secure_delete", true).map_err(failure)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
    table::set_compacted_to(&transaction, topic, partition, end)?;
    let mut removed = Held::default();
    let mut next = 0;
    while next < end
        && let Some(batch) = table::batch_from(&transaction, topic, partition, next)?
    {
        removed += table::retain(&transaction, topic, partition, &batch, |offset| offset >= end)?;
        next = batch.last + 1;
    }
    transaction.commit().map_err(failure)?;
    Ok(removed)
}
