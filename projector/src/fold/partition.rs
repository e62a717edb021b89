//! One partition: records into the store, and from the store what is to be done.

use crate::records::{self, Decoder, Input};
use crate::store::{self, Page, Slice, Store};
use crate::sync::queue::Work;
use contact::{Action, ConnectionNumber, Connections, Friend, Link, Profile, User, UserId, decide, is_due};
use eventlog::{NewRecord, Record, RecordRef};
use std::collections::{BTreeMap, BTreeSet};

/// An event that ingest took longer ago than this is backlog: it yields to what happens now. Milliseconds.
const FRESH_MS: i64 = 60_000;

/// Why a partition cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store is of no use any more: wipe it and read the log again.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The log holds what this version cannot read.
    #[error(transparent)]
    Decode(records::Error),
}

/// Users whose state changed, and when ingest took the newest event that changed it, milliseconds since 1970; `None` where no
/// event did.
pub type Touched = BTreeMap<UserId, Option<i64>>;

/// What a batch of records did.
#[derive(Debug, Default)]
pub struct Folded {
    /// Those who are asked for.
    pub touched: Touched,
    asked_for: AskedFor,
    /// People whose erasure was folded.
    pub erased: Vec<UserId>,
    /// Records that cannot be used, with the reason, for the dead letters.
    pub unusable: Vec<(Record, String)>,
    /// Records folded for the first time.
    pub records: u64,
}

/// Of whom a batch tells that it touched them.
#[derive(Clone, Copy, Debug, Default)]
enum AskedFor {
    #[default]
    Nobody,
    /// Whose event ingest took at this time or later, milliseconds since 1970.
    Since(i64),
    Everybody,
}

impl Folded {
    /// Of a batch that tells of everybody.
    pub fn telling_of_all() -> Self {
        Self { asked_for: AskedFor::Everybody, ..Self::default() }
    }

    /// Of a batch that tells of those alone to whom something just happened.
    pub fn telling_of_fresh(now_ms: i64) -> Self {
        Self { asked_for: AskedFor::Since(fresh_since(now_ms)), ..Self::default() }
    }

    fn touch(&mut self, user: UserId, received_at_ms: Option<i64>) {
        let is_asked_for = match self.asked_for {
            AskedFor::Nobody => false,
            AskedFor::Since(since_ms) => received_at_ms >= Some(since_ms),
            AskedFor::Everybody => true,
        };
        if is_asked_for {
            let newest = self.touched.entry(user).or_default();
            *newest = (*newest).max(received_at_ms);
        }
    }
}

/// Records that are decoded before the first of them is folded in.
const AHEAD: usize = 64;

/// One partition's fold.
pub struct Partition {
    number: u32,
    store: Store,
    /// Decoded, and passed by the place in the log, but not in the state yet.
    ahead: Vec<Input>,
    newest_event_ms: Option<i64>,
    /// The connections by which the store marks everybody who has something to be done; `None` while it is not the same for all.
    marked_by: Option<Connections>,
    /// Users of whom the last confirmation in the log is not the one that holds.
    outranked: BTreeSet<UserId>,
    /// Friends of whom the last profile in the log is not the one that holds.
    outranked_profiles: BTreeSet<(UserId, ConnectionNumber)>,
}

impl Partition {
    /// Goes on from where the store is.
    pub fn new(number: u32, store: Store) -> Self {
        let marked_by = store.checkpoint().marked_by().cloned();
        Self {
            number,
            store,
            ahead: Vec::with_capacity(AHEAD),
            newest_event_ms: None,
            marked_by,
            outranked: BTreeSet::new(),
            outranked_profiles: BTreeSet::new(),
        }
    }

    /// Does the store tell who has something to be done by these connections? Not where they changed while nobody followed them:
    /// then all users are to be [reconsidered](Self::reconsider).
    pub fn is_marked_by(&self, rules: &Connections) -> bool {
        self.store.is_blank() || self.marked_by.as_ref() == Some(rules)
    }

    /// The store; the last records may not be in it before [`Partition::flush`].
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// LINE's time of the newest event folded since this process has the partition, milliseconds since 1970.
    pub fn newest_event_ms(&self) -> Option<i64> {
        self.newest_event_ms
    }

