//! Reads one partition from a given offset, outside any consumer group.

use super::client::{Quiet, calm, is_connection_trouble, misconfigured, unavailable};
use super::cluster::{Cluster, offset};
use crate::record::{Record, Topic};
use crate::{Error, Reader};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A client of its own, assigned to one partition.
pub(super) struct PartitionReader {
    cluster: Arc<Cluster>,
    client: BaseConsumer<Quiet>,
    topic: Topic,
    partition: u32,
    /// The offset to read next.
    position: u64,
    /// An error that came behind records. The client tells it once, so it is kept until the next call.
    held: Option<KafkaError>,
    /// The brokers have nothing from there on.
    is_at_end: bool,
}

impl PartitionReader {
    pub(super) fn open(cluster: Arc<Cluster>, topic: Topic, partition: u32, from: u64) -> Result<Self, Error> {
        let client: BaseConsumer<Quiet> =
            cluster.settings.reader().create_with_context(Quiet).map_err(|error| misconfigured(&error))?;
        let reader = Self { cluster, client, topic, partition, position: from, held: None, is_at_end: false };
        reader.assign()?;
        Ok(reader)
    }

    /// Has the client fetch from the position on.
    fn assign(&self) -> Result<(), Error> {
        let number = self.cluster.number(self.topic, self.partition)?;
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(self.cluster.names.name(self.topic), number, offset(self.position))
            .and_then(|()| self.client.assign(&assignment))
            .map_err(|error| unavailable("cannot read from an offset", &error))
    }

    fn failed(&self, error: &KafkaError) -> Error {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                let is_held = self.cluster.require_in_span(self.topic, self.partition, self.position);
                // The client stops here for good. Where the cluster has changed its mind, as after an election, go on.
                is_held.and_then(|()| self.assign()).err().unwrap_or_else(|| unavailable("cannot read", error))
            }
            Some(RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::InvalidMessage) => {
                Error::Damaged(format!("{} partition {} near offset {}", self.topic, self.partition, self.position))
            }
            _ => unavailable("cannot read", error),
        }
    }
}

impl Reader for PartitionReader {
    fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, Error> {
        let deadline = Instant::now() + wait;
        let (mut records, mut trouble) = (Vec::new(), None);
        if let Some(error) = self.held.take() {
            return Err(self.failed(&error));
        }
        while records.len() < max {
            let patience =
                if records.is_empty() { deadline.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            match self.client.poll(calm(patience)) {
                Some(Ok(message)) => {
                    if let Some(record) = self.cluster.record(&message) {
                        self.position = record.offset + 1;
                        self.is_at_end = false;
                        records.push(record);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => self.is_at_end = true,
                Some(Err(error)) if is_connection_trouble(&error) => trouble = Some(error),
                Some(Err(error)) if !records.is_empty() => {
                    self.held = Some(error);
                    break;
                }
                Some(Err(error)) => return Err(self.failed(&error)),
                None if !records.is_empty() || patience.is_zero() => break,
                // An event that is no record ended the poll early.
                None => {}
            }
        }
        match trouble {
            Some(error) if records.is_empty() => Err(self.failed(&error)),
            _ => Ok(records),
        }
    }

    fn is_at_end(&self) -> bool {
        self.is_at_end
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::kafka::Settings;
    use rdkafka::mocking::MockCluster;

    #[test]
    fn an_error_that_came_behind_records_is_told_by_the_next_call_and_once() {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic("line.events", 1, 1).unwrap();
        let settings = Settings { partitions: 1, ..Settings::new(&mock.bootstrap_servers()) };
        let cluster = Arc::new(Cluster::new(settings).unwrap());
        let mut reader = PartitionReader::open(cluster, Topic::LineEvents, 0, 0).unwrap();
        reader.held = Some(KafkaError::MessageConsumption(RDKafkaErrorCode::BadMessage));
        assert!(matches!(reader.next(10, Duration::from_millis(10)), Err(Error::Damaged(_))));
        assert_eq!(reader.next(10, Duration::from_millis(10)).unwrap(), []);
    }
}
