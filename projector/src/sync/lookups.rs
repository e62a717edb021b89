//! Profile look-ups to be made: at most one at a time per friend. Pure: time is passed in.

use super::queue::Work;
use contact::{ConnectionNumber, ProfileDue, UserId};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// Look-ups held in memory; the others wait in the state store.
pub const HELD_MAX: usize = 100_000;

/// A look-up to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The partition that the user belongs to.
    pub partition: u32,
    /// Whom to look up.
    pub user: UserId,
    /// Through which account.
    pub connection: ConnectionNumber,
    /// For which event.
    pub due: ProfileDue,
}

/// How a look-up ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The answer was appended to the log.
    Answered,
    /// Nothing is known: try again after this time.
    Retry(Duration),
    /// LINE does not accept the connection's credentials: nobody is looked up through it once more for so long.
    Refused(Duration),
}

type Friend = (UserId, ConnectionNumber);

#[derive(Debug)]
struct Entry {
    lookup: Lookup,
    /// `None` while it is with a worker, or answered and not yet folded.
    ready_at: Option<Instant>,
    answered: bool,
    /// The person was erased while it was with a worker.
    erased: bool,
    attempts: u32,
}

/// Is something asked that an answered look-up did not answer, from a state that knows the answer? From an older state nobody
/// can tell, and what it knows of the person is no longer the newest: the fold asks again when it has seen the answer.
fn asks_on(due: &ProfileDue, answered: &ProfileDue) -> bool {
    due.covers_ms > answered.covers_ms && due.covered_ms >= Some(answered.covers_ms)
}

/// All look-ups that are due or under way.
#[derive(Debug, Default)]
pub struct Lookups {
    entries: HashMap<Friend, Entry>,
    by_user: HashMap<UserId, BTreeSet<ConnectionNumber>>,
    waiting: BTreeSet<(Instant, Friend)>,
    /// Connections whose credentials LINE refused, and until when those are not tried again for whom they were tried.
    refused: HashMap<ConnectionNumber, Instant>,
}

impl Lookups {
    /// Takes over what a user's newest state asks for. A look-up that the state no longer asks for is forgotten. `false` when
    /// there was no room, and the user stays in the state store.
    pub fn push(&mut self, work: &Work, now: Instant) -> bool {
        let mut all_taken = true;
        let asked = |connection| work.lookups.iter().any(|(number, _)| *number == connection);
        let known = self.by_user.get(&work.user).cloned().unwrap_or_default();
        for connection in known.into_iter().filter(|connection| !asked(*connection)) {
            self.forget((work.user, connection));
        }
        for (connection, due) in &work.lookups {
            let lookup =
                Lookup { partition: work.partition, user: work.user, connection: *connection, due: due.clone() };
            let friend = (work.user, *connection);
            let full = self.entries.len() >= HELD_MAX;
            match self.entries.get_mut(&friend) {
                Some(entry) if entry.answered && asks_on(due, &entry.lookup.due) => {
                    self.forget(friend);
                    self.begin(friend, lookup, now);
                }
                Some(entry) if !entry.answered => entry.lookup = lookup,
                Some(_) => {}
                None if full => all_taken = false,
                None => self.begin(friend, lookup, now),
            }
        }
        all_taken
    }

    /// The next look-up to make now, and how often it was tried. One that was never tried shows whether LINE accepts a connection's
    /// credentials again.
    pub fn take(&mut self, now: Instant) -> Option<(Lookup, u32)> {
        loop {
            let (_, friend) = self.waiting.first().filter(|(ready_at, _)| *ready_at <= now).copied()?;
            self.waiting.pop_first();
            let until = self.refused.get(&friend.1).copied().filter(|until| *until > now);
            let entry = self.entries.get_mut(&friend)?;
            if let Some(until) = until.filter(|_| entry.attempts > 0) {
                self.wait_until(friend, until);
                continue;
            }
            (entry.ready_at, entry.erased) = (None, false);
            return Some((entry.lookup.clone(), entry.attempts));
        }
    }

