//! A partition with its lane, and what goes there.

use super::Layout;
use super::batch::Batch;
use super::lane::Lane;
use super::reports::Reports;
use crate::Error;
use crate::kafka::client::refused_or_unavailable;
use crate::partitioning::partition;
use crate::record::{NewRecord, Position, Topic};
use rdkafka::producer::{BaseProducer, BaseRecord};
use std::sync::{Arc, Mutex, MutexGuard};

/// Every partition of every topic.
pub(super) struct Tracks(Vec<(Topic, Vec<Track>)>);

/// Where a track is among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    topic: u32,
    partition: u32,
}

impl Tracks {
    pub(super) fn new(layout: &Layout) -> Self {
        let of_topic = |(topic, name, partitions): &(Topic, Arc<str>, u32)| {
            let track = |partition| Track {
                topic: Arc::clone(name),
                partition: i32::try_from(partition).expect("a topic has at most i32::MAX partitions"),
                lane: Mutex::default(),
            };
            (*topic, (0..*partitions).map(track).collect())
        };
        Self(layout.iter().map(of_topic).collect())
    }

    /// The track that a record goes on.
    pub(super) fn of(&self, record: &NewRecord) -> Result<Place, Error> {
        let found = self.0.iter().zip(0..).find(|((topic, tracks), _)| *topic == record.topic && !tracks.is_empty());
        let ((_, tracks), topic) = found.ok_or_else(|| Error::Unfit(format!("there is no topic {}", record.topic)))?;
        let partitions = u32::try_from(tracks.len()).expect("a topic has at most i32::MAX partitions");
        Ok(Place { topic, partition: partition(record.topic, &record.key, partitions) })
    }

    pub(super) fn at(&self, place: Place) -> &Track {
        &self.0[place.topic as usize].1[place.partition as usize]
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Track> {
        self.0.iter().flat_map(|(_, tracks)| tracks)
    }
}

/// A partition, and its lane.
pub(super) struct Track {
    /// The topic's name on the cluster.
    topic: Arc<str>,
    partition: i32,
    lane: Mutex<Lane<Box<Ticket>>>,
}

impl Track {
    pub(super) fn lane(&self) -> MutexGuard<'_, Lane<Box<Ticket>>> {
        self.lane.lock().expect("no code panics while it holds this lock")
    }
}

/// One record of a batch. It goes through librdkafka with the record and comes back with its delivery report.
pub(in crate::kafka) struct Ticket {
    pub(super) batch: Arc<Batch>,
    /// Its place among all records of the append.
    pub(super) index: usize,
    pub(super) place: Place,
}

impl Ticket {
    /// Gives the record to librdkafka, which copies it. The ticket comes back with the report, or now.
    pub(super) fn send(
        self: Box<Self>,
        producer: &BaseProducer<Reports>,
        track: &Track,
    ) -> Result<(), (Error, Box<Self>)> {
        let batch = Arc::clone(&self.batch);
        let new = &batch.records[self.index];
        let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(&track.topic, self)
            .partition(track.partition)
            .key(&new.key)
            .timestamp(batch.at_ms);
        record.payload = new.value.as_deref();
        producer.send(record).map_err(|(error, record)| (refused_or_unavailable(&error), record.delivery_opaque))
    }

    /// Says what became of the record.
    pub(super) fn report(&self, delivered: Result<Position, Error>) {
        self.batch.report(self.index, delivered);
    }
}
