//! Keeps events on disk while the log does not take them, and forwards them when it is back.
//!
//! The spool is an embedded log in a directory of its own, used as a queue. It has the same partitions as the log, so
//! each of its *lanes*, one per topic and partition, stands for one partition of the log: while that is away, its events
//! go to the lane at once, and the lane's oldest events are what the log is asked to take again. The others go on.
//!
//! Forwarding is at least once: a record is removed after the log has confirmed it. It is never the only way of fresh
//! events: as soon as the log takes one of a lane's records, they go to the log again, and what is left in the lane
//! follows in its order beside them. State does not depend on the order.

pub(crate) mod forward;
mod lane;

use crate::Error;
use crate::steadfast::Steadfast;
use crate::telemetry::Metrics;
use eventlog::embedded::{EmbeddedLog, Held, Options as LogOptions};
use eventlog::partitioning::partition;
use eventlog::{Log, NewRecord, Record, Topic};
use lane::Lane;
use runtime::clock::Clock;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What is received.
const TOPICS: [Topic; 2] = [Topic::LineEvents, Topic::DeadLetters];

/// Locked while a process uses the spool.
const LOCK: &str = "spool.lock";

/// How a spool works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Partitions that the log's topics have.
    pub partitions: u32,
    /// Most bytes of keys and values that it keeps.
    pub bytes_max: u64,
    /// Time between two tries to forward.
    pub retry_pause: Duration,
}

impl Options {
    /// At most 1 GiB, and a try each second.
    pub fn new(partitions: u32) -> Self {
        Self { partitions, bytes_max: 1 << 30, retry_pause: Duration::from_secs(1) }
    }
}

/// Why the spool is not known to have records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotKept {
    /// It may not grow any more.
    #[error("the spool is full")]
    Full,
    /// The disk did not confirm in time.
    #[error("the spool did not confirm in time")]
    Late,
    /// It could not be written.
    #[error("the spool failed")]
    Failed,
}

/// How a spool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Records that wait to be forwarded.
    pub records: u64,
    /// Can it keep what comes? Told by what it was last given, until it is found that it can again, and while the log is
    /// away only.
    pub is_taking: bool,
}

/// Events that wait for the log.
pub struct Spool {
    store: Arc<EmbeddedLog>,
    /// By topic, in the order of [`TOPICS`], and partition.
    lanes: Vec<Lane>,
    /// Lanes whose partition of the log is away.
    away: AtomicUsize,
    depth: Mutex<Held>,
    /// Bytes that it was last given and could not keep; 0 where it kept them, or could since.
    not_kept: AtomicU64,
    options: Options,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    /// The system unlocks it when the process ends, however it ends.
    _lock: File,
}

