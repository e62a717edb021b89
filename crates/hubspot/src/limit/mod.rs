//! The request budget of a portal: never more calls than HubSpot allows, and the urgent ones first.
//!
//! | Limit | Kept by |
//! | --- | --- |
//! | calls per ten seconds | a sliding window of 80 % of what HubSpot's headers announce |
//! | searches per second | a window of its own |
//! | calls per day | a pause until the portal's midnight; backfill leaves a reserve to fresh changes |
//! | calls at a time | at most four |
//! | 423, 429, 477, outages, a refused token | pauses |
//!
//! Backfill is spread evenly over what fresh calls leave of the window, so that a fresh call finds a free place soon, and gets
//! every eighth place while fresh calls queue up. The rules are in pure types that are told the time; [`Budget`] adds waiting.

mod daily;
mod ledger;
mod pause;
mod queue;
mod window;

pub use ledger::{Settings, Status};
pub use pause::{Paused, Why};

use crate::Error;
use ledger::{Ledger, Turn};
use runtime::clock::Clock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The longest pause that a call waits through before it fails instead.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// How urgent a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Something just happened: people wait for it.
    Fresh,
    /// Catching up, replay, repair: as fast as fresh calls leave room for, but never not at all.
    Backfill,
}

impl Priority {
    /// One word, for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Backfill => "backfill",
        }
    }
}

/// Which limits a call counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The general ones.
    General,
    /// The general ones and that of search.
    Search,
}

/// What the headers of an answer told about the limits. Search answers tell nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Calls allowed in a window.
    pub max: Option<u32>,
    /// Calls left in the window.
    pub left: Option<u32>,
    /// The window.
    pub window: Option<Duration>,
    /// Calls allowed in a day.
    pub daily: Option<u64>,
    /// Calls left in the day.
    pub daily_left: Option<u64>,
}

/// The budget. All calls to one portal share it.
pub struct Budget {
    ledger: Mutex<Ledger>,
    changed: Notify,
    clock: Arc<dyn Clock>,
}

impl Budget {
    /// A budget of which nothing is used yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Arc<Self> {
        let ledger = Mutex::new(Ledger::new(settings, Instant::now()));
        Arc::new(Self { ledger, changed: Notify::new(), clock })
    }

    /// Waits for a place. The call counts from now on, and is under way until the permit is dropped.
    ///
    /// # Errors
    /// When a pause lasts longer than [`PATIENCE`]: what the pause is for.
    pub async fn acquire(self: &Arc<Self>, kind: Kind, priority: Priority) -> Result<Permit, Error> {
        let ticket = self.ledger().enter(kind, priority);
        let place = Place { budget: self, ticket };
        loop {
            let changed = self.changed.notified();
            let turn = self.ledger().turn(place.ticket, Instant::now());
            match turn {
                Turn::Granted => return Ok(Permit { budget: Arc::clone(self) }),
                Turn::Paused(error) => return Err(error),
                Turn::NotBefore(time) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(time) => {}
                    }
                }
                Turn::Behind => changed.await,
            }
        }
    }

    /// HubSpot answered, and told its limits.
    pub fn learn(&self, told: &Allowance) {
        self.ledger().learn(told, Instant::now(), self.clock.now_ms());
        self.changed.notify_waiters();
    }

    /// A call succeeded: there is no outage.
    pub fn succeeded(&self) {
        self.ledger().succeeded();
    }

    /// A call failed. Pauses if the error asks for it, and gives it back with the wait that holds.
    pub fn failed(&self, error: Error) -> Error {
        let error = self.ledger().failed(error, Instant::now(), self.clock.now_ms());
        self.changed.notify_waiters();
        error
    }

    /// HubSpot told how long an outage lasts: nothing is sent before.
    pub fn wait_out(&self, wait: Duration) {
        self.ledger().wait_out(wait, Instant::now());
        self.changed.notify_waiters();
    }

    /// By how much the portal's clocks are ahead of UTC, so that its midnight is known.
    pub fn know_utc_offset(&self, utc_offset_ms: i64) {
        self.ledger().daily_mut().know_utc_offset(utc_offset_ms);
    }

    /// When HubSpot will count the day's calls anew, milliseconds since 1970.
    pub fn know_reset(&self, resets_at_ms: i64) {
        self.ledger().daily_mut().know_reset(resets_at_ms);
    }

    /// What HubSpot does not accept about the token, if that is the last that it said about it.
    pub fn refusal(&self) -> Option<Error> {
        self.ledger().refusal()
    }

    /// What is left, and whether calls wait.
    pub fn status(&self) -> Status {
        self.ledger().status(Instant::now(), self.clock.now_ms())
    }

    /// The rules never panic half-way through a change, so what a panicking caller left behind is sound.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue; left when dropped, however that comes about.
struct Place<'a> {
    budget: &'a Budget,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.budget.ledger().leave(self.ticket);
        self.budget.changed.notify_waiters();
    }
}

/// A call under way.
pub struct Permit {
    budget: Arc<Budget>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.ledger().end();
        self.budget.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
