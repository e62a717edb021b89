//! Gets records into the log, and says in time whether it has them.

use crate::telemetry::Metrics;
use eventlog::{Log, NewRecord};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Counted for a record beside its key and value.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// Why the log is not known to have the records. They may be in it nevertheless, or arrive there later.
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
}

/// The way into the log.
pub(crate) struct Intake {
    log: Arc<dyn Log>,
    /// Room for bytes on their way; an append holds its share until the log has answered.
    room: Arc<Semaphore>,
    room_bytes: u32,
    metrics: Metrics,
}

impl Intake {
    pub fn new(log: Arc<dyn Log>, room_bytes: u32, metrics: Metrics) -> Self {
        Self { log, room: Arc::new(Semaphore::new(room_bytes as usize)), room_bytes, metrics }
    }

    /// Appends the records and returns when all of them are durable.
    ///
    /// The append is a task of its own: it goes on when the deadline passes, and when the client leaves and this future
    /// is dropped. So a webhook is never half in the log because of its sender.
    pub async fn take(&self, records: Vec<NewRecord>, deadline: Instant) -> Result<(), NotTaken> {
        let bytes = records.iter().map(size).sum::<usize>();
        let share = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.room.clone().try_acquire_many_owned(share).map_err(|_| NotTaken::Full)?;
        let (log, seconds) = (self.log.clone(), self.metrics.append_seconds.clone());
        let append = tokio::spawn(async move {
            let started = Instant::now();
            let appended = log.append(records).await;
            seconds.observe(started.elapsed().as_secs_f64());
            drop(room);
            appended
        });
        match timeout_at(deadline, append).await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "the log does not take events");
                Err(NotTaken::Failed)
            }
            Ok(Err(_panicked)) => Err(NotTaken::Failed),
            Err(_) => Err(NotTaken::Late),
        }
    }

    /// Waits until no append is under way, not even of a client that has left.
    pub async fn settled(&self) {
        // The semaphore is never closed, so this fails only if it could never succeed.
        drop(self.room.acquire_many(self.room_bytes).await);
    }
}

fn size(record: &NewRecord) -> usize {
    record.key.len() + record.value.as_ref().map_or(0, Vec::len) + RECORD_OVERHEAD_BYTES
}
