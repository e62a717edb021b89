//! What a rebuild of the state costs with the log on Kafka: makes a history once, then folds it into an empty store.
//!
//! ```text
//! refold --brokers 127.0.0.1:9092 fill --friends 50000 --rounds 10
//! refold --brokers 127.0.0.1:9092 fold
//! ```
//!
//! `kizuna topics create` makes the topics, with the same partitions and copies. Both print a line of JSON.

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use contact::{Connection, Connections, Names};
use eventlog::kafka::{KafkaLog, Settings};
use kizuna_tests::bench::history;
use kizuna_tests::bench::process::{peak_kib, processor_time};
use line::event::Labels;
use projector::rebuild::rebuild;
use projector::records::Decoder;
use projector::store::{Directory, RESTORE_MEMORY};
use runtime::clock::SystemClock;
use schemas::Codec;
use std::sync::Arc;
use std::time::Instant;

/// The account whose friends they are.
const ACCOUNT: u32 = 1;

/// Rebuild from Kafka and measure.
#[derive(Parser)]
struct Arguments {
    /// Kafka's brokers.
    #[arg(long)]
    brokers: String,
    /// Partitions of the topics.
    #[arg(long, default_value_t = 4)]
    partitions: u32,
    /// Start of the topics' names.
    #[arg(long, default_value = "")]
    topic_prefix: String,
    /// What to do.
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand)]
enum Step {
    /// Appends events.
    Fill {
        /// LINE users.
        #[arg(long)]
        friends: u64,
        /// Events of each.
        #[arg(long)]
        rounds: u64,
    },
    /// Folds all events into an empty store.
    Fold,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { brokers, partitions, topic_prefix, step } = Arguments::parse();
    let settings = Settings { partitions, topic_prefix, ..Settings::new(&brokers) };
    let log = KafkaLog::connect(settings, Arc::new(SystemClock)).await?;
    match step {
        Step::Fill { friends, rounds } => fill(&log, friends, rounds).await,
        Step::Fold => tokio::task::spawn_blocking(move || fold(&log)).await?,
    }
}

async fn fill(log: &KafkaLog, friends: u64, rounds: u64) -> anyhow::Result<()> {
    let (bytes, records) = (history::fill(log, friends, rounds, ACCOUNT).await?, friends * rounds);
    println!("{}", serde_json::json!({ "records": records, "bytes_per_record": bytes as f64 / records as f64 }));
    Ok(())
}

fn fold(log: &KafkaLog) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let stores = Directory { path: place.path().to_owned(), format: "refold".to_owned() };
    let decoder = Decoder::new(Codec::default(), Labels::default(), Names::default());
    let number = contact::ConnectionNumber::new(ACCOUNT).context("an account has a number")?;
    let rules: Connections = [Connection { number, auto_create: true }].into_iter().collect();
    let pid = std::process::id();
    let (began, before) = (Instant::now(), processor_time(pid)?);
    let rebuilt = rebuild(RESTORE_MEMORY, log, &decoder, &stores, &rules, |_, _| {})?;
    let (took, cost) = (began.elapsed(), processor_time(pid)? - before);
    ensure!(rebuilt.unusable == 0, "{} records cannot be used", rebuilt.unusable);
    let report = serde_json::json!({
        "records": rebuilt.records,
        "cpu_seconds": cost.as_secs_f64(),
        "wall_seconds": took.as_secs_f64(),
        "peak_mib": peak_kib(pid)? / 1024,
    });
    println!("{report}");
    Ok(())
}
