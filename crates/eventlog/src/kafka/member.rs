//! One member of a consumer group: all events of its client in one queue, start offsets given by us, partitions handed over
//! only after the caller has been told.

use super::client::{calm, is_connection_trouble, misconfigured, reason, unavailable};
use super::cluster::{Cluster, offset};
use super::gate::Gate;
use super::rebalance::{Callbacks, Change, same_partitions_of_every_topic};
use super::watchdog::{Alarm, Watchdog};
use crate::record::{Record, Topic};
use crate::{Consumer, Error, Ownership, Polled, StartOffset};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// The longest single wait for the client, so that the gate sees signs of life in between.
const SLICE: Duration = Duration::from_secs(1);

/// How long closing a client may hold up its owner.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(10);

/// What the group asked for and this member has not done yet.
enum Owed {
    Nothing,
    /// Take these partitions over, by topic.
    Take(BTreeMap<Topic, BTreeSet<u32>>),
    /// Let everything go: the caller was told by the previous poll.
    GiveUp,
}

/// A member of a consumer group.
pub(super) struct Member {
    cluster: Arc<Cluster>,
    group: String,
    topics: Vec<Topic>,
    start: Arc<StartOffset>,
    gate: Arc<Gate>,
    /// None until the next poll makes a new one.
    client: Option<Arc<BaseConsumer<Callbacks>>>,
    owed: Owed,
    /// The offset to read next of every owned topic and partition.
    positions: BTreeMap<(Topic, u32), u64>,
    /// An error that came behind records. The client tells it once, so it is kept until the next poll.
    held: Option<KafkaError>,
    watchdog: Watchdog,
}

impl Member {
    pub(super) fn join(
        cluster: Arc<Cluster>,
        group: &str,
        topics: &[Topic],
        start: Arc<StartOffset>,
    ) -> Result<Self, Error> {
        let counts: BTreeSet<u32> = topics.iter().map(|topic| cluster.partitions(*topic)).collect();
        if counts.len() != 1 {
            return Err(Error::Unfit(format!("topics of one group need one partition count, these have {counts:?}")));
        }
        let gate = Arc::new(Gate::closed(cluster.settings.session_timeout() / 3));
        let mut member = Self {
            cluster,
            group: group.to_owned(),
            topics: topics.to_vec(),
            start,
            gate,
            client: None,
            owed: Owed::Nothing,
            positions: BTreeMap::new(),
            held: None,
            watchdog: Watchdog::default(),
        };
        member.connect()?;
        Ok(member)
    }

    fn connect(&mut self) -> Result<(), Error> {
        let config = self.cluster.settings.member(&self.group);
        let callbacks = Callbacks::new(Arc::clone(&self.gate));
        let client: BaseConsumer<Callbacks> =
            config.create_with_context(callbacks).map_err(|error| misconfigured(&error))?;
        let names: Vec<&str> = self.topics.iter().map(|topic| self.cluster.names.name(*topic)).collect();
        client.subscribe(&names).map_err(|error| unavailable("cannot subscribe", &error))?;
        self.client = Some(Arc::new(client));
        Ok(())
    }

    fn client(&self) -> &Arc<BaseConsumer<Callbacks>> {
        self.client.as_ref().expect("each poll begins by making one where there is none")
    }

    fn owned(&self) -> BTreeSet<u32> {
        self.positions.keys().map(|(_, partition)| *partition).collect()
    }

    /// Does what the group asked for: gives up what was revoked, takes what was assigned.
    fn settle(&mut self) -> Result<Option<Polled>, Error> {
        match std::mem::replace(&mut self.owed, Owed::Nothing) {
            Owed::Nothing => Ok(None),
            Owed::GiveUp => {
                self.client().unassign().map_err(|error| unavailable("cannot give partitions up", &error))?;
                Ok(None)
            }
            Owed::Take(assigned) => match self.take(&assigned) {
                Ok(polled) => Ok(polled),
                Err(error) => {
                    self.owed = Owed::Take(assigned);
                    Err(error)
                }
            },
        }
    }

    fn take(&mut self, assigned: &BTreeMap<Topic, BTreeSet<u32>>) -> Result<Option<Polled>, Error> {
        let owned = same_partitions_of_every_topic(&self.topics, assigned)?;
        let mut positions = BTreeMap::new();
        for (topic, partition) in self.topics.iter().flat_map(|topic| owned.iter().map(|it| (*topic, *it))) {
            let from = (self.start)(topic, partition)?;
            self.cluster.require_in_span(topic, partition, from)?;
            positions.insert((topic, partition), from);
        }
        self.assign(&positions)?;
        self.positions = positions;
        self.held = None;
        self.watchdog.restart();
        self.gate.open(owned.clone(), Arc::downgrade(self.client()));
        Ok((!owned.is_empty()).then(|| Polled::Assigned(owned.into_iter().collect())))
    }