    /// The connections changed: those that LINE refused may have other credentials now.
    pub fn try_refused_again(&mut self, now: Instant) {
        let refused = std::mem::take(&mut self.refused);
        let is_refused = |(_, (_, connection)): &&(Instant, Friend)| refused.contains_key(connection);
        let put_off: Vec<_> = self.waiting.iter().filter(is_refused).copied().collect();
        for (ready_at, friend) in put_off {
            self.waiting.remove(&(ready_at, friend));
            self.wait_until(friend, now);
        }
    }

    fn wait_until(&mut self, friend: Friend, ready_at: Instant) {
        let Some(entry) = self.entries.get_mut(&friend) else { return };
        entry.ready_at = Some(ready_at);
        self.waiting.insert((ready_at, friend));
    }

    /// A look-up ended.
    pub fn ended(&mut self, lookup: &Lookup, looked: Looked, now: Instant) {
        let friend = (lookup.user, lookup.connection);
        match looked {
            Looked::Answered => _ = self.refused.remove(&lookup.connection),
            Looked::Refused(wait) => _ = self.refused.insert(lookup.connection, now + wait),
            Looked::Retry(_) => {}
        }
        let Some(entry) = self.entries.get_mut(&friend) else { return };
        match looked {
            Looked::Answered if entry.erased || asks_on(&entry.lookup.due, &lookup.due) => {
                let newest = entry.lookup.clone();
                self.forget(friend);
                self.begin(friend, newest, now);
            }
            Looked::Answered => {
                entry.lookup = lookup.clone();
                entry.answered = true;
            }
            Looked::Retry(wait) | Looked::Refused(wait) => {
                entry.attempts += 1;
                self.wait_until(friend, now + wait);
            }
        }
    }

    /// When the next look-up gets ready.
    pub fn next_ready(&self) -> Option<Instant> {
        self.waiting.first().map(|(ready_at, _)| *ready_at)
    }

    /// Is there room for more of those that wait in the state store?
    pub fn wants_more(&self) -> bool {
        self.entries.len() < HELD_MAX / 2
    }

    /// The person was erased. No state will know an answer about the time before, so none is waited for. To be told before the
    /// person's newest work.
    pub fn erased(&mut self, user: UserId) {
        for connection in self.by_user.get(&user).cloned().unwrap_or_default() {
            let friend = (user, connection);
            match self.entries.get_mut(&friend) {
                Some(entry) if entry.answered => self.forget(friend),
                Some(entry) => entry.erased = entry.ready_at.is_none(),
                None => {}
            }
        }
    }

    /// The partition was lost.
    pub fn drop_partition(&mut self, partition: u32) {
        let of_partition =
            |(friend, entry): (&Friend, &Entry)| (entry.lookup.partition == partition).then_some(*friend);
        let lost: Vec<Friend> = self.entries.iter().filter_map(of_partition).collect();
        for friend in lost {
            self.forget(friend);
        }
    }

    /// Is nothing due or under way?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn begin(&mut self, friend: Friend, lookup: Lookup, now: Instant) {
        self.entries.insert(friend, Entry { lookup, ready_at: Some(now), answered: false, erased: false, attempts: 0 });
        self.by_user.entry(friend.0).or_default().insert(friend.1);
        self.waiting.insert((now, friend));
    }

    fn forget(&mut self, friend: Friend) {
        if let Some(connections) = self.by_user.get_mut(&friend.0) {
            connections.remove(&friend.1);
            if connections.is_empty() {
                self.by_user.remove(&friend.0);
            }
        }
        if let Some(Entry { ready_at: Some(ready_at), .. }) = self.entries.remove(&friend) {
            self.waiting.remove(&(ready_at, friend));
        }
    }
}

#[cfg(test)]
mod tests;
