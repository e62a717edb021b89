//! The log on Kafka: production, and everything that runs as more than one process.
//!
//! What it promises rests on four things. Appends go through an idempotent producer with `acks=all`, and only a record's own
//! delivery report counts. Partitions are computed here, by [`crate::partitioning`], so that everything about a user has one
//! partition number. Consumers start where the caller's own store says, never at a group offset. And [`KafkaLog::connect`]
//! refuses a cluster whose settings could lose records.
//!
//! This module is the only place that names rdkafka.

mod admin;
mod client;
mod cluster;
mod gate;
mod member;
mod names;
mod producer;
mod reader;
mod rebalance;
mod settings;
mod topics;
mod watchdog;

pub use admin::create_topics;
pub use settings::{Objection, SelfCheck, Settings, objection};

use crate::record::{NewRecord, Position, Span, Topic};
use crate::{Consumer, Error, Log, Reader, StartOffset};
use async_trait::async_trait;
use client::unavailable;
use cluster::{ANSWER_WAIT_MAX, Cluster};
use member::Member;
use rdkafka::metadata::Metadata;
use runtime::clock::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a new producer may take until it can send.
const WARM_UP_WAIT_MAX: Duration = Duration::from_secs(15);

/// How long a health check waits for Kafka.
const CHECK_WAIT_MAX: Duration = Duration::from_secs(2);

/// The log on a Kafka cluster.
pub struct KafkaLog {
    cluster: Arc<Cluster>,
    clock: Arc<dyn Clock>,
}

impl KafkaLog {
    /// Connects, makes sure that the cluster is as the settings and the design promise, and warms the producer up, so that the
    /// first append is as quick as any. `clock` dates the records.
    ///
    /// # Errors
    /// [`Error::Unfit`] names every wrong setting and how to put it right; [`Error::Unavailable`].
    pub async fn connect(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        settings.validate()?;
        let cluster = Arc::new(Cluster::new(settings)?);
        topics::require_fit(&admin::observe(&cluster.settings).await?, &cluster.settings)?;
        let log = Self { cluster, clock };
        log.warm_up().await?;
        Ok(log)
    }

    /// Waits for the producer's ID, and has it connect to every broker that leads a partition of the events.
    async fn warm_up(&self) -> Result<(), Error> {
        let producer = self.cluster.producer.usable()?;
        timeout(WARM_UP_WAIT_MAX, producer.has_id())
            .await
            .map_err(|_| Error::Unavailable("Kafka gave the producer no ID".to_owned()))?;
        let one_per_leader = self.metadata(ANSWER_WAIT_MAX, one_partition_per_leader).await?;
        let cluster = Arc::clone(&self.cluster);
        blocking(move || one_per_leader.into_iter().try_for_each(|it| cluster.span(Topic::LineEvents, it).map(|_| ())))
            .await
    }

    /// Asks for the layout of `line.events` and takes what is wanted of it.
    async fn metadata<T: Send + 'static>(
        &self,
        wait: Duration,
        take: impl FnOnce(&Metadata) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let cluster = Arc::clone(&self.cluster);
        blocking(move || {
            let producer = cluster.producer.usable()?;
            let metadata = producer.client().fetch_metadata(Some(cluster.names.name(Topic::LineEvents)), wait);
            metadata.map(|metadata| take(&metadata)).map_err(|error| unavailable("Kafka does not answer", &error))
        })
        .await
    }
}

/// Runs what may wait for the network on a thread that may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Unavailable("the process is stopping".to_owned()))?
}

fn one_partition_per_leader(metadata: &Metadata) -> Vec<u32> {
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let by_leader: BTreeMap<i32, i32> = partitions.map(|partition| (partition.leader(), partition.id())).collect();
    by_leader.into_values().filter_map(|partition| u32::try_from(partition).ok()).collect()
}

/// Why the events cannot be written now, if so: a partition has no leader or too few copies in step with it.
fn why_unwritable(metadata: &Metadata, min_isr: u32) -> Option<String> {
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    partitions.into_iter().find_map(|partition| {
        let in_step = partition.isr().len();
        if partition.leader() < 0 {
            Some(format!("partition {} of {} has no leader", partition.id(), Topic::LineEvents))
        } else if in_step < usize::try_from(min_isr).unwrap_or(usize::MAX) {
            Some(format!(
                "partition {} of {} has {in_step} copies in step, needs {min_isr}",
                partition.id(),
                Topic::LineEvents
            ))
        } else {
            None
        }
    })
}

#[async_trait]
impl Log for KafkaLog {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        records.iter().try_for_each(NewRecord::check_size)?;
        self.cluster.producer.append(records, self.clock.now_ms()).await
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.cluster.partitions(topic)
    }

    fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
        self.cluster.span(topic, partition)
    }

    fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(Arc::clone(&self.cluster).reader(topic, partition, from)?))
    }

    fn subscribe(&self, group: &str, topics: &[Topic], start: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(Member::join(Arc::clone(&self.cluster), group, topics, start)?))
    }

    async fn check(&self) -> Result<(), Error> {
        let min_isr = self.cluster.settings.min_isr;
        let why = self.metadata(CHECK_WAIT_MAX, move |metadata| why_unwritable(metadata, min_isr)).await?;
        why.map_or(Ok(()), |why| Err(Error::Unavailable(why)))
    }

    fn describe(&self) -> String {
        format!("Kafka at {}", self.cluster.settings.brokers)
    }
}
