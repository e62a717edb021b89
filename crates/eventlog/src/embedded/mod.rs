//! The log without a server: one directory, one SQLite file, any number of processes at once.
//!
//! Every process appends through one thread of its own that gathers what waits into one synced transaction; SQLite's file
//! lock orders the processes. Readers have a connection each and never stop a writer. The directory must be on a local
//! disk: SQLite's journal needs memory that all processes share.

mod batch;
mod bell;
mod compaction;
mod cursor;
mod database;
mod group;
mod reader;
mod removal;
mod table;
mod upgrade;
mod writer;

pub use removal::Held;

use crate::partitioning;
use crate::telemetry::Telemetry;
use crate::{Consumer, Error, Log, NewRecord, Position, Reader, Span, StartOffset, Topic};
use async_trait::async_trait;
use bell::Bells;
use database::{Access, Database, Session};
use runtime::clock::Clock;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use writer::{Limits, Queue, Writer};

/// How to open an embedded log.
#[derive(Clone)]
pub struct Options {
    /// Tells when records are appended.
    pub clock: Arc<dyn Clock>,
    /// Partitions of each topic (except those that always have one). A new log gets that many, or one; an existing log
    /// must have that many.
    pub partitions: Option<u32>,
    /// How many records may wait to become durable before appends are refused.
    pub queue_records: usize,
    /// How many bytes of keys and values may wait.
    pub queue_bytes: usize,
    /// Where to report, if anywhere.
    pub telemetry: Option<Telemetry>,
}

impl Options {
    /// One partition unless the log has more, and a queue of 20,000 records or 64 MiB.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, partitions: None, queue_records: 20_000, queue_bytes: 64 << 20, telemetry: None }
    }
}

/// A log in a directory.
pub struct EmbeddedLog {
    dir: PathBuf,
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    bells: Arc<Bells>,
    queue: Arc<Queue>,
    spans: Mutex<Session>,
    removals: Mutex<Session>,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedLog {
    /// Is there a log in `dir`?
    pub fn exists(dir: &Path) -> bool {
        database::exists(dir)
    }

    /// Opens the log in `dir`, which is created if it does not exist. Other processes may have it open.
    ///
    /// # Errors
    /// [`Error::Unfit`] if the directory cannot be used, holds something else, another format or another partition count;
    /// [`Error::Damaged`]; [`Error::Unavailable`].
    pub fn open(dir: &Path, options: Options) -> Result<Arc<Self>, Error> {
        let database = Arc::new(Database::open(dir, options.partitions)?);
        let bells = Arc::new(Bells::default());
        let queue = Arc::new(Queue::new(Limits { records: options.queue_records, bytes: options.queue_bytes }));
        let writer = Writer {
            session: Session::new(Arc::clone(&database), Access::Write),
            database: Arc::clone(&database),
            queue: Arc::clone(&queue),
            bells: Arc::clone(&bells),
            clock: Arc::clone(&options.clock),
            telemetry: options.telemetry,
        };
        let writer = thread::Builder::new()
            .name("log-writer".into())
            .spawn(|| writer.run())
            .map_err(|error| Error::Unavailable(format!("cannot start the log's writer: {error}")))?;
        Ok(Arc::new(Self {
            dir: dir.to_owned(),
            spans: Mutex::new(Session::new(Arc::clone(&database), Access::Read)),
            removals: Mutex::new(Session::new(Arc::clone(&database), Access::Write)),
            database,
            clock: options.clock,
            bells,
            queue,
            writer: Some(writer),
        }))
    }

    /// The random identity that the log got when it was created: a copy has the same, a new log in the same place another.
    pub fn log_id(&self) -> &str {
        self.database.log_id()
    }

    /// Removes the records of a topic that newer ones have made void, from every partition and from the disk: those that
    /// have a newer record of the same key, tombstones older than a day, and on `line.events` all records of a key that has a
    /// tombstone. All others keep their offsets. Blocks, for minutes on a large log; appends and reads go on meanwhile.
    /// Returns how many records it removed.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: compact again; [`Error::Damaged`].
    pub fn compact(&self, topic: Topic) -> Result<u64, Error> {
        Session::new(Arc::clone(&self.database), Access::Write).run(|connection| {
            let removed = (0..self.database.partitions(topic))
                .map(|partition| compaction::compact(connection, topic, partition, self.clock.now_ms()))
                .sum::<Result<u64, Error>>()?;
            compaction::forget(connection)?;
            Ok(removed)
        })
    }

    /// What a partition holds. Blocks for as long as it takes to count.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Damaged`]; [`Error::Unfit`] for a partition that the topic does not have.
    pub fn held(&self, topic: Topic, partition: u32) -> Result<Held, Error> {
        self.database.expect_partition(topic, partition)?;
        let mut session = self.spans.lock().expect("nobody panics while holding the session");
        session.run(|connection| removal::held(connection, topic, partition))
    }

    /// Removes the records of a partition before an offset, all of them or none, and returns what they were: for a log
    /// that is used as a queue. The others keep their offsets. Blocks until that is durable.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Damaged`]; [`Error::Unfit`] for a partition that the topic does not have.
    pub fn remove_before(&self, topic: Topic, partition: u32, offset: u64) -> Result<Held, Error> {
        self.database.expect_partition(topic, partition)?;
        let mut session = self.removals.lock().expect("nobody panics while holding the session");
        session.run(|connection| removal::remove_before(connection, topic, partition, offset))
    }

    /// Makes the directory forget what was removed: the journal, which still holds it, is emptied. Blocks on I/O.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: somebody is reading or writing; try again.
    pub fn forget_removed(&self) -> Result<(), Error> {
        let mut session = self.removals.lock().expect("nobody panics while holding the session");
        session.run(|connection| compaction::forget(connection))
    }

    async fn write(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        let partition = |it: &NewRecord| partitioning::partition(it.topic, &it.key, self.database.partitions(it.topic));
        let partitions = records.iter().map(partition).collect();
        let answered = self.queue.push(records, partitions)?;
        answered.await.unwrap_or_else(|_| Err(Error::Unavailable("the log's writer has ended".into())))
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        records.iter().try_for_each(NewRecord::check_size)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.write(records).await
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.database.partitions(topic)
    }

    fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
        self.database.expect_partition(topic, partition)?;
        let mut session = self.spans.lock().expect("nobody panics while holding the session");
        session.run(|connection| table::span(connection, topic, partition))
    }

    fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(reader::Reader::open(self, topic, partition, from)?))
    }

    fn subscribe(&self, group: &str, topics: &[Topic], start: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(group::Member::join(self, group, topics, start)?))
    }

    /// Writes only after a failure, to see whether it is over; otherwise the newest append has proved that it works.
    async fn check(&self) -> Result<(), Error> {
        if !self.database.is_in_place() {
            return Err(Error::Unavailable("the log's file has been removed".into()));
        }
        match self.queue.failure() {
            Some(_) => self.write(Arc::default()).await.map(drop),
            None => Ok(()),
        }
    }

    fn describe(&self) -> String {
        self.dir.display().to_string()
    }
}

/// Waits until everything that was appended is written.
impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has already answered nobody; there is nothing left to save.
            let _ = writer.join();
        }
    }
}
