//! What a consumer group tells its members, as librdkafka passes it on.

use super::client::{self, reason};
use super::gate::Gate;
use crate::Error;
use crate::record::Topic;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What the group wants of a member.
pub(super) enum Change {
    /// To take these partitions, by the topic's name on the cluster.
    Assigned(Vec<(String, i32)>),
    /// To give all partitions up.
    Revoked,
}

/// Receives the client's events, inside its poll. Only notes what the group wants: the member acts on it.
pub(super) struct Callbacks {
    gate: Arc<Gate>,
    change: Mutex<Option<Change>>,
    /// The member is leaving: whatever the group wants, the answer is to let go.
    closing: AtomicBool,
}

impl Callbacks {
    /// For a client whose member has this gate.
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self { gate, change: Mutex::default(), closing: AtomicBool::new(false) }
    }

    /// From now on nobody acts on what the group wants: let go of everything.
    pub(super) fn answer_for_itself(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// What the group wants now, if that is news.
    pub(super) fn take_change(&self) -> Option<Change> {
        self.change.lock().expect("no code panics while it holds this lock").take()
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        client::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka consumer reported an error");
    }
}

impl ConsumerContext for Callbacks {
    fn rebalance(&self, client: &BaseConsumer<Self>, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let change = if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            // Copied out: a list of the client's own must not outlive this call.
            let elements = partitions.elements();
            Change::Assigned(elements.iter().map(|element| (element.topic().to_owned(), element.partition())).collect())
        } else {
            Change::Revoked
        };
        self.gate.close();
        if self.closing.load(Ordering::SeqCst) {
            if let Err(error) = client.unassign() {
                tracing::debug!(why = reason(&error), "could not give partitions up while closing");
            }
            return;
        }
        *self.change.lock().expect("no code panics while it holds this lock") = Some(change);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(why = reason(&error), "the group did not take the reported progress");
        }
    }
}

/// Everything about a user is in the same partition number of every topic, so their owner must be the same.
pub(super) fn same_partitions_of_every_topic(
    topics: &[Topic],
    assigned: &BTreeMap<Topic, BTreeSet<u32>>,
) -> Result<BTreeSet<u32>, Error> {
    let none = BTreeSet::new();
    let of = |topic: &Topic| assigned.get(topic).unwrap_or(&none);
    let owned = topics.first().map_or(&none, of);
    match topics.iter().find(|topic| of(topic) != owned) {
        None => Ok(owned.clone()),
        Some(other) => Err(Error::Unfit(format!(
            "the group gave this member partitions {owned:?} of {} but {:?} of {other}: all members of the group must be of \
             the same version, with the same topics and partition counts",
            topics[0],
            of(other),
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_assignment_that_splits_a_users_topics_is_unfit() {
        let topics = [Topic::LineEvents, Topic::LineProfiles];
        let whole = BTreeMap::from([(topics[0], BTreeSet::from([0, 2])), (topics[1], BTreeSet::from([0, 2]))]);
        assert_eq!(same_partitions_of_every_topic(&topics, &whole).unwrap(), BTreeSet::from([0, 2]));
        let split = BTreeMap::from([(topics[0], BTreeSet::from([0, 2])), (topics[1], BTreeSet::from([0]))]);
        assert!(matches!(same_partitions_of_every_topic(&topics, &split), Err(Error::Unfit(_))));
        let lacking = BTreeMap::from([(topics[0], BTreeSet::from([0]))]);
        assert!(matches!(same_partitions_of_every_topic(&topics, &lacking), Err(Error::Unfit(_))));
    }

    #[test]
    fn a_member_beyond_the_partition_count_gets_none_and_that_is_fine() {
        let topics = [Topic::LineEvents, Topic::LineProfiles];
        assert!(same_partitions_of_every_topic(&topics, &BTreeMap::new()).unwrap().is_empty());
    }
}
