//! What the topics and brokers must be like, and what they are: one table makes the topics and checks them.

use super::settings::{BATCH_BYTES_MAX, Settings};
use crate::Error;
use crate::record::Topic;
use std::collections::BTreeMap;
use std::fmt;

/// A day, in milliseconds, as Kafka writes it.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How a found value is compared with the wanted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fits {
    Exactly,
    AtLeast,
    AtMost,
}

/// A setting that a topic must have.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub name: &'static str,
    /// What a new topic gets.
    pub value: String,
    fits: Fits,
}

impl Wanted {
    fn new(name: &'static str, fits: Fits, value: impl ToString) -> Self {
        Self { name, value: value.to_string(), fits }
    }

    fn accepts(&self, found: &str) -> bool {
        let numbers = || Some((found.parse::<i64>().ok()?, self.value.parse::<i64>().ok()?));
        match self.fits {
            Fits::Exactly => found == self.value,
            Fits::AtLeast => numbers().is_some_and(|(found, wanted)| found >= wanted),
            Fits::AtMost => numbers().is_some_and(|(found, wanted)| found <= wanted),
        }
    }
}

/// The value, as "2 or more".
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fits {
            Fits::Exactly => write!(f, "{}", self.value),
            Fits::AtLeast => write!(f, "{} or more", self.value),
            Fits::AtMost => write!(f, "{} or less", self.value),
        }
    }
}

/// The settings of every topic. All are compacted: the newest record of a key stays for ever, a tombstone ends a key, and
/// every key of raw events is unique. Compaction may wait half a day, so that what a tombstone erases is gone within a day.
pub(super) fn wanted(settings: &Settings) -> Vec<Wanted> {
    let mut wanted = vec![
        Wanted::new("cleanup.policy", Fits::Exactly, "compact"),
        Wanted::new("retention.ms", Fits::Exactly, -1),
        Wanted::new("retention.bytes", Fits::Exactly, -1),
        Wanted::new("max.compaction.lag.ms", Fits::AtMost, DAY_MS / 2),
        // A reader that begins before a tombstone has so long to reach it.
        Wanted::new("delete.retention.ms", Fits::AtLeast, DAY_MS),
        Wanted::new("min.insync.replicas", Fits::AtLeast, settings.min_isr),
        Wanted::new("unclean.leader.election.enable", Fits::Exactly, "false"),
        Wanted::new("max.message.bytes", Fits::AtLeast, BATCH_BYTES_MAX),
        // Our clock may run ahead of the broker's; that must not refuse an event.
        Wanted::new("message.timestamp.after.max.ms", Fits::AtLeast, i64::MAX),
        Wanted::new("message.timestamp.type", Fits::Exactly, "CreateTime"),
    ];
    if settings.replication == 1 {
        // The only copy must be on disk before it is acknowledged.
        wanted.push(Wanted::new("flush.messages", Fits::Exactly, 1));
    }
    wanted
}

/// What a cluster looks like.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    pub topics: BTreeMap<Topic, ObservedTopic>,
    /// Settings of every broker that was asked, by its ID.
    pub brokers: BTreeMap<i32, BTreeMap<String, String>>,
}

/// What a topic looks like.
#[derive(Clone, Debug, Default)]
pub(super) struct ObservedTopic {
    pub partitions: u32,
    /// The copies of the partition that has the fewest.
    pub replication: u32,
    /// None when settings were not to be looked at.
    pub settings: Option<BTreeMap<String, String>>,
}

/// Something on the cluster that is not as it must be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    whose: String,
    /// As "retention.ms is 604800000, wanted -1".
    what: Vec<String>,
    fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. To fix: {}", self.whose, self.what.join("; "), self.fix)
    }
}

/// Everything that is wrong with a cluster, as one error.
pub(super) fn require_fit(observed: &Observed, settings: &Settings) -> Result<(), Error> {
    let problems = problems(observed, settings);
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(Error::Unfit(format!("Kafka is not set up as Kizuna needs it:\n{}", lines.join("\n"))))
}

