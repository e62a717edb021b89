//! Replays that the console runs: one at a time, beside the requests, so that a page can be closed and loaded again meanwhile.
//!
//! They do what `kizuna replay` does. A dry run leaves behind what it found; an apply makes the same state again and puts it in
//! force only if it would change in HubSpot exactly what the dry run showed.

use super::Console;
use super::deed::Deed;
use crate::recovery::beside::{Beside, Stopped};
use crate::recovery::plan::{Plan, Row};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::sleep;

/// Contacts that are kept for the page.
const ROWS_MAX: usize = 200;

/// What was found is personal data, and is forgotten after so long, whether or not somebody looks.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// What there is to see.
#[derive(Clone, Default)]
pub enum Stage {
    /// Nothing.
    #[default]
    Idle,
    /// One runs.
    Running(Arc<Running>),
    /// One ended.
    Ended(Arc<Ended>),
}

/// A replay under way.
pub struct Running {
    /// Who began it.
    pub by: String,
    /// When, milliseconds since 1970.
    pub since_ms: i64,
    /// Is the state to be put in force at its end?
    pub applies: bool,
    done: AtomicU64,
    total: AtomicU64,
}

impl Running {
    /// Records read, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

/// A replay that ended.
pub struct Ended {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// How.
    pub outcome: Outcome,
}

/// How a replay ended.
pub enum Outcome {
    /// A dry run: this would change.
    Found(Found),
    /// It was not applied, because it is no longer what was shown; this would change now.
    Overtaken(Found),
    /// The state is new; this is what is left to be written by `kizuna up`.
    Applied(Found),
    /// It was not applied, because a projector works with the state.
    InUse(Found),
    /// It could not be done.
    Failed(String),
}

/// What a replay would change.
#[derive(Clone)]
pub struct Found {
    /// In numbers.
    pub plan: Plan,
    /// The first contacts, one by one.
    pub rows: Arc<Vec<Row>>,
}

impl Outcome {
    /// What may be applied as it is shown.
    pub const fn found(&self) -> Option<&Found> {
        match self {
            Self::Found(found) | Self::Overtaken(found) | Self::InUse(found) => Some(found),
            Self::Applied(_) | Self::Failed(_) => None,
        }
    }
}

/// Another one runs, or what was to be applied is not what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotNow;

/// The replay that runs, or the last one.
#[derive(Default)]
pub struct Replays(Mutex<Stage>);

impl Replays {
    /// What there is to see.
    pub fn stage(&self) -> Stage {
        self.lock().clone()
    }

    /// Begins one, unless another runs. `digest` names the plan to apply.
    pub(super) fn begin(
        &self,
        by: &str,
        now_ms: i64,
        digest: Option<&str>,
    ) -> Result<(Arc<Running>, Option<Found>), NotNow> {
        let mut stage = self.lock();
        let shown = match &*stage {
            Stage::Running(_) => return Err(NotNow),
            Stage::Ended(ended) => ended.outcome.found().cloned(),
            Stage::Idle => None,
        };
        let shown = match digest {
            None => None,
            Some(digest) => Some(shown.filter(|found| found.plan.digest == digest).ok_or(NotNow)?),
        };
        let running = Arc::new(Running {
            by: by.to_owned(),
            since_ms: now_ms,
            applies: digest.is_some(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
        });
        *stage = Stage::Running(Arc::clone(&running));
        Ok((running, shown))
    }

    fn end(&self, at_ms: i64, outcome: Outcome) -> Weak<Ended> {
        let ended = Arc::new(Ended { at_ms, outcome });
        let known = Arc::downgrade(&ended);
        *self.lock() = Stage::Ended(ended);
        known
    }

    /// Forgets what a replay found, unless another one has begun since.
    fn forget(&self, known: &Weak<Ended>) {
        let mut stage = self.lock();
        if matches!(&*stage, Stage::Ended(ended) if Weak::as_ptr(known) == Arc::as_ptr(ended)) {
            *stage = Stage::Idle;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Console {
    /// Begins a dry run.
    ///
    /// # Errors
    /// When another replay runs.
    pub fn look(&self, by: &str) -> Result<(), NotNow> {
        self.begin(by, None)
    }

    /// Begins to apply what was found.
    ///
    /// # Errors
    /// When another replay runs, or something else was found.
    pub fn apply(&self, by: &str, digest: &str) -> Result<(), NotNow> {
        self.begin(by, Some(digest))
    }

    fn begin(&self, by: &str, digest: Option<&str>) -> Result<(), NotNow> {
        let replays = &self.0.replays;
        let (running, shown) = replays.begin(by, self.0.installation.clock.now_ms(), digest)?;
        let console = self.clone();
        tokio::spawn(async move {
            // A replay that panics must not seem to run for ever.
            let work = tokio::spawn(Self::replay(console.clone(), running, shown));
            let ended = work.await.map_err(anyhow::Error::from).flatten();
            let outcome = ended.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
            let ended = console.0.replays.end(console.0.installation.clock.now_ms(), outcome);
            sleep(KEPT).await;
            console.0.replays.forget(&ended);
        });
        Ok(())
    }

    async fn replay(self, running: Arc<Running>, shown: Option<Found>) -> anyhow::Result<Outcome> {
        let deed = if running.applies { Deed::ReplayBegun } else { Deed::ReplayLooked };
        self.record_replay(&running, deed, String::new()).await?;
        let installation = &self.0.installation;
        let Some(shown) = shown else { return Ok(Outcome::Found(self.rebuild(running).await?.1)) };
        let Some(stopped) = Stopped::find(installation)? else { return Ok(Outcome::InUse(shown)) };
        let (beside, found) = self.rebuild(Arc::clone(&running)).await?;
        if found.plan.digest != shown.plan.digest {
            return Ok(Outcome::Overtaken(found));
        }
        tokio::task::spawn_blocking(move || beside.replace_live(&stopped)).await??;
        self.record_replay(&running, Deed::ReplayApplied, format!("{} changes", found.plan.changes)).await?;
        Ok(Outcome::Applied(found))
    }

    async fn record_replay(&self, running: &Running, deed: Deed, subject: String) -> anyhow::Result<()> {
        let by = running.by.clone();
        self.0.accounts.ask(move |accounts| accounts.record(&by, deed, &subject)).await
    }

    async fn rebuild(&self, running: Arc<Running>) -> anyhow::Result<(Beside, Found)> {
        let (installation, view) = (&self.0.installation, &self.0.view);
        let tell = move |done, total| {
            running.done.store(done, Ordering::Relaxed);
            running.total.store(total, Ordering::Relaxed);
        };
        let mut beside = Beside::build(installation, view, tell).await?;
        let (connected, names) = (view.snapshot(), installation.settings.property_prefix.0.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let mut rows = Vec::new();
            let plan = Plan::of(&mut beside, &connected, &names, |row| {
                if rows.len() < ROWS_MAX {
                    rows.push(row.clone());
                }
                Ok(())
            })?;
            anyhow::Ok((beside, Found { plan, rows: Arc::new(rows) }))
        });
        looking.await?
    }
}
