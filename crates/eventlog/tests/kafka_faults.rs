//! Brokers that die, hang and come back under a log in use:
//! `tests/kafka/rig.sh cargo test -p eventlog --test kafka_faults`.

#![allow(clippy::unwrap_used)]

use eventlog::kafka::{KafkaLog, Settings, create_topics};
use eventlog::{Error, Log, NewRecord, Polled, Position, Topic};
use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::metadata::MetadataTopic;
use runtime::clock::SystemClock;
use runtime::secret::Secret;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use uuid::Uuid;

const PARTITIONS: u32 = 6;

/// How long ingest waits for the log before it answers without it.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// How long appends may fail after a broker has gone: the rig's cluster notices a silent broker after 6 s.
const OUTAGE_MAX: Duration = Duration::from_secs(20);

const PATIENCE: Duration = Duration::from_secs(90);

/// One broker fault at a time: the tests share the cluster.
static CLUSTER: Mutex<()> = Mutex::new(());

/// Tells the rig what to do with a broker, and waits until it is done.
fn broker(action: &str, node: u32) {
    let rig = std::env::var("KIZUNA_TEST_KAFKA_RIG").expect("tests/kafka/rig.sh runs these tests");
    let done = Command::new(rig).args(["broker", action, &node.to_string()]).status().unwrap();
    assert!(done.success(), "broker {action} {node}");
}

fn settings() -> Settings {
    let brokers = std::env::var("KIZUNA_TEST_KAFKA_BROKERS").expect("tests/kafka/rig.sh runs these tests");
    let topic_prefix = format!("{}.", Uuid::new_v4().simple());
    let mut settings = Settings { partitions: PARTITIONS, topic_prefix, ..Settings::new(&brokers) };
    settings.librdkafka.insert("session.timeout.ms".to_owned(), Secret::new("6000"));
    settings
}

/// A log on the cluster that nobody else harms meanwhile.
struct Case {
    runtime: Runtime,
    log: Arc<dyn Log>,
    _cluster: MutexGuard<'static, ()>,
}

impl Case {
    fn start() -> Self {
        let cluster = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = Runtime::new().unwrap();
        let settings = settings();
        runtime.block_on(create_topics(&settings)).unwrap();
        let log = Arc::new(runtime.block_on(KafkaLog::connect(settings, Arc::new(SystemClock))).unwrap());
        Self { runtime, log, _cluster: cluster }
    }

    /// Appends as ingest does: what is not acknowledged in time counts as failed.
    fn append(&self, number: usize) -> Result<Position, Error> {
        let record = NewRecord {
            topic: Topic::LineEvents,
            key: format!("U{number}/1/{number}").into_bytes(),
            value: Some(number.to_string().into_bytes()),
        };
        let late = |_| Err(Error::Unavailable("no answer in time".to_owned()));
        let appended = self.runtime.block_on(async { timeout(DEADLINE, self.log.append(vec![record])).await });
        appended.unwrap_or_else(late).map(|positions| positions[0])
    }

