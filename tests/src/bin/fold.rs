//! What the fold costs with the log on this disk: makes a history, then reads it, decodes it, folds it, and rebuilds the whole
//! state from it.
//!
//! ```text
//! cargo run --release -p kizuna-tests --bin fold -- --friends 50000 --rounds 20
//! ```
//!
//! Prints a line of JSON: how many events per second of processor time each takes, the most memory that was held, and the
//! bytes of state on disk.

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};
use contact::{Connection, ConnectionNumber, Connections, Names};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, Record, Topic};
use kizuna_tests::bench::history;
use kizuna_tests::bench::process::{peak_kib, processor_time};
use line::event::Labels;
use projector::decode::Decoder;
use projector::fold::{Folded, Partition};
use projector::rebuild::{RECORDS_MAX, rebuild};
use projector::store::{Checkpoint, Directory, Error, Rows, Store, Which};
use runtime::clock::SystemClock;
use schemas::Codec;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Measure the fold.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    history: History,
    /// Where the history is made, or was made before; a temporary directory unless given.
    #[arg(long)]
    log: Option<PathBuf>,
    #[command(subcommand)]
    step: Option<Step>,
}

#[derive(Subcommand)]
enum Step {
    /// Measures with a history that is there already.
    Measure {
        #[command(flatten)]
        history: History,
        /// Where.
        #[arg(long)]
        log: PathBuf,
    },
}

/// What happened.
#[derive(Args, Clone, Copy)]
struct History {
    /// LINE users.
    #[arg(long, default_value_t = 50_000)]
    friends: u64,
    /// Events of each.
    #[arg(long, default_value_t = 20)]
    rounds: u64,
    /// Partitions of the log.
    #[arg(long, default_value_t = 1)]
    partitions: u32,
    /// Accounts that the friends are spread over.
    #[arg(long, default_value_t = 1)]
    connections: u32,
}

fn main() -> anyhow::Result<()> {
    let Arguments { history, log, step } = Arguments::parse();
    if let Some(Step::Measure { history, log }) = step {
        println!("{}", history.measure(&log)?);
        return Ok(());
    }
    let temporary = tempfile::tempdir()?;
    let log = log.unwrap_or_else(|| temporary.path().join("log"));
    println!("{}", history.run(&log)?);
    Ok(())
}

impl History {
    /// Makes the history where there is none, and measures in a process of its own, whose memory is that of the fold alone.
    fn run(self, log: &Path) -> anyhow::Result<Value> {
        if !log.exists() {
            tokio::runtime::Runtime::new()?.block_on(self.make(log))?;
        }
        let figures = [
            ("--friends", self.friends),
            ("--rounds", self.rounds),
            ("--partitions", self.partitions.into()),
            ("--connections", self.connections.into()),
        ];
        let figures = figures.iter().flat_map(|(name, figure)| [(*name).to_owned(), figure.to_string()]);
        let mut command = Command::new(std::env::current_exe()?);
        let measured = command.arg("measure").args(figures).arg("--log").arg(log).output()?;
        ensure!(measured.status.success(), "{}", String::from_utf8_lossy(&measured.stderr));
        Ok(serde_json::from_slice(&measured.stdout)?)
    }

    async fn make(self, log: &Path) -> anyhow::Result<()> {
        let log = open(log, self.partitions)?;
        history::fill(&*log, self.friends, self.rounds, self.connections).await?;
        Ok(())
    }