    /// Folds a record into the state in memory; [`Partition::flush`] makes it last. One that was folded before is passed over.
    ///
    /// # Errors
    /// When the store fails, or the record is from a newer version; then it is not folded.
    pub fn fold(&mut self, record: RecordRef<'_>, decoder: &Decoder, folded: &mut Folded) -> Result<(), Error> {
        if record.offset < self.store.checkpoint().next(record.topic) {
            return Ok(());
        }
        match decoder.input(record) {
            Ok(input) => self.take(input, folded)?,
            Err(records::Error::Unusable(reason)) => folded.unusable.push((record.to_record(), reason)),
            Err(newer @ records::Error::Newer { .. }) => return Err(Error::Decode(newer)),
        }
        self.store.checkpoint_mut().pass(record);
        folded.records += 1;
        Ok(())
    }

    /// As [`Partition::fold`], but passes over the users of other slices. Where the users of the slice take more memory than
    /// they may, it becomes narrower: those cut off belong to a later one.
    ///
    /// # Errors
    /// As [`Partition::fold`].
    pub fn fold_slice(
        &mut self,
        slice: &mut Slice,
        record: RecordRef<'_>,
        decoder: &Decoder,
        folded: &mut Folded,
    ) -> Result<(), Error> {
        if !slice.holds(record) {
            self.store.checkpoint_mut().pass(record);
            return Ok(());
        }
        self.fold(record, decoder, folded)?;
        if self.store.is_full() {
            self.settle()?;
            self.store.narrow(slice);
        }
        Ok(())
    }

    /// Writes the state of a slice that others follow; see [`Store::flush_slice`].
    ///
    /// # Errors
    /// When the store fails.
    pub fn flush_slice(&mut self, rules: &Connections) -> Result<(), store::Error> {
        self.settle()?;
        self.store.flush_slice(|id, user| has_work(id, user, rules))
    }

    fn take(&mut self, input: Input, folded: &mut Folded) -> Result<(), store::Error> {
        let Some(user) = input.user() else { return Ok(()) };
        folded.touch(user, input.received_at_ms());
        if let Input::Erased(..) = input {
            folded.erased.push(user);
        }
        self.ahead.push(input);
        if self.ahead.len() == AHEAD { self.settle() } else { Ok(()) }
    }

    /// Folds in what is decoded.
    fn settle(&mut self) -> Result<(), store::Error> {
        self.store.fetch(self.ahead.iter().filter_map(Input::user));
        for input in self.ahead.drain(..) {
            self.store.grew(input.weight());
            match input {
                Input::Nothing => {}
                Input::Event { event, .. } => {
                    self.newest_event_ms = self.newest_event_ms.max(Some(event.at.time_ms));
                    self.store.user_mut(event.user)?.apply(event);
                }
                Input::Profile(user, connection, profile) => {
                    let state = self.store.user_mut(user)?;
                    let held = state.friend(connection).and_then(Friend::profile);
                    if held.is_some_and(|held| profile.found.is_none() || profile < *held) {
                        self.outranked_profiles.insert((user, connection));
                    } else {
                        self.outranked_profiles.remove(&(user, connection));
                    }
                    state.apply_profile(connection, profile);
                }
                Input::Confirmation(user, confirmation) => {
                    let state = self.store.user_mut(user)?;
                    let is_lower = confirmation.revision < state.account.revision();
                    let is_equal = confirmation.revision == state.account.revision();
                    let told = is_equal.then(|| confirmation.clone());
                    state.apply_confirmation(confirmation);
                    if is_lower || told.is_some_and(|told| told != state.account.present()) {
                        self.outranked.insert(user);
                    } else {
                        self.outranked.remove(&user);
                    }
                }
                Input::Erased(user, since_ms) => self.store.user_mut(user)?.erase(since_ms),
            }
        }
        Ok(())
    }

    /// Writes the state, the place in the log, and who has something to be done.
    ///
    /// # Errors
    /// When the store fails.
    pub fn flush(&mut self, rules: &Connections) -> Result<(), store::Error> {
        self.settle()?;
        if self.store.is_blank() {
            self.marked_by = Some(rules.clone());
        } else if self.marked_by.as_ref() != Some(rules) {
            self.marked_by = None;
        }
        self.store.checkpoint_mut().mark(self.marked_by.as_ref());
        self.store.flush(|id, user| has_work(id, user, rules))
    }

