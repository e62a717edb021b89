//! One membership in the consumer group: the partitions that this process owns, folded step by step.

use super::member::{Error, Member, RETRY};
use super::partition::{Folded, Partition, Touched};
use super::restore::Restore;
use crate::store::{self, MEMORY, Store};
use crate::sync::{Desk, Taken};
use contact::{Action, Connections, Link, UserId};
use eventlog::{Consumer, NewRecord, Polled, Record, Topic};
use runtime::crash;
use schemas::{DeadLetter, Reason};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Records taken at a time.
const RECORDS_MAX: usize = 10_000;

/// Users of the backlog, or users to look at again, taken at a time.
const PAGE: usize = 1_000;

/// Users of a partition that restores who go before its backlog: once there are so many, no more are added.
const FRESH_MAX: usize = 10_000;

/// How often lag is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// Records folded during a restore before they are written, where memory allows.
const RESTORE_FLUSH_RECORDS: u64 = 2_000_000;

/// Stores opened at assignment, before the partitions' records come.
pub(super) type Opened = Arc<Mutex<HashMap<u32, Store>>>;

/// Goes on step by step, so that its caller decides when.
pub struct Session<'a> {
    member: &'a Member,
    consumer: Box<dyn Consumer>,
    opened: Opened,
    owned: BTreeMap<u32, Owned>,
    connections: watch::Receiver<u64>,
    /// What the connections said when it was last asked. All that is done goes by it, so that a change is missed by nobody who
    /// was seen before.
    rules: Connections,
    measured: Instant,
    /// The partition that is measured first.
    measure_from: u32,
}

/// A partition that this process owns.
struct Owned {
    partition: Partition,
    /// Until the state is up to date.
    restore: Option<Restore>,
    /// To whom something happened just now, while the partition restores: their changes go before the backlog.
    fresh: Touched,
    unflushed: u64,
    /// Through those with something to be done.
    backlog: Scan,
    /// The same for those of them whose look-ups found no room beside their contacts.
    lookups: Scan,
    /// Through everybody, after the connections changed.
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

    /// Goes back to this place, unless the walk is still before it.
    fn back_to(&mut self, place: Option<i64>) {
        if !matches!(self, Self::After(after) if *after <= place) {
            *self = Self::After(place);
        }
    }

