//! The log on librdkafka's mock cluster: the conformance suite, and faults that a real cluster does not show on demand.

#![allow(clippy::unwrap_used)]

mod conformance;

use conformance::Rig;
use eventlog::kafka::{KafkaLog, SelfCheck, Settings};
use eventlog::{Consumer, Error, Log, NewRecord, Polled, Record, Topic};
use proptest::prelude::*;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use runtime::clock::{ManualClock, SystemClock};
use runtime::secret::Secret;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const PARTITIONS: u32 = 2;

/// Longer than anything here takes when it works.
const PATIENCE: Duration = Duration::from_secs(30);

type Mock = MockCluster<'static, DefaultProducerContext>;

fn mock(partitions: u32) -> Mock {
    let mock = MockCluster::new(3).unwrap();
    for topic in Topic::ALL {
        let partitions = if topic.is_single() { 1 } else { partitions };
        mock.create_topic(topic.name(), partitions.cast_signed(), 3).unwrap();
    }
    mock
}

fn settings(mock: &Mock, partitions: u32) -> Settings {
    Settings { partitions, self_check: SelfCheck::Layout, ..Settings::new(&mock.bootstrap_servers()) }
}

/// The mock cluster lets a first member join after 3 s, one that joins again after its session timeout less a second.
fn with_quick_heartbeats(mut settings: Settings) -> Settings {
    settings.librdkafka.insert("heartbeat.interval.ms".to_owned(), Secret::new("100"));
    settings.librdkafka.insert("session.timeout.ms".to_owned(), Secret::new("6000"));
    settings
}

async fn connect(settings: Settings) -> Arc<dyn Log> {
    Arc::new(KafkaLog::connect(settings, Arc::new(ManualClock::at(1_700_000_000_000))).await.unwrap())
}

fn event(id: u32) -> NewRecord {
    NewRecord {
        topic: Topic::LineEvents,
        key: format!("U{:032x}/1/{id}", 7).into_bytes(),
        value: Some(id.to_string().into_bytes()),
    }
}

/// Reads until `count` records are there.
fn read(log: &dyn Log, partition: u32, count: usize) -> Vec<Record> {
    let mut reader = log.reader(Topic::LineEvents, partition, 0).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < deadline, "only {records:?}");
        records.extend(reader.next(count, Duration::from_secs(1)).unwrap());
    }
    records
}

fn poll_until_assigned(consumer: &mut dyn Consumer) -> Vec<u32> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Polled::Assigned(partitions) = consumer.poll(10, Duration::from_secs(1)).unwrap() {
            return partitions;
        }
    }
    panic!("no assignment");
}

#[tokio::test]
async fn a_failed_delivery_is_unavailable_and_the_next_append_goes_through() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    mock.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_POLICY_VIOLATION]);
    assert!(matches!(log.append(vec![event(1)]).await, Err(Error::Unavailable(_))));
    let position = log.append(vec![event(2)]).await.unwrap()[0];
    assert_eq!(read(&*log, position.partition, 1)[0].value.as_deref(), Some(&b"2"[..]));
}

#[tokio::test]
async fn a_passing_broker_error_is_not_seen_by_the_caller() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        ],
    );
    let positions = log.append(vec![event(1), event(2)]).await.unwrap();
    let values: Vec<_> =
        read(&*log, positions[0].partition, 2).into_iter().map(|record| record.value.unwrap()).collect();
    assert_eq!(values, [b"1", b"2"]);
}

#[tokio::test]
async fn a_record_that_the_broker_finds_too_large_is_refused() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    mock.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    assert!(matches!(log.append(vec![event(1)]).await, Err(Error::Refused(_))));
}

#[tokio::test]
async fn a_producer_that_failed_for_good_is_replaced() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    mock.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    let failed =
        timeout(Duration::from_secs(2), log.append(vec![event(1)])).await.expect("the failure is told at once");
    assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
    timeout(Duration::from_secs(5), log.append(vec![event(2)])).await.unwrap().unwrap();
    log.check().await.unwrap();
}

