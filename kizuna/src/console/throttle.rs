//! How often somebody may try to sign in: few times for one name, and not much more often for all names together.

use runtime::clock::Clock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Failures for one name that cost no wait.
const FREE_FAILURES: u32 = 5;

/// The first wait; each further failure doubles it.
const WAIT_FIRST_MS: i64 = 30_000;

/// The longest wait.
const WAIT_MAX_MS: i64 = 15 * 60_000;

/// After so long without a failure, a name begins anew.
const FORGET_MS: i64 = 60 * 60_000;

/// Failures for all names together within a minute.
const FAILURES_PER_MINUTE: u32 = 60;

/// Names that are remembered.
const NAMES_MAX: usize = 10_000;

/// Counts failures to sign in.
pub struct Throttle {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: HashMap<String, Failures>,
    minute: i64,
    in_minute: u32,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last_ms: i64,
}

impl Failures {
    fn wait_ms(self) -> i64 {
        let Some(doublings) = self.count.checked_sub(FREE_FAILURES) else { return 0 };
        WAIT_FIRST_MS.saturating_mul(1 << doublings.min(10)).min(WAIT_MAX_MS)
    }
}

impl Throttle {
    /// Nobody failed yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// May somebody try this name now? Counts as a failure until [`Self::forget`] says that it was none, so that attempts
    /// made at once are all counted.
    pub fn admit(&self, name: &str) -> bool {
        let (now_ms, name) = (self.clock.now_ms(), name.to_lowercase());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now_ms.div_euclid(60_000);
        if state.minute != minute {
            (state.minute, state.in_minute) = (minute, 0);
            state.names.retain(|_, failures| now_ms - failures.last_ms < FORGET_MS);
        }
        let known = state.names.get(&name).copied();
        let waits = known.is_some_and(|failures| now_ms - failures.last_ms < failures.wait_ms());
        if waits || state.in_minute >= FAILURES_PER_MINUTE || (known.is_none() && state.names.len() >= NAMES_MAX) {
            return false;
        }
        state.in_minute += 1;
        let count = known.map_or(1, |failures| failures.count + 1);
        state.names.insert(name, Failures { count, last_ms: now_ms });
        true
    }

    /// The attempt was good.
    pub fn forget(&self, name: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_minute = state.in_minute.saturating_sub(1);
        state.names.remove(&name.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::clock::ManualClock;

    fn at(now_ms: i64) -> (Throttle, ManualClock) {
        let clock = ManualClock::at(now_ms);
        (Throttle::new(Arc::new(clock.clone())), clock)
    }

    #[test]
    fn ten_thousand_guesses_in_a_day_come_to_a_hundred_attempts() {
        let (throttle, clock) = at(0);
        let mut attempts = 0;
        for _ in 0..10_000 {
            attempts += u32::from(throttle.admit("admin") || throttle.admit("ADMIN"));
            clock.advance(8_640);
        }
        assert!((90..=110).contains(&attempts), "{attempts}");
    }

    #[test]
    fn five_mistakes_cost_no_wait_and_a_good_password_forgets_them() {
        let (throttle, clock) = at(0);
        assert!((0..5).all(|_| throttle.admit("a")));
        assert!(!throttle.admit("a"), "the sixth waits");
        assert!(throttle.admit("b"), "another name does not");
        clock.advance(WAIT_FIRST_MS);
        assert!(throttle.admit("a"));
        throttle.forget("a");
        assert!((0..5).all(|_| throttle.admit("a")));
    }

    #[test]
    fn many_names_together_are_throttled_too() {
        let (throttle, clock) = at(0);
        let admitted = (0..1_000).filter(|name| throttle.admit(&name.to_string())).count();
        assert_eq!(admitted, FAILURES_PER_MINUTE as usize);
        clock.advance(60_000);
        assert!(throttle.admit("somebody"));
    }
}
