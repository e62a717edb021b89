//! What operators read is what there is: the page of metrics, the page of operations, the alerts and the dashboards.
//!
//! What needs a real Prometheus is in `tests/ops/run.sh`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files that declare metrics.
const TELEMETRY: [&str; 6] = [
    "crates/eventlog/src/telemetry.rs",
    "crates/hubspot/src/telemetry.rs",
    "crates/line/src/telemetry.rs",
    "ingest/src/telemetry.rs",
    "kizuna/src/telemetry.rs",
    "projector/src/telemetry.rs",
];

/// One metric, as a row of the page has it.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Metric {
    name: String,
    kind: &'static str,
    labels: Vec<String>,
    help: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the project").to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The texts of all files of a folder, one after the other.
fn texts(folder: &str) -> String {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let paths = entries.map(|entry| entry.expect("a folder of the project can be listed").path());
    paths.map(|path| fs::read_to_string(path).expect("a text")).collect()
}

/// The declarations inside `metrics! { ... }`: a doc comment, then `field: Kind = "name" ["label", ...] ...,`.
fn declared(telemetry: &str) -> Vec<Metric> {
    let (mut metrics, mut help) = (Vec::new(), Vec::new());
    let within = telemetry.lines().skip_while(|line| !line.contains("metrics! {")).skip(1);
    for line in within.take_while(|line| *line != "}").map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            help.push(words.trim());
            continue;
        }
        let mut literals = line.split('"').skip(1).step_by(2).map(str::to_owned);
        if let Some((declaration, _)) = line.split_once(" = \"") {
            let kind = declaration.rsplit(' ').next().and_then(kind).expect("a kind of metric");
            let name = literals.next().expect("a name");
            metrics.push(Metric { name, kind, labels: literals.collect(), help: help.join(" ") });
        }
        help.clear();
    }
    metrics
}

fn kind(rust: &str) -> Option<&'static str> {
    let kinds = [("Counter", "counter"), ("Gauge", "gauge"), ("Histogram", "histogram")];
    kinds.into_iter().find_map(|(part, kind)| rust.contains(part).then_some(kind))
}

fn all_declared() -> Vec<Metric> {
    TELEMETRY.iter().flat_map(|path| declared(&text(path))).collect()
}

fn listed(page: &str) -> Vec<Metric> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let metric = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind_cell, labels, help, worry] = cells[..] else { panic!("a row of five cells: {row}") };
        assert!(!worry.is_empty(), "when to worry? {row}");
        let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let kind = ["counter", "gauge", "histogram"].into_iter().find(|kind| *kind == kind_cell);
        let kind = kind.unwrap_or_else(|| panic!("a type of metric: {row}"));
        Metric { name: quoted(name).remove(0), kind, labels: quoted(labels), help: help.to_owned() }
    };
    rows.map(metric).collect()
}

/// The names behind `- alert: `.
fn alerts() -> BTreeSet<String> {
    texts("ops/prometheus/rules")
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("- alert: ")?.to_owned()))
        .collect()
}

#[test]
fn the_page_of_metrics_says_of_each_metric_what_the_code_says() {
    let (mut code, mut page) = (all_declared(), listed(&text("docs/metrics.md")));
    code.sort();
    page.sort();
    for (code, page) in code.iter().zip(&page) {
        assert_eq!(code, page, "left the code, right docs/metrics.md");
    }
    assert_eq!(code.len(), page.len(), "as many metrics in the code as in docs/metrics.md");
}

#[test]
fn every_file_that_declares_metrics_is_known_here() {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the project").flatten() {
            let path = entry.path();
            let skipped = ["target", ".git", "tests", "node_modules"].iter().any(|name| path.ends_with(name));
            if path.is_dir() && !skipped {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && fs::read_to_string(&path).is_ok_and(|text| text.contains("\nruntime::metrics! {"))
            {
                let path = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.push(path);
            }
        }
    }
    found.sort();
    assert_eq!(found, TELEMETRY);
}

#[test]
fn every_alert_has_its_paragraph_and_every_paragraph_its_alert() {
    let page = text("docs/operations.md");
    let explained: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("### Kizuna")?.trim()))
        .map(|it| format!("Kizuna{it}"))
        .collect();
    assert_eq!(alerts(), explained, "left the rules, right docs/operations.md");
}

#[test]
fn every_alert_leads_to_its_paragraph() {
    let rules = texts("ops/prometheus/rules");
    for alert in alerts() {
        let runbook = format!("runbook: docs/operations.md#{}", alert.to_lowercase());
        assert_eq!(rules.lines().filter(|line| line.trim() == runbook).count(), 1, "{alert}: {runbook}");
    }
}

#[test]
fn every_alert_is_seen_firing_in_a_test() {
    let tests = texts("ops/prometheus/tests");
    for alert in alerts() {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "no test of ops/prometheus/tests fires {alert}");
    }
}

#[test]
fn every_metric_is_shown_on_a_dashboard() {
    let shown = texts("ops/grafana/dashboards") + &text("ops/prometheus/rules/recording.yml");
    let words: BTreeSet<&str> = shown.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for metric in all_declared() {
        let series = if metric.kind == "histogram" { format!("{}_bucket", metric.name) } else { metric.name };
        assert!(words.contains(&*series), "no dashboard shows {series}");
    }
}

#[test]
fn the_page_of_operations_names_only_settings_that_there_are() {
    let (page, settings) = (text("docs/operations.md"), text("docs/configuration.md"));
    let words = page.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
    for word in words.filter(|word| word.starts_with("KIZUNA_") && *word != "KIZUNA_KAFKA_") {
        let setting = word.strip_suffix("_FILE").unwrap_or(word);
        assert!(settings.contains(&format!("`{setting}`")), "docs/configuration.md has no {setting}");
    }
}

#[test]
fn declarations_are_read_as_the_macro_reads_them() {
    let text = "use a;\nruntime::metrics! {\n    /// All.\n    pub struct Metrics {\n        /// One\n        /// thing.\n        a: IntCounterVec = \"kizuna_a_total\" [\"x\", \"y\"],\n        /// Two.\n        b: Histogram = \"kizuna_b_seconds\"\n            buckets [0.1],\n        /// Three.\n        c: GaugeVec = \"kizuna_c\" [\"z\"],\n    }\n}\n\nconst D: &str = \"d\";\n";
    let metric = |name: &str, kind, labels: &[&str], help: &str| Metric {
        name: name.to_owned(),
        kind,
        labels: labels.iter().map(ToString::to_string).collect(),
        help: help.to_owned(),
    };
    let expected = [
        metric("kizuna_a_total", "counter", &["x", "y"], "One thing."),
        metric("kizuna_b_seconds", "histogram", &[], "Two."),
        metric("kizuna_c", "gauge", &["z"], "Three."),
    ];
    assert_eq!(declared(text), expected);
}
