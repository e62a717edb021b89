//! What a consumer group tells its members, as librdkafka passes it on.

use super::client::{self, reason};
use super::gate::Gate;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};
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
