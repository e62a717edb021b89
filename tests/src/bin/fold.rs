//! What the fold costs with the log on this disk: makes a history, then reads it, decodes it, folds it, and rebuilds the whole
//! state from it.
//!
//! ```text
//! cargo run --release -p kizuna-tests --bin fold -- --friends 50000 --rounds 20
//! ```
//!
//! Prints a line of JSON: how many events per second of processor time each takes, the median of several times, in turn; the
//! most memory that was held; and the bytes of state on disk with their checksum, which two versions that fold alike share.
//! `fold scale --svg docs/scale.svg` does so for more and more friends, partitions and accounts, and prints a table.
//! `fold measure --only decode --log DIR` does one step alone, for a profile.

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use contact::{Connection, ConnectionNumber, Connections, Names};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, RecordRef, Topic};
use kizuna_tests::bench::history;
use kizuna_tests::bench::plot::{Bars, svg};
use kizuna_tests::bench::process::{peak_kib, processor_time};
use line::event::Labels;
use mimalloc::MiMalloc;
use projector::fold::{Folded, Partition};
use projector::rebuild::{RECORDS_MAX, rebuild};
use projector::records::Decoder;
use projector::store::{Checkpoint, Directory, Error, MadeRows, RESTORE_MEMORY, Rows, Store, Which};
use runtime::clock::SystemClock;
use schemas::Codec;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The product's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    /// Measures what more friends, partitions and accounts cost.
    Scale {
        /// Also with so many friends.
        #[arg(long)]
        more_friends: Option<u64>,
        /// Where to draw it.
        #[arg(long)]
        svg: Option<PathBuf>,
    },
    /// Measures with a history that is there already.
    Measure {
        #[command(flatten)]
        history: History,
        /// Where.
        #[arg(long)]
        log: PathBuf,
        /// Nothing but this.
        #[arg(long)]
        only: Option<Pass>,
    },
}

/// What is measured, each over the whole log.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pass {
    /// Read.
    Scan,
    /// Read and decode.
    Decode,
    /// Read, decode and fold.
    Fold,
    /// All of that, and write the state.
    Rebuild,
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
    /// Most MiB that states take in memory during a rebuild.
    #[arg(long, default_value_t = RESTORE_MEMORY as u64 >> 20)]
    memory_mib: u64,
    /// How often each step is measured; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    times: u64,
}

fn main() -> anyhow::Result<()> {
    let Arguments { history, log, step } = Arguments::parse();
    match step {
        Some(Step::Measure { history, log, only: None }) => println!("{}", history.measure(&log)?),
        Some(Step::Measure { history, log, only: Some(pass) }) => println!("{:.0}", history.measure_one(&log, pass)?),
        Some(Step::Scale { more_friends, svg }) => scale(more_friends, svg.as_deref())?,
        None => println!("{}", history.run(log.as_deref())?),
    }
    Ok(())
}

/// A table of rebuilds, one line each as it is done, and the same as a picture.
fn scale(more_friends: Option<u64>, picture: Option<&Path>) -> anyhow::Result<()> {
    const BASE: History = History {
        friends: 100_000,
        rounds: 4,
        partitions: 1,
        connections: 1,
        memory_mib: RESTORE_MEMORY as u64 >> 20,
        times: 3,
    };
    let friends = [10_000, 100_000, 1_000_000].into_iter().chain(more_friends);
    let groups = [
        ("friends", friends.map(|friends| History { friends, ..BASE }).collect::<Vec<_>>()),
        ("partitions", [1, 4, 16, 64].map(|partitions| History { partitions, ..BASE }).into()),
        ("accounts", [1, 50, 500].map(|connections| History { connections, ..BASE }).into()),
    ];
    let (mut costs, mut peaks) = (Vec::new(), Vec::new());
    println!("| Friends | Partitions | Accounts | Events | CPU µs per event | Peak MiB | Bytes of state per friend |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (varied, histories) in groups {
        for history in histories {
            let measured = history.run(None)?;
            let figure = |name: &str| measured[name].as_f64().with_context(|| format!("no {name}"));
            let cost = 1e6 / figure("rebuild_per_cpu_second")?;
            let (peak, bytes) = (figure("rebuild_peak_mib")?, figure("state_bytes_per_friend")?);
            let History { friends, partitions, connections, .. } = history;
            println!(
                "| {friends} | {partitions} | {connections} | {} | {cost:.2} | {peak} | {bytes} |",
                history.events()
            );
            let label = match varied {
                "friends" => format!("{friends} friends"),
                "partitions" => format!("{partitions} partitions"),
                _ => format!("{connections} accounts"),
            };
            costs.push((label.clone(), cost));
            peaks.push((label, peak));
        }
    }
    if let Some(picture) = picture {
        let costs = Bars { title: "Processor time of a rebuild, µs per event", bars: costs };
        let peaks = Bars { title: "Most memory held meanwhile, MiB", bars: peaks };
        std::fs::write(picture, svg(&[costs, peaks]))?;
    }
    Ok(())
}

