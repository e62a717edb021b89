//! Takes work from the desk, calls HubSpot and LINE, and appends what they answered to the log.

use super::Desk;
use super::answers::Conclusion;
use super::contacts::Contacts;
use super::lookups::{Looked, Lookup};
use super::profiles::{LookupError, ProfileSource};
use super::queue::{Batch, Ended, Work};
use super::retry::{BACKOFF, UnderWay, seed, wait};
use crate::records::{confirmation_record, profile_record};
use crate::telemetry::Metrics;
use crate::unpanicked;
use connection::View;
use contact::{Action, Confirmation, Likeness, Link, Names, Profile, UserId};
use eventlog::{Log, NewRecord, Topic};
use hubspot::Error;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use runtime::clock::Clock;
use runtime::crash;
use schemas::{Codec, DeadLetter, Reason};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Users in one batch call: HubSpot's limit.
const BATCH_MAX: usize = 100;

/// Batches under way at a time.
const BATCHES_MAX: usize = 4;

/// The same with one more for what just happened: those of a backlog mostly wait for their turn in the budget.
const BATCHES_WITH_FRESH_MAX: usize = BATCHES_MAX + 1;

/// Profile look-ups under way at a time.
const LOOKUPS_UNDER_WAY_MAX: usize = 64;

/// How long sending stops when HubSpot does not accept the token: one probe a minute.
const PAUSE: Duration = Duration::from_secs(60);

/// How long calls under way may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(12);

/// What the engine works with.
pub struct Engine {
    /// Where work comes from.
    pub desk: Arc<Desk>,
    /// HubSpot.
    pub contacts: Contacts,
    /// LINE's profiles.
    pub profiles: Arc<dyn ProfileSource>,
    /// Where answers go.
    pub log: Arc<dyn Log>,
    /// Writes records.
    pub codec: Codec,
    /// Connections and their credentials.
    pub view: Arc<View>,
    /// Names of the properties in HubSpot.
    pub names: Names,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// What is reported.
    pub metrics: Metrics,
    /// Until when nothing is sent, because HubSpot does not accept the token.
    pub paused_until: Mutex<Option<Instant>>,
}

impl Engine {
    /// Works until `shutdown` resolves, then lets the calls under way end.
    ///
    /// # Panics
    /// When a call does.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        let (mut batches, mut lookups) = (JoinSet::new(), JoinSet::new());
        tokio::pin!(shutdown);
        loop {
            self.start(&mut batches, &mut lookups);
            let next = self.next_start(&batches, &lookups);
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = batches.join_next() => unpanicked(ended),
                Some(ended) = lookups.join_next() => unpanicked(ended),
                () = self.desk.wake.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
        let ended = async {
            while let Some(ended) = batches.join_next().await {
                unpanicked(ended);
            }
            while let Some(ended) = lookups.join_next().await {
                unpanicked(ended);
            }
        };
        if tokio::time::timeout(DRAIN, ended).await.is_err() {
            tracing::warn!(
                "calls to HubSpot or LINE did not end in time; their answers will be found out after the restart"
            );
        }
    }

    fn start(self: &Arc<Self>, batches: &mut JoinSet<()>, lookups: &mut JoinSet<()>) {
        let now = Instant::now();
        let paused = self.paused_until().is_some_and(|until| until > now);
        self.metrics.paused.set(i64::from(paused));
        while !paused && batches.len() < BATCHES_WITH_FRESH_MAX {
            let Some((batch, works)) = self.next_batch(batches.len(), now) else { break };
            let engine = Arc::clone(self);
            batches.spawn(async move { engine.call(batch, works).await });
        }
        while lookups.len() < LOOKUPS_UNDER_WAY_MAX {
            let Some((lookup, attempts)) = self.desk.lookups().take(now) else { break };
            let engine = Arc::clone(self);
            lookups.spawn(async move { engine.look_up(lookup, attempts).await });
        }
        self.metrics.backlog_users.set(i64::try_from(self.desk.queue().len()).unwrap_or(i64::MAX));
    }

