//! Looks over the process's shoulder while it calls HubSpot: does it keep the limits, and the waits it was told?

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Our share of HubSpot's limit: 80 calls within ten seconds.
const CALLS_MAX: usize = 80;
const WINDOW_MS: i64 = 10_000;

/// Searches within a second: HubSpot allows five.
const SEARCHES_MAX: usize = 5;
const SEARCH_WINDOW_MS: i64 = 1_000;

/// What was seen.
#[derive(Default)]
pub struct Watch(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    life: u64,
    calls: VecDeque<i64>,
    searches: VecDeque<i64>,
    all_wait_until_ms: i64,
    searches_wait_until_ms: i64,
    early: u64,
    beyond: u64,
}

impl Watch {
    /// A call leaves. A new life knows nothing of what the last one was told.
    pub fn sent(&self, life: u64, search: bool, now_ms: i64) {
        let mut seen = self.lock();
        if life != seen.life {
            let (early, beyond) = (seen.early, seen.beyond);
            *seen = Seen { life, early, beyond, ..Seen::default() };
        }
        let early = now_ms < seen.all_wait_until_ms || (search && now_ms < seen.searches_wait_until_ms);
        seen.early += u64::from(early);
        let full = count(&mut seen.calls, now_ms, WINDOW_MS) > CALLS_MAX
            || (search && count(&mut seen.searches, now_ms, SEARCH_WINDOW_MS) > SEARCHES_MAX);
        seen.beyond += u64::from(full);
    }

    /// An answer told to wait.
    pub fn told(&self, life: u64, search_only: bool, until_ms: i64) {
        let mut seen = self.lock();
        if life != seen.life {
            return;
        }
        let until = if search_only { &mut seen.searches_wait_until_ms } else { &mut seen.all_wait_until_ms };
        *until = until_ms.max(*until);
    }

    /// Calls made before a wait was over, and calls beyond the limits.
    pub fn broken(&self) -> (u64, u64) {
        let seen = self.lock();
        (seen.early, seen.beyond)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(calls: &mut VecDeque<i64>, now_ms: i64, window_ms: i64) -> usize {
    while calls.front().is_some_and(|at_ms| *at_ms <= now_ms - window_ms) {
        calls.pop_front();
    }
    calls.push_back(now_ms);
    calls.len()
}
