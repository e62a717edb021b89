//! Removes records from the front of a partition, for a log that is used as a queue: what was taken out is gone, from the
//! disk too, and what is left keeps its offsets.

use super::database::failure;
use super::table;
use crate::{Error, Topic};
use rusqlite::{Connection, TransactionBehavior, params};

/// What a partition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Records.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// Counts what a partition holds, without reading values.
pub(super) fn held(connection: &Connection, topic: Topic, partition: u32) -> Result<Held, Error> {
    let count = format!(
        "SELECT count(*), coalesce(sum(length(key) + coalesce(length(value), 0)), 0) FROM {}",
        table::name(topic, partition)
    );
    connection
        .query_row(&count, [], |row| Ok(Held { records: unsigned(row.get(0)?), bytes: unsigned(row.get(1)?) }))
        .map_err(failure)
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
    let end = i64::try_from(end).map_err(|_| Error::Damaged("offset out of range".into()))?;
    connection.pragma_update(None, "secure_delete", true).map_err(failure)?;
    let mut remove = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "UPDATE partitions SET compacted_to = max(compacted_to, ?1) WHERE topic = ?2 AND partition = ?3",
            params![end, topic.name(), partition],
        )?;
        let delete = format!(
            "DELETE FROM {} WHERE offset < ?1 RETURNING length(key) + coalesce(length(value), 0)",
            table::name(topic, partition)
        );
        let mut removed = Held::default();
        for bytes in transaction.prepare_cached(&delete)?.query_map([end], |row| row.get(0))? {
            removed.records += 1;
            removed.bytes += unsigned(bytes?);
        }
        transaction.commit()?;
        Ok(removed)
    };
    remove().map_err(failure)
}

/// Counts and lengths are never negative.
fn unsigned(number: i64) -> u64 {
    number.unsigned_abs()
}
