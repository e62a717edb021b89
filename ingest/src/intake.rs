//! Gets records into the log or, while the log is away, into the spool; and says in time whether they are safe.

use crate::Settings;
use crate::alarm::Alarm;
use crate::spool::{NotKept, Spool};
use crate::steadfast::Steadfast;
use crate::telemetry::Metrics;
use eventlog::{Error, Log, NewRecord};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Counted for a record beside its key and value.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// Why records are not known to be safe. They may be in the log nevertheless, or arrive there later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    /// Too much is on its way into the log already.
    #[error("too much is waiting for the log")]
    Full,
    /// The log did not confirm in time.
    #[error("the log did not confirm in time")]
    Late,
    /// The log reported an error.
    #[error("the log failed")]
    Failed,
    /// The log will never take them.
    #[error("the log refused a record")]
    Refused,
    /// The log is away, and the spool does not have them either.
    #[error("the log is away, and {0}")]
    NotKept(#[from] NotKept),
}

/// The way into the log.
pub(crate) struct Intake {
    log: Arc<dyn Log>,
    spool: Option<Arc<Spool>>,
    log_timeout: Duration,
    answer_timeout: Duration,
    /// Room for bytes on their way; an append holds its share until the log has answered.
    room: Arc<Semaphore>,
    room_bytes: u32,
    metrics: Metrics,
}

type Append = Steadfast<Result<(), Error>>;

impl Intake {
    pub fn new(log: Arc<dyn Log>, spool: Option<Arc<Spool>>, settings: &Settings, metrics: Metrics) -> Self {
        let Settings { log_timeout, answer_timeout, pending_bytes_max: room_bytes, .. } = *settings;
        let room = Arc::new(Semaphore::new(room_bytes as usize));
        Self { log, spool, log_timeout, answer_timeout, room, room_bytes, metrics }
    }

    /// Takes the records of a request, and returns when all of them are durable: in the log, or in the spool where there is one
    /// and the log does not take them in time.
    ///
    /// What time they have is counted from `begun`. `alarm` is the connection's.
    ///
    /// What has begun goes on when its deadline passes, and when this future is dropped. So a webhook is never half in the log
    /// because of its sender.
    pub async fn take(&self, records: &Arc<[NewRecord]>, begun: Instant, alarm: &Alarm) -> Result<(), NotTaken> {
        let answer_by = begun + self.answer_timeout;
        let Some(spool) = &self.spool else {
            return confirmed(&mut self.begin(records)?, answer_by, alarm).await;
        };
        let mut append = None;
        let reason = if spool.is_log_away(records) {
            "away"
        } else {
            match self.begin(records) {
                Err(why) => why.label(),
                Ok(under_way) => match confirmed(append.insert(under_way), begun + self.log_timeout, alarm).await {
                    Err(why) if why != NotTaken::Refused => why.label(),
                    done => return done,
                },
            }
        };
        // In memory of its own, because it is seldom needed: all that a request keeps is looked at again after the log's answer.
        Box::pin(spool.keep(records, reason, answer_by)).await?;
        append.into_iter().for_each(Append::abandon);
        Ok(())
    }

    /// Begins to append to the log, if there is room.
    fn begin(&self, records: &Arc<[NewRecord]>) -> Result<Append, NotTaken> {
        let bytes = records.iter().map(|record| record.size() + RECORD_OVERHEAD_BYTES).sum::<usize>();
        let share = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.room.clone().try_acquire_many_owned(share).map_err(|_| NotTaken::Full)?;
        let (log, records, seconds) = (self.log.clone(), records.clone(), self.metrics.append_seconds.clone());
        Ok(Steadfast::new(async move {
            let started = Instant::now();
            let appended = log.append_shared(records).await.map(drop);
            seconds.observe(started.elapsed().as_secs_f64());
            drop(room);
            appended
        }))
    }

    /// Waits until no append is under way, not even of a client that has left.
    pub async fn settled(&self) {
        // The semaphore is never closed, so this fails only if it could never succeed.
        drop(self.room.acquire_many(self.room_bytes).await);
    }
}

/// Waits for the log to confirm an append.
async fn confirmed(append: &mut Append, deadline: Instant, alarm: &Alarm) -> Result<(), NotTaken> {
    match alarm.limit(deadline, Pin::new(append)).await {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => {
            tracing::warn!(%error, "the log does not take events");
            Err(if matches!(error, Error::Refused(_)) { NotTaken::Refused } else { NotTaken::Failed })
        }
        None => Err(NotTaken::Late),
    }
}

impl NotTaken {
    /// The reason as metrics show it.
    const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::NotKept(_) => "not_kept",
        }
    }
}