    /// Goes on after a page, to that which begins at `next`.
    fn turn(&mut self, next: Option<i64>) {
        *self = next.map_or(Self::Done, |next| Self::After(Some(next)));
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(member: &'a Member, consumer: Box<dyn Consumer>, opened: Opened) -> Self {
        let (connections, measured) = (member.view.changed(), Instant::now());
        let rules = member.view.snapshot().rules().clone();
        Self { member, consumer, opened, owned: BTreeMap::new(), connections, rules, measured, measure_from: 0 }
    }

    /// Takes what the log has next, waiting up to `wait` for it, and does what is due beside it. False when the log had
    /// nothing.
    ///
    /// # Errors
    /// When this membership cannot go on. A log that does not answer is waited for here.
    pub async fn step(&mut self, wait: Duration) -> Result<bool, Error> {
        let wait = if self.has_more_to_do() { Duration::ZERO } else { wait };
        let polled = self.consumer.poll(RECORDS_MAX, wait);
        let had_nothing = matches!(polled, Ok(Polled::Idle));
        if self.connections.has_changed().unwrap_or(false) {
            self.connections.borrow_and_update();
            self.member.desk.connections_changed();
            self.follow_rules();
        }
        match polled {
            Ok(Polled::Assigned(numbers)) => self.take_over(numbers)?,
            Ok(Polled::Revoked(numbers)) => self.hand_over(&numbers)?,
            Ok(Polled::Records(records)) => self.fold(records).await?,
            Ok(Polled::Idle) => {}
            Err(error @ eventlog::Error::Unavailable(_)) => {
                tracing::warn!(%error, "the log does not answer; trying again");
                self.member.metrics.failures.with_label_values(&["log"]).inc();
                self.member.stop.wait(RETRY).await;
            }
            Err(error) => return Err(error.into()),
        }
        self.advance()?;
        self.restate().await?;
        self.look_for_ends();
        if self.measured.elapsed() >= MEASURE_EVERY {
            self.measured = Instant::now();
            self.measure();
        }
        Ok(!had_nothing)
    }

    /// Everybody is looked at again where the connections say something else about contacts; a name or a secret says nothing.
    fn follow_rules(&mut self) {
        let connected = self.member.view.snapshot();
        if self.rules != *connected.rules() {
            self.rules.clone_from(connected.rules());
            self.owned.values_mut().for_each(|owned| owned.reconsider = Scan::After(None));
        }
    }

    /// Is there something to do that waits for nobody?
    pub fn has_more_to_do(&self) -> bool {
        self.owned.values().any(|owned| owned.has_more_to_do(&self.member.desk))
    }

    /// Writes the state of all partitions and gives them back.
    ///
    /// # Errors
    /// When a store fails.
    pub fn leave(mut self) -> Result<(), Error> {
        crash::point("projector.leaving");
        let numbers: Vec<_> = self.owned.keys().copied().collect();
        self.hand_over(&numbers)
    }

    /// Gives all partitions back as they were last written, for what was not written is folded again; after a store failed,
    /// empty.
    pub fn give_up(mut self, error: &Error) {
        for (number, mut owned) in std::mem::take(&mut self.owned) {
            self.member.desk.revoke(number);
            if let Error::Store(_) = error {
                drop(owned.partition.store().wipe());
            }
        }
        self.member.status.set(0, 0);
    }

    fn take_over(&mut self, numbers: Vec<u32>) -> Result<(), Error> {
        for number in numbers {
            let store = self.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            let store = match store {
                Some(store) => store,
                None => self.member.stores.open(number)?,
            };
            let restore = Some(Restore::begin(&*self.member.log, number, self.member.grace)?);
            let partition = Partition::new(number, store);
            let is_marked = partition.is_marked_by(&self.rules);
            let reconsider = if is_marked { Scan::Done } else { Scan::After(None) };
            let (fresh, backlog, lookups) = (Touched::new(), Scan::Done, Scan::Done);
            let owned = Owned { partition, restore, fresh, unflushed: 0, backlog, lookups, reconsider };
            self.owned.insert(number, owned);
        }
        self.share_memory();
        self.report_status();
        Ok(())
    }

    /// All partitions together take as much memory as one.
    fn share_memory(&mut self) {
        let partitions = self.owned.len().max(1);
        for owned in self.owned.values_mut() {
            let memory = if owned.restore.is_some() { self.member.restore_memory } else { MEMORY };
            owned.partition.store().limit_memory(memory / partitions);
        }
    }

    fn hand_over(&mut self, numbers: &[u32]) -> Result<(), Error> {
        for number in numbers {
            self.member.desk.revoke(*number);
            self.forget_lag(*number);
            crash::point("projector.revoked");
            if let Some(mut lost) = self.owned.remove(number) {
                lost.partition.flush(&self.rules)?;
            }
        }
        self.share_memory();
        self.report_status();
        Ok(())
    }

    async fn fold(&mut self, records: Vec<Record>) -> Result<(), Error> {
        crash::point("projector.fetched");
        let _timer = self.member.metrics.fold_seconds.start_timer();
        let mut by_partition: BTreeMap<u32, Vec<Record>> = BTreeMap::new();
        for record in records {
            by_partition.entry(record.partition).or_default().push(record);
        }
        for (number, records) in by_partition {
            let Some(owned) = self.owned.get_mut(&number) else { continue };
            if owned.restore.is_none() {
                self.member.tell(&records);
            }
            for topic in Topic::USER_STATE {
                let count = records.iter().filter(|record| record.topic == topic).count();
                self.member.metrics.records.with_label_values(&[topic.name()]).inc_by(count as u64);
            }
            let mut folded = match owned.restore {
                Some(_) => Folded::telling_of_fresh(self.member.clock.now_ms()),
                None => Folded::telling_of_all(),
            };
            for record in &records {
                owned.partition.fold(record.lend(), &self.member.decoder, &mut folded)?;
            }
            crash::point("projector.folded");
            self.member.set_aside(std::mem::take(&mut folded.unusable)).await?;
            owned.store(self.member, folded, &self.rules)?;
        }
        Ok(())
    }

    /// What goes on beside the log: the end of a restore, the backlog, users to look at again.
    fn advance(&mut self) -> Result<(), Error> {
        let (desk, rules) = (&self.member.desk, &self.rules);
        for (number, owned) in &mut self.owned {
            if let Some(restore) = &mut owned.restore {
                if !restore.is_done(owned.partition.store().checkpoint()) {
                    continue;
                }
                owned.restore = None;
                let fresh = std::mem::take(&mut owned.fresh);
                let due = owned.partition.due(&fresh, rules, self.member.clock.now_ms())?;
                owned.flush(rules)?;
                owned.partition.store().forget();
                desk.push(due);
                owned.backlog = Scan::After(None);
                tracing::info!(partition = number, "state is up to date with the log");
            }
            if let Scan::After(after) = owned.reconsider {
                let page = owned.partition.reconsider(after, PAGE, rules)?;
                owned.reconsider.turn(page.next);
                owned.come_back_for_rest(desk.push(page.work), None);
            } else if let Scan::After(after) = owned.backlog
                && desk.wants_backlog()
            {
                let page = owned.partition.backlog(after, PAGE, rules)?;
                owned.backlog.turn(page.next);
                owned.come_back_for_rest(desk.push(page.work), after);
            } else if let Scan::After(after) = owned.lookups
                && desk.wants_lookups()
            {
                let page = owned.partition.backlog(after, PAGE, rules)?;
                if desk.push_lookups(&page.work) {
                    owned.lookups.turn(page.next);
                }
            }
        }
        self.share_memory();
        self.report_status();
        Ok(())
    }

    /// Appends confirmations and profiles that hold once more where a lower one came behind them, as from a process that had lost
    /// the partition, or from a repair: compaction keeps the last of a key.
    async fn restate(&mut self) -> Result<(), Error> {
        for owned in self.owned.values_mut().filter(|owned| owned.restore.is_none()) {
            let holding = owned.partition.outranking(&self.member.decoder)?;
            if holding.is_empty() {
                continue;
            }
            match self.member.log.append(holding).await {
                Ok(_) => owned.partition.is_outranked_no_more(),
                Err(error) => {
                    tracing::warn!(%error, "the log does not take what holds of some contacts; trying again");
                    self.member.metrics.failures.with_label_values(&["log"]).inc();
                }
            }
        }
        Ok(())
    }

    /// Of partitions that restore, one topic at a time: to ask takes seconds while the log is away, and the group wants to hear
    /// from this member.
    fn look_for_ends(&mut self) {
        for (number, owned) in &mut self.owned {
            if let Some(restore) = &mut owned.restore
                && restore.look_for_end(&*self.member.log, *number)
            {
                return;
            }
        }
    }

    fn report_status(&mut self) {
        let mut remaining = 0;
        let mut restoring = 0;
        for owned in self.owned.values_mut() {
            if let Some(restore) = &owned.restore {
                restoring += 1;
                remaining += restore.remaining(owned.partition.store().checkpoint());
            }
        }
        self.member.status.set(self.owned.len(), restoring);
        self.member.metrics.partitions.set(self.owned.len() as i64);
        self.member.metrics.restoring.set(restoring as i64);
        self.member.metrics.restore_remaining_records.set(i64::try_from(remaining).unwrap_or(i64::MAX));
    }

    /// A log that does not answer is asked once: to ask takes seconds then, and the group wants to hear from this member. The next
    /// measuring begins behind the partition that had no answer.
    fn measure(&mut self) {
        let is_later = |number: &u32| *number < self.measure_from;
        let (later, mut order): (Vec<_>, Vec<_>) = self.owned.iter_mut().partition(|(number, _)| is_later(number));
        order.extend(later);
        let (mut progress, mut answers) = (Vec::new(), true);
        for (number, owned) in order {
            let checkpoint = owned.partition.store().checkpoint();
            progress.extend(Topic::USER_STATE.map(|topic| (topic, *number, checkpoint.next(topic))));
            if answers && self.member.measure(*number, &mut owned.partition).is_err() {
                (answers, self.measure_from) = (false, number + 1);
            }
        }
        self.consumer.report(&progress);
    }

    /// Somebody else reports the lag of the partition from now on. What was never reported cannot be removed.
    fn forget_lag(&self, partition: u32) {
        let partition = partition.to_string();
        for topic in Topic::USER_STATE {
            drop(self.member.metrics.lag_records.remove_label_values(&[topic.name(), &partition]));
        }
        drop(self.member.metrics.lag_seconds.remove_label_values(&[&partition]));
    }
}

impl Owned {
    fn store(&mut self, member: &Member, mut folded: Folded, rules: &Connections) -> Result<(), Error> {
        self.unflushed += folded.records;
        if self.restore.is_some() {
            crash::point("projector.restoring");
            member.desk.withdraw(&folded.erased);
            if self.fresh.len() < FRESH_MAX {
                self.fresh.append(&mut folded.touched);
            }
            if self.partition.store().is_full() || self.unflushed >= RESTORE_FLUSH_RECORDS {
                self.flush(rules)?;
            }
            return Ok(());
        }
        let due = self.partition.due(&folded.touched, rules, member.clock.now_ms())?;
        let left_deleted = due.iter().filter(|work| {
            let is_deleted = matches!(work.account.link, Link::Gone { .. });
            is_deleted && work.action == Action::Nothing && work.received_at_ms.is_some()
        });
        member.metrics.left_deleted.inc_by(left_deleted.count() as u64);
        self.flush(rules)?;
        crash::point("projector.stored");
        member.desk.erased(&folded.erased);
        self.come_back_for_rest(member.desk.push(due), None);
        member.desk.withdraw(&folded.erased);
        Ok(())
    }

