//! Gets records into the log, and says in time whether it has them.

use crate::telemetry::Metrics;
use eventlog::{Log, NewRecord};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
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
    /// The append goes on when the deadline passes, and when the client leaves and this future is dropped. So a webhook
    /// is never half in the log because of its sender.
    pub async fn take(&self, records: Vec<NewRecord>, deadline: Instant) -> Result<(), NotTaken> {
        let bytes = records.iter().map(size).sum::<usize>();
        let share = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.room.clone().try_acquire_many_owned(share).map_err(|_| NotTaken::Full)?;
        let (log, seconds) = (self.log.clone(), self.metrics.append_seconds.clone());
        let append = async move {
            let started = Instant::now();
            let appended = log.append(records).await.map(drop);
            seconds.observe(started.elapsed().as_secs_f64());
            drop(room);
            appended
        };
        match timeout_at(deadline, Steadfast(Some(Box::pin(append)))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the log does not take events");
                Err(NotTaken::Failed)
            }
            Err(_) => Err(NotTaken::Late),
        }
    }

    /// Waits until no append is under way, not even of a client that has left.
    pub async fn settled(&self) {
        // The semaphore is never closed, so this fails only if it could never succeed.
        drop(self.room.acquire_many(self.room_bytes).await);
    }
}

/// Work that goes on as a task of its own when nobody waits for it any longer. While somebody does, it costs no task.
struct Steadfast<T>(Option<Work<T>>)
where
    T: Send + 'static;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Future for Steadfast<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Taken out while it runs: work that panics must not go on.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Steadfast<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the work with it.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

fn size(record: &NewRecord) -> usize {
    record.key.len() + record.value.as_ref().map_or(0, Vec::len) + RECORD_OVERHEAD_BYTES
}