    /// When something can begin that cannot yet. What has to wait for a place is begun when another one ends.
    fn next_start(&self, batches: &JoinSet<()>, lookups: &JoinSet<()>) -> Instant {
        let batch = if batches.len() < BATCHES_MAX {
            self.desk.queue().next_ready()
        } else {
            let fresh = self.desk.queue().next_fresh().filter(|_| batches.len() < BATCHES_WITH_FRESH_MAX);
            fresh.map(|(ready_at, _)| ready_at)
        };
        let batch = batch.max(batch.and(self.paused_until()));
        let lookup = self.desk.lookups().next_ready().filter(|_| lookups.len() < LOOKUPS_UNDER_WAY_MAX);
        [batch, lookup].into_iter().flatten().min().unwrap_or_else(|| Instant::now() + PAUSE)
    }

    fn next_batch(&self, under_way: usize, now: Instant) -> Option<(Batch, Vec<Work>)> {
        let mut queue = self.desk.queue();
        if under_way >= BATCHES_MAX {
            let (_, batch) = queue.next_fresh().filter(|(ready_at, _)| *ready_at <= now)?;
            return Some((batch, queue.take(batch, BATCH_MAX, now)));
        }
        [Batch::Update, Batch::Create, Batch::Check].into_iter().find_map(|batch| {
            let works = queue.take(batch, BATCH_MAX, now);
            (!works.is_empty()).then_some((batch, works))
        })
    }

    async fn call(&self, batch: Batch, works: Vec<Work>) {
        let works = self.owned(works);
        if works.is_empty() {
            return;
        }
        let Some(works) = self.announce(works).await else { return };
        let works = self.owned(works);
        if works.is_empty() {
            return;
        }
        let under_way = UnderWay::of(&works);
        let concluded = match batch {
            Batch::Create => self.contacts.create(works).await,
            Batch::Update => self.contacts.update(works).await,
            Batch::Check => self.contacts.check(works).await,
        };
        match concluded {
            Ok(concluded) => self.record(concluded, &under_way).await,
            Err(error) => self.put_off(&error, &under_way),
        }
    }

    /// Gives back what belongs to another process by now.
    fn owned(&self, works: Vec<Work>) -> Vec<Work> {
        let (owned, lost): (Vec<_>, Vec<_>) = works.into_iter().partition(|work| self.desk.owns(work.partition));
        for work in lost {
            let ended = Ended::Retry(BACKOFF.base, work.account.revision());
            self.desk.queue().ended(work.user, ended, Instant::now());
        }
        owned
    }

    /// Tells the log which properties of live contacts are in doubt from now on, so that whoever comes after a death before the
    /// answer writes them again. `None` when the log does not take it: then nothing may be sent.
    async fn announce(&self, mut works: Vec<Work>) -> Option<Vec<Work>> {
        let under_way = UnderWay::of(&works);
        let mut records = Vec::new();
        for work in &mut works {
            let Work { user, action: Action::Update(_, values), account, .. } = work else { continue };
            if let Some(announced) = account.announce(values.keys()) {
                records.push(self.contact_record(*user, &announced, None));
            }
        }
        if records.is_empty() {
            return Some(works);
        }
        let appended = self.log.append(records).await;
        crash::point("projector.update.announced");
        let Err(error) = appended else { return Some(works) };
        tracing::warn!(%error, "the log does not take what is about to be written; trying again");
        self.metrics.failures.with_label_values(&["log"]).inc();
        let mut queue = self.desk.queue();
        for waiting in under_way {
            self.metrics.retries.inc();
            queue.ended(waiting.user, waiting.retry(Duration::ZERO), Instant::now());
        }
        None
    }

    fn contact_record(&self, user: UserId, confirmation: &Confirmation, reason: Option<&str>) -> NewRecord {
        let value = self.codec.encode(&confirmation_record(user, confirmation, reason, &self.names));
        let key = schemas::key::hubspot_contact(&user.to_string());
        NewRecord { topic: Topic::HubspotContacts, key, value: Some(value) }
    }

