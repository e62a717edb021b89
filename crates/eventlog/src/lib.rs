//! The log: an append-only, partitioned record of everything that happened.
//!
//! One family of traits, [`Log`], [`Reader`] and [`Consumer`], with two implementations that pass one conformance suite:
//! `kafka` (production, scale-out) and `embedded` (one directory, no server). Nothing outside this crate names rdkafka.

pub mod embedded;
pub mod kafka;
pub mod partitioning;
pub mod record;
pub mod telemetry;

pub use record::{NewRecord, Position, Record, RecordRef, Span, Topic};

use async_trait::async_trait;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a caller of the log must tell apart.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot take or give records now; the records may nevertheless be in it. Try again later.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// The record is too large or otherwise not acceptable, however often it is tried.
    #[error("the log refused the record: {0}")]
    Refused(String),
    /// The log is not the one, or not in the state, that the settings promise: do not start, tell the operator what to do.
    #[error("{0}")]
    Unfit(String),
    /// A position asked for is not in the log: it was truncated, restored from a copy, or is another log.
    #[error("{topic} partition {partition} holds offsets {first}..{next}, not {asked}")]
    OutOfRange {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: u32,
        /// The oldest offset that can be asked for.
        first: u64,
        /// The offset that the next record will get.
        next: u64,
        /// The offset asked for.
        asked: u64,
    },
    /// Stored bytes are damaged.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

/// The log as everybody sees it. Cheap to share: `Arc<dyn Log>`.
#[async_trait]
pub trait Log: Send + Sync {
    /// Appends and returns when every record is durable: it survives kill -9 and power loss (Kafka: `acks=all`). The
    /// records keep their order within a partition. On an error nothing is promised: any of them may be in the log.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Refused`], for a record larger than [`NewRecord::MAX_BYTES`] at the least;
    /// [`Error::Damaged`].
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, Error> {
        self.append_shared(records.into()).await
    }

    /// As [`Log::append`], of records that the caller goes on to hold.
    ///
    /// # Errors
    /// As [`Log::append`].
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error>;

    /// How many partitions a topic has.
    fn partitions(&self, topic: Topic) -> u32;

    /// The offsets that a partition holds now. Blocks on I/O for a bounded time.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Damaged`]; [`Error::Unfit`] for a partition that the topic does not have.
    fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error>;

    /// Reads one partition from an offset on, without a consumer group.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Damaged`]; [`Error::OutOfRange`], which may also come from the first read;
    /// [`Error::Unfit`] for a partition that the topic does not have.
    fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, Error>;

    /// Joins the consumer group that shares the partitions of `topics`, which must all have the same partition count: whoever
    /// gets a partition number gets it of every topic. `start` is asked, at each assignment and for each topic and
    /// partition, where to begin; group offsets are never used for that.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Unfit`].
    fn subscribe(&self, group: &str, topics: &[Topic], start: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error>;

    /// Can the log take records now? Cheap enough for a health check.
    ///
    /// # Errors
    /// The reason why not.
    async fn check(&self) -> Result<(), Error>;

    /// Where the log is kept, for people: a directory or a list of brokers, without secrets.
    fn describe(&self) -> String;
}

/// Tells a consumer at which offset to begin a partition.
pub type StartOffset = dyn Fn(Topic, u32) -> Result<u64, Error> + Send + Sync;

/// Reads one partition in order. Blocking: use it on a thread that may wait.
pub trait Reader: Send {
    /// The next records, at most `max`; waits up to `wait` for the first one, and returns none if none came.
    ///
    /// # Errors
    /// [`Error::Unavailable`] (the position is kept: call again), [`Error::OutOfRange`], [`Error::Damaged`].
    fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, Error>;

    /// As [`Reader::next`], but lends the records to `visit`, one after the other, so that a log that can spare the copies
    /// does. Returns how many there were.
    ///
    /// # Errors
    /// As [`Reader::next`]; then nothing was lent.
    fn visit(&mut self, max: usize, wait: Duration, visit: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, Error> {
        let records = self.next(max, wait)?;
        records.iter().for_each(|record| visit(record.lend()));
        Ok(records.len())
    }

    /// Has the log said that nothing follows what was read? Silence does not say so: the log may be away.
    fn is_at_end(&self) -> bool;

    /// As [`Reader::visit`], for whoever wants all that there is: returns 0 at the end of the log and nowhere else, and there
    /// at once.
    ///
    /// # Errors
    /// As [`Reader::visit`]; [`Error::Unavailable`] also when the log neither gave a record within `wait` nor said that none
    /// follows.
    fn visit_to_end(
        &mut self,
        max: usize,
        wait: Duration,
        visit: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<usize, Error> {
        /// How often it is asked whether the end is reached.
        const LOOK: Duration = Duration::from_millis(100);
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let count = self.visit(max, left.min(LOOK), visit)?;
            if count > 0 || self.is_at_end() {
                return Ok(count);
            }
            if left.is_zero() {
                return Err(Error::Unavailable("the log does not say whether more records follow".to_owned()));
            }
        }
    }
}

/// One member of a consumer group. Blocking: it lives on a thread of its own.
pub trait Consumer: Send {
    /// The next thing that happened, waiting up to `wait`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] (call again), [`Error::OutOfRange`], [`Error::Damaged`], [`Error::Unfit`] (stop).
    fn poll(&mut self, max: usize, wait: Duration) -> Result<Polled, Error>;

    /// Reports how far the group got, for lag dashboards only: `next` is the offset of the next record to read.
    fn report(&mut self, progress: &[(Topic, u32, u64)]);

    /// Tells, from any thread and at once, whether this member still owns a partition. It turns false before the partition
    /// can be given to another member, and when this process was not heard of for so long that it may have been.
    fn ownership(&self) -> Arc<dyn Ownership>;
}

/// Who owns a partition now. To be asked right before an effect outside.
pub trait Ownership: Send + Sync {
    /// Does this member own the partition at this moment?
    fn owns(&self, partition: u32) -> bool;
}

/// What a [`Consumer`] saw.
#[derive(Debug)]
pub enum Polled {
    /// Partitions that this member owns from now on; their records follow.
    Assigned(Vec<u32>),
    /// Partitions that this member has lost: no effect for them any more.
    Revoked(Vec<u32>),
    /// Records of owned partitions, in order within each topic and partition.
    Records(Vec<Record>),
    /// Nothing within the time given.
    Idle,
}