    /// What found no room is taken from the store again, from the page after this place on, when there is some.
    fn come_back_for_rest(&mut self, taken: Taken, after: Option<i64>) {
        if !taken.contacts {
            self.backlog.back_to(after);
        }
        if !taken.lookups {
            self.lookups.back_to(after);
        }
    }

    fn flush(&mut self, rules: &Connections) -> Result<(), store::Error> {
        self.unflushed = 0;
        self.partition.flush(rules)
    }

    fn has_more_to_do(&self, desk: &Desk) -> bool {
        let contacts = self.backlog.goes_on() && desk.wants_backlog();
        let lookups = self.lookups.goes_on() && desk.wants_lookups();
        self.restore.is_none() && (self.reconsider.goes_on() || contacts || lookups)
    }
}

impl Member {
    /// Reports the lag of a partition.
    fn measure(&self, number: u32, partition: &mut Partition) -> Result<(), eventlog::Error> {
        let (label, mut waiting) = (number.to_string(), 0);
        for topic in Topic::USER_STATE {
            let (span, next) = (self.log.span(topic, number)?, partition.store().checkpoint().next(topic));
            let lag = i64::try_from(span.next.saturating_sub(next.max(span.first))).unwrap_or(i64::MAX);
            self.metrics.lag_records.with_label_values(&[topic.name(), &label]).set(lag);
            waiting += lag;
        }
        let newest_ms = partition.newest_event_ms().filter(|_| waiting > 0);
        let behind_ms = newest_ms.map_or(0, |newest_ms| self.clock.now_ms().saturating_sub(newest_ms).max(0));
        self.metrics.lag_seconds.with_label_values(&[&label]).set(behind_ms as f64 / 1000.0);
        Ok(())
    }

