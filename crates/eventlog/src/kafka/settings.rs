//! How to reach Kafka and what is expected of it; the client settings that the log's promises rest on.

use crate::Error;
use crate::record::{NewRecord, Topic};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use runtime::secret::Secret;
use std::collections::BTreeMap;
use std::time::Duration;

/// Start of the names of environment variables that set anything about Kafka.
const VARIABLE_PREFIX: &str = "KIZUNA_KAFKA_";

/// Variables with that start which are settings of ours, not of librdkafka.
const OWN_VARIABLES: [&str; 8] =
    ["BROKERS", "PARTITIONS", "REPLICATION", "MIN_ISR", "CLIENT_ID", "GROUP_INSTANCE_ID", "TOPIC_PREFIX", "SELF_CHECK"];

/// The largest batch that brokers must take, bytes: the largest record, and room for what Kafka adds to it.
pub(super) const BATCH_BYTES_MAX: usize = NewRecord::MAX_BYTES + 64 * 1024;

/// How long a record waits for others that go to the same partition, milliseconds. Every request costs brokers and client
/// about the same however many records it carries, and LINE waits for two seconds.
const LINGER_MS: &str = "5";

/// What the log promises depends on these; nobody may set them otherwise.
const FIXED: [(&str, &str); 10] = [
    ("acks", "all"),
    ("allow.auto.create.topics", "false"),
    ("auto.offset.reset", "error"),
    ("check.crcs", "true"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.idempotence", "true"),
    ("group.protocol", "classic"),
    ("isolation.level", "read_committed"),
    ("partition.assignment.strategy", "range"),
];

/// Names that have a setting of their own, are another name of a fixed setting, or would change what the log means.
const RESERVED: [&str; 11] = [
    "bootstrap.servers",
    "client.id",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "metadata.broker.list",
    "partitioner",
    "request.required.acks",
    "statistics.interval.ms",
    "test.mock.num.brokers",
    "transactional.id",
];

/// How much the log makes sure of before it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelfCheck {
    /// Topics, their settings and the brokers' settings.
    #[default]
    Full,
    /// Only that the topics exist with their partitions and copies: for clusters whose operator does not let clients read
    /// settings, and has made sure of them in another way.
    Layout,
}

/// How to reach Kafka and what to expect there. Start from [`Settings::new`].
#[derive(Clone)]
pub struct Settings {
    /// Brokers to ask first, `host:port` with commas between.
    pub brokers: String,
    /// Further librdkafka settings by name, as `security.protocol`; see [`Settings::librdkafka_name`].
    pub librdkafka: BTreeMap<String, Secret>,
    /// Partitions of every topic but those with a single one.
    pub partitions: u32,
    /// Copies of every partition.
    pub replication: u32,
    /// Copies that must have a record before it is acknowledged.
    pub min_isr: u32,
    /// What brokers call this process in their logs and quotas.
    pub client_id: String,
    /// Keeps this member's partitions through a restart shorter than the session timeout. Unique in the group.
    pub group_instance_id: Option<String>,
    /// Start of the names of topics and groups, for several installations on one cluster. Usually empty.
    pub topic_prefix: String,
    /// How much to make sure of at start.
    pub self_check: SelfCheck,
}

/// Prints no values: they hold credentials.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("librdkafka", &self.librdkafka.keys()).finish_non_exhaustive()
    }
}

/// Why one of librdkafka's settings cannot be used. Shows no value: it may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// What is there.
    pub found: &'static str,
    /// What would be right.
    pub expected: String,
}

/// What is wrong with one of librdkafka's settings, as far as can be known without a broker.
pub fn objection(name: &str, value: &Secret) -> Option<Objection> {
    if RESERVED.contains(&name) {
        let expected = "none: Kizuna needs it for itself".to_owned();
        return Some(Objection { found: "a setting that cannot be set", expected });
    }
    if let Some((_, wanted)) = FIXED.iter().find(|(fixed, _)| *fixed == name) {
        let expected = format!("{wanted}: without it records could be lost");
        return (*wanted != value.expose()).then_some(Objection { found: "another value", expected });
    }
    match ClientConfig::new().set(name, value.expose()).create_native_config() {
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Some(Objection { found: "an unknown setting", expected: "a setting of librdkafka".to_owned() })
        }
        Err(_) => {
            let expected = format!("one that librdkafka takes for {name}");
            Some(Objection { found: "a value that is not shown", expected })
        }
        Ok(_) => None,
    }
}