impl Spool {
    /// Opens the spool in `directory`, which is made if it does not exist. What it holds is forwarded by [`crate::run`].
    /// Blocks on I/O.
    ///
    /// # Errors
    /// [`Error::SpoolInUse`], [`Error::Spool`].
    pub fn open(
        directory: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Result<Arc<Self>, Error> {
        let unusable = |cause| Error::Spool { directory: directory.to_owned(), cause };
        let partitions = Some(options.partitions);
        let store = EmbeddedLog::open(directory, LogOptions { partitions, ..LogOptions::new(Arc::clone(&clock)) });
        let store = store.map_err(unusable)?;
        let lock = lock(directory)?;
        let lanes = TOPICS.iter().flat_map(|topic| (0..options.partitions).map(|it| Lane::new(*topic, it)));
        let lanes: Vec<Lane> = lanes.collect();
        let mut depth = Held::default();
        for lane in &lanes {
            let held = store.held(lane.topic, lane.partition).map_err(unusable)?;
            depth = Held { records: depth.records + held.records, bytes: depth.bytes + held.bytes };
            if held.records > 0 {
                lane.filled.notify_one();
            }
        }
        if depth.records > 0 {
            tracing::info!(records = depth.records, "the spool holds events of an earlier run: they are forwarded");
        }
        metrics.begin_spool();
        let spool = Self {
            store,
            lanes,
            away: AtomicUsize::new(0),
            depth: Mutex::new(depth),
            not_kept: AtomicU64::new(0),
            options,
            clock,
            metrics,
            _lock: lock,
        };
        spool.show(depth);
        Ok(Arc::new(spool))
    }

    /// How it is.
    pub fn report(&self) -> Report {
        let is_needed = self.away.load(Ordering::Relaxed) > 0;
        Report { records: self.depth().records, is_taking: !is_needed || self.not_kept.load(Ordering::Relaxed) == 0 }
    }

    /// Finds out whether it can keep events again after it could not: who is not ready is given nothing that would show it.
    async fn look_again(&self) {
        let not_kept = self.not_kept.load(Ordering::Relaxed);
        let has_room = self.depth().bytes + not_kept <= self.options.bytes_max;
        if not_kept > 0 && has_room && self.store.check().await.is_ok() {
            self.not_kept.store(0, Ordering::Relaxed);
        }
    }

    /// Is the log known not to take one of these records now?
    pub(crate) fn is_log_away(&self, records: &[NewRecord]) -> bool {
        self.away.load(Ordering::Relaxed) > 0 && records.iter().any(|record| self.lane_of(record).is_away())
    }

    /// Keeps records that the log did not take, and returns when they are durable. Until the log takes records of these
    /// lanes again, it is away for them.
    pub(crate) async fn keep(
        self: &Arc<Self>,
        records: &Arc<[NewRecord]>,
        reason: &'static str,
        deadline: Instant,
    ) -> Result<(), NotKept> {
        let (spool, records) = (Arc::clone(self), Arc::clone(records));
        let bytes = records.iter().map(NewRecord::size).sum::<usize>() as u64;
        let kept = Steadfast::new(async move {
            let lanes: Vec<usize> = records.iter().map(|record| spool.index_of(record)).collect();
            lanes.iter().for_each(|lane| spool.leaves(&spool.lanes[*lane], reason));
            let kept = spool.write(records, bytes, reason).await;
            spool.not_kept.store(if kept.is_ok() { 0 } else { bytes }, Ordering::Relaxed);
            // Also when they were not kept: it may be that they are there, and the lane has to be found empty otherwise.
            lanes.iter().for_each(|lane| spool.lanes[*lane].filled.notify_one());
            kept
        });
        timeout_at(deadline, kept).await.unwrap_or_else(|_| {
            self.not_kept.store(bytes, Ordering::Relaxed);
            Err(NotKept::Late)
        })
    }

    async fn write(&self, records: Arc<[NewRecord]>, bytes: u64, reason: &str) -> Result<(), NotKept> {
        let more = Held { records: records.len() as u64, bytes };
        if !self.deepen(more) {
            self.metrics.spool_failures.with_label_values(&["full"]).inc();
            return Err(NotKept::Full);
        }
        if let Err(error) = self.store.append_shared(records).await {
            tracing::error!(%error, "the spool does not take events");
            self.metrics.spool_failures.with_label_values(&["write"]).inc();
            self.lower(more);
            return Err(NotKept::Failed);
        }
        self.metrics.spooled.with_label_values(&[reason]).inc_by(more.records);
        Ok(())
    }

    /// The oldest records of a lane, at most so many. Blocks on I/O.
    fn oldest(&self, lane: &Lane, most: usize) -> Result<Vec<Record>, eventlog::Error> {
        self.store.reader(lane.topic, lane.partition, 0)?.next(most, Duration::ZERO)
    }

    /// Removes a lane's records before this offset. Blocks on I/O.
    fn remove_before(&self, lane: &Lane, offset: u64) -> Result<(), eventlog::Error> {
        let removed = self.store.remove_before(lane.topic, lane.partition, offset)?;
        if self.lower(removed).records == 0
            && let Err(error) = self.store.forget_removed()
        {
            tracing::debug!(%error, "the spool's journal is emptied another time");
        }
        Ok(())
    }

    /// The log did not take a record of this lane.
    fn leaves(&self, lane: &Lane, reason: &str) {
        if lane.set_away(true) && self.away.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(topic = %lane.topic, partition = lane.partition, reason, "the log is away: events go to the spool");
        }
    }

