//! Who is due for HubSpot: one entry per user, the newest wish only.
//!
//! Pure: time is passed in. The fold pushes a user's newest [`Work`] whenever its state changed; workers take batches, and
//! report back. While a user is with a worker, and until the fold has seen what the worker appended to the log, newer work
//! replaces the waiting one but is not handed out: one call per user at a time, each from a state that includes what was
//! announced and answered before.

use contact::link::Account;
use contact::{Action, ConnectionNumber, ProfileDue, UserId};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// How long a change waits for company, so that a burst of events becomes one write and a batch fills up.
pub const LINGER: Duration = Duration::from_millis(100);

/// The same for the backlog, of which nobody waits for one contact, but whoever pays for the calls wants full batches.
pub const BACKLOG_LINGER: Duration = Duration::from_secs(1);

/// How long a new friend's contact waits for the first answer about name and picture.
pub const PROFILE_PATIENCE: Duration = Duration::from_secs(2);

/// The same for the backlog, whose look-ups stand in line at LINE's rate limit. A look-up that fails ends the wait.
pub const BACKLOG_PROFILE_PATIENCE: Duration = Duration::from_secs(60);

/// Users of the backlog held in memory; the others wait in the state store.
pub const BACKLOG_MAX: usize = 20_000;

/// Users held in memory in all: beyond that, fresh changes wait in the state store too.
pub const USERS_MAX: usize = 100_000;

/// What is to be done for one user, decided from a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The partition that the user belongs to.
    pub partition: u32,
    /// The user.
    pub user: UserId,
    /// What to do in HubSpot.
    pub action: Action,
    /// What HubSpot had confirmed.
    pub account: Account,
    /// The newest message or follow that was known, milliseconds since 1970.
    pub returned_ms: Option<i64>,
    /// Profile look-ups to be made.
    pub lookups: Vec<(ConnectionNumber, ProfileDue)>,
    /// Did it just happen, or is it backlog?
    pub fresh: bool,
    /// When ingest took the oldest event that waits with it, milliseconds since 1970; `None` where no event is known.
    pub received_at_ms: Option<i64>,
    /// How often it was tried already; counted by the queue.
    pub attempts: u32,
    /// How often of these HubSpot answered without taking it, although nothing seems to be in the way.
    pub resisted: u32,
}

impl Work {
    const fn linger(&self) -> Duration {
        if self.fresh { LINGER } else { BACKLOG_LINGER }
    }

    const fn profile_patience(&self) -> Duration {
        if self.fresh { PROFILE_PATIENCE } else { BACKLOG_PROFILE_PATIENCE }
    }

    fn asks_first_profile(&self) -> bool {
        self.lookups.iter().any(|(_, due)| due.is_first())
    }

    fn batch(&self) -> Option<Batch> {
        match self.action {
            Action::Nothing => None,
            Action::Create(_) => Some(Batch::Create),
            Action::Update(..) => Some(Batch::Update),
            Action::Check(_) => Some(Batch::Check),
        }
    }
}

/// The kinds of batch calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Batch {
    /// Contacts to find or create.
    Create,
    /// Contacts known by ID.
    Update,
    /// Contacts that may be gone.
    Check,
}

/// How a worker ended with a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// An answer was appended to the log as this revision.
    Confirmed(u64),
    /// Nothing is known: try again after this time, and once the fold has seen this revision.
    Retry(Duration, u64),
    /// The same where HubSpot answered and did not take it.
    Resisted(Duration, u64),
}

