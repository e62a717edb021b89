//! The rules of the budget, told the time.

use super::daily::Daily;
use super::pause::{Paused, Pauses, Why};
use super::queue::{BACKFILL_SHARE, Queue};
use super::window::Window;
use super::{Allowance, Kind, PATIENCE, Priority};
use crate::{Error, Policy};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use runtime::backoff::{Backoff, Waits};
use std::time::Duration;
use tokio::time::Instant;

/// Backfill that fell behind its even pace may make up for so many calls at once.
const CATCH_UP_CALLS: u32 = 4;

/// After trouble the pace is raised by one step for every span of this length without new trouble.
const RECOVERY: Duration = Duration::from_secs(10);

/// By how many per cent of HubSpot's limit one step of recovery raises our share.
const RECOVERY_PERCENT: u32 = 5;

/// A token that HubSpot refused is tried again once a minute.
const PROBE: Duration = Duration::from_secs(60);

/// How a budget is kept.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Calls per window that HubSpot allows, until its headers tell.
    pub burst_max: u32,
    /// The window, until HubSpot's headers tell.
    pub window: Duration,
    /// How much of HubSpot's limit is used, per cent; the rest is for clocks that differ and other users of the token.
    pub share_percent: u32,
    /// Searches per second. HubSpot allows five.
    pub searches_per_second: u32,
    /// Calls at a time.
    pub in_flight_max: usize,
    /// How much of the day's calls backfill leaves to fresh changes, per cent.
    pub daily_reserve_percent: u64,
    /// The pauses while HubSpot fails.
    pub outage: Backoff,
    /// Seeds the jitter of these pauses.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            burst_max: 100,
            window: Duration::from_secs(10),
            share_percent: 80,
            searches_per_second: 4,
            in_flight_max: 4,
            daily_reserve_percent: 10,
            outage: Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(60), jitter: 0.5 },
            seed: 0,
        }
    }
}

/// What a dashboard shows of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Calls that we make at most within a window.
    pub burst_max: usize,
    /// Of these, calls that could be made now.
    pub burst_left: usize,
    /// The window.
    pub window: Duration,
    /// Searches that could be made now.
    pub searches_left: usize,
    /// Calls allowed today, for all apps of the portal; `None` when HubSpot did not tell.
    pub daily_max: Option<u64>,
    /// Of these, calls left.
    pub daily_left: Option<u64>,
    /// Calls under way.
    pub in_flight: usize,
    /// Calls that may be under way at a time.
    pub in_flight_max: usize,
    /// Fresh calls that wait for a place.
    pub fresh_waiting: usize,
    /// Backfill calls that wait for a place.
    pub backfill_waiting: usize,
    /// Why nothing (or no search) is sent, and until when.
    pub paused: Option<Paused>,
}

impl Status {
    /// The pace at which a backlog is worked off, without pauses.
    pub fn calls_per_second(&self) -> f64 {
        let calls = u32::try_from(self.burst_max).unwrap_or(u32::MAX);
        f64::from(calls) / self.window.as_secs_f64()
    }
}

/// What a waiting call has to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// Go.
    Granted,
    /// Look again at this time, or when something changes.
    NotBefore(Instant),
    /// Look again when something changes: others are first, or too many calls are under way.
    Behind,
    /// Give up: a pause lasts too long.
    Paused(Error),
}

/// The state of a budget.
#[derive(Debug)]
pub(super) struct Ledger {
    settings: Settings,
    /// HubSpot's limit per window.
    burst_allowed: u32,
    share_percent: u32,
    burst: Window,
    /// Of the calls in it, those that were fresh.
    fresh: Window,
    search: Window,
    /// When backfill at an even pace makes its next call.
    paced: Instant,
    /// Others used HubSpot's window up: no call before this.
    dry_until: Instant,
    pauses: Pauses,
    /// What a pause for [`Why::Credentials`] stands for.
    denied: Error,
    /// Was that the last that HubSpot said about the token?
    is_denied: bool,
    daily: Daily,
    in_flight: usize,
    in_flight_max: usize,
    /// Since when there was no trouble, or since the last step of recovery.
    calm_since: Instant,
    outage_waits: Waits<SmallRng>,
    queue: Queue,
}