    async fn record(&self, concluded: Vec<(Work, Conclusion)>, under_way: &[UnderWay]) {
        let (mut records, mut confirmed, mut open) = (Vec::new(), Vec::new(), Vec::new());
        for (work, conclusion) in concluded {
            let Conclusion::Confirmed(confirmation, reason) = conclusion else {
                open.push((work.user, conclusion == Conclusion::Resisted));
                continue;
            };
            let record = self.contact_record(work.user, &confirmation, reason.as_deref());
            let outcome = outcome(&work, confirmation.link, reason.is_some());
            if let Some(detail) = reason {
                records.push(self.dead_letter(&record, refusal(&work, confirmation.link), detail));
            }
            records.push(record);
            confirmed.push((work, confirmation.revision, outcome));
        }
        crash::point("projector.answer.read");
        let partitions: BTreeSet<_> = confirmed.iter().map(|(work, ..)| work.partition).collect();
        let kept = records.is_empty() || self.keep(records, partitions).await;
        crash::point("projector.answer.recorded");
        let now = Instant::now();
        if !kept {
            open.extend(confirmed.drain(..).map(|(work, ..)| (work.user, false)));
        }
        for (work, revision, outcome) in confirmed {
            self.metrics.contacts.with_label_values(&[outcome]).inc();
            self.tell(&work, outcome, revision);
            if let Some(received_at_ms) = work.received_at_ms {
                let took_ms = self.clock.now_ms().saturating_sub(received_at_ms).max(0);
                self.metrics.sync_seconds.observe(took_ms as f64 / 1000.0);
            }
            self.desk.queue().ended(work.user, Ended::Confirmed(revision), now);
        }
        for (user, resisted) in open {
            self.metrics.retries.inc();
            if let Some(waiting) = under_way.iter().find(|under_way| under_way.user == user) {
                let ended = if resisted { waiting.resisted() } else { waiting.retry(Duration::ZERO) };
                self.desk.queue().ended(user, ended, now);
            }
        }
        self.desk.wake.notify_one();
    }

