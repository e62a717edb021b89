//! What this crate reports.

use crate::Error;
use crate::endpoint::Endpoint;
use crate::limit::{Status, Why};
use crate::transport::{Answer, Loss};
use std::time::Duration;

runtime::metrics! {
    /// Calls to HubSpot and what is left of its limits.
    pub struct Metrics {
        /// Calls made, by endpoint and status of the answer; `unreachable` and `lost` where there was none.
        calls: IntCounterVec = "kizuna_hubspot_calls_total" ["endpoint", "status"],
        /// Seconds until an answer was read.
        call_seconds: HistogramVec = "kizuna_hubspot_call_seconds" ["endpoint"]
            buckets [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0],
        /// Failed calls by what they make Kizuna do. Alert on `unauthorized`, `missing_scopes` and `garbage`.
        failures: IntCounterVec = "kizuna_hubspot_failures_total" ["reaction"],
        /// Contacts written, by endpoint and outcome.
        writes: IntCounterVec = "kizuna_hubspot_writes_total" ["endpoint", "outcome"],
        /// Batches halved because HubSpot refused them as a whole for one of their contacts.
        bisections: IntCounter = "kizuna_hubspot_bisections_total",
        /// Values that HubSpot stored in another form than they were sent.
        normalized: IntCounter = "kizuna_hubspot_normalized_values_total",
        /// Calls that may still be made within the present window.
        burst_left: IntGauge = "kizuna_hubspot_burst_left_calls",
        /// Calls that Kizuna makes at most within a window.
        burst_max: IntGauge = "kizuna_hubspot_burst_max_calls",
        /// Calls allowed a day for all apps of the portal; -1 when HubSpot does not tell.
        daily_max: IntGauge = "kizuna_hubspot_daily_max_calls",
        /// Calls left today for all apps of the portal; -1 when HubSpot does not tell.
        daily_left: IntGauge = "kizuna_hubspot_daily_left_calls",
        /// Calls under way.
        in_flight: IntGauge = "kizuna_hubspot_in_flight_calls",
        /// Calls that wait for a place, by priority.
        waiting: IntGaugeVec = "kizuna_hubspot_waiting_calls" ["priority"],
        /// Until when nothing is sent, seconds since 1970, by reason; compare with the present time.
        paused_until: IntGaugeVec = "kizuna_hubspot_paused_until_seconds" ["reason"],
    }
}

/// What failed calls make Kizuna do, in the words of the metric.
const REACTIONS: [&str; 11] = [
    "rate_limited",
    "locked",
    "migrating",
    "unavailable",
    "unknown",
    "unauthorized",
    "missing_scopes",
    "not_found",
    "rejected",
    "garbage",
    "unfit",
];

impl Metrics {
    /// Shows what has not happened yet as zeros, so that the first time is seen as a change.
    pub(crate) fn begin(&self) {
        for reaction in REACTIONS {
            self.failures.with_label_values(&[reaction]);
        }
        for why in Why::ALL {
            self.paused_until.with_label_values(&[why.as_str()]);
        }
    }

    pub(crate) fn called(&self, endpoint: Endpoint, exchange: &Result<Answer, Loss>, took: Duration) {
        let status = match exchange {
            Ok(answer) => answer.status.to_string(),
            Err(Loss::NotSent(_)) => "unreachable".into(),
            Err(Loss::Lost(_) | Loss::TooLong) => "lost".into(),
        };
        self.calls.with_label_values(&[endpoint.as_str(), &status]).inc();
        self.call_seconds.with_label_values(&[endpoint.as_str()]).observe(took.as_secs_f64());
    }

    pub(crate) fn failed(&self, endpoint: Endpoint, error: &Error) {
        let reaction = match error {
            Error::RateLimited { .. } => "rate_limited",
            Error::Locked { .. } => "locked",
            Error::Migrating { .. } => "migrating",
            Error::Unavailable { .. } => "unavailable",
            Error::Unknown { .. } => "unknown",
            Error::Unauthorized => "unauthorized",
            Error::MissingScopes { .. } => "missing_scopes",
            Error::NotFound => "not_found",
            Error::Rejected(_) => "rejected",
            Error::Garbage { .. } => "garbage",
            Error::Unfit(_) => "unfit",
        };
        self.failures.with_label_values(&[reaction]).inc();
        if !matches!(error, Error::NotFound) {
            tracing::warn!(hubspot.endpoint = endpoint.as_str(), hubspot.reaction = reaction, "a call failed: {error}");
        }
    }

    pub(crate) fn show(&self, status: &Status) {
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.burst_left.set(gauge(status.burst_left));
        self.burst_max.set(gauge(status.burst_max));
        let daily = |calls: Option<u64>| calls.map_or(-1, |calls| i64::try_from(calls).unwrap_or(i64::MAX));
        self.daily_max.set(daily(status.daily_max));
        self.daily_left.set(daily(status.daily_left));
        self.in_flight.set(gauge(status.in_flight));
        self.waiting.with_label_values(&["fresh"]).set(gauge(status.fresh_waiting));
        self.waiting.with_label_values(&["backfill"]).set(gauge(status.backfill_waiting));
        if let Some(paused) = status.paused {
            self.paused_until.with_label_values(&[paused.why.as_str()]).set(paused.until_ms.div_euclid(1000));
        }
    }
}
