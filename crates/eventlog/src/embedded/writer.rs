//! Group commit: one thread per process takes every append that waits, writes them in one transaction, syncs it to disk
//! and only then answers.

use super::batch;
use super::bell::Bells;
use super::database::{Access, Database, Session, failure};
use super::table::{self, Newest};
use crate::telemetry::Telemetry;
use crate::{Error, NewRecord, Position, Topic};
use runtime::clock::Clock;
use runtime::crash;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What an append ends with.
type Outcome = Result<Vec<Position>, Error>;

/// How much may wait to become durable; beyond that appends are refused, so that a slow disk does not fill the memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// An append on its way. Without records it asks only whether the log can be written.
struct Request {
    records: Arc<[NewRecord]>,
    partitions: Vec<u32>,
    answer: oneshot::Sender<Outcome>,
}

impl Request {
    fn bytes(&self) -> usize {
        self.records.iter().map(NewRecord::size).sum()
    }
}

/// The appends that wait for the writer.
pub(super) struct Queue {
    limits: Limits,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Request>,
    /// Records and bytes waiting or being written.
    records: usize,
    bytes: usize,
    closed: bool,
    /// Why the newest write failed.
    failure: Option<Error>,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), filled: Condvar::new() }
    }

    /// Queues records for these partitions; the answer comes when they are durable. An append larger than the whole queue
    /// is taken when the queue is empty.
    pub(super) fn push(
        &self,
        records: Arc<[NewRecord]>,
        partitions: Vec<u32>,
    ) -> Result<oneshot::Receiver<Outcome>, Error> {
        let (answer, answered) = oneshot::channel();
        let request = Request { records, partitions, answer };
        let (count, bytes) = (request.records.len(), request.bytes());
        let mut state = self.state();
        let full = state.records + count > self.limits.records || state.bytes + bytes > self.limits.bytes;
        if full && state.records > 0 {
            return Err(Error::Unavailable("too many records wait to be written".into()));
        }
        state.records += count;
        state.bytes += bytes;
        state.waiting.push(request);
        drop(state);
        self.filled.notify_one();
        Ok(answered)
    }

    /// Why the newest write failed, if it did.
    pub(super) fn failure(&self) -> Option<Error> {
        self.state().failure.clone()
    }

    /// Lets the writer end once it has written what waits.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    /// Everything that waits; waits for something. `None` when closed.
    fn take(&self) -> Option<Vec<Request>> {
        let state = self.state();
        let mut state = self
            .filled
            .wait_while(state, |state| state.waiting.is_empty() && !state.closed)
            .expect("nobody panics while holding the queue");
        let waiting = std::mem::take(&mut state.waiting);
        (!waiting.is_empty()).then_some(waiting)
    }

    /// Makes room again for what was written, or not.
    fn settle(&self, batch: &[Request], failure: Option<Error>) {
        let mut state = self.state();
        state.records -= batch.iter().map(|request| request.records.len()).sum::<usize>();
        state.bytes -= batch.iter().map(Request::bytes).sum::<usize>();
        state.failure = failure;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the queue")
    }
}

/// The thread that writes.
pub(super) struct Writer {
    pub(super) database: Arc<Database>,
    pub(super) session: Session,
    pub(super) queue: Arc<Queue>,
    pub(super) bells: Arc<Bells>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) telemetry: Option<Telemetry>,
}

