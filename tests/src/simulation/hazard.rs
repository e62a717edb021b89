//! Chance and death: which effects go wrong, and which process is no longer alive.

use sandbox::dice::Dice;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Decides over faults, and counts them.
pub struct Hazards {
    state: Mutex<State>,
    /// Somebody died.
    pub died: Notify,
}

struct State {
    dice: Dice,
    counts: BTreeMap<&'static str, u64>,
    armed: bool,
    /// The newest life that is over.
    dead: u64,
}

impl Hazards {
    /// The hazards of a seed.
    pub fn new(seed: u64) -> Self {
        let state = State { dice: Dice::new(seed, "hazards"), counts: BTreeMap::new(), armed: false, dead: 0 };
        Self { state: Mutex::new(state), died: Notify::new() }
    }

    /// Does it happen, with this chance per thousand? Nothing happens unless the hazards are on.
    pub fn strikes(&self, what: &'static str, chance: u64) -> bool {
        let mut state = self.lock();
        let strikes = state.armed && state.dice.below(1_000) < chance;
        if strikes {
            *state.counts.entry(what).or_default() += 1;
        }
        strikes
    }

    /// Counts what somebody did on purpose.
    pub fn count(&self, what: &'static str) {
        *self.lock().counts.entry(what).or_default() += 1;
    }

    /// A number from `least` to `most`.
    pub fn between(&self, least: u64, most: u64) -> u64 {
        least + self.lock().dice.below(most - least + 1)
    }

    /// One of these.
    pub fn choose<T: Copy>(&self, among: &[T]) -> Option<T> {
        let place = self.lock().dice.below(among.len() as u64);
        among.get(usize::try_from(place).unwrap_or(0)).copied()
    }

    /// The process of this life dies, with this chance per thousand.
    pub fn kills(&self, life: u64, chance: u64) -> bool {
        let strikes = self.strikes("crash", chance);
        if strikes {
            self.kill(life);
        }
        strikes
    }

    /// The process of this life is dead from now on.
    pub fn kill(&self, life: u64) {
        let mut state = self.lock();
        state.dead = state.dead.max(life);
        drop(state);
        self.died.notify_waiters();
    }

    /// Is the process of this life dead?
    pub fn is_dead(&self, life: u64) -> bool {
        life <= self.lock().dead
    }

    /// From now on faults happen, or no more.
    pub fn turn(&self, on: bool) {
        self.lock().armed = on;
    }

    /// How often what happened.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
