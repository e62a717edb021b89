//! How many friends each connection has, and when the last of them was seen.
//!
//! To count, everybody is looked at. So it is done beside the requests, when somebody asks and the last count is not fresh any
//! more, and rests [`REST`] times as long as it took: whatever the number of friends and of page views, counting takes at most
//! one part in so many of a processor.

use super::Friends;
use contact::{ConnectionNumber, User};
use runtime::clock::Clock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// How many times as long as a count took no other begins.
const REST: u32 = 50;

/// How long no other begins at the least.
const REST_MIN: Duration = Duration::from_secs(1);

/// Who asks waits so long for a count under way: a small one is done by then.
const PATIENCE: Duration = Duration::from_millis(300);

/// Rows read at a time.
const ROWS: usize = 1_000;

/// Everybody, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// When it was begun, milliseconds since 1970.
    pub at_ms: i64,
    /// By connection; those without friends are not there.
    pub tallies: BTreeMap<ConnectionNumber, Tally>,
    /// People, each once.
    pub people: u64,
    /// Partitions that have no state on this machine.
    pub elsewhere: u32,
}

/// One connection's share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Who follow it.
    pub friends: u64,
    /// Who block it. Who wrote since, without following again, is counted neither here nor there.
    pub blocked: u64,
    /// Who wait for an answer.
    pub waiting: u64,
    /// When the last of them did something, milliseconds since 1970.
    pub last_seen_ms: Option<i64>,
}

impl Friends {
    /// Counts everybody.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn count(&self, at_ms: i64) -> anyhow::Result<Count> {
        let mut count = Count { at_ms, ..Count::default() };
        for number in 0..self.partitions {
            let Some(store) = self.store(number)? else {
                count.elsewhere += 1;
                continue;
            };
            let mut after = None;
            loop {
                let page = store.rows(after, ROWS)?;
                page.rows.iter().flat_map(|(_, users)| users).for_each(|(_, user)| count.add(user));
                after = page.rows.last().map(|(place, _)| *place);
                if page.is_last {
                    break;
                }
            }
        }
        Ok(count)
    }
}

impl Count {
    fn add(&mut self, user: &User) {
        self.people += 1;
        for (number, friend) in user.friends() {
            let Some(follows) = friend.follows() else { continue };
            let tally = self.tallies.entry(number).or_default();
            tally.friends += u64::from(follows);
            tally.blocked += u64::from(friend.blocks());
            tally.waiting += u64::from(friend.unanswered());
            tally.last_seen_ms = tally.last_seen_ms.max(friend.last_seen_ms());
        }
    }

    /// The share of a connection.
    pub fn of(&self, number: ConnectionNumber) -> Tally {
        self.tallies.get(&number).copied().unwrap_or_default()
    }
}

/// Counts when it is worth it. Clones are the same one.
#[derive(Clone)]
pub struct Census(Arc<Inner>);

struct Inner {
    friends: Friends,
    clock: Arc<dyn Clock>,
    counted: watch::Sender<Option<Arc<Count>>>,
    turn: Mutex<Turn>,
}

#[derive(Default)]
struct Turn {
    is_counting: bool,
    not_before: Option<Instant>,
}

impl Census {
    /// Nothing is counted yet.
    pub fn new(friends: Friends, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { friends, clock, counted: watch::Sender::new(None), turn: Mutex::default() }))
    }

    /// The newest count; `None` while the first is under way.
    pub async fn newest(&self) -> Option<Arc<Count>> {
        let mut counted = self.0.counted.subscribe();
        if self.begin() {
            let inner = Arc::clone(&self.0);
            tokio::task::spawn_blocking(move || inner.count());
        }
        if self.0.turn().is_counting {
            drop(timeout(PATIENCE, counted.changed()).await);
        }
        counted.borrow().clone()
    }

    /// Waits until everybody was counted.
    #[cfg(test)]
    pub async fn fresh(&self) -> Arc<Count> {
        let mut counted = self.0.counted.subscribe();
        self.newest().await;
        let count = counted.wait_for(Option::is_some).await.ok().and_then(|count| count.clone());
        count.expect("everybody is counted in the end")
    }

    /// Is it this caller's turn to count?
    fn begin(&self) -> bool {
        let mut turn = self.0.turn();
        let is_rested = turn.not_before.is_none_or(|not_before| Instant::now() >= not_before);
        let is_due = is_rested && !turn.is_counting;
        turn.is_counting |= is_due;
        is_due
    }
}

impl Inner {
    fn count(&self) {
        let began = Instant::now();
        match self.friends.count(self.clock.now_ms()) {
            Ok(count) => drop(self.counted.send_replace(Some(Arc::new(count)))),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the friends cannot be counted"),
        }
        let mut turn = self.turn();
        turn.is_counting = false;
        turn.not_before = Some(Instant::now() + (began.elapsed() * REST).max(REST_MIN));
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::friends::tests::{Shelf, number};
    use runtime::clock::ManualClock;

    #[test]
    fn each_connection_has_its_friends_who_follow_block_and_wait() {
        let shelf = Shelf::new();
        let users = shelf.fill(3, |place| place.to_string());
        shelf.message(1, users[0], 50);
        shelf.message(2, users[0], 70);
        shelf.block(1, users[1], 90);
        let count = shelf.friends.count(100).unwrap();
        let one = Tally { friends: 2, blocked: 1, waiting: 1, last_seen_ms: Some(90) };
        assert_eq!(count.of(number(1)), one);
        let two = Tally { friends: 1, waiting: 1, last_seen_ms: Some(70), ..Tally::default() };
        assert_eq!(count.of(number(2)), two);
        assert_eq!(count.of(number(3)), Tally::default());
        assert_eq!((count.people, count.at_ms), (3, 100));
    }

    #[test]
    fn who_writes_after_an_unfollow_neither_follows_nor_blocks() {
        let shelf = Shelf::new();
        let users = shelf.fill(1, |place| place.to_string());
        shelf.block(1, users[0], 60);
        shelf.message(1, users[0], 70);
        let tally = shelf.friends.count(100).unwrap().of(number(1));
        assert_eq!((tally.friends, tally.blocked, tally.waiting), (0, 0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn another_count_begins_only_after_a_rest() {
        let shelf = Shelf::new();
        shelf.fill(1, |place| place.to_string());
        let census = Census::new(shelf.friends.clone(), Arc::new(ManualClock::at(7)));
        assert_eq!(census.fresh().await.people, 1);
        shelf.fill(2, |place| place.to_string());
        tokio::time::advance(REST_MIN - Duration::from_millis(1)).await;
        assert_eq!(census.newest().await.unwrap().people, 1);
        tokio::time::advance(Duration::from_secs(60)).await;
        let mut counted = census.0.counted.subscribe();
        census.newest().await;
        assert!(counted.wait_for(|count| count.as_ref().is_some_and(|it| it.people == 2)).await.is_ok());
    }
}
