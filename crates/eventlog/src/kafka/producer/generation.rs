//! One producer, from its making to its fatal error.

use super::Layout;
use super::batch::{Batch, Outcome};
use super::reports::Reports;
use super::track::Ticket;
use crate::Error;
use crate::kafka::client::{calm, misconfigured};
use crate::record::NewRecord;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer as _};
use runtime::crash;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the polling thread takes events before it looks whether it is over. Where there are some, it ends at any time and
/// not [calmly](calm), so it is long.
const POLL: Duration = Duration::from_secs(1);

/// One producer, and the thread that polls it.
pub(in crate::kafka) struct Generation {
    /// None only while it is dropped.
    producer: Option<Arc<BaseProducer<Reports>>>,
    is_over: Arc<AtomicBool>,
}

impl Generation {
    pub(super) fn new(config: &ClientConfig, layout: &Layout) -> Result<Self, Error> {
        let reports = Reports::new(layout, linger(config));
        let producer: BaseProducer<Reports> =
            config.create_with_context(reports).map_err(|error| misconfigured(&error))?;
        let producer = Arc::new(producer);
        producer.context().belongs_to(&producer);
        let is_over = Arc::new(AtomicBool::new(false));
        let generation = Self { producer: Some(Arc::clone(&producer)), is_over: Arc::clone(&is_over) };
        std::thread::Builder::new()
            .name("kafka-producer".to_owned())
            .spawn(move || poll(producer, &is_over))
            .map_err(|error| Error::Unfit(format!("no thread for the Kafka producer: {error}")))?;
        Ok(generation)
    }

    fn producer(&self) -> &Arc<BaseProducer<Reports>> {
        self.producer.as_ref().expect("it is taken only by drop")
    }

    /// The client below, for questions about the cluster: it is polled by a thread of its own.
    pub(in crate::kafka) fn client(&self) -> &rdkafka::client::Client<Reports> {
        self.producer().client()
    }

    /// Returns once the brokers have given the producer the ID that it needs before its first record, about half a second.
    pub(in crate::kafka) async fn has_id(&self) {
        self.client().context().has_id().await;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.client().fatal_error().is_some()
    }

    /// Sends this part of the records, or lets those wait whose partition has a wave under way. The outcome comes when all of it
    /// were reported, which they also are, as failed, when the producer fails for good.
    pub(super) fn enqueue(&self, records: Arc<[NewRecord]>, part: Range<usize>, at_ms: i64) -> Result<Outcome, Error> {
        let batch = Arc::new(Batch::of(records, part, at_ms));
        let reports = self.client().context();
        for index in batch.part.clone() {
            let record = &batch.records[index];
            let place = reports.tracks.of(record)?;
            let track = reports.tracks.at(place);
            let ticket = Box::new(Ticket { batch: Arc::clone(&batch), index, place });
            let mut lane = track.lane();
            if let Some(ticket) = lane.admit(ticket, Instant::now, reports.company)
                && let Err((error, _)) = ticket.send(self.producer(), track)
            {
                lane.withdraw();
                // Stop at the first: what follows must not overtake it.
                return Err(error);
            }
            drop(lane);
            if index + 1 < batch.records.len() {
                crash::point("log.half");
            }
        }
        Ok(Outcome(batch))
    }
}

/// The polling thread keeps the producer longest: closing it waits for its threads, which nobody on an async thread should.
impl Drop for Generation {
    fn drop(&mut self) {
        drop(self.producer.take());
        self.is_over.store(true, Ordering::Release);
    }
}

/// How long librdkafka keeps a partition's first record back, waiting for company.
fn linger(config: &ClientConfig) -> Duration {
    let milliseconds = config.get("linger.ms").and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    Duration::try_from_secs_f64(milliseconds / 1_000.0).unwrap_or_default()
}

fn poll(producer: Arc<BaseProducer<Reports>>, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Acquire) {
        producer.poll(calm(POLL));
    }
}
