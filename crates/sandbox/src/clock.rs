//! The sandbox's time: a clock underneath, moved forward on request.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use runtime::clock::Clock;

/// A clock that can be ahead of the one underneath.
#[derive(Clone)]
pub struct SandboxClock {
    beneath: Arc<dyn Clock>,
    ahead_ms: Arc<AtomicI64>,
}

impl SandboxClock {
    /// Goes with `beneath`.
    pub fn new(beneath: Arc<dyn Clock>) -> Self {
        Self { beneath, ahead_ms: Arc::default() }
    }

    /// Moves forward.
    pub fn advance(&self, by_ms: u32) {
        self.ahead_ms.fetch_add(i64::from(by_ms), Ordering::SeqCst);
    }
}

impl Clock for SandboxClock {
    fn now_ms(&self) -> i64 {
        self.beneath.now_ms() + self.ahead_ms.load(Ordering::SeqCst)
    }
}
