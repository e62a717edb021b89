//! The log on a real Kafka cluster: `tests/kafka/rig.sh cargo test -p eventlog --features kafka-rig --test kafka`.

#![allow(clippy::unwrap_used)]

mod conformance;

use conformance::Rig;
use eventlog::Log;
use eventlog::kafka::{KafkaLog, Settings, create_topics};
use runtime::clock::SystemClock;
use runtime::secret::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use uuid::Uuid;

/// Topics of their own on the rig's cluster, told from others by their prefix.
struct Cluster {
    settings: Settings,
}

impl Rig for Cluster {
    const PATIENCE: Duration = Duration::from_secs(60);

    fn start(partitions: u32) -> Self {
        let settings = settings(partitions);
        Handle::current().block_on(create_topics(&settings)).unwrap();
        Self { settings }
    }

    fn open(&self) -> Arc<dyn Log> {
        let connecting = KafkaLog::connect(self.settings.clone(), Arc::new(SystemClock));
        Arc::new(Handle::current().block_on(connecting).unwrap())
    }
}

fn settings(partitions: u32) -> Settings {
    let brokers = std::env::var("KIZUNA_TEST_KAFKA_BROKERS").expect("tests/kafka/rig.sh runs these tests");
    let mut settings =
        Settings { partitions, topic_prefix: format!("{}.", Uuid::new_v4().simple()), ..Settings::new(&brokers) };
    settings.librdkafka.insert("session.timeout.ms".to_owned(), Secret::new("6000"));
    settings.librdkafka.insert("heartbeat.interval.ms".to_owned(), Secret::new("500"));
    settings
}

conformance!(Cluster, shared groups);