    /// Has the client fetch from these positions on, and nothing else.
    fn assign(&self, positions: &BTreeMap<(Topic, u32), u64>) -> Result<(), Error> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), next) in positions {
            list.add_partition_offset(
                self.cluster.names.name(*topic),
                self.cluster.number(*topic, *partition)?,
                offset(*next),
            )
            .map_err(|error| unavailable("cannot start at an offset", &error))?;
        }
        self.client().assign(&list).map_err(|error| unavailable("cannot take partitions", &error))
    }

    /// Notes what the group asks for now, if anything.
    fn heed(&mut self) -> Option<Polled> {
        let change = self.client().context().take_change()?;
        let owned = self.owned();
        self.owed = match change {
            Change::Assigned(partitions) => Owed::Take(self.by_topic(partitions)),
            Change::Revoked => Owed::GiveUp,
        };
        self.positions.clear();
        self.held = None;
        (!owned.is_empty()).then(|| Polled::Revoked(owned.into_iter().collect()))
    }

    fn by_topic(&self, partitions: Vec<(String, i32)>) -> BTreeMap<Topic, BTreeSet<u32>> {
        let mut by_topic = BTreeMap::<Topic, BTreeSet<u32>>::new();
        for (name, number) in partitions {
            if let (Some(topic), Ok(partition)) = (self.cluster.names.topic(&name), u32::try_from(number)) {
                by_topic.entry(topic).or_default().insert(partition);
            }
        }
        by_topic
    }

    /// Advances the position of an owned partition; false for a record that is not ours any more.
    fn advance(&mut self, record: &Record) -> bool {
        self.positions.get_mut(&(record.topic, record.partition)).is_some_and(|next| {
            *next = record.offset + 1;
            true
        })
    }

    fn failed(&self, error: &KafkaError) -> Error {
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Error::Unfit(format!(
                "this member of group {} was shut out for good: {}",
                self.group,
                reason(error)
            ));
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                let mut owned = self.positions.iter();
                let are_held = owned
                    .try_for_each(|((topic, partition), next)| self.cluster.require_in_span(*topic, *partition, *next));
                // The client stops here for good. Where the cluster has changed its mind, as after an election, go on.
                are_held
                    .and_then(|()| self.assign(&self.positions))
                    .err()
                    .unwrap_or_else(|| unavailable("cannot read", error))
            }
            Some(RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::InvalidMessage) => {
                Error::Damaged(format!("a record among {:?} has a wrong checksum", self.owned()))
            }
            _ => unavailable("cannot read", error),
        }
    }

    /// Nothing came for long: looks with a second reader whether there is something to come.
    fn look_after(&mut self) -> Result<Polled, Error> {
        match self.watchdog.look(&self.cluster, &mut self.positions)? {
            Alarm::None => Ok(Polled::Idle),
            Alarm::Stalled => {
                tracing::warn!(
                    "the Kafka consumer gets no records although there are some, and is replaced by a new one"
                );
                let owned = self.owned();
                self.positions.clear();
                self.leave();
                Ok(Polled::Revoked(owned.into_iter().collect()))
            }
        }
    }

    /// Closes the client and so leaves the group. Nothing here may hold a list that the client gave out: closing would hang.
    fn leave(&mut self) {
        self.gate.close();
        self.held = None;
        let Some(client) = self.client.take() else { return };
        client.context().answer_for_itself();
        if !matches!(std::mem::replace(&mut self.owed, Owed::Nothing), Owed::Nothing) {
            // The group waits for an answer to what it asked for.
            let _ = client.unassign();
        }
        let (closed, wait) = mpsc::channel();
        let closing = std::thread::Builder::new().name("kafka-consumer-close".to_owned()).spawn(move || {
            drop(client);
            // The owner may have stopped waiting.
            let _ = closed.send(());
        });
        if closing.is_err() || wait.recv_timeout(CLOSE_WAIT_MAX).is_err() {
            tracing::warn!("the Kafka consumer did not close in time");
        }
    }
}