    fn measure(self, log: &Path) -> anyhow::Result<Value> {
        let log = open(log, self.partitions)?;
        let rules = self.rules()?;
        let decoder = Decoder::new(Codec::default(), Labels::default(), Names::default());
        let scan = self.pass(|| read(&*log, |_, records| drop(records)))?;
        let place = tempfile::tempdir()?;
        let stores = Directory { path: place.path().to_owned(), format: "fold".to_owned() };
        let began = Instant::now();
        let rebuilt = self.pass(|| {
            let rebuilt = rebuild(&*log, &decoder, &stores, &rules, |_, _| {})?;
            ensure!(rebuilt.unusable == 0, "{} records cannot be used", rebuilt.unusable);
            ensure!(rebuilt.records == self.events(), "{} records of {}", rebuilt.records, self.events());
            Ok(())
        })?;
        let (wall, peak_mib) = (began.elapsed(), peak_kib(std::process::id())? / 1024);
        let decode = self.pass(|| {
            let decode = |record: Record| drop(std::hint::black_box(decoder.input(&record)));
            read(&*log, |_, records| records.into_iter().for_each(decode))
        })?;
        let fold = self.pass(|| fold(&*log, &decoder, &rules))?;
        Ok(json!({
            "friends": self.friends,
            "rounds": self.rounds,
            "partitions": self.partitions,
            "connections": self.connections,
            "events": self.events(),
            "scan_per_cpu_second": scan.round(),
            "decode_per_cpu_second": decode.round(),
            "fold_per_cpu_second": fold.round(),
            "rebuild_per_cpu_second": rebuilt.round(),
            "rebuild_of_scan": rebuilt / scan,
            "rebuild_wall_seconds": wall.as_secs_f64(),
            "rebuild_peak_mib": peak_mib,
            "state_bytes_per_friend": bytes(place.path())? / self.friends,
        }))
    }

    /// Events per second of processor time.
    fn pass(self, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
        let pid = std::process::id();
        let before = processor_time(pid)?;
        work()?;
        let cost = (processor_time(pid)? - before).max(Duration::from_millis(10));
        Ok(self.events() as f64 / cost.as_secs_f64())
    }

    fn events(self) -> u64 {
        self.friends * self.rounds
    }

    fn rules(self) -> anyhow::Result<Connections> {
        let connection = |number| {
            let number = ConnectionNumber::new(number).context("connections are numbered from 1")?;
            Ok(Connection { number, auto_create: true })
        };
        (1..=self.connections).map(connection).collect()
    }
}

fn open(log: &Path, partitions: u32) -> anyhow::Result<Arc<EmbeddedLog>> {
    let options = Options { partitions: Some(partitions), ..Options::new(Arc::new(SystemClock)) };
    Ok(EmbeddedLog::open(log, options)?)
}

/// Reads all events, a partition after the other.
fn read(log: &dyn Log, mut take: impl FnMut(u32, Vec<Record>)) -> anyhow::Result<()> {
    for partition in 0..log.partitions(Topic::LineEvents) {
        let mut reader = log.reader(Topic::LineEvents, partition, 0)?;
        loop {
            let records = reader.next(RECORDS_MAX, Duration::ZERO)?;
            if records.is_empty() {
                break;
            }
            take(partition, records);
        }
    }
    Ok(())
}

/// The fold into stores that write nothing.
fn fold(log: &dyn Log, decoder: &Decoder, rules: &Connections) -> anyhow::Result<()> {
    let mut partitions: BTreeMap<u32, Partition> = BTreeMap::new();
    let mut trouble = None;
    read(log, |number, records| {
        let store = || Store::over(Box::new(Nowhere), Checkpoint::default());
        let partition = partitions.entry(number).or_insert_with(|| Partition::new(number, store()));
        let folded = partition.fold(records, decoder, &mut Folded::default());
        let flushed = if partition.store().is_full() { partition.flush(rules) } else { Ok(()) };
        trouble = trouble.take().or(folded.map_err(anyhow::Error::from).and(flushed.map_err(Into::into)).err());
    })?;
    trouble.map_or(Ok(()), Err)
}

/// Rows of which nothing is kept.
struct Nowhere;

impl Rows for Nowhere {
    fn read(&self, _: i64) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn write(&mut self, _: &BTreeMap<i64, (Vec<u8>, bool)>, _: &Checkpoint) -> Result<(), Error> {
        Ok(())
    }

    fn page(&self, _: Which, _: Option<i64>, _: usize) -> Result<Vec<(i64, Vec<u8>)>, Error> {
        Ok(Vec::new())
    }

    fn wipe(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn bytes(directory: &Path) -> anyhow::Result<u64> {
    let sizes = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.metadata()?.len()));
    sizes.sum()
}
