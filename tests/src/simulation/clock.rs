//! Time of day that runs with the runtime's paused clock.

use runtime::clock::Clock;
use tokio::time::Instant;

/// When every run begins: 2026-10-19 00:00 UTC.
pub const BEGIN_MS: i64 = 1_792_368_000_000;

/// The clock of a run.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedClock(Instant);

impl SimulatedClock {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> i64 {
        BEGIN_MS + i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

impl Clock for SimulatedClock {
    fn now_ms(&self) -> i64 {
        self.now()
    }
}
