//! Times in which nothing is sent, and why.

use super::Kind;
use crate::{Error, Policy};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Why calls wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The limit per ten seconds was met. Stops all calls.
    Burst,
    /// The limit of search was met. Stops searches.
    Search,
    /// The day's calls are used up. Stops all calls; for backfill also when only the reserve is left.
    Daily,
    /// Data is locked. Stops all calls.
    Locked,
    /// The portal moves. Stops all calls.
    Migration,
    /// HubSpot fails. Stops all calls.
    Outage,
    /// HubSpot does not accept the token, or it may not write contacts. Stops all calls, but for a probe a minute.
    Credentials,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 7] =
        [Self::Burst, Self::Search, Self::Daily, Self::Locked, Self::Migration, Self::Outage, Self::Credentials];

    /// One word, for dashboards and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Search => "search",
            Self::Daily => "daily",
            Self::Locked => "locked",
            Self::Migration => "migration",
            Self::Outage => "outage",
            Self::Credentials => "credentials",
        }
    }

    const fn stops(self, kind: Kind) -> bool {
        !matches!((self, kind), (Self::Search, Kind::General))
    }

    /// What a call fails with that would have to wait this long; `denied` is what the token lacks.
    pub(super) fn error(self, wait: Duration, denied: &Error) -> Error {
        match self {
            Self::Burst => Error::RateLimited { policy: Policy::Burst, wait },
            Self::Search => Error::RateLimited { policy: Policy::Search, wait },
            Self::Daily => Error::RateLimited { policy: Policy::Daily, wait },
            Self::Locked => Error::Locked { wait },
            Self::Migration => Error::Migrating { wait },
            Self::Outage => {
                Error::Unavailable { detail: format!("it failed before; the next call is in {} s", wait.as_secs()) }
            }
            Self::Credentials => denied.clone(),
        }
    }
}

/// A pause, for a dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Why.
    pub why: Why,
    /// Until when, milliseconds since 1970.
    pub until_ms: i64,
}

/// The pauses that hold. A later end replaces an earlier one; an earlier end shortens nothing.
#[derive(Debug, Default)]
pub(super) struct Pauses(BTreeMap<Why, Instant>);

impl Pauses {
    pub(super) fn extend(&mut self, why: Why, until: Instant) {
        let end = self.0.entry(why).or_insert(until);
        *end = until.max(*end);
    }

    pub(super) fn holds(&self, why: Why, now: Instant) -> bool {
        self.0.get(&why).is_some_and(|until| *until > now)
    }

    /// The pause that stops this kind of call for longest.
    pub(super) fn stopping(&self, kind: Kind, now: Instant) -> Option<(Why, Instant)> {
        let stopping = self.0.iter().filter(|(why, until)| why.stops(kind) && **until > now);
        stopping.max_by_key(|(_, until)| **until).map(|(why, until)| (*why, *until))
    }

    /// The pause that stops anything for longest.
    pub(super) fn longest(&self, now: Instant) -> Option<(Why, Instant)> {
        self.stopping(Kind::Search, now)
    }
}