fn problems(observed: &Observed, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let wanted = wanted(settings);
    for topic in Topic::ALL {
        let name = format!("{}{topic}", settings.topic_prefix);
        match observed.topics.get(&topic) {
            None => problems.push(Problem {
                whose: format!("topic {name}"),
                what: vec!["it is missing".to_owned()],
                fix: "kizuna topics create".to_owned(),
            }),
            Some(found) => {
                problems.extend(layout_problems(topic, &name, found, settings));
                problems.extend(settings_problem(&name, found, &wanted, settings));
            }
        }
    }
    problems.extend(observed.brokers.iter().filter_map(|(id, found)| broker_problem(*id, found)));
    problems
}

fn layout_problems(topic: Topic, name: &str, found: &ObservedTopic, settings: &Settings) -> Vec<Problem> {
    let partitions = settings.partitions_of(topic);
    let mut problems = Vec::new();
    if found.partitions != partitions {
        let fix = if topic.is_single() {
            "empty the log and create the topic again: its order rests on the single partition".to_owned()
        } else {
            format!(
                "set KIZUNA_KAFKA_PARTITIONS={} if all topics have so many; the count of a topic with records can never change",
                found.partitions
            )
        };
        problems.push(Problem {
            whose: format!("topic {name}"),
            what: vec![format!("the partition count is {}, wanted {partitions}", found.partitions)],
            fix,
        });
    }
    if found.replication < settings.replication {
        problems.push(Problem {
            whose: format!("topic {name}"),
            what: vec![format!("the replication factor is {}, wanted {}", found.replication, settings.replication)],
            fix: format!(
                "kafka-reassign-partitions.sh --bootstrap-server {} --execute with more replicas",
                settings.brokers
            ),
        });
    }
    problems
}

fn settings_problem(name: &str, found: &ObservedTopic, wanted: &[Wanted], settings: &Settings) -> Option<Problem> {
    let found = found.settings.as_ref()?;
    let value = |wanted: &Wanted| found.get(wanted.name).map_or("unknown", String::as_str);
    let wrong: Vec<&Wanted> = wanted.iter().filter(|wanted| !wanted.accepts(value(wanted))).collect();
    let assignments: Vec<String> = wrong.iter().map(|wanted| format!("{}={}", wanted.name, wanted.value)).collect();
    let Settings { brokers, .. } = settings;
    (!wrong.is_empty()).then(|| Problem {
        whose: format!("topic {name}"),
        what: wrong.iter().map(|wanted| format!("{} is {}, wanted {wanted}", wanted.name, value(wanted))).collect(),
        fix: format!(
            "kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics --entity-name {name} --add-config {}",
            assignments.join(",")
        ),
    })
}

