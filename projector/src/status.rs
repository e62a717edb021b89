//! How far the projector is, for health checks.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Partitions owned and restoring.
#[derive(Debug, Default)]
pub struct Status {
    owned: AtomicUsize,
    restoring: AtomicUsize,
}

impl Status {
    /// Partitions that this process owns.
    pub fn owned(&self) -> usize {
        self.owned.load(Ordering::Relaxed)
    }

    /// Of those, the ones that still catch up with the log.
    pub fn restoring(&self) -> usize {
        self.restoring.load(Ordering::Relaxed)
    }

    /// Has this process partitions, all of them up to date?
    pub fn is_ready(&self) -> bool {
        self.owned() > 0 && self.restoring() == 0
    }

    pub(crate) fn set(&self, owned: usize, restoring: usize) {
        self.owned.store(owned, Ordering::Relaxed);
        self.restoring.store(restoring, Ordering::Relaxed);
    }
}