#[tokio::test]
async fn every_append_under_way_is_unavailable_when_the_producer_fails_for_good() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    mock.broker_round_trip_time(-1, Duration::from_millis(200)).unwrap();
    mock.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    let appends: Vec<_> = (0..8)
        .map(|id| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(vec![event(id)]).await })
        })
        .collect();
    for append in appends {
        let outcome = timeout(Duration::from_secs(2), append).await.expect("no append is left waiting").unwrap();
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_producer_that_fails_for_good_again_and_again_is_unfit() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    for _ in 0..3 {
        mock.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
        assert!(matches!(log.append(vec![event(1)]).await, Err(Error::Unavailable(_))));
    }
    mock.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]);
    let fourth = log.append(vec![event(1)]).await;
    assert!(matches!(&fourth, Err(Error::Unfit(why)) if why.contains("4 times within 10 minutes")), "{fourth:?}");
    assert!(matches!(log.check().await, Err(Error::Unfit(_))));
}

#[tokio::test]
async fn a_caller_that_stops_waiting_does_not_take_its_record_back() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    mock.broker_round_trip_time(-1, Duration::from_secs(1)).unwrap();
    timeout(Duration::from_millis(300), log.append(vec![event(1)])).await.expect_err("the acknowledgement is late");
    let second = log.append(vec![event(2)]).await.unwrap()[0];
    let values: Vec<_> = read(&*log, second.partition, 2).into_iter().map(|record| record.value.unwrap()).collect();
    assert_eq!(values, [b"1", b"2"]);
}

#[tokio::test]
async fn an_append_larger_than_the_clients_queue_is_taken_in_its_order() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    let count = 50_000;
    let positions = log.append((0..count).map(event).collect()).await.unwrap();
    assert!(positions.iter().map(|it| it.offset).eq(0..u64::from(count)));
}

#[tokio::test]
async fn records_that_come_while_others_of_their_partition_are_under_way_follow_in_their_order() {
    let mock = mock(PARTITIONS);
    let mut settings = settings(&mock, PARTITIONS);
    settings.librdkafka.insert("linger.ms".to_owned(), Secret::new("0"));
    let log = connect(settings).await;
    mock.broker_round_trip_time(-1, Duration::from_millis(200)).unwrap();
    let append = |id| {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.append(vec![event(id)]).await.unwrap()[0] })
    };
    // The tasks take turns on this one thread, each to where it waits.
    let appends: Vec<_> = (0..30).map(append).collect();
    let mut offsets = Vec::new();
    for append in appends {
        offsets.push(append.await.unwrap().offset);
    }
    assert_eq!(offsets, (0..30).collect::<Vec<u64>>());
}

#[tokio::test]
async fn appends_go_through_again_soon_after_the_brokers_are_back() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    mock.broker_down(-1).unwrap();
    timeout(Duration::from_millis(500), log.append(vec![event(1)])).await.expect_err("nobody can acknowledge");
    assert!(matches!(log.check().await, Err(Error::Unavailable(_))));
    mock.broker_up(-1).unwrap();
    timeout(Duration::from_secs(10), log.append(vec![event(2)])).await.unwrap().unwrap();
    log.check().await.unwrap();
}

/// A cluster that was away for seconds, and an event that was appended afterwards.
async fn after_an_outage(mock: &Mock, log: &dyn Log) {
    mock.broker_down(-1).unwrap();
    log.append(vec![event(1)]).await.expect_err("nobody can acknowledge before the producer gives up");
    mock.broker_up(-1).unwrap();
    log.append(vec![event(2)]).await.unwrap();
}

fn giving_up_soon(mut settings: Settings) -> Settings {
    settings.librdkafka.insert("message.timeout.ms".to_owned(), Secret::new("4000"));
    settings
}

#[tokio::test]
async fn a_reader_does_not_tell_of_an_outage_that_is_over() {
    let mock = mock(1);
    let log = connect(giving_up_soon(settings(&mock, 1))).await;
    let mut reader = log.reader(Topic::LineEvents, 0, 0).unwrap();
    assert!(reader.next(1, Duration::from_millis(500)).unwrap().is_empty(), "it is connected");
    after_an_outage(&mock, &*log).await;
    let read = reader.next(1, PATIENCE).unwrap();
    assert_eq!(read[0].value.as_deref(), Some(&b"2"[..]));
}

