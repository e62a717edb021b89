//! How often what went wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

/// Faults by name.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    /// Something went wrong once more.
    pub fn count(&self, fault: impl Into<String>) {
        *self.faults().entry(fault.into()).or_default() += 1;
    }

    /// Each fault with how often it was.
    pub fn rows(&self) -> impl Iterator<Item = (String, u64)> {
        self.faults().clone().into_iter()
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.faults().values().sum()
    }

    fn faults(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap()
    }
}
