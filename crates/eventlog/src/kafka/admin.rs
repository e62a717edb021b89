//! Looks at a cluster's topics and brokers, and creates the topics that are missing.

use super::client::{Quiet, misconfigured, unavailable};
use super::names::Names;
use super::settings::{SelfCheck, Settings};
use super::topics::{Observed, ObservedTopic, wanted};
use crate::Error;
use crate::record::Topic;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigEntry, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::{Metadata, MetadataBroker, MetadataTopic};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long one question to the cluster may take.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);

/// How long new topics may take until every partition has a leader and every broker knows of them.
const CREATION_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a broker may take until it tells the settings of a topic that the cluster has.
const SETTINGS_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long to wait before asking again.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Settings by name.
type Values = BTreeMap<String, String>;

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
            let partitions = i32::try_from(settings.partitions_of(*topic)).unwrap_or(i32::MAX);
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
    admin.wait_until_known(&names, settings.self_check).await?;
    Ok(created)
}

/// What the cluster looks like, as far as the settings want it looked at.
pub(super) async fn observe(settings: &Settings) -> Result<Observed, Error> {
    let admin = Admin::connect(settings)?;
    let names = Names::new(&settings.topic_prefix);
    let (mut topics, brokers) = {
        let names = names.clone();
        admin.metadata(move |metadata| (observed_topics(metadata, &names), broker_ids(metadata))).await?
    };
    if settings.self_check == SelfCheck::Layout {
        return Ok(Observed { topics, brokers: BTreeMap::new() });
    }
    let known: Vec<Topic> = topics.keys().copied().collect();
    let mut values = admin.settings_of_all(&known, &names).await?;
    for (topic, observed) in &mut topics {
        observed.settings = values.remove(topic);
    }
    let mut by_broker = BTreeMap::new();
    for id in brokers {
        let described = admin.describe(&[ResourceSpecifier::Broker(id)], &options()).await?;
        let values = described.into_iter().next().map(|(_, values)| values);
        by_broker.insert(id, values.ok_or_else(|| untold(&format!("broker {id}")))?);
    }
    Ok(Observed { topics, brokers: by_broker })
}

fn broker_ids(metadata: &Metadata) -> Vec<i32> {
    metadata.brokers().iter().map(MetadataBroker::id).collect()
}

/// Kafka says nothing about settings both to who may not know them and about topics that a broker has not heard of yet.
fn untold(whose: &str) -> Error {
    Error::Unfit(format!(
        "Kafka does not tell the settings of {whose}. To fix: allow this user DescribeConfigs on topics and the cluster, or make \
         sure of the settings yourself and set KIZUNA_KAFKA_SELF_CHECK=layout"
    ))
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

    /// The settings of those that Kafka tells them of.
    async fn describe(
        &self,
        whose: &[ResourceSpecifier<'_>],
        options: &AdminOptions,
    ) -> Result<Vec<(OwnedResourceSpecifier, Values)>, Error> {
        if whose.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.client.describe_configs(whose, options).await;
        let resources = answer.map_err(|error| unavailable("Kafka does not tell its settings", &error))?;
        let values =
            |entries: Vec<ConfigEntry>| entries.into_iter().filter_map(|it| Some((it.name, it.value?))).collect();
        let told = resources.into_iter().flatten().filter(|resource| !resource.entries.is_empty());
        Ok(told.map(|resource| (resource.specifier, values(resource.entries))).collect())
    }

    /// The settings of these topics, as one broker knows them.
    async fn topic_settings(
        &self,
        topics: &[Topic],
        names: &Names,
        options: &AdminOptions,
    ) -> Result<BTreeMap<Topic, Values>, Error> {
        let whose: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(names.name(*topic))).collect();
        let by_topic = self.describe(&whose, options).await?.into_iter().filter_map(|(whose, values)| match whose {
            OwnedResourceSpecifier::Topic(name) => Some((names.topic(&name)?, values)),
            _ => None,
        });
        Ok(by_topic.collect())
    }

    /// The settings of these topics, all of which the cluster has; the broker asked may hear of them a moment later.
    async fn settings_of_all(&self, topics: &[Topic], names: &Names) -> Result<BTreeMap<Topic, Values>, Error> {
        let deadline = Instant::now() + SETTINGS_WAIT_MAX;
        loop {
            let values = self.topic_settings(topics, names, &options()).await?;
            match topics.iter().find(|topic| !values.contains_key(topic)) {
                None => return Ok(values),
                Some(untold_of) if Instant::now() >= deadline => {
                    return Err(untold(&format!("topic {}", names.name(*untold_of))));
                }
                Some(_) => sleep(LOOK_INTERVAL).await,
            }
        }
    }

    /// Waits until every partition of our topics has a leader and every broker can tell about them.
    async fn wait_until_known(&self, names: &Names, self_check: SelfCheck) -> Result<(), Error> {
        let deadline = Instant::now() + CREATION_WAIT_MAX;
        while !self.is_known(names, self_check).await? {
            if Instant::now() >= deadline {
                return Err(Error::Unavailable("the topics are created but not all brokers serve them yet".to_owned()));
            }
            sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    async fn is_known(&self, names: &Names, self_check: SelfCheck) -> Result<bool, Error> {
        let (led, brokers) = {
            let names = names.clone();
            self.metadata(move |metadata| (led_topics(metadata, &names), broker_ids(metadata))).await?
        };
        if led < Topic::ALL.len() {
            return Ok(false);
        }
        if self_check == SelfCheck::Full {
            for id in brokers {
                let told = self.topic_settings(&Topic::ALL, names, &options().broker_id(id)).await?;
                if told.len() < Topic::ALL.len() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// How many of our topics have a leader for every partition.
fn led_topics(metadata: &Metadata, names: &Names) -> usize {
    let ours = metadata.topics().iter().filter(|topic| names.topic(topic.name()).is_some());
    let is_led = |topic: &&MetadataTopic| {
        let partitions = topic.partitions();
        !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0)
    };
    ours.filter(is_led).count()
}