    /// What HubSpot answered, for whoever follows an event to its write.
    fn tell(&self, work: &Work, outcome: &str, revision: u64) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let user = self.view.user_tag(work.user);
            tracing::debug!(%user, outcome, revision, "HubSpot answered about a contact");
        }
    }

    /// Appends what was answered about users of these partitions, and again until the log confirms it: what it settles may not
    /// stay in doubt, and nobody is written to or looked up again from a state that may lack it. `false` when somebody else has
    /// all of the partitions by then.
    async fn keep(&self, records: Vec<NewRecord>, partitions: BTreeSet<u32>) -> bool {
        let mut waits = BACKOFF.waits(SmallRng::seed_from_u64(records.len() as u64));
        loop {
            let Err(error) = self.log.append(records.clone()).await else { return true };
            tracing::warn!(%error, "the log does not take what was answered; trying again");
            self.metrics.failures.with_label_values(&["log"]).inc();
            let is_ours = partitions.iter().any(|partition| self.desk.owns(*partition));
            if !is_ours || !matches!(error, eventlog::Error::Unavailable(_)) {
                return false;
            }
            tokio::time::sleep(waits.next().unwrap_or(BACKOFF.cap)).await;
        }
    }

    /// Nothing of the batch was written.
    fn put_off(&self, error: &Error, under_way: &[UnderWay]) {
        tracing::warn!(%error, users = under_way.len(), "HubSpot did not take a batch; it will be tried again");
        if matches!(error, Error::Unauthorized | Error::MissingScopes { .. }) {
            *self.lock_paused() = Some(Instant::now() + PAUSE);
        }
        let mut queue = self.desk.queue();
        for waiting in under_way {
            self.metrics.retries.inc();
            queue.ended(waiting.user, waiting.retry(error.wait().unwrap_or_default()), Instant::now());
        }
    }

    async fn look_up(&self, lookup: Lookup, attempts: u32) {
        let looked = match self.profile(&lookup).await {
            Ok(found) => self.record_profile(&lookup, found).await,
            Err(error) => {
                self.metrics.lookups.with_label_values(&["failed"]).inc();
                match error {
                    LookupError::Later => Looked::Retry(error.wait().max(wait(seed(lookup.user), attempts))),
                    LookupError::Credentials => Looked::Refused(error.wait()),
                }
            }
        };
        let now = Instant::now();
        if looked != Looked::Answered {
            self.desk.queue().stop_waiting_for_profile(lookup.user, now);
        }
        self.desk.lookups().ended(&lookup, looked, now);
        self.desk.wake.notify_one();
    }

    async fn profile(&self, lookup: &Lookup) -> Result<Option<Likeness>, LookupError> {
        let connection = self.view.snapshot().by_number(lookup.connection);
        let Some(connection) = connection.filter(|_| self.desk.owns(lookup.partition)) else {
            return Err(LookupError::Later);
        };
        let answer = self.profiles.profile(&connection, lookup.user).await;
        let is_newest = || {
            self.view.snapshot().by_number(lookup.connection).is_some_and(|newest| Arc::ptr_eq(&newest, &connection))
        };
        match answer {
            // They were replaced meanwhile.
            Err(LookupError::Credentials) if !is_newest() => Err(LookupError::Later),
            answer => answer,
        }
    }

    async fn record_profile(&self, lookup: &Lookup, found: Option<Likeness>) -> Looked {
        let outcome = if found.is_some() { "found" } else { "unavailable" };
        crash::point("projector.profile.answered");
        let (fetched_at_ms, found) = match (found, &lookup.due.known) {
            (None, Some(known)) => (known.fetched_at_ms, known.found.clone()),
            (found, _) => (self.clock.now_ms(), found),
        };
        let profile = Profile { covers_ms: lookup.due.covers_ms, fetched_at_ms, found };
        let record = profile_record(&self.codec, lookup.user, lookup.connection, profile);
        if !self.keep(vec![record], [lookup.partition].into()).await {
            return Looked::Retry(BACKOFF.base);
        }
        self.metrics.lookups.with_label_values(&[outcome]).inc();
        Looked::Answered
    }

    fn dead_letter(&self, record: &NewRecord, reason: &Reason, detail: String) -> NewRecord {
        self.metrics.dead_letters.with_label_values(&[reason.as_str()]).inc();
        let topic = record.topic.name();
        let letter = DeadLetter {
            topic: topic.to_owned(),
            partition: 0,
            offset: -1,
            key: record.key.clone(),
            value: record.value.clone().unwrap_or_default(),
            reason: reason.clone(),
            detail,
            at_ms: self.clock.now_ms(),
            connection: None,
        };
        let key = schemas::key::dead_letter(topic, &letter.key);
        NewRecord { topic: Topic::DeadLetters, key, value: Some(self.codec.encode(&letter)) }
    }

    fn paused_until(&self) -> Option<Instant> {
        *self.lock_paused()
    }

    fn lock_paused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why HubSpot has not all that is wanted of the contact.
fn refusal(work: &Work, link: Link) -> &'static Reason {
    match (link, &work.action) {
        (Link::Merged { .. }, _) => &Reason::Merged,
        (Link::Live(_), Action::Update(..) | Action::Create(_)) => &Reason::Settled,
        _ => &Reason::Refused,
    }
}

/// What an answer meant for the contact, in one word.
fn outcome(work: &Work, link: Link, refused: bool) -> &'static str {
    match (link, &work.action) {
        _ if refused => refusal(work, link).as_str(),
        (Link::Gone { .. }, _) => "gone",
        (Link::Live(_), Action::Check(_)) => "checked",
        (Link::Live(_), Action::Create(values)) if values.is_empty() => "found",
        (Link::Live(_), Action::Create(_)) if matches!(work.account.link, Link::Gone { .. }) => "recreated",
        (Link::Live(_), Action::Create(_)) => "created",
        _ => "updated",
    }
}
