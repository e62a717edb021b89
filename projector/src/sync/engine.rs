//! Takes work from the desk, calls HubSpot and LINE, and appends what they answered to the log.

use super::Desk;
use super::answers::Conclusion;
use super::contacts::Contacts;
use super::lookups::{Looked, Lookup};
use super::profiles::{LookupError, ProfileSource};
use super::queue::{Batch, Ended, Work};
use crate::decode::confirmation_record;
use crate::telemetry::Metrics;
use connection::View;
use contact::{Action, Likeness, Link, Names};
use eventlog::{Log, NewRecord, Topic};
use hubspot::Error;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use runtime::backoff::Backoff;
use runtime::clock::Clock;
use runtime::crash;
use schemas::{Codec, DeadLetter, LineProfile};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Users in one batch call: HubSpot's limit.
const BATCH_MAX: usize = 100;

/// Batches under way at a time.
const BATCHES_MAX: usize = 4;

/// Profile look-ups under way at a time.
const LOOKUPS_MAX: usize = 64;

/// How long sending stops when HubSpot does not accept the token: one probe a minute.
const PAUSE: Duration = Duration::from_secs(60);

/// How long calls under way may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(12);

const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(60), jitter: 0.3 };

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
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        let (mut batches, mut lookups) = (JoinSet::new(), JoinSet::new());
        tokio::pin!(shutdown);
        loop {
            self.start(&mut batches, &mut lookups);
            let next = self.next_start(&batches);
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = batches.join_next() => {}
                Some(_) = lookups.join_next() => {}
                () = self.desk.wake.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
        let ended = async {
            while batches.join_next().await.is_some() {}
            while lookups.join_next().await.is_some() {}
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
        while !paused && batches.len() < BATCHES_MAX {
            let Some((batch, works)) = self.next_batch(now) else { break };
            let engine = Arc::clone(self);
            batches.spawn(async move { engine.write(batch, works).await });
        }
        while lookups.len() < LOOKUPS_MAX {
            let Some((lookup, attempts)) = self.desk.lookups().take(now) else { break };
            let engine = Arc::clone(self);
            lookups.spawn(async move { engine.look_up(lookup, attempts).await });
        }
        self.metrics.backlog_users.set(i64::try_from(self.desk.queue().len()).unwrap_or(i64::MAX));
    }

    fn next_start(&self, batches: &JoinSet<()>) -> Instant {
        let ready = self.desk.next_ready().filter(|_| batches.len() < BATCHES_MAX);
        let ready = ready.max(ready.and(*self.lock_paused()));
        ready.unwrap_or_else(|| Instant::now() + PAUSE)
    }

    fn next_batch(&self, now: Instant) -> Option<(Batch, Vec<Work>)> {
        let mut queue = self.desk.queue();
        [Batch::Update, Batch::Create].into_iter().find_map(|batch| {
            let works = queue.take(batch, BATCH_MAX, now);
            (!works.is_empty()).then_some((batch, works))
        })
    }

    async fn write(&self, batch: Batch, works: Vec<Work>) {
        let (works, lost): (Vec<_>, Vec<_>) = works.into_iter().partition(|work| self.desk.owns(work.partition));
        for work in lost {
            self.desk.queue().ended(work.user, Ended::Retry(BACKOFF.base), Instant::now());
        }
        let attempts: Vec<_> = works.iter().map(|work| (work.user, work.attempts)).collect();
        if works.is_empty() {
            return;
        }
        let concluded = match batch {
            Batch::Create => self.contacts.create(works).await,
            Batch::Update => self.contacts.update(works).await,
        };
        match concluded {
            Ok(concluded) => self.record(concluded, &attempts).await,
            Err(error) => self.put_off(&error, &attempts),
        }
    }

    async fn record(&self, concluded: Vec<(Work, Conclusion)>, attempts: &[(contact::UserId, u32)]) {
        let (mut records, mut confirmed, mut open) = (Vec::new(), Vec::new(), Vec::new());
        for (work, conclusion) in concluded {
            let Conclusion::Confirmed(confirmation, reason) = conclusion else {
                open.push(work.user);
                continue;
            };
            let user = work.user.to_string();
            let value =
                self.codec.encode(&confirmation_record(work.user, &confirmation, reason.as_deref(), &self.names));
            let key = schemas::key::hubspot_contact(&user);
            let outcome = outcome(&work, confirmation.link, reason.is_some());
            if let Some(reason) = reason {
                records.push(self.dead_letter(key.clone(), value.clone(), outcome, reason));
            }
            records.push(NewRecord { topic: Topic::HubspotContacts, key, value: Some(value) });
            confirmed.push((work, confirmation.revision, outcome));
        }
        crash::point("projector.answer.read");
        let appended = if records.is_empty() { Ok(Vec::new()) } else { self.log.append(records).await };
        crash::point("projector.answer.recorded");
        let now = Instant::now();
        if let Err(error) = appended {
            tracing::warn!(%error, "the log did not take HubSpot's answers; the calls will be made again");
            self.metrics.failures.with_label_values(&["log"]).inc();
            open.extend(confirmed.drain(..).map(|(work, ..)| work.user));
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
        for user in open {
            self.metrics.retries.inc();
            let tried = attempts.iter().find(|(known, _)| *known == user).map_or(0, |(_, attempts)| *attempts);
            self.desk.queue().ended(user, Ended::Retry(wait(user, tried)), now);
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

    /// Nothing of the batch was written.
    fn put_off(&self, error: &Error, attempts: &[(contact::UserId, u32)]) {
        tracing::warn!(%error, users = attempts.len(), "HubSpot did not take a batch; it will be tried again");
        if matches!(error, Error::Unauthorized | Error::MissingScopes { .. }) {
            *self.lock_paused() = Some(Instant::now() + PAUSE);
        }
        let mut queue = self.desk.queue();
        for (user, tried) in attempts {
            self.metrics.retries.inc();
            let wait = wait(*user, *tried).max(error.wait().unwrap_or_default());
            queue.ended(*user, Ended::Retry(wait), Instant::now());
        }
    }

    async fn look_up(&self, lookup: Lookup, attempts: u32) {
        let looked = match self.profile(&lookup).await {
            Ok(found) => self.record_profile(&lookup, found).await,
            Err(error) => {
                self.metrics.lookups.with_label_values(&["failed"]).inc();
                Looked::Retry(error.wait().max(wait(lookup.user, attempts)))
            }
        };
        let now = Instant::now();
        if matches!(looked, Looked::Retry(_)) {
            self.desk.queue().stop_waiting_for_profile(lookup.user, now);
        }
        self.desk.lookups().ended(&lookup, looked, now);
        self.desk.wake.notify_one();
    }

    async fn profile(&self, lookup: &Lookup) -> Result<Option<Likeness>, LookupError> {
        let connection = self.view.snapshot().by_number(lookup.connection);
        match connection.filter(|_| self.desk.owns(lookup.partition)) {
            Some(connection) => self.profiles.profile(&connection, lookup.user).await,
            None => Err(LookupError::Later),
        }
    }

    async fn record_profile(&self, lookup: &Lookup, found: Option<Likeness>) -> Looked {
        let outcome = if found.is_some() { "found" } else { "unavailable" };
        let user_id = lookup.user.to_string();
        let key = schemas::key::line_profile(&user_id, lookup.connection.get());
        let named = |likeness: Likeness| schemas::Likeness {
            name: likeness.name.into(),
            picture: likeness.picture.map(Into::into),
        };
        let (connection, covers_ms) = (lookup.connection.get(), lookup.due.covers_ms);
        crash::point("projector.profile.answered");
        let (fetched_at_ms, found) = match (found, &lookup.due.known) {
            (None, Some(known)) => (known.fetched_at_ms, known.found.clone()),
            (found, _) => (self.clock.now_ms(), found),
        };
        let record = LineProfile { user_id, connection, covers_ms, fetched_at_ms, found: found.map(named) };
        let value = Some(self.codec.encode(&record));
        match self.log.append(vec![NewRecord { topic: Topic::LineProfiles, key, value }]).await {
            Ok(_) => {
                self.metrics.lookups.with_label_values(&[outcome]).inc();
                Looked::Answered
            }
            Err(error) => {
                tracing::warn!(%error, "the log did not take a profile; it will be looked up again");
                self.metrics.failures.with_label_values(&["log"]).inc();
                Looked::Retry(BACKOFF.base)
            }
        }
    }

    fn dead_letter(&self, key: Vec<u8>, value: Vec<u8>, reason: &str, detail: String) -> NewRecord {
        self.metrics.dead_letters.with_label_values(&[reason]).inc();
        let topic = Topic::HubspotContacts.name();
        let letter = DeadLetter {
            topic: topic.to_owned(),
            partition: 0,
            offset: -1,
            key: key.clone(),
            value,
            reason: reason.to_owned(),
            detail,
            at_ms: self.clock.now_ms(),
            connection: None,
        };
        let key = schemas::key::dead_letter(topic, &key);
        NewRecord { topic: Topic::DeadLetters, key, value: Some(self.codec.encode(&letter)) }
    }

    fn paused_until(&self) -> Option<Instant> {
        *self.lock_paused()
    }

    fn lock_paused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an answer meant for the contact, in one word.
fn outcome(work: &Work, link: Link, refused: bool) -> &'static str {
    match (link, &work.action) {
        (Link::Merged { .. }, _) => "merged",
        (Link::Live(_), Action::Update(..)) if refused => "settled",
        _ if refused => "refused",
        (Link::Gone { .. }, _) => "gone",
        (Link::Live(_), Action::Create(values)) if values.is_empty() => "found",
        (Link::Live(_), Action::Create(_)) if matches!(work.account.link, Link::Gone { .. }) => "recreated",
        (Link::Live(_), Action::Create(_)) => "created",
        _ => "updated",
    }
}

fn wait(user: contact::UserId, attempts: u32) -> Duration {
    let seed = (user.as_u128() as u64) ^ u64::from(attempts);
    let waits = BACKOFF.waits(SmallRng::seed_from_u64(seed));
    waits.take(1 + attempts.min(16) as usize).last().unwrap_or(BACKOFF.cap)
}
