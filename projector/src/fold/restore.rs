//! Catching up with the log before anything is sent, and telling whether a store belongs to its log.

use crate::store::{self, Checkpoint, Store, Stores};
use eventlog::{Log, Topic};
use std::time::Duration;
use tokio::time::Instant;

/// How long a topic may bring nothing before the log is asked whether anything is still to come: compaction can have removed
/// the very last records of a partition.
const SILENCE: Duration = Duration::from_secs(10);

/// How long the log may take to answer that.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// How long to wait for the one record that a store is recognised by.
const RECOGNISE_WAIT: Duration = Duration::from_secs(5);

/// A partition on its way to the end of its log. Nothing is sent for it until it is there, and only the log can say that it
/// is: a log that is away is silent too, and what it still holds may be that a contact was deleted.
#[derive(Debug)]
pub struct Restore {
    /// Topics whose end was not reached yet.
    ahead: Vec<Ahead>,
    grace_until: Instant,
}

/// What of one topic is still to come.
#[derive(Debug)]
struct Ahead {
    topic: Topic,
    /// The next offset to fold.
    next: u64,
    /// Where the log ended when the restore began.
    end: u64,
    /// Since when `next` has stood still.
    since: Instant,
}

impl Restore {
    /// Aims at where the log ends now. After a `grace` at the least, in which calls of the partition's last owner end.
    ///
    /// # Errors
    /// When the log is unavailable.
    pub fn begin(log: &dyn Log, partition: u32, grace: Duration) -> Result<Self, eventlog::Error> {
        let since = Instant::now();
        let ahead = |topic| Ok(Ahead { topic, next: 0, end: log.span(topic, partition)?.next, since });
        let ahead = Topic::USER_STATE.into_iter().map(ahead).collect::<Result<_, eventlog::Error>>()?;
        Ok(Self { ahead, grace_until: since + grace })
    }

    /// How many records are still to come.
    pub fn remaining(&self, checkpoint: &Checkpoint) -> u64 {
        self.ahead.iter().map(|ahead| ahead.end.saturating_sub(checkpoint.next(ahead.topic))).sum()
    }

    /// Is the state up to date, and the last owner's time over?
    pub fn is_done(&mut self, checkpoint: &Checkpoint) -> bool {
        let now = Instant::now();
        for ahead in &mut self.ahead {
            let next = checkpoint.next(ahead.topic);
            if next > ahead.next {
                (ahead.next, ahead.since) = (next, now);
            }
        }
        self.ahead.retain(|ahead| ahead.next < ahead.end);
        self.ahead.is_empty() && now >= self.grace_until
    }

    /// Asks the log about a topic that has long brought nothing, if there is one: a topic that holds no more is done with.
    /// Blocks for a few seconds at the most, and tells whether it asked.
    pub fn look_for_end(&mut self, log: &dyn Log, partition: u32) -> bool {
        let Some(place) = self.ahead.iter().position(|ahead| ahead.since.elapsed() >= SILENCE) else { return false };
        let Ahead { topic, next, .. } = self.ahead[place];
        match has_ended(log, topic, partition, next) {
            Ok(true) => drop(self.ahead.swap_remove(place)),
            Ok(false) => self.ahead[place].since = Instant::now(),
            Err(error) => {
                tracing::warn!(partition, %topic, %error, "the log brings nothing and does not say that this is all: waiting for it");
                self.ahead[place].since = Instant::now();
            }
        }
        true
    }
}

/// Does the log hold nothing from an offset on?
fn has_ended(log: &dyn Log, topic: Topic, partition: u32, next: u64) -> Result<bool, eventlog::Error> {
    let from = log.span(topic, partition)?.first.max(next);
    Ok(log.reader(topic, partition, from)?.visit_to_end(1, ANSWER_WAIT, &mut |_| {})? == 0)
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
    let mut other = false;
    log.reader(topic, partition, last)?.visit_to_end(1, RECOGNISE_WAIT, &mut |record| {
        other = record.offset == last && !known.recognises(record);
    })?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use async_trait::async_trait;
    use eventlog::{Consumer, NewRecord, Position, Reader, Record, Span, StartOffset};
    use std::sync::Arc;
    use tokio::time::advance;

    /// What a log has after its last record.
    #[derive(Clone, Copy)]
    enum Beyond {
        Nothing,
        One,
        NoAnswer,
    }

    #[async_trait]
    impl Log for Beyond {
        async fn append_shared(&self, _: Arc<[NewRecord]>) -> Result<Vec<Position>, eventlog::Error> {
            unreachable!("a restore appends nothing")
        }

        fn partitions(&self, _: Topic) -> u32 {
            1
        }

        fn span(&self, _: Topic, _: u32) -> Result<Span, eventlog::Error> {
            Ok(Span { first: 0, next: 7 })
        }

        fn reader(&self, _: Topic, _: u32, _: u64) -> Result<Box<dyn Reader>, eventlog::Error> {
            Ok(Box::new(*self))
        }

        fn subscribe(&self, _: &str, _: &[Topic], _: Arc<StartOffset>) -> Result<Box<dyn Consumer>, eventlog::Error> {
            unreachable!("a restore joins no group")
        }

        async fn check(&self) -> Result<(), eventlog::Error> {
            Ok(())
        }

        fn describe(&self) -> String {
            "nowhere".to_owned()
        }
    }

    impl Reader for Beyond {
        fn next(&mut self, _: usize, _: Duration) -> Result<Vec<Record>, eventlog::Error> {
            let record = |offset| Record {
                topic: Topic::LineEvents,
                partition: 0,
                offset,
                appended_at_ms: 0,
                key: Vec::new(),
                value: None,
            };
            match self {
                Self::Nothing => Ok(Vec::new()),
                Self::One => Ok(vec![record(6)]),
                Self::NoAnswer => Err(eventlog::Error::Unavailable("no answer".to_owned())),
            }
        }

        fn is_at_end(&self) -> bool {
            matches!(self, Self::Nothing)
        }
    }

    /// Is a restore done that gets no records for as long as it takes to ask about all topics twice?
    async fn is_done_without_records(log: Beyond) -> bool {
        let mut restore = Restore::begin(&log, 0, Duration::ZERO).unwrap();
        for _ in 0..2 {
            assert!(!restore.is_done(&Checkpoint::default()) && !restore.look_for_end(&log, 0), "it only just began");
            advance(SILENCE).await;
            for _ in Topic::USER_STATE {
                restore.look_for_end(&log, 0);
            }
            if restore.is_done(&Checkpoint::default()) {
                return true;
            }
        }
        false
    }

    #[tokio::test(start_paused = true)]
    async fn a_restore_ends_where_the_log_says_that_nothing_follows() {
        assert!(is_done_without_records(Beyond::Nothing).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_silent_or_away_is_not_at_its_end() {
        assert!(!is_done_without_records(Beyond::NoAnswer).await);
        assert!(!is_done_without_records(Beyond::One).await);
    }
}
