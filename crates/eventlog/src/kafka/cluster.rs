//! What everything that talks to one Kafka cluster shares: settings, names, the producer, and where partitions begin and end.

use super::client::{is_about_the_leader, unavailable};
use super::names::Names;
use super::producer::Producer;
use super::reader::PartitionReader;
use super::settings::Settings;
use crate::Error;
use crate::record::{Record, Span, Topic};
use rdkafka::message::{BorrowedMessage, Message};
use std::time::Duration;

/// How long a question to the cluster may take.
pub(super) const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);

/// One cluster as this process sees it.
pub(super) struct Cluster {
    pub settings: Settings,
    pub names: Names,
    pub producer: Producer,
}

impl Cluster {
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        let names = Names::new(&settings.topic_prefix);
        let layout = Topic::ALL.iter().map(|topic| (*topic, names.name(*topic).into(), settings.partitions_of(*topic)));
        let producer = Producer::new(settings.producer(), layout.collect())?;
        Ok(Self { settings, names, producer })
    }

    /// How many partitions a topic has.
    pub(super) fn partitions(&self, topic: Topic) -> u32 {
        self.settings.partitions_of(topic)
    }

    /// The offsets that a partition holds now.
    pub(super) fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
        let producer = self.producer.usable()?;
        let (client, name, number) = (producer.client(), self.names.name(topic), self.number(topic, partition)?);
        let ask = || client.fetch_watermarks(name, number, ANSWER_WAIT_MAX);
        // librdkafka asks the leader that it knows, and where it knows of none fails at once, until it looks again by itself
        // minutes later.
        let look_again = |error| match is_about_the_leader(&error) {
            true => client.fetch_metadata(Some(name), ANSWER_WAIT_MAX).and_then(|_| ask()),
            false => Err(error),
        };
        let (first, next) = ask()
            .or_else(look_again)
            .map_err(|error| unavailable("cannot learn which offsets a partition holds", &error))?;
        match (u64::try_from(first), u64::try_from(next)) {
            (Ok(first), Ok(next)) => Ok(Span { first, next }),
            _ => {
                Err(Error::Unavailable(format!("Kafka does not say which offsets {topic} partition {partition} holds")))
            }
        }
    }

    /// Does a partition hold `asked`, or is that the offset its next record will get?
    pub(super) fn require_in_span(&self, topic: Topic, partition: u32, asked: u64) -> Result<(), Error> {
        let Span { first, next } = self.span(topic, partition)?;
        if (first..=next).contains(&asked) {
            return Ok(());
        }
        Err(Error::OutOfRange { topic, partition, first, next, asked })
    }

    /// A reader of one partition that starts at `from`.
    pub(super) fn reader(
        self: std::sync::Arc<Self>,
        topic: Topic,
        partition: u32,
        from: u64,
    ) -> Result<PartitionReader, Error> {
        self.require_in_span(topic, partition, from)?;
        PartitionReader::open(self, topic, partition, from)
    }

    /// A partition as librdkafka counts them.
    pub(super) fn number(&self, topic: Topic, partition: u32) -> Result<i32, Error> {
        i32::try_from(partition)
            .ok()
            .filter(|_| partition < self.partitions(topic))
            .ok_or_else(|| Error::Unfit(format!("{topic} has no partition {partition}")))
    }

    /// A fetched message as our record; none when it is of no topic or partition that we know.
    pub(super) fn record(&self, message: &BorrowedMessage<'_>) -> Option<Record> {
        Some(Record {
            topic: self.names.topic(message.topic())?,
            partition: u32::try_from(message.partition()).ok()?,
            offset: u64::try_from(message.offset()).ok()?,
            appended_at_ms: message.timestamp().to_millis().unwrap_or(0),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().map(<[u8]>::to_vec),
        })
    }
}

/// An offset as librdkafka writes it.
pub(super) fn offset(next: u64) -> rdkafka::Offset {
    rdkafka::Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rdkafka::mocking::MockCluster;

    #[test]
    fn a_partition_that_has_a_leader_again_is_asked_at_once() {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic("line.events", 1, 1).unwrap();
        let settings = Settings { partitions: 1, ..Settings::new(&mock.bootstrap_servers()) };
        let cluster = Cluster::new(settings).unwrap();
        let span = || cluster.span(Topic::LineEvents, 0);
        assert_eq!(span().unwrap(), Span { first: 0, next: 0 });

        mock.partition_leader("line.events", 0, None).unwrap();
        let client = cluster.producer.usable().unwrap();
        client.client().fetch_metadata(Some("line.events"), ANSWER_WAIT_MAX).unwrap();
        assert!(matches!(span(), Err(Error::Unavailable(_))));

        mock.partition_leader("line.events", 0, Some(1)).unwrap();
        assert_eq!(span().unwrap(), Span { first: 0, next: 0 });
    }
}