    /// Appends until `count` in a row succeeded, all partitions among them, and notes where each acknowledged record is.
    fn append_until_well(
        &self,
        numbers: &mut std::ops::RangeFrom<usize>,
        count: usize,
        acknowledged: &mut Acknowledged,
    ) {
        let since = Instant::now();
        let mut in_a_row = 0;
        while in_a_row < count {
            assert!(since.elapsed() < OUTAGE_MAX + PATIENCE, "appends never succeed again");
            let number = numbers.next().unwrap();
            match self.append(number) {
                Ok(position) => {
                    acknowledged.insert(number, position);
                    in_a_row += 1;
                }
                Err(Error::Unavailable(_)) => in_a_row = 0,
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn assert_held(&self, acknowledged: &Acknowledged) {
        let mut held = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let next = self.log.span(Topic::LineEvents, partition).unwrap().next;
            let mut reader = self.log.reader(Topic::LineEvents, partition, 0).unwrap();
            let since = Instant::now();
            let mut offset = 0;
            while offset < next {
                assert!(since.elapsed() < PATIENCE, "partition {partition} gives nothing after offset {offset}");
                for record in reader.next(1_000, Duration::from_secs(1)).unwrap() {
                    offset = record.offset + 1;
                    held.insert(Position { partition, offset: record.offset }, record.value.unwrap());
                }
            }
        }
        for (number, position) in acknowledged {
            assert_eq!(held.get(position), Some(&number.to_string().into_bytes()), "record {number} was acknowledged");
        }
    }
}

/// Where each acknowledged record is.
type Acknowledged = BTreeMap<usize, Position>;

/// Appends and consumes while a broker fails and comes back: nothing acknowledged is lost, and both go on by themselves.
fn survives(fault: &str, cure: &str) {
    let case = Case::start();
    let stopped = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    let mut acknowledged = Acknowledged::new();
    thread::scope(|scope| {
        scope.spawn(|| consume(&*case.log, &tell, &stopped));
        let mut numbers = 0..;
        case.append_until_well(&mut numbers, 50, &mut acknowledged);
        for node in 1..=3 {
            broker(fault, node);
            let since = Instant::now();
            case.append_until_well(&mut numbers, 50, &mut acknowledged);
            let outage = since.elapsed();
            broker(cure, node);
            assert!(outage < OUTAGE_MAX, "{outage:?} without broker {node}");
            case.append_until_well(&mut numbers, 50, &mut acknowledged);
            wait_until_healthy(&case);
        }
        let mut missing: BTreeSet<usize> = acknowledged.keys().copied().collect();
        while !missing.is_empty() {
            missing.remove(&told.recv_timeout(PATIENCE).expect("the consumer gets all acknowledged records"));
        }
        stopped.store(true, Ordering::SeqCst);
    });
    case.assert_held(&acknowledged);
}

fn consume(log: &dyn Log, tell: &Sender<usize>, stopped: &AtomicBool) {
    let mut consumer = log.subscribe("projector", &[Topic::LineEvents], Arc::new(|_, _| Ok(0))).unwrap();
    while !stopped.load(Ordering::SeqCst) {
        match consumer.poll(1_000, Duration::from_millis(100)) {
            Ok(Polled::Records(records)) => {
                for record in records {
                    tell.send(String::from_utf8(record.value.unwrap()).unwrap().parse().unwrap()).unwrap();
                }
            }
            Ok(_) | Err(Error::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until every partition has all its copies in step again: the cluster can bear one fault, not two.
fn wait_until_healthy(case: &Case) {
    let brokers = &settings().brokers;
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let since = Instant::now();
    let in_step = |topic: &MetadataTopic| topic.partitions().iter().all(|it| it.isr().len() == it.replicas().len());
    loop {
        let metadata = admin.inner().fetch_metadata(None, PATIENCE).unwrap();
        if metadata.brokers().len() == 3 && metadata.topics().iter().all(in_step) {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "copies stay out of step");
    }
    case.runtime.block_on(case.log.check()).unwrap();
}

#[test]
fn a_broker_that_is_killed_costs_no_acknowledged_record() {
    survives("kill", "start");
}

#[test]
fn a_broker_that_is_restarted_costs_no_acknowledged_record() {
    survives("stop", "start");
}

#[test]
fn a_broker_that_hangs_costs_no_acknowledged_record() {
    survives("pause", "resume");
}

#[test]
fn with_too_few_copies_nothing_is_acknowledged_until_they_are_back() {
    let case = Case::start();
    case.append(0).unwrap();
    broker("kill", 1);
    broker("kill", 2);
    for number in 1..4 {
        assert!(matches!(case.append(number), Err(Error::Unavailable(_))));
    }
    broker("start", 1);
    broker("start", 2);
    let mut acknowledged = Acknowledged::new();
    case.append_until_well(&mut (4..), 20, &mut acknowledged);
    wait_until_healthy(&case);
    case.assert_held(&acknowledged);
}
