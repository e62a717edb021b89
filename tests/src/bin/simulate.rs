//! Plays seeds of the simulation, and prints what they came to. A run that fails is played again by its seed.
//!
//! ```text
//! cargo run --release -p kizuna-tests --bin simulate -- --seeds 100000
//! cargo run --release -p kizuna-tests --bin simulate -- --seed 4711
//! cargo run --release -p kizuna-tests --bin simulate -- --synced 1000000
//! ```

use clap::Parser;
use kizuna_tests::simulation::{Plan, Stage, Summary, play, play_all};

/// Play seeds of the simulation.
#[derive(Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// One run instead, without faults, of so many events; then its whole log is replayed, in other orders, with a tenth of it
    /// twice, and compacted. Nothing may be written to HubSpot.
    #[arg(long)]
    synced: Option<usize>,
}

fn main() -> anyhow::Result<std::process::ExitCode> {
    let arguments = Arguments::parse();
    let seeds = match arguments.seed {
        Some(seed) => seed..seed + 1,
        None => arguments.from..arguments.from + arguments.seeds,
    };
    let stage = Stage::set()?;
    let summary = match arguments.synced {
        Some(events) => {
            let seed = seeds.start;
            Summary::of(seed, play(&Plan::synced(seed, events), &stage))
        }
        None => play_all(seeds, &stage),
    };
    println!("{summary}");
    Ok(if summary.failed.is_empty() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE })
}
