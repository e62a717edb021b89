//! Brings what the spool holds into the log: each lane for itself, oldest first, in batches that begin small.

use super::Spool;
use super::lane::Lane;
use eventlog::{Error, Log, NewRecord, Record};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Most records in one append. The first of a lane is one record, and each that succeeds doubles it: a log that is still
/// away is asked with little, and little of what it took without saying so comes twice.
const BATCH_RECORDS_MAX: u32 = 128;

/// Most records of all lanes in memory at a time.
const RECORDS_AT_A_TIME: u32 = 4 * BATCH_RECORDS_MAX;

/// An append that did not end after this long is given up and tried again. The log has a shorter one of its own.
const APPEND_PATIENCE: Duration = Duration::from_secs(30);

/// How often the age of the oldest record is reported.
const AGE_INTERVAL: Duration = Duration::from_secs(1);

/// Begins to forward: tasks that end when `stopping` turns true, or never.
pub(crate) fn begin(spool: &Arc<Spool>, log: &Arc<dyn Log>, stopping: &watch::Sender<bool>) -> JoinSet<()> {
    let room = Arc::new(Semaphore::new(RECORDS_AT_A_TIME as usize));
    let mut work = JoinSet::new();
    for index in 0..spool.lanes.len() {
        let (spool, log, room) = (Arc::clone(spool), Arc::clone(log), Arc::clone(&room));
        work.spawn(Forwarder { spool, index, log, room, stopping: stopping.subscribe() }.run());
    }
    let (spool, mut stopping) = (Arc::clone(spool), stopping.subscribe());
    work.spawn(async move {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => {}
            () = keep_watch(&spool) => {}
        }
    });
    work
}

/// Reports the age of the oldest record and whether the spool can be used again, for ever.
pub(super) async fn keep_watch(spool: &Spool) {
    let mut ticks = interval(AGE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let oldest_ms = spool.lanes.iter().filter_map(Lane::oldest_ms).min();
        let age_ms = oldest_ms.map_or(0, |oldest| spool.clock.now_ms().saturating_sub(oldest).max(0));
        spool.metrics.spool_oldest_seconds.set(age_ms / 1_000);
        spool.look_again().await;
    }
}

/// Why a lane does not get on.
#[derive(Debug, thiserror::Error)]
enum Stuck {
    #[error("the spool cannot be read: {0}")]
    Unread(Error),
    #[error("the log does not take it: {0}")]
    NotTaken(Error),
}

/// Forwards one lane.
struct Forwarder {
    spool: Arc<Spool>,
    index: usize,
    log: Arc<dyn Log>,
    room: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Forwarder {
    async fn run(self) {
        while self.unless_stopping(self.lane().filled.notified()).await.is_some() {
            if self.drain().await.is_none() {
                return;
            }
        }
    }

    fn lane(&self) -> &Lane {
        &self.spool.lanes[self.index]
    }

    /// `None` once shutdown has begun, whether or not the work has ended.
    async fn unless_stopping<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => None,
            done = work => Some(done),
        }
    }

    /// Forwards until the lane is empty; `None` once shutdown has begun.
    async fn drain(&self) -> Option<()> {
        let (topic, partition) = (self.lane().topic, self.lane().partition);
        let (mut most, mut is_stuck) = (1, false);
        loop {
            let room = self.unless_stopping(self.room.acquire_many(most)).await?;
            match self.step(most as usize).await? {
                Ok(0) => return Some(()),
                Ok(_) => (most, is_stuck) = ((most * 2).min(BATCH_RECORDS_MAX), false),
                Err(stuck) => {
                    drop(room);
                    if !is_stuck {
                        tracing::warn!(%topic, partition, %stuck, "the spool cannot forward, and goes on trying");
                    }
                    (most, is_stuck) = (1, true);
                    self.unless_stopping(sleep(self.spool.options.retry_pause)).await?;
                }
            }
        }
    }

    /// Forwards the oldest records, at most so many, and says how many there were; `None` once shutdown has begun.
    async fn step(&self, most: usize) -> Option<Result<usize, Stuck>> {
        let (spool, lane) = (&self.spool, self.lane());
        let batch = match self.on_disk(move |spool, lane| spool.oldest(lane, most)).await {
            Ok(batch) => batch,
            Err(error) => {
                self.failed("read");
                // There is nothing to ask the log with.
                if self.unless_stopping(self.log.check()).await?.is_ok() {
                    spool.returns(lane);
                }
                return Some(Err(Stuck::Unread(error)));
            }
        };
        lane.set_oldest(batch.first().map(|record| record.appended_at_ms));
        let (count, Some(end)) = (batch.len(), batch.last().map(|record| record.offset + 1)) else {
            spool.returns(lane);
            return Some(Ok(0));
        };
        if let Err(stuck) = self.unless_stopping(self.append(batch)).await? {
            return Some(Err(stuck));
        }
        spool.returns(lane);
        spool.metrics.spool_forwarded.inc_by(count as u64);
        while let Err(error) = self.on_disk(move |spool, lane| spool.remove_before(lane, end)).await {
            tracing::error!(%error, "forwarded events cannot be removed from the spool");
            self.failed("remove");
            self.unless_stopping(sleep(spool.options.retry_pause)).await?;
        }
        Some(Ok(count))
    }

    async fn append(&self, batch: Vec<Record>) -> Result<(), Stuck> {
        let records = batch.into_iter().map(|Record { topic, key, value, .. }| NewRecord { topic, key, value });
        let appended = timeout(APPEND_PATIENCE, self.log.append(records.collect())).await;
        let error = match appended {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => Error::Unavailable("no answer".to_owned()),
        };
        if matches!(error, Error::Refused(_)) {
            // The log is there. What it refuses stays in its lane until the log's limits are put right.
            self.spool.returns(self.lane());
        } else {
            self.spool.leaves(self.lane(), "forward");
        }
        self.failed("forward");
        Err(Stuck::NotTaken(error))
    }

    fn failed(&self, operation: &str) {
        self.spool.metrics.spool_failures.with_label_values(&[operation]).inc();
    }

    /// Works on the spool's files, on a thread that may wait.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Spool, &Lane) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (spool, index) = (Arc::clone(&self.spool), self.index);
        let done = tokio::task::spawn_blocking(move || work(&spool, &spool.lanes[index])).await;
        done.unwrap_or_else(|_| Err(Error::Unavailable("the process is stopping".to_owned())))
    }
}
