//! The fold as a member of the consumer group: joins, goes on for ever, begins anew after what time or a rebuild heals.

use super::session::{Opened, Session};
use super::{partition, restore};
use crate::records::{self, Decoder};
use crate::status::Status;
use crate::stop::Stop;
use crate::store::{self, Stores};
use crate::sync::Desk;
use crate::telemetry::Metrics;
use connection::View;
use eventlog::{Consumer, Log, Topic};
use runtime::clock::Clock;
use schemas::Codec;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long to wait for records when there is nothing else to do.
const WAIT: Duration = Duration::from_millis(250);

/// How long to leave a failing log alone.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Why the fold cannot go on at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log is not fit to be used, or not the one that it was.
    #[error(transparent)]
    Log(#[from] eventlog::Error),
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The log holds what this version cannot read.
    #[error(transparent)]
    Decode(records::Error),
}

impl From<partition::Error> for Error {
    fn from(error: partition::Error) -> Self {
        match error {
            partition::Error::Store(error) => Self::Store(error),
            partition::Error::Decode(error) => Self::Decode(error),
        }
    }
}

/// What the fold works with.
pub struct Member {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The consumer group to join.
    pub group: String,
    /// Where the state stores are.
    pub stores: Arc<dyn Stores>,
    /// Bytes of memory that users may take while partitions restore.
    pub restore_memory: usize,
    /// How long a partition taken over from another process is left alone, so that its calls under way end.
    pub grace: Duration,
    /// Reads records.
    pub decoder: Decoder,
    /// Writes dead letters.
    pub codec: Codec,
    /// Connections.
    pub view: Arc<View>,
    /// Where work is left.
    pub desk: Arc<Desk>,
    /// How far the fold is.
    pub status: Arc<Status>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// What is reported.
    pub metrics: Metrics,
    /// Tells when to stop.
    pub stop: Stop,
}

impl Member {
    /// Folds until told to stop. A state store that fails is wiped and rebuilt; a log that is away is waited for. Blocks while
    /// it reads the log: for a thread of its own.
    ///
    /// # Errors
    /// What only an operator can put right.
    pub async fn run(&self) -> Result<(), Error> {
        while !self.stop.is_set() {
            match self.serve().await {
                Ok(()) => {}
                Err(Error::Log(error @ eventlog::Error::Unavailable(_))) => {
                    tracing::warn!(%error, "waiting for the log");
                    self.metrics.failures.with_label_values(&["log"]).inc();
                    self.stop.wait(RETRY).await;
                }
                Err(Error::Store(error)) => {
                    tracing::error!(%error, "the state store failed: rebuilding it from the log");
                    self.metrics.failures.with_label_values(&["store"]).inc();
                    self.stop.wait(RETRY).await;
                }
                Err(fatal) => return Err(fatal),
            }
        }
        Ok(())
    }

    async fn serve(&self) -> Result<(), Error> {
        let mut session = self.join()?;
        while !self.stop.is_set() {
            if let Err(error) = session.step(WAIT).await {
                session.give_up(&error);
                return Err(error);
            }
        }
        session.leave()
    }

    /// Joins the consumer group.
    ///
    /// # Errors
    /// When the log or the stores cannot be used.
    pub fn join(&self) -> Result<Session<'_>, Error> {
        let opened = Opened::default();
        let consumer = self.subscribe(&opened)?;
        self.desk.set_ownership(consumer.ownership());
        Ok(Session::new(self, consumer, opened))
    }

    fn subscribe(&self, opened: &Opened) -> Result<Box<dyn Consumer>, eventlog::Error> {
        let (log, stores, opened) = (Arc::clone(&self.log), Arc::clone(&self.stores), Arc::clone(opened));
        let start = move |topic: Topic, partition: u32| {
            let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
            if topic == Topic::USER_STATE[0] || !opened.contains_key(&partition) {
                let store = restore::open(&*log, &*stores, partition).map_err(|error| match error {
                    restore::Error::Log(error) => error,
                    restore::Error::Store(error) => eventlog::Error::Unfit(error.to_string()),
                })?;
                opened.insert(partition, store);
            }
            let next = opened.get(&partition).map_or(0, |store| store.checkpoint().next(topic));
            Ok(next.max(log.span(topic, partition)?.first))
        };
        self.log.subscribe(&self.group, &Topic::USER_STATE, Arc::new(start))
    }
}