fn broker_problem(id: i32, found: &BTreeMap<String, String>) -> Option<Problem> {
    const NAME: &str = "auto.create.topics.enable";
    let found = found.get(NAME).map_or("unknown", String::as_str);
    (found != "false").then(|| Problem {
        whose: format!("broker {id}"),
        what: vec![format!("{NAME} is {found}, wanted false")],
        fix: format!("write {NAME}=false into the broker's server.properties and restart it"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings() -> Settings {
        Settings { partitions: 4, ..Settings::new("kafka:9092") }
    }

    fn fit() -> Observed {
        let settings = settings();
        let found: BTreeMap<_, _> = wanted(&settings).iter().map(|it| (it.name.to_owned(), it.value.clone())).collect();
        let topic = |topic: &Topic| ObservedTopic {
            partitions: if topic.is_single() { 1 } else { 4 },
            replication: 3,
            settings: Some(found.clone()),
        };
        Observed {
            topics: Topic::ALL.iter().map(|it| (*it, topic(it))).collect(),
            brokers: BTreeMap::from([(
                1,
                BTreeMap::from([("auto.create.topics.enable".to_owned(), "false".to_owned())]),
            )]),
        }
    }

    fn refusal(observed: &Observed) -> String {
        require_fit(observed, &settings()).unwrap_err().to_string()
    }

    /// Sets one setting of `line.events` and returns the refusal.
    fn with(name: &str, value: &str) -> String {
        let mut observed = fit();
        let topic = observed.topics.get_mut(&Topic::LineEvents).unwrap();
        topic.settings.as_mut().unwrap().insert(name.to_owned(), value.to_owned());
        refusal(&observed)
    }

    #[test]
    fn a_cluster_as_wanted_is_fit() {
        require_fit(&fit(), &settings()).unwrap();
    }

    #[test]
    fn each_wrong_topic_setting_is_refused_with_what_was_found_wanted_and_how_to_fix_it() {
        for (name, found, wanted) in [
            ("cleanup.policy", "delete", "compact"),
            ("cleanup.policy", "compact,delete", "compact"),
            ("retention.ms", "604800000", "-1"),
            ("retention.bytes", "1073741824", "-1"),
            ("max.compaction.lag.ms", "9223372036854775807", "43200000 or less"),
            ("delete.retention.ms", "0", "86400000 or more"),
            ("min.insync.replicas", "1", "2 or more"),
            ("unclean.leader.election.enable", "true", "false"),
            ("max.message.bytes", "1048588", "2162688 or more"),
            ("message.timestamp.after.max.ms", "3600000", "9223372036854775807 or more"),
            ("message.timestamp.type", "LogAppendTime", "CreateTime"),
        ] {
            let text = with(name, found);
            assert!(
                text.contains(&format!("topic line.events: {name} is {found}, wanted {wanted}. To fix: ")),
                "{text}"
            );
            assert!(text.contains("kafka-configs.sh --bootstrap-server kafka:9092 --alter"), "{text}");
        }
    }

    #[test]
    fn one_command_fixes_all_settings_of_a_topic() {
        let mut observed = fit();
        let topic = observed.topics.get_mut(&Topic::LineEvents).unwrap();
        topic.settings.as_mut().unwrap().insert("cleanup.policy".to_owned(), "delete".to_owned());
        topic.settings.as_mut().unwrap().insert("retention.ms".to_owned(), "604800000".to_owned());
        let text = refusal(&observed);
        assert!(
            text.contains("cleanup.policy is delete, wanted compact; retention.ms is 604800000, wanted -1"),
            "{text}"
        );
        assert!(
            text.ends_with("--entity-name line.events --add-config cleanup.policy=compact,retention.ms=-1"),
            "{text}"
        );
    }

    #[test]
    fn a_stronger_setting_than_wanted_is_fit() {
        let mut observed = fit();
        for topic in observed.topics.values_mut() {
            topic.replication = 5;
            topic.settings.as_mut().unwrap().insert("min.insync.replicas".to_owned(), "3".to_owned());
        }
        require_fit(&observed, &settings()).unwrap();
    }

    #[test]
    fn a_missing_topic_is_refused_with_the_command_that_makes_it() {
        let mut observed = fit();
        observed.topics.remove(&Topic::LineSent);
        let text = refusal(&observed);
        assert!(text.contains("topic line.sent: it is missing") && text.contains("kizuna topics create"), "{text}");
    }

    #[test]
    fn a_topic_with_another_partition_count_than_the_others_is_refused() {
        let mut observed = fit();
        observed.topics.get_mut(&Topic::LineProfiles).unwrap().partitions = 6;
        assert!(refusal(&observed).contains("topic line.profiles: the partition count is 6, wanted 4"));
        let mut observed = fit();
        observed.topics.get_mut(&Topic::Connections).unwrap().partitions = 4;
        assert!(refusal(&observed).contains("topic connections: the partition count is 4, wanted 1"));
    }

    #[test]
    fn too_few_copies_are_refused() {
        let mut observed = fit();
        observed.topics.get_mut(&Topic::HubspotContacts).unwrap().replication = 1;
        assert!(refusal(&observed).contains("topic hubspot.contacts: the replication factor is 1, wanted 3"));
    }

    #[test]
    fn a_broker_that_makes_topics_by_itself_is_refused() {
        let mut observed = fit();
        let broker = observed.brokers.get_mut(&1).unwrap();
        broker.insert("auto.create.topics.enable".to_owned(), "true".to_owned());
        assert!(refusal(&observed).contains("broker 1: auto.create.topics.enable is true, wanted false"));
    }

    #[test]
    fn a_log_with_one_copy_must_be_on_disk_before_it_is_acknowledged() {
        let settings = Settings { replication: 1, min_isr: 1, ..settings() };
        let text = require_fit(&fit(), &settings).unwrap_err().to_string();
        assert!(text.contains("flush.messages is unknown, wanted 1"), "{text}");
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let text = require_fit(&Observed::default(), &settings()).unwrap_err().to_string();
        assert_eq!(text.lines().count(), 1 + Topic::ALL.len(), "{text}");
    }
}
