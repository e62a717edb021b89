//! The log on a real Kafka cluster: `tests/kafka/rig.sh cargo test -p eventlog --test kafka`.

#![allow(clippy::unwrap_used)]

mod conformance;

use conformance::{Case, Rig};
use eventlog::kafka::{KafkaLog, Settings, create_topics};
use eventlog::{Consumer, Error, Log, NewRecord, Ownership, Polled, Record, StartOffset, Topic};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use runtime::clock::SystemClock;
use runtime::secret::Secret;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
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

#[test]
fn topics_are_created_once_and_then_left_as_they_are() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = settings(2);
    let created = runtime.block_on(create_topics(&settings)).unwrap();
    assert_eq!(created, Topic::ALL);
    assert_eq!(runtime.block_on(create_topics(&settings)).unwrap(), []);
    let more = Settings { partitions: 5, ..settings.clone() };
    assert_eq!(runtime.block_on(create_topics(&more)).unwrap(), []);
    let refused = runtime.block_on(KafkaLog::connect(more, Arc::new(SystemClock))).err().unwrap().to_string();
    let line = format!("topic {}line.events: the partition count is 2, wanted 5", settings.topic_prefix);
    assert!(refused.contains(&line), "{refused}");
}

#[test]
fn a_cluster_without_the_topics_is_unfit() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = runtime.block_on(KafkaLog::connect(settings(2), Arc::new(SystemClock))).err();
    assert!(matches!(refused, Some(Error::Unfit(why)) if why.contains("kizuna topics create")));
}

#[test]
fn a_topic_that_forgets_is_unfit() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = settings(2);
    runtime.block_on(create_topics(&settings)).unwrap();
    let name = format!("{}line.events", settings.topic_prefix);
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", &settings.brokers).create().unwrap();
    let forgetful = AlterConfig::new(ResourceSpecifier::Topic(&name)).set("cleanup.policy", "delete");
    let altered = runtime.block_on(admin.alter_configs([&forgetful], &AdminOptions::new())).unwrap();
    assert!(altered[0].is_ok());
    let since = Instant::now();
    let refused = loop {
        assert!(since.elapsed() < Cluster::PATIENCE, "the brokers never show the altered setting");
        // The broker that is asked learns of the change a moment later.
        if let Err(error) = runtime.block_on(KafkaLog::connect(settings.clone(), Arc::new(SystemClock))) {
            break error.to_string();
        }
    };
    assert!(refused.contains(&format!("topic {name}: cleanup.policy is delete, wanted compact")), "{refused}");
    assert!(refused.contains(&format!("--entity-name {name} --add-config cleanup.policy=compact")), "{refused}");
}

const PARTITIONS: u32 = 4;
const USERS: usize = 40;

/// What two members of a group did together: like a projector's store, it knows where each partition goes on.
#[derive(Default)]
struct Work {
    next: BTreeMap<(Topic, u32), u64>,
    /// The numbers that each user's records carried, in the order in which they were taken.
    numbers: BTreeMap<Vec<u8>, Vec<usize>>,
    by_member: [usize; 2],
}

impl Work {
    /// Takes a record; that it is the next of its partition shows that none was skipped and none came twice.
    fn take(&mut self, member: usize, record: &Record) {
        let next = self.next.entry((record.topic, record.partition)).or_default();
        assert_eq!(record.offset, *next, "{record:?} by member {member}");
        *next += 1;
        let user = record.topic.partition_key(&record.key).to_vec();
        let number = std::str::from_utf8(record.value.as_deref().unwrap()).unwrap().parse().unwrap();
        self.numbers.entry(user).or_default().push(number);
        self.by_member[member] += 1;
    }

    fn taken(&self) -> usize {
        self.by_member.iter().sum()
    }
}

/// The work of the group, and a bell for who waits until it has come so far.
#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    moved: Condvar,
}

impl Shared {
    fn wait_until(&self, mut wanted: impl FnMut(&Work) -> bool) {
        let waiting = self.moved.wait_timeout_while(self.work.lock().unwrap(), Cluster::PATIENCE, |work| !wanted(work));
        let (work, waited) = waiting.unwrap();
        assert!(!waited.timed_out(), "the members got no further than {:?} records", work.by_member);
    }
}

/// Appends numbered records of all users until told to stop; returns how many each user has.
fn write(log: &dyn Log, runtime: &Handle, stopped: &AtomicBool) -> usize {
    let mut number = 0;
    while !stopped.load(Ordering::SeqCst) {
        let of_user = |user| NewRecord {
            topic: Topic::LineEvents,
            key: format!("U{user}/1/{number}").into_bytes(),
            value: Some(number.to_string().into_bytes()),
        };
        runtime.block_on(log.append((0..USERS).map(of_user).collect())).unwrap();
        number += 1;
    }
    number
}

/// Runs a member until told to stop.
fn take_part(
    member: usize,
    mut consumer: Box<dyn Consumer>,
    rival: Option<Arc<dyn Ownership>>,
    shared: &Shared,
    stopped: &AtomicBool,
) {
    let own = consumer.ownership();
    while !stopped.load(Ordering::SeqCst) {
        match consumer.poll(200, Duration::from_millis(100)) {
            Ok(Polled::Records(records)) => {
                let mut work = shared.work.lock().unwrap();
                for record in &records {
                    assert!(own.owns(record.partition), "{record:?} without owning its partition");
                    assert!(
                        !rival.as_ref().is_some_and(|rival| rival.owns(record.partition)),
                        "{record:?} owned twice"
                    );
                    work.take(member, record);
                }
                shared.moved.notify_all();
            }
            Ok(_) | Err(Error::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_rebalance_under_load_loses_doubles_and_reorders_nothing() {
    let case = Case::<Cluster>::start(PARTITIONS);
    let (log, other_log) = (case.open(), case.open());
    let shared = Arc::new(Shared::default());
    let start: Arc<StartOffset> = {
        let shared = Arc::clone(&shared);
        Arc::new(move |topic, partition| {
            Ok(shared.work.lock().unwrap().next.get(&(topic, partition)).copied().unwrap_or(0))
        })
    };
    let (write_end, first_end, second_end) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
    let each_has = thread::scope(|scope| {
        let writer = scope.spawn(|| write(&*log, case.runtime.handle(), &write_end));
        let first = log.subscribe("projector", &[Topic::LineEvents, Topic::LineProfiles], Arc::clone(&start)).unwrap();
        let ownership = first.ownership();
        scope.spawn(|| take_part(0, first, None, &shared, &first_end));
        shared.wait_until(|work| work.by_member[0] >= 500);

        let second = other_log.subscribe("projector", &[Topic::LineEvents, Topic::LineProfiles], start).unwrap();
        let joined = scope.spawn(|| take_part(1, second, Some(ownership), &shared, &second_end));
        shared.wait_until(|work| work.by_member[1] >= 500);
        second_end.store(true, Ordering::SeqCst);
        joined.join().unwrap();

        let before = shared.work.lock().unwrap().by_member[0];
        shared.wait_until(|work| work.next.len() == PARTITIONS as usize && work.by_member[0] >= before + 500);
        write_end.store(true, Ordering::SeqCst);
        let each_has = writer.join().unwrap();
        shared.wait_until(|work| work.taken() == USERS * each_has);
        first_end.store(true, Ordering::SeqCst);
        each_has
    });
    let work = shared.work.lock().unwrap();
    assert_eq!(work.numbers.len(), USERS);
    assert!(
        work.numbers.values().all(|numbers| numbers.iter().copied().eq(0..each_has)),
        "in the order of their appends"
    );
}
