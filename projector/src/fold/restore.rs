//! Catching up with the log before anything is sent, and telling whether a store belongs to its log.

use crate::store::{self, Checkpoint, Store, Stores};
use eventlog::{Log, Topic};
use std::time::Duration;
use tokio::time::Instant;

/// How long the end of the log may stay silent before the restore counts as done although the last offsets of a topic never
/// came: compaction can remove the very last records of a partition.
const SILENCE: Duration = Duration::from_secs(10);

/// How long to wait for the one record that a store is recognised by.
const RECOGNISE_WAIT: Duration = Duration::from_secs(5);

/// A partition on its way to the end of its log. Nothing is sent for it until it is there.
#[derive(Debug)]
pub struct Restore {
    targets: Vec<(Topic, u64)>,
    last_record: Instant,
    grace_until: Instant,
}

impl Restore {
    /// Aims at where the log ends now. After a `grace` at the least, in which calls of the partition's last owner end.
    ///
    /// # Errors
    /// When the log is unavailable.
    pub fn begin(log: &dyn Log, partition: u32, grace: Duration) -> Result<Self, eventlog::Error> {
        let end = |topic| Ok((topic, log.span(topic, partition)?.next));
        let targets = Topic::USER_STATE.into_iter().map(end).collect::<Result<_, eventlog::Error>>()?;
        let now = Instant::now();
        Ok(Self { targets, last_record: now, grace_until: now + grace })
    }

    /// A record came.
    pub fn progress(&mut self) {
        self.last_record = Instant::now();
    }

    /// How many records are still to come.
    pub fn remaining(&self, checkpoint: &Checkpoint) -> u64 {
        self.targets.iter().map(|(topic, target)| target.saturating_sub(checkpoint.next(*topic))).sum()
    }

    /// Is the state up to date, and the last owner's time over?
    pub fn is_done(&self, checkpoint: &Checkpoint) -> bool {
        let now = Instant::now();
        let caught_up = self.remaining(checkpoint) == 0 || now.duration_since(self.last_record) >= SILENCE;
        caught_up && now >= self.grace_until
    }
}

/// Opens a partition's store; one that is not the fold of a prefix of this log is wiped.
///
/// # Errors
/// When the log is unavailable or the store cannot be used at all.
pub fn open(log: &dyn Log, stores: &dyn Stores, partition: u32) -> Result<Store, Error> {
    let mut store = stores.open(partition)?;
    for topic in Topic::USER_STATE {
        if let Some(reason) = mismatch(log, topic, partition, store.checkpoint())? {
            tracing::warn!(store.partition = partition, %topic, reason, "state store is not of this log: rebuilding it");
            store.wipe()?;
            break;
        }
    }
    Ok(store)
}

fn mismatch(
    log: &dyn Log,
    topic: Topic,
    partition: u32,
    known: &Checkpoint,
) -> Result<Option<&'static str>, eventlog::Error> {
    let Some(last) = known.last(topic) else { return Ok(None) };
    let span = log.span(topic, partition)?;
    if known.next(topic) > span.next {
        return Ok(Some("it is ahead of the log"));
    }
    if last < span.first {
        return Ok((known.next(topic) < span.first).then_some("the log no longer holds what follows it"));
    }
    let found = log.reader(topic, partition, last)?.next(1, RECOGNISE_WAIT)?;
    let other = found.first().is_some_and(|record| record.offset == last && !known.recognises(record.lend()));
    Ok(other.then_some("the log holds another record where it left off"))
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log.
    #[error(transparent)]
    Log(#[from] eventlog::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}