#[tokio::test]
async fn brokers_that_do_not_answer_are_not_taken_for_the_end() {
    let mock = mock(1);
    let log = connect(settings(&mock, 1)).await;
    log.append(vec![event(1)]).await.unwrap();
    mock.broker_round_trip_time(-1, Duration::from_secs(2)).unwrap();
    let mut reader = log.reader(Topic::LineEvents, 0, 1).unwrap();
    let mut read = |wait| reader.visit_to_end(1, wait, &mut |_| {});
    assert!(matches!(read(Duration::from_millis(300)), Err(Error::Unavailable(_))));
    mock.broker_round_trip_time(-1, Duration::ZERO).unwrap();
    assert_eq!(read(PATIENCE).unwrap(), 0);
}

#[tokio::test]
async fn a_consumer_does_not_tell_of_an_outage_that_is_over() {
    let mock = mock(1);
    let log = connect(giving_up_soon(with_quick_heartbeats(settings(&mock, 1)))).await;
    let mut consumer = log.subscribe("projector", &[Topic::LineEvents], Arc::new(|_, _| Ok(0))).unwrap();
    poll_until_assigned(&mut *consumer);
    after_an_outage(&mock, &*log).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "the record never came");
        if let Polled::Records(records) = consumer.poll(10, PATIENCE).unwrap() {
            break assert_eq!(records[0].value.as_deref(), Some(&b"2"[..]));
        }
    }
}

#[tokio::test]
async fn a_partition_without_a_leader_fails_the_health_check() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    mock.partition_leader(Topic::LineEvents.name(), 1, None).unwrap();
    let unhealthy = log.check().await;
    assert!(matches!(&unhealthy, Err(Error::Unavailable(why)) if why.contains("no leader")), "{unhealthy:?}");
}

#[tokio::test]
async fn a_missing_topic_is_unfit_at_start() {
    let mock = MockCluster::new(3).unwrap();
    let refused = KafkaLog::connect(settings(&mock, PARTITIONS), Arc::new(ManualClock::default())).await.err();
    assert!(matches!(refused, Some(Error::Unfit(why)) if why.contains("topic line.events: it is missing")));
}

