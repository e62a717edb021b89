//! What the projector reports about itself.

use schemas::Reason;

runtime::metrics! {
    /// The projector's metrics.
    pub struct Metrics {
        /// Records folded into the state, by topic.
        records: IntCounterVec = "kizuna_projector_records_total" ["topic"],
        /// Seconds to fold and store one batch of records.
        fold_seconds: Histogram = "kizuna_projector_fold_seconds" buckets [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0],
        /// Records of the log that are not yet folded, by topic and partition.
        lag_records: IntGaugeVec = "kizuna_projector_lag_records" ["topic", "partition"],
        /// Seconds by which the state is behind LINE, by partition: while records wait, the age of the newest event folded by
        /// this process, else 0.
        lag_seconds: GaugeVec = "kizuna_projector_lag_seconds" ["partition"],
        /// Partitions owned by this process.
        partitions: IntGauge = "kizuna_projector_partitions",
        /// Partitions that are still catching up with the log; nothing is sent for them.
        restoring: IntGauge = "kizuna_projector_restoring_partitions",
        /// Records that the restoring partitions still have to fold.
        restore_remaining_records: IntGauge = "kizuna_projector_restore_remaining_records",
        /// Users due for HubSpot that are held in memory.
        backlog_users: IntGauge = "kizuna_projector_backlog_users",
        /// What HubSpot's answers meant, per contact: created, updated, checked, found, recreated, gone, merged, refused, settled.
        contacts: IntCounterVec = "kizuna_projector_contacts_total" ["outcome"],
        /// Times that an event came for a contact known to be deleted in HubSpot and, by the rules, left it deleted.
        left_deleted: IntCounter = "kizuna_projector_left_deleted_total",
        /// Contacts whose write has to be tried again.
        retries: IntCounter = "kizuna_projector_retries_total",
        /// Seconds from the receipt of an event to HubSpot's answer to the write it caused, kept in the log; backlog that
        /// was read back from the state is not measured.
        sync_seconds: Histogram = "kizuna_projector_sync_seconds" buckets [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0],
        /// Profile look-ups by outcome: found, unavailable, failed.
        lookups: IntCounterVec = "kizuna_projector_profile_lookups_total" ["outcome"],
        /// Records set aside, by reason: malformed, merged, refused, settled.
        dead_letters: IntCounterVec = "kizuna_projector_dead_letters_total" ["reason"],
        /// Is sending stopped until an operator acts, because HubSpot does not accept the token or its scopes? 1 or 0.
        paused: IntGauge = "kizuna_projector_paused",
        /// Times the log or the state store failed and was tried again, by part: log, store.
        failures: IntCounterVec = "kizuna_projector_failures_total" ["part"],
    }
}

impl Metrics {
    /// Shows what has not happened yet as zeros, so that the first time is seen as a change.
    pub(crate) fn begin(&self) {
        for outcome in ["created", "updated", "checked", "found", "recreated", "gone", "merged", "refused", "settled"] {
            self.contacts.with_label_values(&[outcome]);
        }
        for outcome in ["found", "unavailable", "failed"] {
            self.lookups.with_label_values(&[outcome]);
        }
        for reason in [Reason::Malformed, Reason::Merged, Reason::Refused, Reason::Settled] {
            self.dead_letters.with_label_values(&[reason.as_str()]);
        }
        for part in ["log", "store"] {
            self.failures.with_label_values(&[part]);
        }
    }
}