    /// The log takes records of this lane, or there are none to ask it with.
    fn returns(&self, lane: &Lane) {
        if lane.set_away(false) && self.away.fetch_sub(1, Ordering::Relaxed) == 1 {
            tracing::info!("the log is back: events go to it again");
        }
    }

    fn lane_of(&self, record: &NewRecord) -> &Lane {
        &self.lanes[self.index_of(record)]
    }

    fn index_of(&self, record: &NewRecord) -> usize {
        let topic = TOPICS.iter().position(|topic| *topic == record.topic).expect("what is received is in TOPICS");
        let partitions = self.options.partitions;
        topic * partitions as usize + partition(record.topic, &record.key, partitions) as usize
    }

    fn depth(&self) -> MutexGuard<'_, Held> {
        self.depth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room, if there is any.
    fn deepen(&self, more: Held) -> bool {
        let mut depth = self.depth();
        let deeper = Held { records: depth.records + more.records, bytes: depth.bytes + more.bytes };
        let fits = deeper.bytes <= self.options.bytes_max;
        if fits {
            *depth = deeper;
            self.show(deeper);
        }
        fits
    }

    fn lower(&self, less: Held) -> Held {
        let mut depth = self.depth();
        // A write that failed may be found in the file nevertheless, and is then removed without having been counted.
        let (records, bytes) = (depth.records.saturating_sub(less.records), depth.bytes.saturating_sub(less.bytes));
        *depth = Held { records, bytes };
        self.show(*depth);
        *depth
    }

    fn show(&self, depth: Held) {
        self.metrics.spool_records.set(i64::try_from(depth.records).unwrap_or(i64::MAX));
        self.metrics.spool_bytes.set(i64::try_from(depth.bytes).unwrap_or(i64::MAX));
    }
}

fn lock(directory: &Path) -> Result<File, Error> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK));
    let unusable = |error: std::io::Error| Error::Spool {
        directory: directory.to_owned(),
        cause: eventlog::Error::Unfit(format!("cannot lock it: {error}")),
    };
    let file = file.map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::SpoolInUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use runtime::clock::SystemClock;

    /// On one thread: what is written is known to be there only when somebody waits.
    #[tokio::test]
    async fn a_spool_whose_disk_does_not_answer_in_time_takes_nothing_until_it_does() {
        let directory = tempfile::tempdir().unwrap();
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let spool = Spool::open(directory.path(), Options::new(1), Arc::new(SystemClock), metrics).unwrap();
        let records = [NewRecord { topic: Topic::LineEvents, key: b"U/1/e".to_vec(), value: Some(b"{}".to_vec()) }];
        let over = Instant::now() - Duration::from_secs(1);
        assert_eq!(spool.keep(&records.into(), "late", over).await, Err(NotKept::Late));
        assert!(!spool.report().is_taking);
        let taking = async {
            while !spool.report().is_taking {
                tokio::task::yield_now().await;
            }
        };
        timeout_at(Instant::now() + Duration::from_secs(20), taking).await.expect("it says so");
    }

    #[tokio::test]
    async fn a_spool_that_could_not_keep_events_takes_them_again_once_they_fit_although_the_log_is_away() {
        let directory = tempfile::tempdir().unwrap();
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let options = Options { bytes_max: 1_000, ..Options::new(1) };
        let spool = Spool::open(directory.path(), options, Arc::new(SystemClock), metrics).unwrap();
        spool.leaves(&spool.lanes[0], "failed");
        assert!(spool.deepen(Held { records: 1, bytes: 600 }));
        spool.not_kept.store(600, Ordering::Relaxed);
        spool.look_again().await;
        assert!(!spool.report().is_taking, "there is no room for them");
        spool.lower(Held { records: 1, bytes: 600 });
        let taking = async {
            while !spool.report().is_taking {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = forward::keep_watch(&spool) => {}
            seen = timeout_at(Instant::now() + Duration::from_secs(20), taking) => seen.expect("it says so"),
        }
    }
}
