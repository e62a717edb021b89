//! What a serving process reports about itself as a whole.

use connection::{Snapshot, State};
use runtime::clock::Clock;

runtime::metrics! {
    /// The metrics of a process.
    pub struct Metrics {
        /// Always 1; its labels say which program runs, in which role, on which kind of log.
        build: IntGaugeVec = "kizuna_build_info" ["version", "role", "log"],
        /// When the process began to serve, seconds since 1970.
        started: IntGauge = "kizuna_process_started_seconds",
        /// Is the part as it should be? 1 or 0; `/ready` says why not, and whether the process can work all the same.
        ready: IntGaugeVec = "kizuna_part_ready" ["part"],
        /// Connected accounts by state: active, paused.
        accounts: IntGaugeVec = "kizuna_connected_accounts" ["state"],
    }
}

impl Metrics {
    /// The process begins to serve.
    pub fn begin(&self, role: &str, log: &str, clock: &dyn Clock) {
        self.build.with_label_values(&[env!("CARGO_PKG_VERSION"), role, log]).set(1);
        self.started.set(clock.now_ms().div_euclid(1000));
    }

    /// Accounts were connected, paused or removed.
    pub fn count(&self, known: &Snapshot) {
        for (name, state) in [("active", State::Active), ("paused", State::Paused)] {
            let count = known.all().filter(|connection| connection.state == state).count();
            self.accounts.with_label_values(&[name]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
