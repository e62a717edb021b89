//! A partition with its lane, and what goes there.

use super::Layout;
use super::batch::Batch;
use super::lane::Lane;
use super::reports::Reports;
use crate::Error;
use crate::kafka::client::refused_or_unavailable;
use crate::record::{NewRecord, Position, Topic};
use rdkafka::producer::{BaseProducer, BaseRecord};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Every partition of every topic.
pub(super) type Tracks = BTreeMap<(Topic, u32), Arc<Track>>;

/// A partition, and its lane.
pub(super) struct Track {
    /// The topic's name on the cluster.
    topic: Arc<str>,
    partition: i32,
    lane: Mutex<Lane<Parcel>>,
}

impl Track {
    pub(super) fn all(layout: &Layout) -> Tracks {
        let of_topic = |(topic, name, partitions): &(Topic, Arc<str>, u32)| {
            let (topic, name) = (*topic, Arc::clone(name));
            (0..*partitions).map(move |partition| {
                let number = i32::try_from(partition).expect("a topic has at most i32::MAX partitions");
                let track = Self { topic: Arc::clone(&name), partition: number, lane: Mutex::default() };
                ((topic, partition), Arc::new(track))
            })
        };
        layout.iter().flat_map(of_topic).collect()
    }

    pub(super) fn lane(&self) -> MutexGuard<'_, Lane<Parcel>> {
        self.lane.lock().expect("no code panics while it holds this lock")
    }
}

/// A record to send.
pub(super) struct Parcel {
    pub record: NewRecord,
    /// Its timestamp.
    pub at_ms: i64,
    pub ticket: Box<Ticket>,
}

impl Parcel {
    /// Gives the record to librdkafka, which copies it. The ticket comes back with the report, or now.
    pub(super) fn send(self, producer: &BaseProducer<Reports>, track: &Track) -> Result<(), (Error, Box<Ticket>)> {
        let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(&track.topic, self.ticket)
            .partition(track.partition)
            .key(&self.record.key)
            .timestamp(self.at_ms);
        record.payload = self.record.value.as_deref();
        producer.send(record).map_err(|(error, record)| (refused_or_unavailable(&error), record.delivery_opaque))
    }
}

/// Goes with a record through librdkafka and comes back with its delivery report.
pub(in crate::kafka) struct Ticket {
    pub(super) batch: Arc<Batch>,
    /// Its place in the batch.
    pub(super) index: usize,
    pub(super) track: Arc<Track>,
}

impl Ticket {
    /// Says what became of the record.
    pub(super) fn report(&self, delivered: Result<Position, Error>) {
        self.batch.report(self.index, delivered);
    }
}