    /// Which events come into the state, for whoever follows one of them to its write.
    fn tell(&self, records: &[Record]) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        for record in records.iter().filter(|record| record.topic == Topic::LineEvents) {
            let Some((user, connection, event)) = schemas::key::read_line_event(&record.key) else { continue };
            let user = UserId::parse(user).map(|user| tracing::field::display(self.view.user_tag(user)));
            let (partition, offset) = (record.partition, record.offset);
            tracing::debug!(connection, event, user, partition, offset, "an event comes into the state");
        }
    }

    /// Unusable records go to the dead letters before the place in the log moves past them for good.
    async fn set_aside(&self, unusable: Vec<(Record, String)>) -> Result<(), eventlog::Error> {
        let letters: Vec<NewRecord> =
            unusable.into_iter().map(|(record, detail)| self.dead_letter(record, detail)).collect();
        while !letters.is_empty() {
            let Err(error) = self.log.append(letters.clone()).await else { break };
            if self.stop.is_set() {
                return Err(error);
            }
            tracing::warn!(%error, "the log does not take dead letters; trying again");
            self.metrics.failures.with_label_values(&["log"]).inc();
            self.stop.wait(RETRY).await;
        }
        Ok(())
    }

    fn dead_letter(&self, record: Record, detail: String) -> NewRecord {
        let (topic, partition, offset) = (record.topic.name(), record.partition, record.offset);
        let reason = Reason::Malformed;
        self.metrics.dead_letters.with_label_values(&[reason.as_str()]).inc();
        tracing::warn!(topic, partition, offset, detail, "a record cannot be used; it is in the dead letters");
        let mut letter = DeadLetter {
            topic: topic.to_owned(),
            partition,
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
            key: record.key,
            value: record.value.unwrap_or_default(),
            reason,
            detail,
            at_ms: self.clock.now_ms(),
            connection: None,
        };
        let key = schemas::key::dead_letter(topic, &letter.key);
        let whole = NewRecord { topic: Topic::DeadLetters, key, value: Some(self.codec.encode(&letter)) };
        if whole.size() <= NewRecord::MAX_BYTES {
            return whole;
        }
        let detail = format!("{}; too large for a dead letter, the record is in the log only", letter.detail);
        letter = DeadLetter { value: Vec::new(), detail, ..letter };
        NewRecord { value: Some(self.codec.encode(&letter)), ..whole }
    }
}
