//! HubSpot refuses at random, for minutes: of every ten calls about three are answered 429 or 500, some of these after the
//! write. Meanwhile people write. Then HubSpot must come to show what it must, with nobody lost or doubled; and all the time no
//! more calls may have come than its limits allow.
//!
//! ```text
//! cargo test -p kizuna --test refusals -- --minutes 10
//! ```

#![allow(clippy::unwrap_used)]

#[path = "../nemesis/crowd.rs"]
mod crowd;
#[path = "../evidence/mod.rs"]
#[allow(dead_code)]
mod evidence;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;

use clap::Parser;
use eventlog::embedded::{EmbeddedLog, Options};
use evidence::{Logged, Verdict};
use place::{Place, Up};
use runtime::clock::SystemClock;
use sandbox::Sandbox;
use sandbox::dice::Dice;
use sandbox::hubspot::{Fact, Fault, FaultKind};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How HubSpot refuses: by its limits, by accident, and by accident after it did what was asked.
const REFUSALS: [FaultKind; 3] = [FaultKind::Burst, FaultKind::Internal, FaultKind::InternalAfterWrite];

/// Of a hundred calls, those refused.
const REFUSED_PERCENT: u8 = 30;

/// More calls than come in any run.
const CALLS_MAX: u32 = 20_000;

/// How long HubSpot may take, after its last refusal, to show what it must.
const RECOVERY_MAX: Duration = Duration::from_secs(120);

/// How often it is looked meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Parser)]
struct Arguments {
    /// For how long HubSpot refuses.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Webhooks a second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Decides who does what, and which calls are refused.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// People who write.
    #[arg(long, default_value_t = 2_000)]
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
    let mut options = sandbox::Options::seeded(seed);
    options.line.rate_limits = false;
    options.channels.iter_mut().for_each(|channel| channel.redelivery = true);
    let sandbox = sandbox::start(options).await.unwrap();
    let place = Place::beside(&sandbox).with("KIZUNA_LOG", "error");
    let up = place.up().await;
    for account in 0..sandbox.line_channels().len() {
        place.connect(&sandbox, account, &up).await;
    }
    let before = Calls::of(&sandbox).all;
    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    refuse(&sandbox, seed);
    crowd::write(&sandbox, rate, people, seed, until).await;
    sandbox.handle().hubspot(|portal, _| portal.clear_faults());
    let (peace, exposed) = (Instant::now(), Calls::of(&sandbox).all - before);
    let (verdict, recovered) = recover(&place, &sandbox, peace).await;
    let calls = Calls::of(&sandbox);
    report(&up, &verdict, &calls).await;
    if recovered {
        println!("everything as it must be {:.1} s after the last refusal", peace.elapsed().as_secs_f64());
    } else {
        let undelivered = evidence::undelivered(&sandbox);
        println!(
            "NOT as it must be {} s after the last refusal: {undelivered} events are not taken",
            RECOVERY_MAX.as_secs()
        );
        println!("{}", verdict.complaint());
    }
    let refused: u64 = calls.refused.values().sum();
    let is_telling = refused * 100 >= exposed * u64::from(REFUSED_PERCENT) / 2;
    println!("{refused} of {exposed} calls were refused");
    recovered && is_telling && calls.beyond == 0
}

/// Decides over each of the calls to come.
fn refuse(sandbox: &Sandbox, seed: u64) {
    let (mut dice, mut passed) = (Dice::new(seed, "refusals"), 0);
    sandbox.handle().hubspot(|portal, _| {
        for _ in 0..CALLS_MAX {
            if dice.chance(REFUSED_PERCENT) {
                let kind = REFUSALS[dice.below(REFUSALS.len() as u64) as usize];
                portal.inject(Fault { skip: std::mem::take(&mut passed), ..Fault::next(kind) });
            } else {
                passed += 1;
            }
        }
    });
}

/// Waits until every event was taken and HubSpot shows what it must.
async fn recover(place: &Place, sandbox: &Sandbox, since: Instant) -> (Verdict, bool) {
    let directory = place.directory.path().join("data").join("log");
    let log = EmbeddedLog::open(&directory, Options::new(Arc::new(SystemClock))).unwrap();
    let (mut from, mut logged) = (BTreeMap::new(), Logged::default());
    loop {
        evidence::read(&*log, &mut from, &mut logged).unwrap();
        let verdict = evidence::judge(sandbox, &logged);
        let is_over = verdict.is_clean() && evidence::undelivered(sandbox) == 0;
        if is_over || since.elapsed() >= RECOVERY_MAX {
            return (verdict, is_over);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Calls of HubSpot.
#[derive(Default)]
struct Calls {
    all: u64,
    /// By what was ordered.
    refused: BTreeMap<String, u64>,
    /// Answered 429 although nobody had ordered that: beyond the limits.
    beyond: u64,
}

impl Calls {
    fn of(sandbox: &Sandbox) -> Self {
        let mut calls = Self::default();
        sandbox.handle().hubspot(|portal, _| {
            for entry in portal.history().entries() {
                match &entry.fact {
                    Fact::Call { fault: Some(kind), .. } => {
                        let name = serde_json::json!(kind).as_str().unwrap().to_owned();
                        *calls.refused.entry(name).or_default() += 1;
                    }
                    Fact::Call { status: 429, .. } => calls.beyond += 1,
                    Fact::Call { .. } => {}
                    _ => continue,
                }
                calls.all += 1;
            }
        });
        calls
    }
}

async fn report(up: &Up, verdict: &Verdict, calls: &Calls) {
    let Verdict { accepted, users, lost, doubled, revived, wrong } = verdict;
    let parked = up.metric("kizuna_projector_dead_letters_total").await;
    let counts = [
        ("webhooks answered 200", *accepted),
        ("people", *users),
        ("calls of HubSpot", calls.all),
        ("calls beyond its limits", calls.beyond),
        ("dead letters", parked),
        ("events lost", lost.len() as u64),
        ("second contacts", doubled.len() as u64),
        ("contacts back without a reason", revived.len() as u64),
        ("wrong contacts", wrong.len() as u64),
    ];
    calls.refused.iter().for_each(|(refusal, count)| println!("{:<44}{count:>8}", format!("HubSpot: {refusal}")));
    counts.iter().for_each(|(what, count)| println!("{what:<44}{count:>8}"));
}