impl Ledger {
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        let mut ledger = Self {
            settings,
            burst_allowed: settings.burst_max,
            share_percent: settings.share_percent,
            burst: Window::new(1, settings.window),
            fresh: Window::new(1, settings.window),
            search: Window::new(settings.searches_per_second as usize, Duration::from_secs(1)),
            paced: now,
            dry_until: now,
            pauses: Pauses::default(),
            denied: Error::Unauthorized,
            is_denied: false,
            daily: Daily::default(),
            in_flight: 0,
            in_flight_max: settings.in_flight_max.max(1),
            calm_since: now,
            outage_waits: settings.outage.waits(SmallRng::seed_from_u64(settings.seed)),
            queue: Queue::default(),
        };
        ledger.resize(settings.window);
        ledger
    }

    pub(super) fn enter(&mut self, kind: Kind, priority: Priority) -> u64 {
        self.queue.enter(kind, priority)
    }

    pub(super) fn leave(&mut self, ticket: u64) {
        self.queue.leave(ticket);
    }

    pub(super) fn end(&mut self) {
        self.in_flight -= 1;
    }

    /// Is it this call's turn?
    pub(super) fn turn(&mut self, ticket: u64, now: Instant) -> Turn {
        self.recover(now);
        if let Some(gave_up) = self.too_long(ticket, now) {
            return gave_up;
        }
        let Some((kind, priority)) = self.queue.heads(ticket) else { return Turn::Behind };
        let free_at = self.free_at(kind, priority, now);
        if free_at > now {
            return Turn::NotBefore(free_at);
        }
        if self.in_flight >= self.in_flight_max {
            return Turn::Behind;
        }
        let free = [Kind::General, Kind::Search]
            .map(|kind| [Priority::Fresh, Priority::Backfill].map(|priority| self.free_at(kind, priority, now) <= now));
        let next = self.queue.next(|kind, priority| free[kind as usize][priority as usize]);
        if next != Some(ticket) {
            return Turn::Behind;
        }
        self.grant(ticket, kind, priority, now);
        Turn::Granted
    }

    fn grant(&mut self, ticket: u64, kind: Kind, priority: Priority, now: Instant) {
        self.queue.serve(ticket, priority);
        self.in_flight += 1;
        self.burst.take(now);
        if kind == Kind::Search {
            self.search.take(now);
        }
        match priority {
            Priority::Fresh => self.fresh.take(now),
            Priority::Backfill => {
                let spacing = self.spacing(now);
                let earliest = now.checked_sub(spacing * CATCH_UP_CALLS).unwrap_or(now);
                self.paced = self.paced.max(earliest) + spacing;
            }
        }
    }

    /// The pace that spreads backfill evenly over what fresh calls leave of the window.
    fn spacing(&mut self, now: Instant) -> Duration {
        let max = self.burst.max();
        let left = max.saturating_sub(self.fresh.taken(now)).max(max / BACKFILL_SHARE).max(1);
        self.burst.span() / u32::try_from(left).unwrap_or(u32::MAX)
    }

    fn too_long(&self, ticket: u64, now: Instant) -> Option<Turn> {
        let (kind, priority) = self.queue.find(ticket)?;
        let reserved = self.reserved_until(priority, now).map(|until| (Why::Daily, until));
        let (why, until) =
            [self.pauses.stopping(kind, now), reserved].into_iter().flatten().max_by_key(|(_, end)| *end)?;
        let wait = until - now;
        (wait > PATIENCE).then(|| Turn::Paused(why.error(wait, &self.denied)))
    }

    fn reserved_until(&self, priority: Priority, now: Instant) -> Option<Instant> {
        match priority {
            Priority::Fresh => None,
            Priority::Backfill => self.daily.reserved_until(self.settings.daily_reserve_percent, now),
        }
    }

    /// When the limits let a call of this sort through: now, or later.
    fn free_at(&mut self, kind: Kind, priority: Priority, now: Instant) -> Instant {
        let mut free_at = self.burst.free_at(now).max(self.dry_until);
        if kind == Kind::Search {
            free_at = free_at.max(self.search.free_at(now));
        }
        if priority == Priority::Backfill {
            free_at = free_at.max(self.paced);
        }
        let stopped = self.pauses.stopping(kind, now).map(|(_, until)| until);
        [stopped, self.reserved_until(priority, now)].into_iter().flatten().fold(free_at, Instant::max)
    }

    pub(super) fn learn(&mut self, told: &Allowance, now: Instant, now_ms: i64) {
        if let Some(allowed) = told.max.filter(|max| *max > 0) {
            self.burst_allowed = allowed;
        }
        let window = told.window.filter(|window| !window.is_zero()).unwrap_or(self.burst.span());
        self.resize(window);
        if told.left == Some(0) {
            self.dry_until = now + window / 10;
        }
        if let (Some(limit), Some(left)) = (told.daily, told.daily_left) {
            self.daily.tell(limit, left, now, now_ms);
            if left == 0 {
                self.pauses.extend(Why::Daily, now + self.daily.until_reset(now_ms));
            }
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.outage_waits.reset();
        self.is_denied = false;
    }

    pub(super) fn refusal(&self) -> Option<Error> {
        self.is_denied.then(|| self.denied.clone())
    }

    /// Pauses as the error asks, and gives it back with the wait that holds.
    pub(super) fn failed(&mut self, error: Error, now: Instant, now_ms: i64) -> Error {
        match error {
            Error::RateLimited { policy: Policy::Search, wait } => self.pause(Why::Search, now + wait),
            Error::RateLimited { policy: Policy::Daily, wait } => {
                let wait = self.daily.until_reset(now_ms).max(wait);
                self.pause(Why::Daily, now + wait);
                return Error::RateLimited { policy: Policy::Daily, wait };
            }
            Error::RateLimited { wait, .. } => {
                if self.is_news(Why::Burst, now) {
                    self.share_percent = (self.share_percent * 3 / 4).max(RECOVERY_PERCENT);
                    self.resize(self.burst.span());
                }
                self.pause(Why::Burst, now + wait);
            }
            Error::Locked { wait } => {
                if self.is_news(Why::Locked, now) {
                    self.in_flight_max = (self.in_flight_max / 2).max(1);
                }
                self.pause(Why::Locked, now + wait);
            }
            Error::Migrating { wait } => self.pause(Why::Migration, now + wait),
            Error::Unavailable { .. } | Error::Unknown { .. } | Error::Garbage { .. } => {
                if self.is_news(Why::Outage, now) {
                    let wait = self.outage_waits.next().unwrap_or(self.settings.outage.cap);
                    self.pause(Why::Outage, now + wait);
                }
            }
            Error::Unauthorized | Error::MissingScopes { .. } => {
                self.denied = error.clone();
                self.is_denied = true;
                self.pause(Why::Credentials, now + PROBE);
            }
            Error::NotFound | Error::Rejected(_) | Error::Unfit(_) => {}
        }
        error
    }

    pub(super) fn wait_out(&mut self, wait: Duration, now: Instant) {
        self.pause(Why::Outage, now + wait);
    }

    fn pause(&mut self, why: Why, until: Instant) {
        self.pauses.extend(why, until);
    }

    /// Answers to calls that were under way when a pause began tell nothing new. Marks trouble.
    fn is_news(&mut self, why: Why, now: Instant) -> bool {
        self.calm_since = now;
        !self.pauses.holds(why, now)
    }

    /// Goes back to the settings by steps.
    fn recover(&mut self, now: Instant) {
        let slowed =
            self.share_percent < self.settings.share_percent || self.in_flight_max < self.settings.in_flight_max;
        while slowed && now.saturating_duration_since(self.calm_since) >= RECOVERY {
            self.calm_since += RECOVERY;
            self.share_percent = (self.share_percent + RECOVERY_PERCENT).min(self.settings.share_percent);
            self.in_flight_max = (self.in_flight_max + 1).min(self.settings.in_flight_max.max(1));
            self.resize(self.burst.span());
        }
    }

    fn resize(&mut self, window: Duration) {
        let ours = u64::from(self.burst_allowed) * u64::from(self.share_percent) / 100;
        let ours = usize::try_from(ours).unwrap_or(usize::MAX);
        self.burst.resize(ours, window);
        self.fresh.resize(ours, window);
    }

    pub(super) fn daily_mut(&mut self) -> &mut Daily {
        &mut self.daily
    }

    pub(super) fn status(&mut self, now: Instant, now_ms: i64) -> Status {
        let daily = self.daily.known(now);
        let paused = self.pauses.longest(now).map(|(why, until)| {
            let wait_ms = i64::try_from((until - now).as_millis()).unwrap_or(i64::MAX);
            Paused { why, until_ms: now_ms.saturating_add(wait_ms) }
        });
        Status {
            burst_max: self.burst.max(),
            burst_left: self.burst.left(now),
            window: self.burst.span(),
            searches_left: self.search.left(now),
            daily_max: daily.map(|(limit, _)| limit),
            daily_left: daily.map(|(_, left)| left),
            in_flight: self.in_flight,
            in_flight_max: self.in_flight_max,
            fresh_waiting: self.queue.waiting(Priority::Fresh),
            backfill_waiting: self.queue.waiting(Priority::Backfill),
            paused,
        }
    }
}