impl Writer {
    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while let Some(batch) = self.queue.take() {
            let since = Instant::now();
            let outcome = self.commit(&batch);
            self.queue.settle(&batch, outcome.as_ref().err().cloned());
            self.report(&batch, outcome.is_ok(), since.elapsed());
            match outcome {
                Ok(positions) => {
                    self.bells.ring(batch.iter().flat_map(|request| &*request.records).map(|it| it.topic).collect());
                    for (request, positions) in batch.into_iter().zip(positions) {
                        // A caller that stopped waiting has nobody to tell.
                        let _ = request.answer.send(Ok(positions));
                    }
                }
                Err(error) => {
                    for request in batch {
                        let _ = request.answer.send(Err(error.clone()));
                    }
                }
            }
        }
    }

    fn report(&self, batch: &[Request], written: bool, took: Duration) {
        let Some(telemetry) = &self.telemetry else { return };
        telemetry.commit_seconds.observe(took.as_secs_f64());
        telemetry.queued_bytes.set(i64::try_from(self.queue.state().bytes).unwrap_or(i64::MAX));
        if written {
            telemetry.records.inc_by(batch.iter().map(|request| request.records.len() as u64).sum());
            telemetry.bytes.inc_by(batch.iter().map(|request| request.bytes() as u64).sum());
        } else {
            telemetry.failures.inc();
        }
    }

    /// Writes a batch durably and returns each request's positions.
    fn commit(&mut self, batch: &[Request]) -> Result<Vec<Vec<Position>>, Error> {
        let now_ms = self.clock.now_ms();
        let positions = self.session.run(|connection| write(connection, batch, now_ms))?;
        if self.database.is_in_place() {
            return Ok(positions);
        }
        self.session = Session::new(Arc::clone(&self.database), Access::Write);
        Err(Error::Unavailable("the log's file has been removed".into()))
    }
}

fn write(connection: &mut Connection, batch: &[Request], now_ms: i64) -> Result<Vec<Vec<Position>>, Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
    let mut tails = BTreeMap::new();
    let mut positions = Vec::with_capacity(batch.len());
    for request in batch {
        if request.records.is_empty() {
            transaction.execute("UPDATE meta SET value = value + 1 WHERE name = 'probes'", []).map_err(failure)?;
        }
        let mut taken = Vec::with_capacity(request.records.len());
        for (record, partition) in request.records.iter().zip(&request.partitions) {
            let tail = match tails.entry((record.topic, *partition)) {
                Entry::Occupied(tail) => tail.into_mut(),
                Entry::Vacant(place) => place.insert(Tail::of(&transaction, record.topic, *partition)?),
            };
            taken.push(Position { partition: *partition, offset: tail.append(&transaction, record, now_ms)? });
            if taken.len() < request.records.len() {
                crash::point("log.half");
            }
        }
        positions.push(taken);
    }
    tails.values().try_for_each(|tail: &Tail| tail.newest.write(&transaction))?;
    transaction.commit().map_err(failure)?;
    Ok(positions)
}

/// The end of a partition while a transaction appends to it.
struct Tail {
    next: u64,
    newest: Newest,
}

impl Tail {
    fn of(transaction: &Transaction<'_>, topic: Topic, partition: u32) -> Result<Self, Error> {
        let next = table::span(transaction, topic, partition)?.next;
        Ok(Self { next, newest: Newest::of(transaction, topic, partition)? })
    }

