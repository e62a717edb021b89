//! Appends: an idempotent producer whose delivery reports alone decide, replaced when it has failed for good.
//!
//! An append, in `part`s where it is large, puts each record on its partition's `track`; the track's `lane` says when it goes;
//! `reports` tell what became of it, which ends the append's `batch` and sends what waited.

mod batch;
mod generation;
mod lane;
mod part;
mod reports;
mod track;

use crate::Error;
use crate::record::{NewRecord, Position, Topic};
use generation::Generation;
use part::Room;
use rdkafka::ClientConfig;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// More replacements than this within [`REPLACEMENTS_WINDOW`] are no accident any more.
const REPLACEMENTS_MAX: usize = 3;
const REPLACEMENTS_WINDOW: Duration = Duration::from_secs(10 * 60);

/// Every topic with its name on the cluster and the number of its partitions.
pub(super) type Layout = Vec<(Topic, Arc<str>, u32)>;

/// The producer in use, and the means to make the next one.
pub(super) struct Producer {
    config: ClientConfig,
    layout: Layout,
    /// What a part of an append may take.
    room: Room,
    current: RwLock<Arc<Generation>>,
    replaced_at: Mutex<VecDeque<Instant>>,
}

impl Producer {
    pub(super) fn new(config: ClientConfig, layout: Layout) -> Result<Self, Error> {
        let first = Generation::new(&config, &layout)?;
        let (room, current) = (Room::in_queue(&config), RwLock::new(Arc::new(first)));
        Ok(Self { config, layout, room, current, replaced_at: Mutex::default() })
    }

    /// Hands all records to Kafka in their order and waits for every delivery report. A caller that stops waiting does not
    /// take the records back; but more of them than librdkafka has room for go in parts, of which none begins any more.
    pub(super) async fn append(&self, records: Arc<[NewRecord]>, now_ms: i64) -> Result<Vec<Position>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.room.part(&records, 0);
        let mut positions = self.append_part(Arc::clone(&records), first, now_ms).await?;
        while positions.len() < records.len() {
            let part = self.room.part(&records, positions.len());
            positions.append(&mut self.append_part(Arc::clone(&records), part, now_ms).await?);
        }
        Ok(positions)
    }

    async fn append_part(
        &self,
        records: Arc<[NewRecord]>,
        part: Range<usize>,
        now_ms: i64,
    ) -> Result<Vec<Position>, Error> {
        let generation = self.usable()?;
        let outcome = match generation.enqueue(records, part, now_ms) {
            Ok(outcome) => outcome.await,
            Err(error) => Err(error),
        };
        if outcome.is_err() && generation.has_failed() {
            self.replace(&generation)?;
        }
        outcome
    }

    /// The producer in use, after replacing one that has failed for good.
    pub(super) fn usable(&self) -> Result<Arc<Generation>, Error> {
        let current = self.current();
        if current.has_failed() { self.replace(&current) } else { Ok(current) }
    }

    fn current(&self) -> Arc<Generation> {
        Arc::clone(&self.current.read().expect("no code panics while it holds this lock"))
    }

    /// Puts a new producer in the place of a failed one, unless somebody has done so already.
    fn replace(&self, failed: &Arc<Generation>) -> Result<Arc<Generation>, Error> {
        let mut replaced_at = self.replaced_at.lock().expect("no code panics while it holds this lock");
        let current = self.current();
        if !Arc::ptr_eq(&current, failed) {
            return Ok(current);
        }
        let why = failed.client().fatal_error().map_or_else(String::new, |(code, _)| code.to_string());
        let now = Instant::now();
        while replaced_at.front().is_some_and(|at| now.duration_since(*at) > REPLACEMENTS_WINDOW) {
            replaced_at.pop_front();
        }
        if replaced_at.len() == REPLACEMENTS_MAX {
            return Err(Error::Unfit(format!(
                "the Kafka producer failed for good {} times within 10 minutes, the last time with: {why}",
                REPLACEMENTS_MAX + 1
            )));
        }
        tracing::warn!(why, "the Kafka producer failed for good and is replaced by a new one");
        let next = Arc::new(Generation::new(&self.config, &self.layout)?);
        replaced_at.push_back(now);
        *self.current.write().expect("no code panics while it holds this lock") = Arc::clone(&next);
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_producer_that_keeps_failing_is_given_up() {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("enable.idempotence", "true");
        let producer = Producer::new(config, Layout::new()).unwrap();
        for _ in 0..REPLACEMENTS_MAX {
            producer.replace(&producer.current()).unwrap();
        }
        assert!(matches!(producer.replace(&producer.current()), Err(Error::Unfit(_))));
    }

    #[test]
    fn two_callers_who_see_the_same_failure_replace_the_producer_once() {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("enable.idempotence", "true");
        let producer = Producer::new(config, Layout::new()).unwrap();
        let failed = producer.current();
        let first = producer.replace(&failed).unwrap();
        let second = producer.replace(&failed).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(producer.replaced_at.lock().unwrap().len(), 1);
    }
}
