//! The log in memory, with what goes wrong between a process and its log.

use super::life::Life;
use super::wrong::Wrong;
use async_trait::async_trait;
use eventlog::partitioning::partition;
use eventlog::{
    Consumer, Error, Log, NewRecord, Ownership, Polled, Position, Reader, Record, Span, StartOffset, Topic,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Partitions of every topic.
const PARTITIONS: u32 = 2;

/// A record, and what HubSpot had done by the time it was appended.
#[derive(Clone)]
pub struct Entry {
    /// The record.
    pub record: Record,
    /// So many facts stood in the portal's history.
    pub facts: u64,
}

/// What every process shares.
#[derive(Default)]
pub struct MemoryLog {
    inner: Mutex<Inner>,
    /// A record was appended.
    pub changed: Notify,
}

#[derive(Default)]
struct Inner {
    partitions: BTreeMap<(Topic, u32), Vec<Entry>>,
    /// Partition and place of each record, in the order of appending.
    order: Vec<((Topic, u32), usize)>,
}

impl MemoryLog {
    /// A log that holds these records, numbered anew in this order.
    pub fn holding(records: impl IntoIterator<Item = NewRecord>) -> Self {
        let log = Self::default();
        log.append(records, 0, 0);
        log
    }

    /// Appends at `now_ms`, after so many facts of the portal.
    pub fn append(&self, records: impl IntoIterator<Item = NewRecord>, now_ms: i64, facts: u64) -> Vec<Position> {
        let mut inner = self.lock();
        let mut positions = Vec::new();
        for NewRecord { topic, key, value } in records {
            let partition = partition(topic, &key, PARTITIONS);
            let entries = inner.partitions.entry((topic, partition)).or_default();
            let (place, offset) = (entries.len(), entries.len() as u64);
            let record = Record { topic, partition, offset, appended_at_ms: now_ms, key, value };
            entries.push(Entry { record, facts });
            inner.order.push(((topic, partition), place));
            positions.push(Position { partition, offset });
        }
        drop(inner);
        self.changed.notify_waiters();
        positions
    }

    /// The newest record of each key of a topic.
    pub fn newest(&self, topic: Topic) -> BTreeMap<Vec<u8>, Record> {
        let inner = self.lock();
        let of_topic = inner.partitions.iter().filter(|((it, _), _)| *it == topic).flat_map(|(_, entries)| entries);
        let newest: BTreeMap<_, _> = of_topic.map(|entry| (&entry.record.key, &entry.record)).collect();
        newest.into_iter().map(|(key, record)| (key.clone(), record.clone())).collect()
    }

    /// Everything, in the order of appending.
    pub fn entries(&self) -> Vec<Entry> {
        let inner = self.lock();
        inner.order.iter().map(|(partition, place)| inner.partitions[partition][*place].clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, topic: Topic, partition: u32) -> u64 {
        self.lock().partitions.get(&(topic, partition)).map_or(0, |entries| entries.len() as u64)
    }

    fn read(&self, topic: Topic, partition: u32, from: u64, max: usize) -> Vec<Record> {
        let inner = self.lock();
        let entries = inner.partitions.get(&(topic, partition)).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        entries.iter().skip(from).take(max).map(|entry| entry.record.clone()).collect()
    }
}

#[async_trait]
impl Log for Life {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        let (world, faults) = (&self.world, self.world.plan.append_faults);
        self.take(1, 5).await;
        let away = || Error::Unavailable("a fault of the simulation".to_owned());
        if world.hazards.strikes("append refused", faults / 2) {
            return Err(away());
        }
        let positions = if world.plan.is(Wrong::AppendForgotten) && world.hazards.between(0, 19) == 0 {
            Vec::new()
        } else {
            let records = records.iter().map(|record| self.distorted(record.clone()));
            world.log.append(records, world.clock.now(), world.facts())
        };
        self.survive().await;
        if world.hazards.strikes("append unconfirmed", faults / 2) {
            return Err(away());
        }
        Ok(positions)
    }

    fn partitions(&self, _: Topic) -> u32 {
        PARTITIONS
    }

    fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
        Ok(Span { first: 0, next: self.world.log.next(topic, partition) })
    }

    fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(Reading { life: self.clone(), topic, partition, next: from }))
    }

    fn subscribe(&self, _: &str, topics: &[Topic], start: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
        let mut next = BTreeMap::new();
        for partition in 0..PARTITIONS {
            for topic in topics {
                next.insert((*topic, partition), start(*topic, partition)?);
            }
        }
        Ok(Box::new(Membership { life: self.clone(), next, assigned: false }))
    }

    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn describe(&self) -> String {
        "in memory".to_owned()
    }
}

struct Reading {
    life: Life,
    topic: Topic,
    partition: u32,
    next: u64,
}

impl Reader for Reading {
    fn next(&mut self, max: usize, _: Duration) -> Result<Vec<Record>, Error> {
        let records = self.life.world.log.read(self.topic, self.partition, self.next, max);
        self.next += records.len() as u64;
        Ok(records)
    }

    fn is_at_end(&self) -> bool {
        self.next >= self.life.world.log.next(self.topic, self.partition)
    }
}

/// A member that owns every partition, and gets their topics in an order of its own.
struct Membership {
    life: Life,
    next: BTreeMap<(Topic, u32), u64>,
    assigned: bool,
}

impl Consumer for Membership {
    fn poll(&mut self, max: usize, _: Duration) -> Result<Polled, Error> {
        let world = Arc::clone(&self.life.world);
        if !self.assigned {
            self.assigned = true;
            return Ok(Polled::Assigned((0..PARTITIONS).collect()));
        }
        let waiting = self.next.iter().filter(|((topic, partition), next)| **next < world.log.next(*topic, *partition));
        let waiting: Vec<_> = waiting.map(|(place, next)| (*place, *next)).collect();
        let Some(((topic, partition), from)) = world.hazards.choose(&waiting) else { return Ok(Polled::Idle) };
        if world.hazards.strikes("log silent", world.plan.poll_faults) {
            return Err(Error::Unavailable("a fault of the simulation".to_owned()));
        }
        let max = max.min(usize::try_from(world.hazards.between(1, 50)).unwrap_or(1));
        let records = world.log.read(topic, partition, from, max);
        self.next.insert((topic, partition), from + records.len() as u64);
        Ok(Polled::Records(records.into_iter().filter_map(|record| self.life.misread(record)).collect()))
    }

    fn report(&mut self, _: &[(Topic, u32, u64)]) {}

    fn ownership(&self) -> Arc<dyn Ownership> {
        Arc::new(self.life.clone())
    }
}

impl Ownership for Life {
    fn owns(&self, _: u32) -> bool {
        !self.world.hazards.is_dead(self.number)
    }
}
