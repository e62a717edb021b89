//! Appends: an idempotent producer whose delivery reports alone decide, replaced when it has failed for good.

use super::client::{self, misconfigured, reason, refused_or_unavailable};
use crate::Error;
use crate::record::{NewRecord, Position};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use runtime::crash;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// More replacements than this within [`REPLACEMENTS_WINDOW`] are no accident any more.
const REPLACEMENTS_MAX: usize = 3;
const REPLACEMENTS_WINDOW: Duration = Duration::from_secs(10 * 60);

/// A record and where exactly it goes.
pub(super) struct Outgoing<'a> {
    pub topic: &'a str,
    pub partition: u32,
    pub record: &'a NewRecord,
}

/// The producer in use, and the means to make the next one.
pub(super) struct Producer {
    config: ClientConfig,
    current: RwLock<Arc<Generation>>,
    replaced_at: Mutex<VecDeque<Instant>>,
}

impl Producer {
    pub(super) fn new(config: ClientConfig) -> Result<Self, Error> {
        let first = Generation::new(&config)?;
        Ok(Self { config, current: RwLock::new(Arc::new(first)), replaced_at: Mutex::default() })
    }

    /// Hands all records to Kafka in their order and waits for every delivery report. A caller that stops waiting does not
    /// take the records back.
    pub(super) async fn append(&self, records: &[Outgoing<'_>], now_ms: i64) -> Result<Vec<Position>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let generation = self.usable()?;
        let outcome = match generation.enqueue(records, now_ms) {
            Ok(reports) => tokio::select! {
                // A report that is there counts, also when the producer failed right after it.
                biased;
                outcome = reports => outcome.unwrap_or_else(|_| Err(abandoned())),
                () = generation.failed() => Err(abandoned()),
            },
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
        let next = Arc::new(Generation::new(&self.config)?);
        replaced_at.push_back(now);
        *self.current.write().expect("no code panics while it holds this lock") = Arc::clone(&next);
        Ok(next)
    }
}

/// One producer, from its making to its fatal error.
pub(super) struct Generation {
    /// None only while it is dropped.
    producer: Option<ThreadedProducer<Reports>>,
}

impl Generation {
    fn new(config: &ClientConfig) -> Result<Self, Error> {
        let reports = Reports { has_id: watch::Sender::new(false), failed: watch::Sender::new(false) };
        let producer = config.create_with_context(reports).map_err(|error| misconfigured(&error))?;
        Ok(Self { producer: Some(producer) })
    }

    fn producer(&self) -> &ThreadedProducer<Reports> {
        self.producer.as_ref().expect("it is taken only by drop")
    }

    /// The client below, for questions about the cluster: it is polled by a thread of its own.
    pub(super) fn client(&self) -> &rdkafka::client::Client<Reports> {
        self.producer().client()
    }

    /// Returns once the brokers have given the producer the ID that it needs before its first record, about half a second.
    pub(super) async fn has_id(&self) {
        let mut has_id = self.client().context().has_id.subscribe();
        // The sender lives in the client, which `self` keeps.
        let _ = has_id.wait_for(|has_id| *has_id).await;
    }

    async fn failed(&self) {
        let mut failed = self.client().context().failed.subscribe();
        let _ = failed.wait_for(|failed| *failed).await;
    }

    fn has_failed(&self) -> bool {
        self.client().fatal_error().is_some()
    }

    fn enqueue(&self, records: &[Outgoing<'_>], now_ms: i64) -> Result<oneshot::Receiver<Appended>, Error> {
        let (done, reports) = oneshot::channel();
        let batch = Arc::new(Batch::of(records.len(), done));
        for (index, outgoing) in records.iter().enumerate() {
            let partition = i32::try_from(outgoing.partition).expect("a topic has at most i32::MAX partitions");
            let ticket = Box::new(Ticket { batch: Arc::clone(&batch), index });
            let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(outgoing.topic, ticket)
                .partition(partition)
                .key(&outgoing.record.key)
                .timestamp(now_ms);
            record.payload = outgoing.record.value.as_deref();
            // Stop at the first: what follows must not overtake it.
            self.producer().send(record).map_err(|(error, _)| refused_or_unavailable(&error))?;
            if index + 1 < records.len() {
                crash::point("log.half");
            }
        }
        Ok(reports)
    }
}

/// Closing a producer waits for its threads, which nobody on an async thread should.
impl Drop for Generation {
    fn drop(&mut self) {
        let producer = self.producer.take();
        let closing = std::thread::Builder::new().name("kafka-producer-close".to_owned()).spawn(move || drop(producer));
        if let Err(error) = closing {
            tracing::warn!(%error, "no thread to close the Kafka producer on, closed in place");
        }
    }
}

type Appended = Result<Vec<Position>, Error>;

fn abandoned() -> Error {
    Error::Unavailable("the Kafka producer failed for good".to_owned())
}

/// One append's records under way.
struct Batch(Mutex<Progress>);

struct Progress {
    positions: Vec<Position>,
    missing: usize,
    /// Taken when the outcome is known: at the last success or the first failure.
    done: Option<oneshot::Sender<Appended>>,
}

impl Batch {
    fn of(records: usize, done: oneshot::Sender<Appended>) -> Self {
        let positions = vec![Position { partition: 0, offset: 0 }; records];
        Self(Mutex::new(Progress { positions, missing: records, done: Some(done) }))
    }

    fn report(&self, index: usize, delivered: Result<Position, Error>) {
        let mut progress = self.0.lock().expect("no code panics while it holds this lock");
        let outcome = match delivered {
            Ok(position) => {
                progress.positions[index] = position;
                progress.missing -= 1;
                if progress.missing > 0 {
                    return;
                }
                Ok(std::mem::take(&mut progress.positions))
            }
            Err(error) => Err(error),
        };
        if let Some(done) = progress.done.take() {
            // The caller may have stopped waiting.
            let _ = done.send(outcome);
        }
    }
}

/// Goes with a record through librdkafka and comes back with its delivery report.
pub(super) struct Ticket {
    batch: Arc<Batch>,
    index: usize,
}

/// Receives the producer's events, on its polling thread.
pub(super) struct Reports {
    has_id: watch::Sender<bool>,
    failed: watch::Sender<bool>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        client::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka producer reported an error");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.failed.send_replace(true);
        }
    }

    /// Statistics are the only way in which librdkafka tells that an idempotent producer has got its ID.
    fn stats_raw(&self, statistics: &[u8]) {
        const HAS_ID: &[u8] = br#""idemp_state": "Assigned""#;
        self.has_id.send_if_modified(|has_id| {
            let is_news = !*has_id && statistics.windows(HAS_ID.len()).any(|window| window == HAS_ID);
            *has_id |= is_news;
            is_news
        });
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let delivered = match result {
            Ok(message) => position(message.partition(), message.offset()),
            Err((error, _)) => {
                tracing::debug!(why = reason(error), "Kafka did not confirm a record");
                Err(refused_or_unavailable(error))
            }
        };
        ticket.batch.report(ticket.index, delivered);
    }
}

fn position(partition: i32, offset: i64) -> Result<Position, Error> {
    match (u32::try_from(partition), u64::try_from(offset)) {
        (Ok(partition), Ok(offset)) => Ok(Position { partition, offset }),
        _ => Err(Error::Unavailable("Kafka confirmed a record without saying where it is".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(offset: u64) -> Position {
        Position { partition: 0, offset }
    }

    #[test]
    fn an_append_is_done_only_when_every_record_is_and_in_the_callers_order() {
        let (done, mut outcome) = oneshot::channel();
        let batch = Batch::of(2, done);
        batch.report(1, Ok(at(7)));
        outcome.try_recv().unwrap_err();
        batch.report(0, Ok(at(9)));
        assert_eq!(outcome.try_recv().unwrap().unwrap(), [at(9), at(7)]);
    }

    #[test]
    fn an_append_fails_with_its_first_failed_record() {
        let (done, mut outcome) = oneshot::channel();
        let batch = Batch::of(2, done);
        batch.report(1, Err(Error::Unavailable("first".to_owned())));
        batch.report(0, Ok(at(1)));
        assert!(matches!(outcome.try_recv().unwrap(), Err(Error::Unavailable(why)) if why == "first"));
    }

    #[test]
    fn a_producer_that_keeps_failing_is_given_up() {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("enable.idempotence", "true");
        let producer = Producer::new(config).unwrap();
        for _ in 0..REPLACEMENTS_MAX {
            producer.replace(&producer.current()).unwrap();
        }
        assert!(matches!(producer.replace(&producer.current()), Err(Error::Unfit(_))));
    }

    #[test]
    fn two_callers_who_see_the_same_failure_replace_the_producer_once() {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("enable.idempotence", "true");
        let producer = Producer::new(config).unwrap();
        let failed = producer.current();
        let first = producer.replace(&failed).unwrap();
        let second = producer.replace(&failed).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(producer.replaced_at.lock().unwrap().len(), 1);
    }
}