#[derive(Debug)]
enum Phase {
    Waiting(Lane, Turn),
    WithWorker {
        /// Was it fresh when it was handed out?
        fresh: bool,
    },
    /// Until the fold has seen this revision, and, after a call that failed, this time has come.
    Settling(u64, Option<Instant>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lane {
    backlog: bool,
    batch: Batch,
}

impl Lane {
    const fn linger(self) -> Duration {
        if self.backlog { BACKLOG_LINGER } else { LINGER }
    }
}

/// When it is ready, and its place among those ready at the same instant.
type Turn = (Instant, u64);

#[derive(Debug)]
struct Entry {
    work: Work,
    phase: Phase,
    /// Waits for the first answer about name and picture.
    waits_for_profile: bool,
    /// The partition was lost while the user was with a worker: nothing follows, unless the partition comes back.
    abandoned: bool,
    /// The person was erased while the user was with a worker: what the worker has is not written any more.
    withdrawn: bool,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    entries: HashMap<UserId, Entry>,
    lanes: HashMap<Lane, BTreeMap<Turn, UserId>>,
    turns: u64,
    backlog: usize,
}

impl Queue {
    /// Takes a user's newest work. `false` when there was no room, and the user stays in the state store.
    ///
    /// Backlog that becomes fresh waits no longer for what it was put off for: the day's calls have a reserve for what just
    /// happened.
    pub fn push(&mut self, work: Work, now: Instant) -> bool {
        let user = work.user;
        let Some(entry) = self.entries.get_mut(&user) else { return self.push_new(work, now) };
        let became_fresh = work.fresh && !entry.work.fresh;
        self.backlog -= usize::from(became_fresh);
        let Work { attempts, resisted, .. } = entry.work;
        let fresh = entry.work.fresh || work.fresh;
        let received_at_ms = entry.work.received_at_ms.or(work.received_at_ms);
        entry.work = Work { fresh, received_at_ms, attempts, resisted, ..work };
        entry.abandoned = false;
        if became_fresh && let Phase::Settling(_, Some(retry_at)) = &mut entry.phase {
            *retry_at = (*retry_at).min(now + LINGER);
        }
        match entry.phase {
            Phase::WithWorker { .. } => {}
            Phase::Settling(revision, _) if entry.work.account.revision() < revision => {}
            Phase::Settling(_, Some(retry_at)) => self.wait_until(user, retry_at),
            Phase::Settling(_, None) => self.settle(user, now),
            Phase::Waiting(_, (ready_at, _)) => {
                let still_waits = entry.waits_for_profile && entry.work.asks_first_profile();
                let answered = entry.waits_for_profile && !still_waits;
                entry.waits_for_profile = still_waits;
                let wait = if still_waits { entry.work.profile_patience() } else { entry.work.linger() };
                let sooner = answered || became_fresh;
                self.wait_until(user, if sooner { ready_at.min(now + wait) } else { ready_at });
            }
        }
        true
    }

    fn push_new(&mut self, work: Work, now: Instant) -> bool {
        if work.batch().is_none() {
            return true;
        }
        if self.entries.len() >= USERS_MAX || (!work.fresh && self.backlog >= BACKLOG_MAX) {
            return false;
        }
        let (user, waits_for_profile) = (work.user, work.asks_first_profile());
        let wait = if waits_for_profile { work.profile_patience() } else { work.linger() };
        self.backlog += usize::from(!work.fresh);
        let phase = Phase::WithWorker { fresh: work.fresh };
        self.entries.insert(user, Entry { work, phase, waits_for_profile, abandoned: false, withdrawn: false });
        self.wait_until(user, now + wait);
        true
    }

    /// Users for one batch call of this kind, at most `max`, fresh ones first: once one of them is ready, or as soon as those
    /// that only wait for company fill the batch.
    pub fn take(&mut self, batch: Batch, max: usize, now: Instant) -> Vec<Work> {
        let lanes = [false, true].map(|backlog| Lane { backlog, batch });
        let waiting = lanes.into_iter().filter_map(|lane| Some((lane, self.lanes.get(&lane)?)));
        let (mut ready, mut taken) = (false, Vec::new());
        for (lane, turns) in waiting {
            ready |= turns.keys().next().is_some_and(|(ready_at, _)| *ready_at <= now);
            let lingering = turns.iter().take_while(|((ready_at, _), _)| *ready_at <= now + lane.linger());
            taken.extend(lingering.map(|(_, user)| *user).take(max - taken.len()));
        }
        if !ready && taken.len() < max {
            return Vec::new();
        }
        taken.into_iter().filter_map(|user| self.hand_out(user)).collect()
    }

    fn hand_out(&mut self, user: UserId) -> Option<Work> {
        self.leave_lane(user);
        let entry = self.entries.get_mut(&user)?;
        entry.phase = Phase::WithWorker { fresh: entry.work.fresh };
        entry.withdrawn = false;
        Some(entry.work.clone())
    }

    /// The person was erased: what a worker has of the time before is not written any more.
    pub fn withdraw(&mut self, user: UserId) {
        if let Some(entry) = self.entries.get_mut(&user) {
            entry.withdrawn = true;
        }
    }

    /// Does what was handed out for a user still stand? Not when the partition was lost since, the person erased, or the log told
    /// of the contact what this process did not write: then it is decided anew.
    pub fn still_stands(&self, work: &Work) -> bool {
        self.entries.get(&work.user).is_some_and(|Entry { work: newest, abandoned, withdrawn, .. }| {
            !abandoned && !withdrawn && newest.account.revision() <= work.account.revision()
        })
    }

    /// When the next user gets ready.
    pub fn next_ready(&self) -> Option<Instant> {
        self.lanes.values().filter_map(|lane| lane.keys().next()).map(|(ready_at, _)| *ready_at).min()
    }

    /// When the next of those gets ready to whom something just happened, and for which batch.
    pub fn next_fresh(&self) -> Option<(Instant, Batch)> {
        let fresh = self.lanes.iter().filter(|(lane, _)| !lane.backlog);
        fresh.filter_map(|(lane, turns)| Some((turns.keys().next()?.0, lane.batch))).min()
    }

    /// A worker ended with a user.
    pub fn ended(&mut self, user: UserId, ended: Ended, now: Instant) {
        let Some(entry) = self.entries.get_mut(&user) else { return };
        if entry.abandoned {
            return self.remove(user);
        }
        if matches!(ended, Ended::Confirmed(_)) {
            entry.work.received_at_ms = None;
        }
        match ended {
            Ended::Confirmed(revision) if entry.work.account.revision() < revision => {
                entry.phase = Phase::Settling(revision, None);
            }
            Ended::Confirmed(_) => self.settle(user, now),
            Ended::Retry(wait, revision) | Ended::Resisted(wait, revision) => {
                entry.work.resisted += u32::from(matches!(ended, Ended::Resisted(..)));
                let became_fresh = entry.work.fresh && matches!(entry.phase, Phase::WithWorker { fresh: false });
                let wait = if became_fresh { wait.min(LINGER) } else { wait };
                entry.work.attempts += 1;
                if entry.work.account.revision() < revision {
                    entry.phase = Phase::Settling(revision, Some(now + wait));
                } else {
                    self.wait_until(user, now + wait);
                }
            }
        }
    }

    /// A first look-up could not be answered now: the contact no longer waits for name and picture.
    pub fn stop_waiting_for_profile(&mut self, user: UserId, now: Instant) {
        let Some(entry) = self.entries.get_mut(&user) else { return };
        let waited = std::mem::take(&mut entry.waits_for_profile);
        if waited && let Phase::Waiting(_, (ready_at, _)) = entry.phase {
            let linger = entry.work.linger();
            self.wait_until(user, ready_at.min(now + linger));
        }
    }

    /// The partition was lost: nothing of it is done here any more. Whoever is with a worker stays known until that ends, so
    /// that nobody else is sent for the same user should the partition come back meanwhile.
    pub fn drop_partition(&mut self, partition: u32) {
        let of_partition = |(user, entry): (&UserId, &Entry)| (entry.work.partition == partition).then_some(*user);
        let lost: Vec<UserId> = self.entries.iter().filter_map(of_partition).collect();
        for user in lost {
            match self.entries.get_mut(&user) {
                Some(entry) if matches!(entry.phase, Phase::WithWorker { .. }) => entry.abandoned = true,
                _ => self.remove(user),
            }
        }
    }

    /// Users known to the queue, in whatever phase.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is nobody due?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Is there room for more of the backlog?
    pub fn wants_backlog(&self) -> bool {
        self.backlog < BACKLOG_MAX / 2 && self.entries.len() < USERS_MAX / 2
    }

    /// The fold has seen the last answer: go on with what is left to do, if anything.
    fn settle(&mut self, user: UserId, now: Instant) {
        let Some(entry) = self.entries.get_mut(&user) else { return };
        (entry.work.attempts, entry.work.resisted) = (0, 0);
        let linger = entry.work.linger();
        self.wait_until(user, now + linger);
    }

    fn wait_until(&mut self, user: UserId, ready_at: Instant) {
        self.leave_lane(user);
        let Some(entry) = self.entries.get_mut(&user) else { return };
        let Some(batch) = entry.work.batch() else { return self.remove(user) };
        let lane = Lane { backlog: !entry.work.fresh, batch };
        self.turns += 1;
        let turn = (ready_at, self.turns);
        entry.phase = Phase::Waiting(lane, turn);
        self.lanes.entry(lane).or_default().insert(turn, user);
    }

    fn leave_lane(&mut self, user: UserId) {
        if let Some(Entry { phase: Phase::Waiting(lane, turn), .. }) = self.entries.get(&user)
            && let Some(waiting) = self.lanes.get_mut(lane)
        {
            waiting.remove(turn);
        }
    }

    fn remove(&mut self, user: UserId) {
        self.leave_lane(user);
        if let Some(entry) = self.entries.remove(&user) {
            self.backlog -= usize::from(!entry.work.fresh);
        }
    }
}

#[cfg(test)]
mod tests;
