//! The thread that reads the log as a member of the consumer group.

use super::partition::{self, Folded, Partition};
use super::restore::{self, Restore};
use crate::decode::{self, Decoder};
use crate::status::Status;
use crate::stop::Stop;
use crate::store::{self, Store};
use crate::sync::Desk;
use crate::telemetry::Metrics;
use connection::View;
use contact::Connections;
use eventlog::{Consumer, Log, NewRecord, Polled, Record, Topic};
use runtime::clock::Clock;
use schemas::{Codec, DeadLetter};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Records taken at a time.
const RECORDS_MAX: usize = 10_000;

/// Users of the backlog, or users to look at again, taken at a time.
const PAGE: usize = 1_000;

/// How long to wait for records when there is nothing else to do.
const WAIT: Duration = Duration::from_millis(250);

/// How long to leave a failing log alone.
const RETRY: Duration = Duration::from_secs(1);

/// How often lag is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// Records folded during a restore before they are written, where memory allows.
const RESTORE_FLUSH_RECORDS: u64 = 2_000_000;

/// Why the fold cannot go on at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log is not fit to be used, or not the one that it was.
    #[error(transparent)]
    Log(#[from] eventlog::Error),
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The log holds what this version cannot read.
    #[error(transparent)]
    Decode(decode::Error),
}

/// What the thread works with.
pub struct Member {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The consumer group to join.
    pub group: String,
    /// Where the state stores are.
    pub directory: PathBuf,
    /// What a state store must have been written with to be used.
    pub format: String,
    /// How long a partition taken over from another process is left alone, so that its calls under way end.
    pub grace: Duration,
    /// Reads records.
    pub decoder: Decoder,
    /// Writes dead letters.
    pub codec: Codec,
    /// Connections.
    pub view: Arc<View>,
    /// Where work is left.
    pub desk: Arc<Desk>,
    /// How far the thread is.
    pub status: Arc<Status>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// What is reported.
    pub metrics: Metrics,
    /// Tells when to stop.
    pub stop: Stop,
    /// Where appends of dead letters run.
    pub executor: tokio::runtime::Handle,
}

/// A partition that this process owns.
struct Owned {
    partition: Partition,
    /// Until the state is up to date.
    restore: Option<Restore>,
    unflushed: u64,
    backlog: Scan,
    reconsider: Scan,
}

/// A walk through the users of a store, page by page.
#[derive(Default)]
enum Scan {
    #[default]
    Done,
    After(Option<i64>),
}

impl Scan {
    fn goes_on(&self) -> bool {
        matches!(self, Self::After(_))
    }
}

/// Stores opened at assignment, before the partitions' records come.
type Opened = Arc<Mutex<HashMap<u32, Store>>>;

impl Member {
    /// Folds until told to stop. A state store that fails is wiped and rebuilt; a log that is away is waited for.
    ///
    /// # Errors
    /// What only an operator can put right.
    pub fn run(&self) -> Result<(), Error> {
        while !self.stop.is_set() {
            match self.serve() {
                Ok(()) => {}
                Err(Error::Log(error @ eventlog::Error::Unavailable(_))) => {
                    tracing::warn!(%error, "waiting for the log");
                    self.metrics.failures.with_label_values(&["log"]).inc();
                    self.stop.wait(RETRY);
                }
                Err(Error::Store(error)) => {
                    tracing::error!(%error, "the state store failed: rebuilding it from the log");
                    self.metrics.failures.with_label_values(&["store"]).inc();
                    self.stop.wait(RETRY);
                }
                Err(fatal) => return Err(fatal),
            }
        }
        Ok(())
    }

    fn serve(&self) -> Result<(), Error> {
        let opened = Opened::default();
        let mut consumer = self.subscribe(&opened)?;
        self.desk.set_ownership(consumer.ownership());
        let mut owned = BTreeMap::new();
        let ended = self.follow(&mut *consumer, &opened, &mut owned);
        let connected = self.view.snapshot();
        let rules = connected.rules();
        for (number, mut owned) in owned {
            self.desk.revoke(number);
            match &ended {
                Err(Error::Store(_)) => drop(owned.partition.store().wipe()),
                _ => owned.partition.flush(rules)?,
            }
        }
        self.status.set(0, 0);
        ended
    }

    fn subscribe(&self, opened: &Opened) -> Result<Box<dyn Consumer>, eventlog::Error> {
        let (log, directory, format) = (Arc::clone(&self.log), self.directory.clone(), self.format.clone());
        let opened = Arc::clone(opened);
        let start = move |topic: Topic, partition: u32| {
            let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
            if topic == Topic::USER_STATE[0] || !opened.contains_key(&partition) {
                let store = restore::open(&*log, &directory, partition, &format).map_err(|error| match error {
                    restore::Error::Log(error) => error,
                    restore::Error::Store(error) => eventlog::Error::Unfit(error.to_string()),
                })?;
                opened.insert(partition, store);
            }
            let next = opened.get(&partition).map_or(0, |store| store.checkpoint().next(topic));
            Ok(next.max(log.span(topic, partition)?.first))
        };
        self.log.subscribe(&self.group, &Topic::USER_STATE, Arc::new(start))
    }