    fn append(&mut self, transaction: &Transaction<'_>, record: &NewRecord, now_ms: i64) -> Result<u64, Error> {
        let offset = self.next;
        let (key, value) = (&*record.key, record.value.as_deref());
        self.newest.append(transaction, batch::Entry { offset, appended_at_ms: now_ms, key, value })?;
        self.next += 1;
        Ok(offset)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use runtime::clock::ManualClock;
    use tempfile::TempDir;

    fn writer(dir: &TempDir) -> Writer {
        let database = Arc::new(Database::open(dir.path(), None).unwrap());
        Writer {
            session: Session::new(Arc::clone(&database), Access::Write),
            database,
            queue: Arc::new(Queue::new(Limits { records: 100, bytes: 10_000 })),
            bells: Arc::default(),
            clock: Arc::new(ManualClock::at(7)),
            telemetry: Some(Telemetry::register(&runtime::prometheus::Registry::new()).unwrap()),
        }
    }

    fn request(value: &[u8]) -> Request {
        let record = NewRecord { topic: Topic::LineEvents, key: b"U/1/e".into(), value: Some(value.into()) };
        Request { records: [record].into(), partitions: vec![0], answer: oneshot::channel().0 }
    }

    fn offsets(outcome: Result<Vec<Vec<Position>>, Error>) -> Vec<u64> {
        outcome.unwrap().concat().iter().map(|it| it.offset).collect()
    }

    #[test]
    fn every_commit_is_synced_to_the_disk_before_it_is_acknowledged() {
        let dir = TempDir::new().unwrap();
        let setting = |name: &str| {
            writer(&dir)
                .session
                .run(|connection| {
                    connection
                        .pragma_query_value(None, name, |row| {
                            row.get(0).map(|value: rusqlite::types::Value| format!("{value:?}"))
                        })
                        .map_err(failure)
                })
                .unwrap()
        };
        assert_eq!(setting("journal_mode"), "Text(\"wal\")");
        assert_eq!(setting("synchronous"), "Integer(2)", "FULL");
        assert_eq!(setting("fullfsync"), "Integer(1)");
    }

    #[test]
    fn all_that_waits_is_one_commit() {
        let dir = TempDir::new().unwrap();
        let mut writer = writer(&dir);
        for _ in 0..3 {
            let request = request(b"v");
            writer.queue.push(request.records, request.partitions).unwrap();
        }
        let batch = writer.queue.take().unwrap();
        assert_eq!(offsets(writer.commit(&batch)), [0, 1, 2]);
        writer.queue.close();
        assert!(writer.queue.take().is_none());
    }

    #[test]
    fn a_full_disk_refuses_the_whole_commit_and_the_log_heals_when_there_is_room() {
        let dir = TempDir::new().unwrap();
        let mut writer = writer(&dir);
        assert_eq!(offsets(writer.commit(&[request(b"v")])), [0]);
        let full = "PRAGMA max_page_count = 1; BEGIN IMMEDIATE; CREATE TABLE filler (x); COMMIT";
        let limited = writer.session.run(|connection| connection.execute_batch(full).map_err(failure));
        assert!(limited.is_err(), "the limit holds");
        let limit =
            |connection: &mut Connection| connection.execute_batch("PRAGMA max_page_count = 1").map_err(failure);
        writer.session.run(limit).unwrap();
        let outcome = writer.commit(&[request(b"small"), request(&[b'x'; 100_000])]);
        assert!(matches!(&outcome, Err(Error::Unavailable(text)) if text.contains("full")), "{outcome:?}");
        assert_eq!(offsets(writer.commit(&[request(b"v")])), [1], "neither of the two was kept");
    }

    #[test]
    fn a_failure_is_remembered_until_a_write_succeeds() {
        let dir = TempDir::new().unwrap();
        let writer = writer(&dir);
        writer.queue.settle(&[], Some(Error::Unavailable("full".into())));
        assert!(writer.queue.failure().is_some());
        let queue = Arc::clone(&writer.queue);
        let answered = queue.push(Arc::default(), Vec::new()).unwrap();
        queue.close();
        writer.run();
        assert_eq!(answered.blocking_recv().unwrap().unwrap(), []);
        assert!(queue.failure().is_none());
    }

    #[test]
    fn commits_are_counted_with_their_records_and_bytes() {
        let dir = TempDir::new().unwrap();
        let writer = writer(&dir);
        let telemetry = writer.telemetry.clone().unwrap();
        let (queue, request) = (Arc::clone(&writer.queue), request(b"12345"));
        queue.push(request.records, request.partitions).unwrap();
        queue.close();
        writer.run();
        assert_eq!((telemetry.records.get(), telemetry.bytes.get(), telemetry.failures.get()), (1, 10, 0));
        assert_eq!((telemetry.commit_seconds.get_sample_count(), telemetry.queued_bytes.get()), (1, 0));
    }
}
