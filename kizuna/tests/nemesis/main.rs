//! The nemesis: two ingests and two projectors on three real brokers, a crowd that writes, and for minutes everything that can
//! go wrong, several things at a time. Then peace, and the verdict over what was recorded.
//!
//! ```text
//! tests/kafka/rig.sh --networks cargo test -p kizuna --test nemesis -- --minutes 10 --rate 200 --seed 7
//! ```
//!
//! The seed decides what happens in which order; when exactly is up to the machine. A run in which too little went wrong, or
//! too little was written to HubSpot meanwhile, proves nothing and fails.

#![allow(clippy::unwrap_used)]

mod brokers;
mod crowd;
#[path = "../evidence/mod.rs"]
#[allow(dead_code)]
mod evidence;
mod faults;
mod install;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;
mod tally;

use clap::Parser;
use evidence::{Logged, Verdict};
use install::Installation;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tally::Tally;
use tokio::time::{Instant, sleep};

/// How long after the last fault HubSpot may take to show what it must.
const RECOVERY_MAX: Duration = Duration::from_secs(180);

/// What a run must have had, at the least, for every minute: faults whose names begin so, and calls of HubSpot.
const FAULTS_PER_MINUTE_MIN: [(&str, f64); 4] =
    [("broker", 3.0), ("projector", 1.0), ("HubSpot", 3.0), ("contact", 3.0)];
const CALLS_PER_MINUTE_MIN: f64 = 30.0;

/// How often it is looked meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(2);

#[derive(Parser)]
struct Arguments {
    /// For how long things go wrong.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Webhooks a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Decides what happens.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// People who write.
    #[arg(long, default_value_t = 500)]
    people: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if runtime.block_on(run(&arguments)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Does everything; was there no violation?
async fn run(arguments: &Arguments) -> bool {
    let Arguments { minutes, rate, seed, people } = *arguments;
    println!("{minutes} minutes, {rate} webhooks a second, {people} people, seed {seed}");
    let tally = Arc::new(Tally::default());
    let installation = Arc::new(Installation::start(seed, Arc::clone(&tally)).await);
    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    tokio::join!(
        crowd::write(&installation.sandbox, rate, people, seed, until),
        faults::of_brokers(&tally, seed, until),
        faults::of_processes(&installation, seed, until),
        faults::of_platforms(&installation, seed, until),
        installation.balance(until),
    );
    let peace = Instant::now();
    installation.heal().await;
    let (verdict, recovered, records) = recover(&installation, peace).await;
    installation.count_bad_answers();
    report(&installation, &tally, &verdict, records);
    if recovered {
        println!("everything as it must be {:.1} s after the last fault", peace.elapsed().as_secs_f64());
    } else {
        println!("NOT as it must be {} s after the last fault:\n{}", RECOVERY_MAX.as_secs(), verdict.complaint());
        println!("logs: {}", installation.keep_logs().display());
    }
    recovered && is_telling(&installation, &tally, minutes)
}

/// Did enough go wrong, and was enough written meanwhile?
fn is_telling(installation: &Installation, tally: &Tally, minutes: f64) -> bool {
    let faults = FAULTS_PER_MINUTE_MIN.map(|(start, least)| {
        let seen = tally.rows().filter(|(fault, _)| fault.starts_with(start)).map(|(_, times)| times).sum::<u64>();
        (format!("faults of the kind {start}"), seen, least)
    });
    let calls = ("calls of HubSpot".to_owned(), installation.calls(), CALLS_PER_MINUTE_MIN);
    let few: Vec<_> =
        faults.into_iter().chain([calls]).filter(|(_, seen, least)| (*seen as f64) < least * minutes).collect();
    few.iter()
        .for_each(|(what, seen, least)| println!("too few {what}: {seen} in {minutes} minutes, of {least} a minute"));
    few.is_empty()
}

/// Waits until every webhook was taken and HubSpot is as it must be.
async fn recover(installation: &Installation, since: Instant) -> (Verdict, bool, u64) {
    let (mut from, mut logged) = (BTreeMap::new(), Logged::default());
    loop {
        let log = installation.log();
        (from, logged) = tokio::task::spawn_blocking(move || {
            if let Err(error) = evidence::read(&*log, &mut from, &mut logged) {
                println!("the log cannot be read yet: {error}");
            }
            (from, logged)
        })
        .await
        .unwrap();
        let verdict = evidence::judge(&installation.sandbox, &logged);
        let is_over = evidence::undelivered(&installation.sandbox) == 0 && verdict.is_clean();
        if is_over || since.elapsed() >= RECOVERY_MAX {
            return (verdict, is_over, logged.records);
        }
        sleep(LOOK_EVERY).await;
    }
}

fn report(installation: &Installation, tally: &Tally, verdict: &Verdict, records: u64) {
    println!("\n{:<44}{:>8}", "fault", "times");
    tally.rows().for_each(|(fault, times)| println!("{fault:<44}{times:>8}"));
    println!("\n{:<44}{:>8}", "all faults", tally.total());
    let Verdict { accepted, users, lost, doubled, revived, wrong } = verdict;
    let counts = [
        ("webhooks answered 200", *accepted),
        ("webhooks answered otherwise, or not at all", installation.refused()),
        ("webhooks not taken in the end", evidence::undelivered(&installation.sandbox)),
        ("event records in the log", records),
        ("people", *users),
        ("calls of HubSpot", installation.calls()),
        ("events lost", lost.len() as u64),
        ("second contacts", doubled.len() as u64),
        ("contacts back without a reason", revived.len() as u64),
        ("wrong contacts", wrong.len() as u64),
    ];
    counts.iter().for_each(|(what, count)| println!("{what:<44}{count:>8}"));
}