    fn follow(
        &self,
        consumer: &mut dyn Consumer,
        opened: &Opened,
        owned: &mut BTreeMap<u32, Owned>,
    ) -> Result<(), Error> {
        let mut connections = self.view.changed();
        let mut measured = Instant::now();
        while !self.stop.is_set() {
            let busy = owned.values().any(Owned::has_more_to_do) && self.desk.wants_backlog();
            match consumer.poll(RECORDS_MAX, if busy { Duration::ZERO } else { WAIT }) {
                Ok(Polled::Assigned(numbers)) => self.take_over(numbers, opened, owned)?,
                Ok(Polled::Revoked(numbers)) => self.give_up(&numbers, owned)?,
                Ok(Polled::Records(records)) => self.fold(records, owned)?,
                Ok(Polled::Idle) => {}
                Err(error @ eventlog::Error::Unavailable(_)) => {
                    tracing::warn!(%error, "the log does not answer; trying again");
                    self.metrics.failures.with_label_values(&["log"]).inc();
                    self.stop.wait(RETRY);
                }
                Err(error) => return Err(error.into()),
            }
            if connections.has_changed().unwrap_or(false) {
                connections.borrow_and_update();
                owned.values_mut().for_each(|owned| owned.reconsider = Scan::After(None));
            }
            self.advance(owned)?;
            if measured.elapsed() >= MEASURE_EVERY {
                measured = Instant::now();
                self.measure(consumer, owned);
            }
        }
        Ok(())
    }

    fn take_over(&self, numbers: Vec<u32>, opened: &Opened, owned: &mut BTreeMap<u32, Owned>) -> Result<(), Error> {
        for number in numbers {
            let store = opened.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            let store = match store {
                Some(store) => store,
                None => Store::open(&self.directory, number, &self.format)?,
            };
            let restore = Some(Restore::begin(&*self.log, number, self.grace)?);
            let partition = Partition::new(number, store);
            owned.insert(
                number,
                Owned { partition, restore, unflushed: 0, backlog: Scan::Done, reconsider: Scan::Done },
            );
        }
        self.report_status(owned);
        Ok(())
    }

    fn give_up(&self, numbers: &[u32], owned: &mut BTreeMap<u32, Owned>) -> Result<(), Error> {
        let connected = self.view.snapshot();
        let rules = connected.rules();
        for number in numbers {
            self.desk.revoke(*number);
            self.forget_lag(*number);
            if let Some(mut lost) = owned.remove(number) {
                lost.partition.flush(rules)?;
            }
        }
        self.report_status(owned);
        Ok(())
    }

    fn fold(&self, records: Vec<Record>, owned: &mut BTreeMap<u32, Owned>) -> Result<(), Error> {
        let _timer = self.metrics.fold_seconds.start_timer();
        let mut by_partition: BTreeMap<u32, Vec<Record>> = BTreeMap::new();
        for record in records {
            by_partition.entry(record.partition).or_default().push(record);
        }
        let connected = self.view.snapshot();
        let rules = connected.rules();
        for (number, records) in by_partition {
            let Some(owned) = owned.get_mut(&number) else { continue };
            for topic in Topic::USER_STATE {
                let count = records.iter().filter(|record| record.topic == topic).count();
                self.metrics.records.with_label_values(&[topic.name()]).inc_by(count as u64);
            }
            let mut folded = Folded::default();
            owned.partition.fold(records, &self.decoder, &mut folded).map_err(unwrap_partition)?;
            self.set_aside(std::mem::take(&mut folded.unusable));
            self.store(owned, &folded, rules)?;
        }
        Ok(())
    }

    fn store(&self, owned: &mut Owned, folded: &Folded, rules: &Connections) -> Result<(), Error> {
        owned.unflushed += folded.records;
        if let Some(restore) = &mut owned.restore {
            restore.progress();
            if owned.partition.store().is_full() || owned.unflushed >= RESTORE_FLUSH_RECORDS {
                owned.flush(rules)?;
            }
            return Ok(());
        }
        let due = owned.partition.due(folded, rules, self.clock.now_ms())?;
        owned.flush(rules)?;
        if !self.desk.push(due) {
            owned.backlog = Scan::After(None);
        }
        Ok(())
    }

