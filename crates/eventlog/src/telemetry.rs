//! What the embedded log reports. Kafka reports for itself.

runtime::metrics! {
    /// The metrics of the embedded log's writer.
    pub struct Telemetry {
        /// Records that this process wrote durably to the embedded log.
        records: IntCounter = "kizuna_log_written_records_total",
        /// Bytes of keys and values that this process wrote durably to the embedded log.
        bytes: IntCounter = "kizuna_log_written_bytes_total",
        /// Commits of the embedded log that failed; their appends were refused.
        failures: IntCounter = "kizuna_log_failed_commits_total",
        /// Seconds that a commit took, with its sync to the disk.
        commit_seconds: Histogram = "kizuna_log_commit_seconds"
            buckets [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0],
        /// Bytes of keys and values that wait to become durable.
        queued_bytes: IntGauge = "kizuna_log_queued_bytes",
    }
}
