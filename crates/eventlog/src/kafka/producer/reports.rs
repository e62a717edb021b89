//! The producer's events: what became of each record, and what that sends next.

use super::Layout;
use super::lane::Next;
use super::track::{Ticket, Track, Tracks};
use crate::Error;
use crate::kafka::client::{self, reason, refused_or_unavailable};
use crate::record::Position;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Receives the producer's events, on its polling thread.
pub(in crate::kafka) struct Reports {
    has_id: watch::Sender<bool>,
    pub(super) tracks: Tracks,
    /// How long a wave is open for company: as long as librdkafka keeps it back.
    pub(super) company: Duration,
    /// The producer whose events these are. It holds this.
    producer: OnceLock<Weak<BaseProducer<Self>>>,
}

impl Reports {
    pub(super) fn new(layout: &Layout, company: Duration) -> Self {
        Self { has_id: watch::Sender::new(false), tracks: Tracks::new(layout), company, producer: OnceLock::new() }
    }

    /// Says whose events these are, before the first record.
    pub(super) fn belongs_to(&self, producer: &Arc<BaseProducer<Self>>) {
        self.producer.get_or_init(|| Arc::downgrade(producer));
    }

    /// Returns once the producer has its ID.
    pub(super) async fn has_id(&self) {
        let mut has_id = self.has_id.subscribe();
        // The sender is here, so that waiting cannot fail.
        let _ = has_id.wait_for(|has_id| *has_id).await;
    }

    /// The producer has failed for good, and takes no record any more: has it report all that it took.
    fn give_back(&self) {
        // Whoever was sending a record when it failed holds a lane. After that librdkafka refuses, so nothing comes behind.
        self.tracks.all().for_each(|track| drop(track.lane()));
        if let Some(producer) = self.producer() {
            producer.purge(PurgeConfig::default().queue().inflight());
        }
    }

    fn producer(&self) -> Option<Arc<BaseProducer<Self>>> {
        self.producer.get().and_then(Weak::upgrade)
    }

    /// Sends what waited for the end of a wave.
    fn go_on(&self, track: &Track, is_away: bool) {
        let mut lane = track.lane();
        match lane.reported(is_away, Instant::now, self.company) {
            Next::Nothing => {}
            Next::Fail(tickets) => tickets.into_iter().for_each(|ticket| ticket.report(Err(not_confirmed()))),
            Next::Send(tickets) => {
                let producer = self.producer();
                for ticket in tickets {
                    let sent = match &producer {
                        Some(producer) => ticket.send(producer, track),
                        None => Err((not_confirmed(), ticket)),
                    };
                    if let Err((error, ticket)) = sent {
                        lane.withdraw();
                        ticket.report(Err(error));
                    }
                }
            }
        }
    }
}

fn not_confirmed() -> Error {
    Error::Unavailable("Kafka did not confirm the records before".to_owned())
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        client::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka producer reported an error");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.give_back();
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
        let is_away = matches!(delivered, Err(Error::Unavailable(_)));
        let track = self.tracks.at(ticket.place);
        if is_away {
            // Whoever tries again at once must not find the wave that failed under way, and fail with it.
            self.go_on(track, is_away);
            ticket.report(delivered);
        } else {
            ticket.report(delivered);
            self.go_on(track, is_away);
        }
    }
}

fn position(partition: i32, offset: i64) -> Result<Position, Error> {
    match (u32::try_from(partition), u64::try_from(offset)) {
        (Ok(partition), Ok(offset)) => Ok(Position { partition, offset }),
        _ => Err(Error::Unavailable("Kafka confirmed a record without saying where it is".to_owned())),
    }
}