impl History {
    /// Makes the history where there is none, and measures in a process of its own, whose memory is that of the fold alone.
    fn run(self, log: Option<&Path>) -> anyhow::Result<Value> {
        let temporary = tempfile::tempdir()?;
        let log = log.map_or_else(|| temporary.path().join("log"), Path::to_owned);
        if !log.exists() {
            tokio::runtime::Runtime::new()?.block_on(self.make(&log))?;
        }
        let figures = [
            ("--friends", self.friends),
            ("--rounds", self.rounds),
            ("--partitions", self.partitions.into()),
            ("--connections", self.connections.into()),
            ("--memory-mib", self.memory_mib),
            ("--times", self.times),
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
        let bench = Bench::new(self, log)?;
        let [mut scans, mut rebuilds, mut walls, mut decodes, mut folds] = [const { Vec::new() }; 5];
        let mut first = None;
        for _ in 0..self.times {
            scans.push(bench.scan()?);
            let began = Instant::now();
            let (rebuilt, state) = bench.rebuild()?;
            walls.push(began.elapsed().as_secs_f64());
            rebuilds.push(rebuilt);
            if first.is_none() {
                first = Some((peak_kib(std::process::id())? / 1024, state));
            }
            decodes.push(bench.decode()?);
            folds.push(bench.fold()?);
        }
        let (peak_mib, state) = first.context("measured no time")?;
        let (scan, rebuilt) = (median(scans), median(rebuilds));
        Ok(json!({
            "friends": self.friends,
            "rounds": self.rounds,
            "partitions": self.partitions,
            "connections": self.connections,
            "events": self.events(),
            "scan_per_cpu_second": scan.round(),
            "decode_per_cpu_second": median(decodes).round(),
            "fold_per_cpu_second": median(folds).round(),
            "rebuild_per_cpu_second": rebuilt.round(),
            "rebuild_of_scan": rebuilt / scan,
            "rebuild_wall_seconds": median(walls),
            "rebuild_peak_mib": peak_mib,
            "state_bytes_per_friend": bytes(state.path())? / self.friends,
            "state_checksum": checksum(state.path(), self.partitions)?,
        }))
    }

    fn measure_one(self, log: &Path, pass: Pass) -> anyhow::Result<f64> {
        let bench = Bench::new(self, log)?;
        match pass {
            Pass::Scan => bench.scan(),
            Pass::Decode => bench.decode(),
            Pass::Fold => bench.fold(),
            Pass::Rebuild => Ok(bench.rebuild()?.0),
        }
    }

    /// Events per second of processor time.
    fn pass(self, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
        let pid = std::process::id();
        let before = processor_time(pid)?;
        work()?;
        let cost = (processor_time(pid)? - before).max(Duration::from_millis(10));
        Ok(self.events() as f64 / cost.as_secs_f64())
    }

    fn memory(self) -> usize {
        (self.memory_mib as usize) << 20
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

/// A history, and all that folding it needs.
struct Bench {
    history: History,
    log: Arc<EmbeddedLog>,
    decoder: Decoder,
    rules: Connections,
}

impl Bench {
    fn new(history: History, log: &Path) -> anyhow::Result<Self> {
        let log = open(log, history.partitions)?;
        let decoder = Decoder::new(Codec::default(), Labels::default(), Names::default());
        Ok(Self { history, log, decoder, rules: history.rules()? })
    }

    fn scan(&self) -> anyhow::Result<f64> {
        self.history.pass(|| {
            read(&*self.log, |record| {
                std::hint::black_box(record);
            })
        })
    }

    fn decode(&self) -> anyhow::Result<f64> {
        self.history.pass(|| read(&*self.log, |record| drop(std::hint::black_box(self.decoder.input(record)))))
    }

    fn fold(&self) -> anyhow::Result<f64> {
        self.history.pass(|| fold(&*self.log, &self.decoder, &self.rules))
    }

    /// Also gives the directory with the state.
    fn rebuild(&self) -> anyhow::Result<(f64, TempDir)> {
        let place = tempfile::tempdir()?;
        let stores = Directory { path: place.path().to_owned(), format: FORMAT.to_owned() };
        let events = self.history.events();
        let speed = self.history.pass(|| {
            let rebuilt = rebuild(self.history.memory(), &*self.log, &self.decoder, &stores, &self.rules, |_, _| {})?;
            ensure!(rebuilt.unusable == 0, "{} records cannot be used", rebuilt.unusable);
            ensure!(rebuilt.records == events, "{} records of {events}", rebuilt.records);
            Ok(())
        })?;
        Ok((speed, place))
    }
}

fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}

/// What the stores are marked with.
const FORMAT: &str = "fold";

/// Over all users, in the order of the stores.
fn checksum(state: &Path, partitions: u32) -> anyhow::Result<String> {
    const ROWS: usize = 10_000;
    let stores = Directory { path: state.to_owned(), format: FORMAT.to_owned() };
    let mut sum = 0;
    for partition in 0..partitions {
        let store = stores.read_only(partition)?.context("no state")?;
        let mut after = None;
        loop {
            let page = store.rows(after, ROWS)?;
            for (_, users) in &page.rows {
                sum = crc32c::crc32c_append(sum, &postcard::to_stdvec(users)?);
            }
            after = page.rows.last().map(|(place, _)| *place);
            if page.is_last {
                break;
            }
        }
    }
    Ok(format!("{sum:08x}"))
}

fn open(log: &Path, partitions: u32) -> anyhow::Result<Arc<EmbeddedLog>> {
    let options = Options { partitions: Some(partitions), ..Options::new(Arc::new(SystemClock)) };
    Ok(EmbeddedLog::open(log, options)?)
}

/// Reads all events, a partition after the other.
fn read(log: &dyn Log, mut take: impl FnMut(RecordRef<'_>)) -> anyhow::Result<()> {
    for partition in 0..log.partitions(Topic::LineEvents) {
        let mut reader = log.reader(Topic::LineEvents, partition, 0)?;
        while reader.visit(RECORDS_MAX, Duration::ZERO, &mut take)? > 0 {}
    }
    Ok(())
}

/// The fold into stores that write nothing.
fn fold(log: &dyn Log, decoder: &Decoder, rules: &Connections) -> anyhow::Result<()> {
    let mut partitions: BTreeMap<u32, Partition> = BTreeMap::new();
    let mut outcome = Ok(());
    read(log, |record| {
        if outcome.is_ok() {
            let partition = partitions.entry(record.partition).or_insert_with(|| nowhere(record.partition));
            outcome = fold_one(partition, record, decoder, rules);
        }
    })?;
    outcome
}

fn nowhere(number: u32) -> Partition {
    let mut store = Store::over(Box::new(Nowhere), Checkpoint::default());
    store.limit_memory(RESTORE_MEMORY);
    Partition::new(number, store)
}

fn fold_one(
    partition: &mut Partition,
    record: RecordRef<'_>,
    decoder: &Decoder,
    rules: &Connections,
) -> anyhow::Result<()> {
    partition.fold(record, decoder, &mut Folded::default())?;
    if partition.store().is_full() {
        partition.flush(rules)?;
    }
    Ok(())
}

/// Rows of which nothing is kept.
struct Nowhere;

impl Rows for Nowhere {
    fn read(&self, _: i64) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn write(&mut self, rows: &mut MadeRows<'_>, _: &Checkpoint) -> Result<(), Error> {
        for row in rows {
            row?;
        }
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
