//! What the calls to LINE report.

use crate::api::Endpoint;
use std::time::Duration;

runtime::metrics! {
    /// The metrics of the calls to LINE.
    pub struct Metrics {
        /// Calls to LINE by endpoint and HTTP status, or `timeout`, `unreachable`, `broken`, `throttled` (not sent, to
        /// stay within LINE's rate limit).
        calls: IntCounterVec = "kizuna_line_calls_total" ["endpoint", "status"],
        /// Seconds until LINE's answer was complete, by endpoint.
        call_seconds: HistogramVec = "kizuna_line_call_seconds" ["endpoint"]
            buckets [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
    }
}

impl Metrics {
    /// One call that was sent ended.
    pub(crate) fn answered(&self, endpoint: Endpoint, status: &str, took: Duration) {
        self.calls.with_label_values(&[endpoint.name(), status]).inc();
        self.call_seconds.with_label_values(&[endpoint.name()]).observe(took.as_secs_f64());
    }

    /// One call was not sent, to stay within the rate limit.
    pub(crate) fn throttled(&self, endpoint: Endpoint) {
        self.calls.with_label_values(&[endpoint.name(), "throttled"]).inc();
    }
}
