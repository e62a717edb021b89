//! What receiving reports.

use line::webhook::RawEvent;
use runtime::prometheus::IntCounter;

runtime::metrics! {
    /// The metrics of receiving webhooks.
    pub struct Metrics {
        /// Webhooks by connection (`none` while the sender is not known) and outcome: `accepted`, `dead_letter`
        /// (signed, but no webhook), `unauthorized`, `wrong_destination`, `unavailable` (neither log nor spool took it
        /// in time), `too_large`, `too_slow`, `broken`, `no_room` (too many other large
        /// bodies were in memory).
        webhooks: IntCounterVec = "kizuna_ingest_webhooks_total" ["connection", "outcome"],
        /// Refused signatures by the connection whose address was called (`none` if it is nobody's) and reason:
        /// `missing`, `wrong`. Steady `wrong` means that the channel secret was issued anew.
        verification_failures: IntCounterVec = "kizuna_ingest_verification_failures_total" ["connection", "reason"],
        /// Events of signed webhooks, by LINE's type; `other` for types without a meaning here.
        events: IntCounterVec = "kizuna_ingest_events_total" ["type"],
        /// Events of signed webhooks that LINE had sent before.
        redelivered_events: IntCounter = "kizuna_ingest_redelivered_events_total",
        /// Bytes of webhook bodies read.
        body_bytes: IntCounter = "kizuna_ingest_body_bytes_total",
        /// Seconds until the log had the events of a webhook.
        append_seconds: Histogram = "kizuna_ingest_append_seconds"
            buckets [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 1.5, 3.0, 10.0],
        /// Seconds from the head of a webhook request to its answer, of webhooks that an account signed.
        request_seconds: Histogram = "kizuna_ingest_request_seconds"
            buckets [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 1.5, 2.0, 5.0],
        /// Records put into the spool, by what the log did: `late`, `failed`, `full` (too much was on its way to it), or
        /// `away` (one of these happened just before, so it was not asked).
        spooled: IntCounterVec = "kizuna_ingest_spooled_records_total" ["reason"],
        /// Records that the log took from the spool.
        spool_forwarded: IntCounter = "kizuna_ingest_spool_forwarded_records_total",
        /// What failed at the spool: `write` and `full` (the webhook got 503), `forward` (the log does not take records
        /// yet), `read` and `remove` (the spool's disk).
        spool_failures: IntCounterVec = "kizuna_ingest_spool_failures_total" ["operation"],
        /// Records in the spool.
        spool_records: IntGauge = "kizuna_ingest_spool_records",
        /// Bytes of keys and values in the spool.
        spool_bytes: IntGauge = "kizuna_ingest_spool_bytes",
        /// Seconds that the oldest record has been in the spool; 0 when it is empty.
        spool_oldest_seconds: IntGauge = "kizuna_ingest_spool_oldest_seconds",
        /// Connections of clients open now.
        open_connections: IntGauge = "kizuna_ingest_open_connections",
        /// Requests for other paths, or with other methods than POST.
        misdirected: IntCounter = "kizuna_ingest_misdirected_requests_total",
    }
}

impl Metrics {
    /// Shows what nobody in particular does as zeros, so that the first time is seen as a change.
    pub(crate) fn begin(&self) {
        for outcome in ["unauthorized", "too_large", "too_slow", "broken", "no_room"] {
            self.webhooks.with_label_values(&["none", outcome]);
        }
        self.begin_verifying("none");
        self.begin_spool();
    }

    /// Shows what may happen to the webhooks of a connection as zeros.
    pub(crate) fn begin_account(&self, connection: &str) {
        for outcome in ["accepted", "dead_letter", "wrong_destination", "unavailable"] {
            self.webhooks.with_label_values(&[connection, outcome]);
        }
        self.begin_verifying(connection);
    }

    /// Shows what may happen to the spool as zeros, whether or not there is one.
    pub(crate) fn begin_spool(&self) {
        for reason in ["late", "failed", "full", "away"] {
            self.spooled.with_label_values(&[reason]);
        }
        for operation in ["write", "full", "forward", "read", "remove"] {
            self.spool_failures.with_label_values(&[operation]);
        }
    }

    fn begin_verifying(&self, connection: &str) {
        for reason in ["missing", "wrong"] {
            self.verification_failures.with_label_values(&[connection, reason]);
        }
    }
}

/// The types that are counted by name. Whoever can sign could otherwise make up a new label for each event.
const TYPES: [&str; 20] = [
    "message",
    "follow",
    "unfollow",
    "postback",
    "unsend",
    "messageEdited",
    "videoPlayComplete",
    "beacon",
    "accountLink",
    "membership",
    "join",
    "leave",
    "memberJoined",
    "memberLeft",
    "delivery",
    "module",
    "activated",
    "deactivated",
    "botSuspended",
    "botResumed",
];

/// Counts events without looking up labels.
pub(crate) struct Events {
    by_type: [IntCounter; TYPES.len()],
    other: IntCounter,
    redelivered: IntCounter,
}

impl Events {
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name| metrics.events.with_label_values(&[name]);
        Self { by_type: TYPES.map(counter), other: counter("other"), redelivered: metrics.redelivered_events.clone() }
    }

    /// One event was received.
    pub fn received(&self, event: &RawEvent<'_>) {
        let place = TYPES.iter().position(|name| *name == event.event_type);
        place.map_or(&self.other, |place| &self.by_type[place]).inc();
        if event.redelivery {
            self.redelivered.inc();
        }
    }
}