impl Consumer for Member {
    fn poll(&mut self, max: usize, wait: Duration) -> Result<Polled, Error> {
        let deadline = Instant::now() + wait;
        let (mut records, mut trouble) = (Vec::new(), None);
        if self.client.is_none() {
            self.connect()?;
        }
        self.gate.polled();
        if let Some(polled) = self.settle()? {
            return Ok(polled);
        }
        if let Some(error) = self.held.take() {
            return Err(self.failed(&error));
        }
        while records.len() < max {
            let left =
                if records.is_empty() { deadline.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            let client = Arc::clone(self.client());
            match client.poll(calm(left.min(SLICE))) {
                Some(Ok(message)) => {
                    records.extend(self.cluster.record(&message).filter(|record| self.advance(record)))
                }
                Some(Err(error)) if is_connection_trouble(&error) => trouble = Some(error),
                Some(Err(error)) if !records.is_empty() => {
                    self.held = Some(error);
                    break;
                }
                Some(Err(error)) => return Err(self.failed(&error)),
                None => {
                    self.gate.polled();
                    if let Some(revoked) = self.heed() {
                        // Records not handed out yet are dropped with their partitions: their next owner reads them.
                        return Ok(revoked);
                    }
                    if let Some(assigned) = self.settle()? {
                        return Ok(assigned);
                    }
                    if !records.is_empty() || left.is_zero() {
                        break;
                    }
                }
            }
        }
        if !records.is_empty() {
            self.watchdog.got_records();
            return Ok(Polled::Records(records));
        }
        if let Some(error) = trouble {
            return Err(self.failed(&error));
        }
        if self.watchdog.is_due() && !self.positions.is_empty() { self.look_after() } else { Ok(Polled::Idle) }
    }

    fn report(&mut self, progress: &[(Topic, u32, u64)]) {
        let mut list = TopicPartitionList::new();
        for (topic, partition, next) in
            progress.iter().filter(|(topic, partition, _)| self.positions.contains_key(&(*topic, *partition)))
        {
            if let Ok(number) = self.cluster.number(*topic, *partition) {
                // Only an offset that Kafka cannot express fails here.
                let _ = list.add_partition_offset(self.cluster.names.name(*topic), number, offset(*next));
            }
        }
        if list.count() > 0
            && let Err(error) = self.client().commit(&list, CommitMode::Async)
        {
            tracing::debug!(why = reason(&error), "could not report progress to the group");
        }
    }

    fn ownership(&self) -> Arc<dyn Ownership> {
        Arc::clone(&self.gate) as Arc<dyn Ownership>
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Settings;
    use super::*;
    use crate::record::NewRecord;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use runtime::secret::Secret;

    /// A member of a group on a cluster with one topic of one partition, which it owns.
    fn sole_member(mock: &MockCluster<'static, DefaultProducerContext>) -> Member {
        mock.create_topic("line.events", 1, 1).unwrap();
        let mut settings = Settings { partitions: 1, ..Settings::new(&mock.bootstrap_servers()) };
        // The mock cluster lets a member join again only after most of a session timeout.
        settings.librdkafka.insert("session.timeout.ms".to_owned(), Secret::new("6000"));
        let cluster = Arc::new(Cluster::new(settings).unwrap());
        let mut member = Member::join(cluster, "group", &[Topic::LineEvents], Arc::new(|_, _| Ok(0))).unwrap();
        poll_until(&mut member, |polled| matches!(polled, Polled::Assigned(_)));
        member
    }

    fn poll_until(member: &mut Member, mut seen: impl FnMut(&Polled) -> bool) {
        let since = Instant::now();
        while !seen(&member.poll(10, Duration::from_millis(100)).unwrap()) {
            assert!(since.elapsed() < Duration::from_secs(30), "it never came");
        }
    }

    async fn append(member: &Member) {
        let record = NewRecord { topic: Topic::LineEvents, key: b"U/1/1".to_vec(), value: None };
        member.cluster.producer.append([record].into(), 0).await.unwrap();
    }

    #[tokio::test]
    async fn a_consumer_that_stalls_is_replaced_and_its_partitions_are_given_up_meanwhile() {
        let mock = MockCluster::new(1).unwrap();
        let mut member = sole_member(&mock);
        {
            let mut stalled = TopicPartitionList::new();
            stalled.add_partition("line.events", 0);
            member.client().pause(&stalled).unwrap();
        }
        append(&member).await;
        member.watchdog = Watchdog::with_silence(Duration::from_secs(1));
        poll_until(&mut member, |polled| matches!(polled, Polled::Revoked(partitions) if *partitions == [0]));
        assert!(!member.ownership().owns(0));
        poll_until(&mut member, |polled| matches!(polled, Polled::Records(records) if records.len() == 1));
        assert!(member.ownership().owns(0));
    }

    #[test]
    fn an_error_that_came_behind_records_is_told_by_the_next_poll_and_once() {
        let mock = MockCluster::new(1).unwrap();
        let mut member = sole_member(&mock);
        member.held = Some(KafkaError::MessageConsumption(RDKafkaErrorCode::BadMessage));
        assert!(matches!(member.poll(10, Duration::from_millis(10)), Err(Error::Damaged(_))));
        assert!(matches!(member.poll(10, Duration::from_millis(10)), Ok(Polled::Idle)));
    }

    #[tokio::test]
    async fn a_consumer_with_nothing_to_read_is_left_alone() {
        let mock = MockCluster::new(1).unwrap();
        let mut member = sole_member(&mock);
        member.watchdog = Watchdog::with_silence(Duration::ZERO);
        for _ in 0..5 {
            assert!(matches!(member.poll(10, Duration::from_millis(10)).unwrap(), Polled::Idle));
        }
        member.watchdog = Watchdog::default();
        append(&member).await;
        let mut seen = Vec::new();
        poll_until(&mut member, |polled| {
            seen.push(format!("{polled:?}"));
            matches!(polled, Polled::Records(_))
        });
        assert!(seen.iter().all(|polled| !polled.starts_with("Revoked")), "{seen:?}");
    }
}
