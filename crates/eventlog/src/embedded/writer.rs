//! Group commit: one thread per process takes every append that waits, writes them in one transaction, syncs it to disk
//! and only then answers.

use super::bell::Bells;
use super::database::{Access, Database, Session, failure};
use super::table;
use crate::{Error, NewRecord, Position, Topic};
use runtime::clock::Clock;
use rusqlite::{CachedStatement, Connection, Transaction, TransactionBehavior};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
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
    records: Vec<NewRecord>,
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
        records: Vec<NewRecord>,
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
    database: Arc<Database>,
    session: Session,
    queue: Arc<Queue>,
    bells: Arc<Bells>,
    clock: Arc<dyn Clock>,
}

impl Writer {
    pub(super) fn new(database: Arc<Database>, queue: Arc<Queue>, bells: Arc<Bells>, clock: Arc<dyn Clock>) -> Self {
        let session = Session::new(Arc::clone(&database), Access::Write);
        Self { database, session, queue, bells, clock }
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while let Some(batch) = self.queue.take() {
            let outcome = self.commit(&batch);
            self.queue.settle(&batch, outcome.as_ref().err().cloned());
            match outcome {
                Ok(positions) => {
                    self.bells.ring(batch.iter().flat_map(|request| &request.records).map(|it| it.topic).collect());
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
                std::collections::btree_map::Entry::Occupied(tail) => tail.into_mut(),
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(Tail::of(&transaction, record.topic, *partition)?)
                }
            };
            taken.push(Position { partition: *partition, offset: tail.append(record, now_ms)? });
        }
        positions.push(taken);
    }
    drop(tails);
    transaction.commit().map_err(failure)?;
    Ok(positions)
}

/// The end of a partition while a transaction appends to it.
struct Tail<'a> {
    next: u64,
    insert: CachedStatement<'a>,
}

impl<'a> Tail<'a> {
    fn of(transaction: &'a Transaction<'_>, topic: Topic, partition: u32) -> Result<Self, Error> {
        let next = table::span(transaction, topic, partition)?.next;
        let sql = format!("INSERT INTO {} VALUES (?1, ?2, ?3, ?4, ?5)", table::name(topic, partition));
        Ok(Self { next, insert: transaction.prepare_cached(&sql).map_err(failure)? })
    }

    fn append(&mut self, record: &NewRecord, now_ms: i64) -> Result<u64, Error> {
        let offset = self.next;
        let value = record.value.as_deref();
        let row = i64::try_from(offset).map_err(|_| Error::Damaged("offset out of range".into()))?;
        let checksum = table::checksum(offset, now_ms, &record.key, value);
        self.insert.execute((row, now_ms, checksum, &record.key, value)).map_err(failure)?;
        self.next += 1;
        Ok(offset)
    }
}
