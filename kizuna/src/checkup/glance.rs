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

/// Webhooks of one connection since the process started.
#[derive(Clone, Copy, Debug, Default)]
struct Webhooks {
    accepted: u64,
    /// Signed by somebody else; `None` where the process does not take webhooks of this connection.
    wrong: Option<u64>,
    wrong_destination: u64,
}

impl Taken {
    /// What the metrics of a process tell.
    pub fn of(metrics: &Registry) -> Self {
        let mut taken = Self::default();
        for family in metrics.gather() {
            for metric in family.get_metric() {
                let count = metric.get_counter().get_value() as u64;
                match (family.name(), label(metric, "outcome"), label(metric, "reason")) {
                    ("kizuna_ingest_webhooks_total", Some("accepted"), _) => taken.at(metric, |it| it.accepted = count),
                    ("kizuna_ingest_webhooks_total", Some("wrong_destination"), _) => {
                        taken.at(metric, |it| it.wrong_destination = count);
                    }
                    ("kizuna_ingest_verification_failures_total", _, Some("wrong")) => {
                        taken.at(metric, |it| it.wrong = Some(count));
                    }
                    _ => {}
                }
            }
        }
        taken
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
        assert!(
            Taken::default().judge(ConnectionNumber::new(1).unwrap(), None, NOW_MS).is_none(),
            "nothing is known yet"
        );
    }
}