#[tokio::test]
async fn a_member_thrown_out_of_the_group_owns_nothing_even_before_it_polls() {
    let mock = mock(PARTITIONS);
    let log = connect(with_quick_heartbeats(settings(&mock, PARTITIONS))).await;
    let mut consumer = log.subscribe("group", &Topic::USER_STATE, Arc::new(|_, _| Ok(0))).unwrap();
    assert_eq!(poll_until_assigned(&mut *consumer), [0, 1]);
    let ownership = consumer.ownership();
    assert!(ownership.owns(0) && ownership.owns(1));
    mock.request_errors(RDKafkaApiKey::Heartbeat, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
    let deadline = Instant::now() + Duration::from_secs(5);
    while ownership.owns(0) {
        assert!(Instant::now() < deadline, "the member still thinks that it owns the partition");
        tokio::task::yield_now().await;
    }
    // It joins again, and its caller hears of both.
    assert!(matches!(consumer.poll(10, PATIENCE).unwrap(), Polled::Revoked(partitions) if partitions == [0, 1]));
    assert_eq!(poll_until_assigned(&mut *consumer), [0, 1]);
    assert!(ownership.owns(0));
}

#[tokio::test]
async fn a_member_whose_instance_id_another_process_took_is_unfit() {
    let mock = mock(PARTITIONS);
    let settings = Settings { group_instance_id: Some("projector-1".to_owned()), ..settings(&mock, PARTITIONS) };
    let log = connect(with_quick_heartbeats(settings)).await;
    let mut consumer = log.subscribe("group", &[Topic::LineEvents], Arc::new(|_, _| Ok(0))).unwrap();
    poll_until_assigned(&mut *consumer);
    mock.request_errors(RDKafkaApiKey::Heartbeat, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID]);
    let deadline = Instant::now() + PATIENCE;
    let stopped = loop {
        assert!(Instant::now() < deadline, "the member goes on");
        match consumer.poll(10, Duration::from_secs(1)) {
            Ok(_) | Err(Error::Unavailable(_)) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(&stopped, Error::Unfit(why) if why.contains("shut out for good")), "{stopped:?}");
    assert!(!consumer.ownership().owns(0));
}

#[tokio::test]
async fn a_start_offset_that_the_log_does_not_hold_is_out_of_range_until_the_caller_names_another() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    let ahead = Arc::new(std::sync::atomic::AtomicU64::new(5));
    let start = Arc::clone(&ahead);
    let start = move |_, _| Ok(start.load(std::sync::atomic::Ordering::SeqCst));
    let mut consumer = log.subscribe("group", &[Topic::LineEvents], Arc::new(start)).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let refused = loop {
        assert!(Instant::now() < deadline, "never refused");
        match consumer.poll(10, Duration::from_secs(1)) {
            Ok(Polled::Idle) | Err(Error::Unavailable(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::OutOfRange { asked: 5, first: 0, next: 0, .. }), "{refused:?}");
    assert!(!consumer.ownership().owns(0));
    ahead.store(0, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(poll_until_assigned(&mut *consumer), [0, 1]);
}

#[tokio::test]
async fn an_offset_that_a_broker_denies_by_mistake_is_asked_for_again() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    let partition = log.append(vec![event(1)]).await.unwrap()[0].partition;
    let mut consumer = log.subscribe("group", &[Topic::LineEvents], Arc::new(|_, _| Ok(0))).unwrap();
    let mut reader = log.reader(Topic::LineEvents, partition, 1).unwrap();
    poll_until_assigned(&mut *consumer);
    mock.request_errors(RDKafkaApiKey::Fetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE; 6]);
    log.append(vec![event(2)]).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let (mut read, mut consumed) = (0, 0);
    while read < 1 || consumed < 2 {
        assert!(Instant::now() < deadline, "stopped after {read} and {consumed} records");
        match reader.next(10, Duration::from_millis(100)) {
            Ok(records) => read += records.len(),
            Err(error) => assert!(matches!(error, Error::Unavailable(_)), "{error:?}"),
        }
        match consumer.poll(10, Duration::from_millis(100)) {
            Ok(Polled::Records(records)) => consumed += records.len(),
            Ok(other) => assert!(matches!(other, Polled::Idle), "{other:?}"),
            Err(error) => assert!(matches!(error, Error::Unavailable(_)), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn what_the_queue_has_no_room_for_is_unavailable_at_once() {
    let mock = mock(PARTITIONS);
    let mut settings = settings(&mock, PARTITIONS);
    settings.librdkafka.insert("queue.buffering.max.messages".to_owned(), Secret::new("5"));
    settings.librdkafka.insert("linger.ms".to_owned(), Secret::new("9000"));
    let log = connect(settings).await;
    for id in 0..5 {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.append(vec![event(id)]).await });
    }
    // The tasks take turns on this one thread, each to where it waits.
    tokio::task::yield_now().await;
    let sixth = timeout(Duration::from_secs(1), log.append(vec![event(5)])).await;
    assert!(matches!(sixth.expect("it does not wait"), Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn topics_with_different_partition_counts_cannot_share_a_group() {
    let mock = mock(PARTITIONS);
    let log = connect(settings(&mock, PARTITIONS)).await;
    let refused = log.subscribe("group", &[Topic::LineEvents, Topic::Connections], Arc::new(|_, _| Ok(0))).err();
    assert!(matches!(refused, Some(Error::Unfit(_))));
}

/// The conformance suite's rig: a mock cluster of its own for every case.
struct Mocked {
    mock: Mock,
    settings: Settings,
}

impl Rig for Mocked {
    const PATIENCE: Duration = PATIENCE;

    fn start(partitions: u32) -> Self {
        let mock = mock(partitions);
        let settings = with_quick_heartbeats(settings(&mock, partitions));
        Self { mock, settings }
    }

    fn open(&self) -> Arc<dyn Log> {
        assert_eq!(self.mock.bootstrap_servers(), self.settings.brokers);
        let connecting = KafkaLog::connect(self.settings.clone(), Arc::new(SystemClock));
        Arc::new(tokio::runtime::Handle::current().block_on(connecting).unwrap())
    }
}

conformance!(Mocked, shared groups);

proptest! {
    // Every case starts a cluster and every restart within connects anew.
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_of_appends_reads_and_restarts_equals_a_vector(actions in conformance::model::actions()) {
        conformance::model::check::<Mocked>(actions);
    }
}