impl Settings {
    /// Production's defaults: 12 partitions, 3 copies of which 2 must have a record.
    pub fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            librdkafka: BTreeMap::new(),
            partitions: 12,
            replication: 3,
            min_isr: 2,
            client_id: "kizuna".to_owned(),
            group_instance_id: None,
            topic_prefix: String::new(),
            self_check: SelfCheck::Full,
        }
    }

    /// The librdkafka setting that an environment variable stands for: `KIZUNA_KAFKA_SASL_USERNAME` is `sasl.username`.
    /// None for other variables, and for those that are settings of our own, as `KIZUNA_KAFKA_BROKERS`.
    pub fn librdkafka_name(variable: &str) -> Option<String> {
        let rest = variable.strip_prefix(VARIABLE_PREFIX)?;
        let is_ours = rest.is_empty() || OWN_VARIABLES.contains(&rest);
        (!is_ours).then(|| rest.to_ascii_lowercase().replace('_', "."))
    }

    /// Makes sure that the settings make sense together and leave the log's promises alone.
    ///
    /// # Errors
    /// [`Error::Unfit`] with every problem, one a line; without values, which may be secret.
    pub fn validate(&self) -> Result<(), Error> {
        let mut problems = Vec::new();
        if self.brokers.trim().is_empty() {
            problems.push("KIZUNA_KAFKA_BROKERS names no broker".to_owned());
        }
        if self.partitions == 0 || i32::try_from(self.partitions).is_err() {
            problems.push("KIZUNA_KAFKA_PARTITIONS must be at least 1".to_owned());
        }
        if self.min_isr == 0 || self.min_isr > self.replication {
            problems.push(format!(
                "KIZUNA_KAFKA_MIN_ISR is {}: it must be between 1 and KIZUNA_KAFKA_REPLICATION, which is {}",
                self.min_isr, self.replication
            ));
        }
        for (name, value) in &self.librdkafka {
            if let Some(Objection { found, expected }) = objection(name, value) {
                let variable = name.to_ascii_uppercase().replace('.', "_");
                problems.push(format!("{VARIABLE_PREFIX}{variable}: found {found}, expected {expected}"));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Unfit(problems.join("\n"))) }
    }

    /// How many partitions a topic has.
    pub(super) fn partitions_of(&self, topic: Topic) -> u32 {
        if topic.is_single() { 1 } else { self.partitions }
    }

    /// How long after its last sign of life the group takes this member for dead.
    pub(super) fn session_timeout(&self) -> Duration {
        let own = self.librdkafka.get("session.timeout.ms").and_then(|text| text.expose().parse().ok());
        Duration::from_millis(own.unwrap_or(30_000))
    }

    /// For the client that appends. `message.timeout.ms` is not a caller's deadline: an append that fails by it may still be
    /// in the log, so callers have a deadline of their own.
    pub(super) fn producer(&self) -> ClientConfig {
        let batch_bytes_max = BATCH_BYTES_MAX.to_string();
        self.client(
            &["acks", "enable.idempotence"],
            &[
                ("linger.ms", LINGER_MS),
                ("message.timeout.ms", "10000"),
                ("message.max.bytes", &batch_bytes_max),
                ("queue.buffering.max.messages", "20000"),
                ("queue.buffering.max.kbytes", "65536"),
                ("statistics.interval.ms", "500"),
            ],
        )
    }

    /// For a member of a consumer group.
    pub(super) fn member(&self, group: &str) -> ClientConfig {
        let mut config = self.consumer(group);
        if let Some(instance) = &self.group_instance_id {
            config.set("group.instance.id", instance);
        }
        config
    }

    /// For a reader of one partition: librdkafka assigns nothing to a client without a group name, but it never joins.
    /// It hears where the partition ends.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.consumer("kizuna-readers");
        config.set("enable.partition.eof", "true");
        config
    }

    /// For the client that creates and describes topics.
    pub(super) fn admin(&self) -> ClientConfig {
        self.client(&[], &[])
    }

    fn consumer(&self, group: &str) -> ClientConfig {
        let fixed = [
            "auto.offset.reset",
            "check.crcs",
            "enable.auto.commit",
            "enable.auto.offset.store",
            "group.protocol",
            "isolation.level",
            "partition.assignment.strategy",
        ];
        let mut config = self.client(&fixed, &[("session.timeout.ms", "30000"), ("max.poll.interval.ms", "300000")]);
        config.set("group.id", format!("{}{group}", self.topic_prefix));
        config
    }

    /// Defaults, then the operator's settings, then what is not theirs to set.
    fn client(&self, fixed: &[&str], defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        let is_debugged = self.librdkafka.contains_key("debug");
        config.set_log_level(if is_debugged { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Notice });
        // A broker that comes back is to be noticed within a second.
        config.set("reconnect.backoff.max.ms", "1000").set("socket.timeout.ms", "5000");
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in &self.librdkafka {
            config.set(name, value.expose());
        }
        for (name, value) in FIXED.iter().filter(|(name, _)| fixed.contains(name)) {
            config.set(*name, *value);
        }
        config.set("allow.auto.create.topics", "false");
        config.set("bootstrap.servers", &self.brokers).set("client.id", &self.client_id);
        config
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(name: &str, value: &str) -> Settings {
        let mut settings = Settings::new("127.0.0.1:9092");
        settings.librdkafka.insert(name.to_owned(), Secret::new(value));
        settings
    }

    #[test]
    fn a_kafka_variable_names_a_librdkafka_setting_unless_it_is_our_own() {
        let name = |variable| Settings::librdkafka_name(variable);
        assert_eq!(name("KIZUNA_KAFKA_SECURITY_PROTOCOL").as_deref(), Some("security.protocol"));
        assert_eq!(name("KIZUNA_KAFKA_SSL_CA_LOCATION").as_deref(), Some("ssl.ca.location"));
        assert_eq!(name("KIZUNA_KAFKA_BROKERS"), None);
        assert_eq!(name("KIZUNA_KAFKA_"), None);
        assert_eq!(name("KIZUNA_LISTEN"), None);
    }

    #[test]
    fn settings_that_would_weaken_the_log_are_refused() {
        for (name, value) in [
            ("acks", "1"),
            ("enable.idempotence", "false"),
            ("auto.offset.reset", "latest"),
            ("enable.auto.commit", "true"),
            ("check.crcs", "false"),
            ("isolation.level", "read_uncommitted"),
            ("request.required.acks", "all"),
            ("group.id", "other"),
        ] {
            let Error::Unfit(text) = with(name, value).validate().unwrap_err() else { panic!("{name}") };
            let variable = format!("KIZUNA_KAFKA_{}", name.to_uppercase().replace('.', "_"));
            assert!(text.contains(&variable), "{text}");
        }
        with("acks", "all").validate().unwrap();
        with("sasl.username", "somebody").validate().unwrap();
    }

    #[test]
    fn settings_that_librdkafka_does_not_take_are_refused_without_a_broker_and_without_their_value() {
        let refused = |name, value| objection(name, &Secret::new(value)).map(|it| it.found);
        assert_eq!(refused("nosuch.setting", "hunter2"), Some("an unknown setting"));
        assert_eq!(refused("linger.ms", "hunter2"), Some("a value that is not shown"));
        assert_eq!((refused("linger.ms", "7"), refused("sasl.mechanisms", "SCRAM-SHA-512")), (None, None));
        assert!(!with("linger.ms", "hunter2").validate().unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn more_acknowledging_copies_than_copies_are_refused() {
        let settings = Settings { replication: 1, ..Settings::new("127.0.0.1:9092") };
        assert!(matches!(settings.validate(), Err(Error::Unfit(text)) if text.contains("KIZUNA_KAFKA_MIN_ISR is 2")));
    }

    #[test]
    fn an_operators_setting_replaces_a_default_but_never_a_fixed_one() {
        let settings = with("compression.type", "zstd");
        let producer = settings.producer();
        assert_eq!(producer.get("compression.type"), Some("zstd"));
        assert_eq!(producer.get("acks"), Some("all"));
        assert_eq!(producer.get("enable.idempotence"), Some("true"));
        let member = settings.member("projector");
        assert_eq!(member.get("auto.offset.reset"), Some("error"));
        assert_eq!(member.get("partition.assignment.strategy"), Some("range"));
        assert_eq!(with("session.timeout.ms", "6000").session_timeout(), Duration::from_secs(6));
    }

    #[test]
    fn debug_output_shows_no_value() {
        let text = format!("{:?}", with("sasl.password", "hunter2"));
        assert!(text.contains("sasl.password") && !text.contains("hunter2"), "{text}");
    }
}
