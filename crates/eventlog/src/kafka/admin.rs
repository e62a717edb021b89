//! Looks at a cluster's topics and brokers, and creates the topics that are missing.

use super::client::{Quiet, misconfigured, unavailable};
use super::names::Names;
use super::settings::{SelfCheck, Settings};
use super::topics::{Observed, ObservedTopic, wanted};
use crate::Error;
use crate::record::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigEntry, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataTopic};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long one question to the cluster may take.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long new topics may take until every partition of them has a leader.
const CREATION_WAIT_MAX: Duration = Duration::from_secs(30);

/// How often to look whether they have one.
const LEADER_LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Creates the topics that are missing, with the settings that [`super::KafkaLog::connect`] asks for, and waits until they can
/// be written. Topics that exist are left as they are. Returns the topics created.
///
/// # Errors
/// [`Error::Unfit`] for wrong settings or when the cluster refuses a topic for good, as for too few brokers;
/// [`Error::Unavailable`] when it cannot be reached.
pub async fn create_topics(settings: &Settings) -> Result<Vec<Topic>, Error> {
    settings.validate()?;
    let admin = Admin::connect(settings)?;
    let names = Names::new(&settings.topic_prefix);
    let wanted = wanted(settings);
    let copies = i32::try_from(settings.replication).unwrap_or(i32::MAX);
    let topics: Vec<NewTopic<'_>> = Topic::ALL
        .iter()
        .map(|topic| {
            let partitions = if topic.is_single() { 1 } else { i32::try_from(settings.partitions).unwrap_or(i32::MAX) };
            let replication = TopicReplication::Fixed(copies);
            let topic = NewTopic::new(names.name(*topic), partitions, replication);
            wanted.iter().fold(topic, |topic, setting| topic.set(setting.name, &setting.value))
        })
        .collect();
    let results = admin
        .client
        .create_topics(&topics, &options())
        .await
        .map_err(|error| unavailable("cannot create topics", &error))?;
    let mut created = Vec::new();
    for result in results {
        match result {
            Ok(name) => created.extend(names.topic(&name)),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code @ (RDKafkaErrorCode::RequestTimedOut | RDKafkaErrorCode::NotController))) => {
                return Err(Error::Unavailable(format!("cannot create topic {name}: {code}")));
            }
            Err((name, code)) => {
                return Err(Error::Unfit(format!("the cluster refuses to create topic {name}: {code}")));
            }
        }
    }
    admin.wait_for_leaders(&names).await?;
    Ok(created)
}

/// What the cluster looks like, as far as the settings want it looked at.
pub(super) async fn observe(settings: &Settings) -> Result<Observed, Error> {
    let admin = Admin::connect(settings)?;
    let names = Names::new(&settings.topic_prefix);
    let (mut topics, brokers) = admin
        .metadata(move |metadata| {
            let brokers: Vec<i32> = metadata.brokers().iter().map(rdkafka::metadata::MetadataBroker::id).collect();
            (observed_topics(metadata, &names), brokers)
        })
        .await?;
    if settings.self_check == SelfCheck::Layout {
        return Ok(Observed { topics, brokers: BTreeMap::new() });
    }
    let names = Names::new(&settings.topic_prefix);
    for (topic, observed) in &mut topics {
        observed.settings = Some(admin.settings_of(ResourceSpecifier::Topic(names.name(*topic))).await?);
    }
    let mut by_broker = BTreeMap::new();
    for id in brokers {
        by_broker.insert(id, admin.settings_of(ResourceSpecifier::Broker(id)).await?);
    }
    Ok(Observed { topics, brokers: by_broker })
}

fn observed_topics(metadata: &Metadata, names: &Names) -> BTreeMap<Topic, ObservedTopic> {
    let there = metadata.topics().iter().filter(|topic| topic.error().is_none());
    there.filter_map(|topic| Some((names.topic(topic.name())?, observed_topic(topic)))).collect()
}

fn observed_topic(topic: &MetadataTopic) -> ObservedTopic {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let fewest = topic.partitions().iter().map(|partition| partition.replicas().len()).min();
    ObservedTopic {
        partitions: count(topic.partitions().len()),
        replication: count(fewest.unwrap_or(0)),
        settings: None,
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER_WAIT_MAX)).operation_timeout(Some(ANSWER_WAIT_MAX))
}

struct Admin {
    client: Arc<AdminClient<Quiet>>,
}

impl Admin {
    fn connect(settings: &Settings) -> Result<Self, Error> {
        let client = settings.admin().create_with_context(Quiet).map_err(|error| misconfigured(&error))?;
        Ok(Self { client: Arc::new(client) })
    }

    /// Asks for the layout of the whole cluster and takes what is wanted of it.
    async fn metadata<T: Send + 'static>(
        &self,
        take: impl FnOnce(&Metadata) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let client = Arc::clone(&self.client);
        let answer = tokio::task::spawn_blocking(move || {
            let metadata = client.inner().fetch_metadata(None, ANSWER_WAIT_MAX);
            metadata.map(|metadata| take(&metadata)).map_err(|error| unavailable("Kafka does not answer", &error))
        });
        answer.await.map_err(|_| Error::Unavailable("the process is stopping".to_owned()))?
    }

    async fn settings_of(&self, whose: ResourceSpecifier<'_>) -> Result<BTreeMap<String, String>, Error> {
        let answer = self.client.describe_configs([&whose], &options()).await;
        let mut resources = answer.map_err(|error| unavailable("Kafka does not tell its settings", &error))?;
        let resource = match resources.pop() {
            Some(Ok(resource)) => resource,
            Some(Err(
                code @ (RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed),
            )) => {
                return Err(Error::Unfit(format!(
                    "Kafka does not let us look at the settings of {whose:?} ({code}). To fix: allow this user \
                     DescribeConfigs, or make sure of the settings yourself and set KIZUNA_KAFKA_SELF_CHECK=layout"
                )));
            }
            Some(Err(code)) => return Err(Error::Unavailable(format!("Kafka does not tell its settings: {code}"))),
            None => return Err(Error::Unavailable("Kafka does not tell its settings".to_owned())),
        };
        let known = resource.entries.into_iter().filter_map(|ConfigEntry { name, value, .. }| Some((name, value?)));
        Ok(known.collect())
    }

    async fn wait_for_leaders(&self, names: &Names) -> Result<(), Error> {
        let deadline = Instant::now() + CREATION_WAIT_MAX;
        loop {
            let names = names.clone();
            let led = self.metadata(move |metadata| {
                let ours = metadata.topics().iter().filter(|topic| names.topic(topic.name()).is_some());
                ours.filter(|topic| {
                    let partitions = topic.partitions();
                    !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0)
                })
                .count()
            });
            if led.await? == Topic::ALL.len() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Error::Unavailable("the topics are created but have no leaders yet".to_owned()));
            }
            sleep(LEADER_LOOK_INTERVAL).await;
        }
    }
}