    /// What goes on beside the log: the end of a restore, the backlog, users to look at again.
    fn advance(&self, owned: &mut BTreeMap<u32, Owned>) -> Result<(), Error> {
        let connected = self.view.snapshot();
        let rules = connected.rules();
        for (number, owned) in owned.iter_mut() {
            if let Some(restore) = &owned.restore {
                if !restore.is_done(owned.partition.store().checkpoint()) {
                    continue;
                }
                owned.flush(rules)?;
                owned.restore = None;
                owned.backlog = Scan::After(None);
                tracing::info!(partition = number, "state is up to date with the log");
            }
            if let Scan::After(after) = owned.reconsider {
                let page = owned.partition.reconsider(after, PAGE, rules)?;
                owned.reconsider = page.next.map_or(Scan::Done, |next| Scan::After(Some(next)));
                if !self.desk.push(page.work) {
                    owned.backlog = Scan::After(None);
                }
            } else if let Scan::After(after) = owned.backlog
                && self.desk.wants_backlog()
            {
                let page = owned.partition.backlog(after, PAGE, rules)?;
                owned.backlog = page.next.map_or(Scan::Done, |next| Scan::After(Some(next)));
                if !self.desk.push(page.work) {
                    owned.backlog = Scan::After(after);
                }
            }
        }
        self.report_status(owned);
        Ok(())
    }

    /// Unusable records go to the dead letters before the place in the log moves past them for good.
    fn set_aside(&self, unusable: Vec<(Record, String)>) {
        if unusable.is_empty() {
            return;
        }
        let letters: Vec<NewRecord> =
            unusable.into_iter().map(|(record, detail)| self.dead_letter(record, detail)).collect();
        while !self.stop.is_set() {
            match self.executor.block_on(self.log.append(letters.clone())) {
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, "the log does not take dead letters; trying again");
                    self.metrics.failures.with_label_values(&["log"]).inc();
                    self.stop.wait(RETRY);
                }
            }
        }
    }

    fn dead_letter(&self, record: Record, detail: String) -> NewRecord {
        let (topic, partition, offset) = (record.topic.name(), record.partition, record.offset);
        tracing::warn!(topic, partition, offset, detail, "a record cannot be used; it is in the dead letters");
        self.metrics.dead_letters.with_label_values(&["malformed"]).inc();
        let letter = DeadLetter {
            topic: topic.to_owned(),
            partition,
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
            key: record.key,
            value: record.value.unwrap_or_default(),
            reason: "malformed".to_owned(),
            detail,
            at_ms: self.clock.now_ms(),
            connection: None,
        };
        let key = schemas::key::dead_letter(topic, &letter.key);
        NewRecord { topic: Topic::DeadLetters, key, value: Some(self.codec.encode(&letter)) }
    }

    fn report_status(&self, owned: &mut BTreeMap<u32, Owned>) {
        let mut remaining = 0;
        let mut restoring = 0;
        for owned in owned.values_mut() {
            if let Some(restore) = &owned.restore {
                restoring += 1;
                remaining += restore.remaining(owned.partition.store().checkpoint());
            }
        }
        self.status.set(owned.len(), restoring);
        self.metrics.partitions.set(owned.len() as i64);
        self.metrics.restoring.set(restoring as i64);
        self.metrics.restore_remaining_records.set(i64::try_from(remaining).unwrap_or(i64::MAX));
    }

    fn measure(&self, consumer: &mut dyn Consumer, owned: &mut BTreeMap<u32, Owned>) {
        let mut progress = Vec::new();
        for (number, owned) in owned.iter_mut() {
            let mut waiting = 0;
            for topic in Topic::USER_STATE {
                let next = owned.partition.store().checkpoint().next(topic);
                progress.push((topic, *number, next));
                if let Ok(span) = self.log.span(topic, *number) {
                    let lag = i64::try_from(span.next.saturating_sub(next.max(span.first))).unwrap_or(i64::MAX);
                    self.metrics.lag_records.with_label_values(&[topic.name(), &number.to_string()]).set(lag);
                    waiting += lag;
                }
            }
            let newest_ms = owned.partition.newest_event_ms().filter(|_| waiting > 0);
            let behind_ms = newest_ms.map_or(0, |newest_ms| self.clock.now_ms().saturating_sub(newest_ms).max(0));
            self.metrics.lag_seconds.with_label_values(&[&number.to_string()]).set(behind_ms as f64 / 1000.0);
        }
        consumer.report(&progress);
    }

    /// Somebody else reports the lag of the partition from now on. What was never reported cannot be removed.
    fn forget_lag(&self, partition: u32) {
        let partition = partition.to_string();
        for topic in Topic::USER_STATE {
            drop(self.metrics.lag_records.remove_label_values(&[topic.name(), &partition]));
        }
        drop(self.metrics.lag_seconds.remove_label_values(&[&partition]));
    }
}

impl Owned {
    fn flush(&mut self, rules: &Connections) -> Result<(), store::Error> {
        self.unflushed = 0;
        self.partition.flush(rules)
    }

    fn has_more_to_do(&self) -> bool {
        self.restore.is_none() && (self.backlog.goes_on() || self.reconsider.goes_on())
    }
}

fn unwrap_partition(error: partition::Error) -> Error {
    match error {
        partition::Error::Store(error) => Error::Store(error),
        partition::Error::Decode(error) => Error::Decode(error),
    }
}