    /// What is to be done for users who were touched. A user with nothing left to do is told too, so that earlier
    /// work is forgotten.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due(&mut self, touched: &Touched, rules: &Connections, now_ms: i64) -> Result<Vec<Work>, store::Error> {
        self.settle()?;
        let mut due = Vec::new();
        for (id, received_at_ms) in touched {
            let Some(user) = self.store.user(*id)? else { continue };
            let fresh = *received_at_ms >= Some(fresh_since(now_ms));
            let work = work(self.number, *id, user, rules).unwrap_or_else(|| nothing(self.number, *id, user));
            due.push(Work { fresh, received_at_ms: *received_at_ms, ..work });
        }
        Ok(due)
    }

    /// The confirmations and profiles that hold although a lower one stands behind them in the log, where compaction would keep
    /// the lower: to be appended once more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn outranking(&mut self, decoder: &Decoder) -> Result<Vec<NewRecord>, store::Error> {
        let mut holding = Vec::new();
        for user in &self.outranked {
            let state = self.store.user(*user)?;
            holding.extend(state.map(|state| decoder.confirmation(*user, &state.account.present())));
        }
        for (user, connection) in &self.outranked_profiles {
            let Some(friend) = self.store.user(*user)?.and_then(|state| state.friend(*connection)) else { continue };
            let Some(told) = friend.profile().cloned() else { continue };
            let covers_ms = friend.profile_covers_ms().unwrap_or(told.covers_ms);
            holding.push(decoder.profile(*user, *connection, Profile { covers_ms, ..told }));
        }
        Ok(holding)
    }

    /// [`Partition::outranking`] stands in the log.
    pub fn is_outranked_no_more(&mut self) {
        self.outranked.clear();
        self.outranked_profiles.clear();
    }

    /// A page of the backlog: users with something to be done, after the place `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn backlog(&mut self, after: Option<i64>, rows: usize, rules: &Connections) -> Result<Backlog, store::Error> {
        let Page { users, next } = self.store.pending(after, rows)?;
        let work = users.iter().filter_map(|(id, user)| work(self.number, *id, user, rules)).collect();
        Ok(Backlog { work, next })
    }

    /// After the connections changed: looks at every user again, a page at a time, and notes who has something to be done. A
    /// user with nothing left to do is told too, so that work for a connection that was paused or removed is forgotten.
    ///
    /// # Errors
    /// When the store fails.
    pub fn reconsider(
        &mut self,
        after: Option<i64>,
        rows: usize,
        rules: &Connections,
    ) -> Result<Backlog, store::Error> {
        self.settle()?;
        let Page { users, next } = self.store.users(after, rows)?;
        let mut due = Vec::new();
        for (id, user) in &users {
            due.push(work(self.number, *id, user, rules).unwrap_or_else(|| nothing(self.number, *id, user)));
            self.store.user_mut(*id)?;
        }
        if next.is_none() {
            self.marked_by = Some(rules.clone());
        }
        self.flush(rules)?;
        Ok(Backlog { work: due, next })
    }
}

/// Some of the backlog, and where the next page begins; `None` after the last.
pub struct Backlog {
    /// What is to be done.
    pub work: Vec<Work>,
    /// To go on from.
    pub next: Option<i64>,
}

const fn fresh_since(now_ms: i64) -> i64 {
    now_ms.saturating_sub(FRESH_MS)
}

/// What is to be done for a user; `None` when nothing is.
fn work(partition: u32, id: UserId, user: &User, rules: &Connections) -> Option<Work> {
    let action = decide(id, user, rules);
    let shown = action != Action::Nothing || is_live(user);
    let active = active(user, rules).filter(|_| shown);
    let lookups: Vec<_> = active.filter_map(|(number, friend)| Some((number, friend.profile_due()?))).collect();
    let idle = action == Action::Nothing && lookups.is_empty();
    (!idle).then(|| Work { action, lookups, ..nothing(partition, id, user) })
}

/// Is there [`work`]?
fn has_work(id: UserId, user: &User, rules: &Connections) -> bool {
    is_due(id, user, rules) || is_live(user) && active(user, rules).any(|(_, friend)| friend.profile_due().is_some())
}

fn is_live(user: &User) -> bool {
    matches!(user.account.link, Link::Live(_))
}

fn active<'a>(user: &'a User, rules: &'a Connections) -> impl Iterator<Item = (ConnectionNumber, &'a Friend)> {
    user.friends().filter(|(number, _)| rules.get(*number).is_some())
}

fn nothing(partition: u32, id: UserId, user: &User) -> Work {
    let account = user.account.clone();
    Work {
        partition,
        user: id,
        action: Action::Nothing,
        account,
        returned_ms: user.returned_ms(),
        lookups: Vec::new(),
        fresh: false,
        received_at_ms: None,
        attempts: 0,
        resisted: 0,
    }
}
