//! What every Kafka client of ours shares: its log lines go to `tracing`, its errors become ours.

use crate::Error;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::time::Duration;

/// A context that only passes librdkafka's log lines on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client reported an error");
    }
}

impl ConsumerContext for Quiet {}

/// Passes a log line of librdkafka on. Its lines name brokers, topics and partitions, never records.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        // A producer grumbles about the consumers' settings and the other way round; a wrong setting is an error anyway.
        _ if facility == "CONFWARN" => tracing::debug!(target: "librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::error!(target: "librdkafka", facility, "{line}");
        }
        RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(target: "librdkafka", facility, "{line}"),
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{line}"),
    }
}

/// A wait for an event in the form in which it costs nothing: whole milliseconds and a trifle.
///
/// librdkafka counts whole milliseconds. What is left of a wait beside them, rdkafka spends asking it without a pause.
pub(super) const fn calm(wait: Duration) -> Duration {
    const TRIFLE: Duration = Duration::from_micros(20);
    if wait.is_zero() {
        return wait;
    }
    Duration::new(wait.as_secs(), wait.subsec_nanos().next_multiple_of(1_000_000)).saturating_add(TRIFLE)
}

/// A client could not be made: a setting is unknown or wrong. The value is left out, it may be a secret.
pub(super) fn misconfigured(error: &KafkaError) -> Error {
    match error {
        KafkaError::ClientConfig(_, _, name, _) => {
            let variable = name.to_ascii_uppercase().replace('.', "_");
            Error::Unfit(format!(
                "librdkafka knows no setting {name}, or not this value of it (KIZUNA_KAFKA_{variable})"
            ))
        }
        other => Error::Unfit(format!("cannot create a Kafka client: {other}")),
    }
}

/// Kafka did not do what it was asked for; it may do so later.
pub(super) fn unavailable(what: &str, error: &KafkaError) -> Error {
    Error::Unavailable(format!("{what}: {}", reason(error)))
}

/// Is it news of a connection, on which the client itself goes on working? A consumer gets every piece of such news, each
/// try of a long outage, in its queue before the records that follow.
pub(super) fn is_connection_trouble(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut
        )
    )
}

/// Does it say that a partition's leader is another one than this client thought, or none that it knew of?
pub(super) fn is_about_the_leader(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::FencedLeaderEpoch
                | RDKafkaErrorCode::UnknownLeaderEpoch
        )
    )
}

/// What went wrong, without anything that was in a record or a setting.
pub(super) fn reason(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(code) => code.to_string(),
        None => match error {
            KafkaError::ClientConfig(..) => "wrong setting".to_owned(),
            other => other.to_string(),
        },
    }
}

/// What an append's failure means for its caller: most failures pass, a few records are never acceptable.
pub(super) fn refused_or_unavailable(error: &KafkaError) -> Error {
    match error.rdkafka_error_code() {
        Some(
            code @ (RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidMessage),
        ) => Error::Refused(code.to_string()),
        _ => Error::Unavailable(reason(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_too_large_is_refused_for_good_and_a_full_queue_only_for_now() {
        let failed = |code| refused_or_unavailable(&KafkaError::MessageProduction(code));
        assert!(matches!(failed(RDKafkaErrorCode::MessageSizeTooLarge), Error::Refused(_)));
        assert!(matches!(failed(RDKafkaErrorCode::QueueFull), Error::Unavailable(_)));
        assert!(matches!(failed(RDKafkaErrorCode::NotEnoughReplicas), Error::Unavailable(_)));
        assert!(matches!(failed(RDKafkaErrorCode::MessageTimedOut), Error::Unavailable(_)));
    }

    #[test]
    fn a_calm_wait_leaves_nearly_nothing_beside_whole_milliseconds() {
        for (wait, milliseconds) in [(1, 1), (250_000_000, 250), (249_999_999, 250), (999_000_001, 1_000)] {
            let calm = calm(Duration::from_nanos(wait));
            assert_eq!(calm.as_millis(), milliseconds);
            assert!((1..50).contains(&(calm.subsec_micros() % 1_000)), "{calm:?}");
        }
        assert_eq!(calm(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_wrong_setting_is_named_without_its_value() {
        let created = rdkafka::ClientConfig::new().set("session.timeout.ms", "hunter2").create_native_config();
        let Some(error) = created.err() else { panic!("the value is no number") };
        for text in [misconfigured(&error).to_string(), reason(&error)] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(misconfigured(&error).to_string().contains("KIZUNA_KAFKA_SESSION_TIMEOUT_MS"));
    }
}
