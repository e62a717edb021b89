//! How a connection seems to be, for many at once: from what this process counts and the state knows. Asks nobody; `check` does.

use super::{Finding, Severity, reception};
use crate::friends::census::Tally;
use contact::ConnectionNumber;
use prometheus::Registry;
use prometheus::proto::Metric;
use std::collections::HashMap;

/// What this process took in and refused, by connection.
#[derive(Debug, Default)]
pub struct Taken(HashMap<u32, Webhooks>);

/// Webhooks of one connection since the process started, by what they were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Webhooks {
    /// 200: stored, also where they were no webhooks of LINE's.
    pub accepted: u64,
    /// 401: signed by somebody else; `None` where the process does not take webhooks of this connection.
    pub wrong: Option<u64>,
    /// 401: not signed.
    pub unsigned: u64,
    /// 400: signed, but for another account.
    pub wrong_destination: u64,
    /// 503: nothing took them in time.
    pub not_stored: u64,
}

impl Webhooks {
    /// Those that were answered other than 200.
    pub fn refused(&self) -> u64 {
        self.wrong.unwrap_or(0) + self.unsigned + self.wrong_destination + self.not_stored
    }
}

impl Taken {
    /// What the metrics of a process tell.
    pub fn of(metrics: &Registry) -> Self {
        let mut taken = Self::default();
        for family in metrics.gather() {
            for metric in family.get_metric() {
                let count = metric.get_counter().get_value() as u64;
                match (family.name(), label(metric, "outcome"), label(metric, "reason")) {
                    ("kizuna_ingest_webhooks_total", Some("accepted" | "dead_letter"), _) => {
                        taken.at(metric, |it| it.accepted += count);
                    }
                    ("kizuna_ingest_webhooks_total", Some("unavailable"), _) => {
                        taken.at(metric, |it| it.not_stored = count);
                    }
                    ("kizuna_ingest_webhooks_total", Some("wrong_destination"), _) => {
                        taken.at(metric, |it| it.wrong_destination = count);
                    }
                    ("kizuna_ingest_verification_failures_total", _, Some("wrong")) => {
                        taken.at(metric, |it| it.wrong = Some(count));
                    }
                    ("kizuna_ingest_verification_failures_total", _, Some("missing")) => {
                        taken.at(metric, |it| it.unsigned = count);
                    }
                    _ => {}
                }
            }
        }
        taken
    }

    /// What came for a connection; `None` where the process does not take its webhooks.
    pub fn webhooks(&self, number: ConnectionNumber) -> Option<Webhooks> {
        self.0.get(&number.get()).copied().filter(|webhooks| webhooks.wrong.is_some())
    }

    fn at(&mut self, metric: &Metric, note: impl FnOnce(&mut Webhooks)) {
        if let Some(number) = label(metric, "connection").and_then(|number| number.parse().ok()) {
            note(self.0.entry(number).or_default());
        }
    }

    /// The worst that there is to say of a connection; `None` where nothing is. Without a tally nobody knows yet when its friends
    /// were last seen.
    pub fn judge(&self, number: ConnectionNumber, tally: Option<Tally>, now_ms: i64) -> Option<Finding> {
        let webhooks = self.0.get(&number.get()).copied().unwrap_or_default();
        let signatures = webhooks.wrong.map(|wrong| reception::signatures(number, Some(wrong), webhooks.accepted));
        let findings = [
            signatures,
            reception::destinations(number, webhooks.wrong_destination),
            reception::not_stored(webhooks.not_stored),
            tally.map(|tally| reception::last_event(tally.last_seen_ms, now_ms)),
        ];
        let is_bad = |finding: &Finding| finding.severity != Severity::Good;
        let rank = |finding: &Finding| finding.severity != Severity::Broken;
        findings.into_iter().flatten().filter(is_bad).min_by_key(rank)
    }
}

fn label<'a>(metric: &'a Metric, name: &str) -> Option<&'a str> {
    metric.get_label().iter().find(|label| label.name() == name).map(|label| label.value())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NOW_MS: i64 = 1_750_000_000_000;

    fn judged(counted: &[(&str, [&str; 2], u64)], last_seen_ms: Option<i64>) -> Option<&'static str> {
        let registry = Registry::new();
        let metrics = ingest::Metrics::register(&registry).unwrap();
        for (name, labels, count) in counted {
            let counter = match *name {
                "webhooks" => metrics.webhooks.with_label_values(labels),
                _ => metrics.verification_failures.with_label_values(labels),
            };
            counter.inc_by(*count);
        }
        let tally = Tally { last_seen_ms, ..Tally::default() };
        Taken::of(&registry).judge(ConnectionNumber::new(1).unwrap(), Some(tally), NOW_MS).map(|finding| finding.code)
    }

    #[test]
    fn webhooks_are_counted_by_what_they_were_answered() {
        let registry = Registry::new();
        let metrics = ingest::Metrics::register(&registry).unwrap();
        let number = ConnectionNumber::new(1).unwrap();
        assert_eq!(Taken::of(&registry).webhooks(number), None, "another process takes them");
        for (outcome, count) in [("accepted", 5), ("dead_letter", 1), ("wrong_destination", 2), ("unavailable", 3)] {
            metrics.webhooks.with_label_values(&["1", outcome]).inc_by(count);
        }
        for (reason, count) in [("wrong", 4), ("missing", 1)] {
            metrics.verification_failures.with_label_values(&["1", reason]).inc_by(count);
        }
        let webhooks = Taken::of(&registry).webhooks(number).unwrap();
        let counted = Webhooks { accepted: 6, wrong: Some(4), unsigned: 1, wrong_destination: 2, not_stored: 3 };
        assert_eq!((webhooks, webhooks.refused()), (counted, 10));
    }

    #[test]
    fn what_keeps_a_connection_from_working_comes_before_what_is_odd() {
        let good = [("webhooks", ["1", "accepted"], 3), ("failures", ["1", "wrong"], 0)];
        assert_eq!(judged(&good, Some(NOW_MS - 1)), None);
        assert_eq!(judged(&[], Some(NOW_MS - 1)), None, "another process takes the webhooks");
        assert_eq!(judged(&good, None), Some("events_none"));
        assert_eq!(judged(&good, Some(0)), Some("events_old"));
        let some_wrong = [("webhooks", ["1", "accepted"], 3), ("failures", ["1", "wrong"], 2)];
        assert_eq!(judged(&some_wrong, Some(NOW_MS)), Some("signatures_some_wrong"));
        assert_eq!(judged(&[("failures", ["1", "wrong"], 2)], Some(0)), Some("signatures_wrong"));
        assert_eq!(judged(&[("failures", ["2", "wrong"], 2)], Some(NOW_MS)), None, "another connection's");
        assert_eq!(judged(&[("webhooks", ["1", "wrong_destination"], 2)], None), Some("destination_wrong"));
        assert_eq!(judged(&[("webhooks", ["1", "unavailable"], 2)], None), Some("webhooks_not_stored"));
        assert!(
            Taken::default().judge(ConnectionNumber::new(1).unwrap(), None, NOW_MS).is_none(),
            "nothing is known yet"
        );
    }
}
