//! The projector in a world of its own: no sockets, no real time, no thread that decides an order. Workload, faults and
//! every delay come from one seed, so a run that fails is told by its seed and happens again exactly so.
//!
//! ```text
//! workload ─▶ MemoryLog ◀──▶ projector: Member, Desk, Engine, Contacts, hubspot::Client ──▶ wire ──▶ sandbox's Portal
//!                 ▲              │ Disk                                                                ▲
//!                 └── LINE's people, crashes, faults (Hazards)                       people in HubSpot ┘
//! ```
//!
//! What is simulated is the product itself; only the log, the disk, the network, LINE and HubSpot are models. At the end
//! [`crate::checker`] judges, from the log and from HubSpot's history alone.

mod clock;
mod crm;
mod disk;
mod hazard;
mod life;
mod line;
mod log;
mod office;
mod plan;
mod process;
mod replay;
mod stage;
mod summary;
mod watch;
mod wire;
mod workload;
mod wrong;

pub use office::Touch;
pub use plan::Plan;
pub use stage::Stage;
pub use summary::{Summary, play_all};
pub use wrong::Wrong;

use crate::checker::{self, Evidence, Violation};
use clock::SimulatedClock;
use hazard::Hazards;
use life::World;
use log::MemoryLog;
use process::Process;
use sandbox::hubspot::{Portal, Settings};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// After the last fault everything must have come to rest within this time: a day's limit may be used up.
const REST_WITHIN: Duration = Duration::from_secs(30 * 60 * 60);

/// How long rest is watched.
const REST: Duration = Duration::from_secs(10 * 60);

/// What became of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Records that LINE's side brought.
    pub events: usize,
    /// Contacts in the portal at the end, live ones.
    pub contacts: usize,
    /// Faults by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// What the checker found wrong.
    pub violations: Vec<Violation>,
    /// A number that two runs share only if the same things happened in the same order.
    pub fingerprint: u64,
}

/// Plays a run, and judges it.
///
/// # Panics
/// When a runtime cannot be made.
pub fn play(plan: &Plan, stage: &Stage) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
    runtime.block_on(run(plan, stage))
}

async fn run(plan: &Plan, stage: &Stage) -> Report {
    let world = Arc::new(world(plan));
    process::provision(&world, stage).await;
    if plan.existed {
        office::prepare(&world);
    }
    let process = Process::start(Arc::clone(&world), stage.clone());
    world.hazards.turn(true);
    let (arrived, touched) = tokio::join!(bring(&world), deal(&world));
    world.hazards.turn(false);
    world.portal().clear_faults();
    world.portal().accept_token(wire::TOKEN);
    let rested = process.rest(REST_WITHIN).await;
    let facts_at_rest = world.facts();
    tokio::time::sleep(REST).await;
    let restless = world.portal().history().since(facts_at_rest).filter(|entry| checker::is_write(&entry.fact)).count();
    process.stop().await;
    let mut evidence = evidence(&world, touched);
    evidence.rested = rested;
    evidence.writes_at_rest = restless;
    if rested {
        evidence.replays = replay::all(&world, stage).await;
    }
    let violations = checker::check(&evidence);
    let contacts = world.portal().contacts().live_count();
    Report {
        events: arrived,
        contacts,
        faults: world.hazards.counts(),
        violations,
        fingerprint: fingerprint(&evidence),
    }
}

fn world(plan: &Plan) -> World {
    let clock = SimulatedClock::start();
    let settings = Settings {
        seed: plan.seed,
        token: wire::TOKEN.to_owned(),
        keep_primary_id: plan.keep_primary_id,
        ..Settings::default()
    };
    World {
        plan: plan.clone(),
        clock,
        hazards: Hazards::new(plan.seed),
        log: MemoryLog::default(),
        disk: disk::Disk::default(),
        portal: Arc::new(Mutex::new(Portal::new(clock.now() - 86_400_000, settings))),
        people: line::People::default(),
        watch: watch::Watch::default(),
    }
}

/// Brings everything into the log, and says how much.
async fn bring(world: &World) -> usize {
    let arrivals = workload::arrivals(&world.plan);
    let (count, mut passed_ms) = (arrivals.len(), 0);
    for arrival in arrivals {
        tokio::time::sleep(Duration::from_millis(arrival.after_ms - passed_ms)).await;
        passed_ms = arrival.after_ms;
        world.log.append([arrival.record], world.clock.now(), world.facts());
    }
    count
}

/// Lets people do their deeds, and the token expire.
async fn deal(world: &World) -> Vec<Touch> {
    let mut touched = Vec::new();
    let rounds = world.plan.deeds.max(1) as u64;
    let mut expiries = world.plan.expiries;
    for _ in 0..rounds {
        tokio::time::sleep(Duration::from_millis(world.hazards.between(1, 2 * world.plan.span_ms / rounds))).await;
        touched.extend(office::deed(world));
        if expiries > 0 && world.hazards.between(0, 4) == 0 {
            expiries -= 1;
            world.hazards.count("token expired");
            world.portal().expire_tokens(world.clock.now());
            tokio::time::sleep(Duration::from_secs(world.hazards.between(10, 300))).await;
            world.portal().accept_token(wire::TOKEN);
        }
    }
    touched
}

fn evidence(world: &World, touched: Vec<Touch>) -> Evidence {
    let portal = world.portal();
    let (early_calls, calls_beyond) = world.watch.broken();
    Evidence {
        second_creates: world.plan.second_creates,
        entries: world.log.entries().into_iter().map(|entry| (entry.record, entry.facts)).collect(),
        facts: portal.history().entries().map(|entry| (entry.number, entry.at_ms, entry.fact.clone())).collect(),
        touched: touched.into_iter().map(|touch| (touch.facts, touch.contact)).collect(),
        contacts: portal.contacts().iter().map(|contact| (**contact).clone()).collect(),
        rested: true,
        writes_at_rest: 0,
        early_calls,
        calls_beyond,
        replays: Vec::new(),
    }
}

/// FNV-1a over all records and facts.
fn fingerprint(evidence: &Evidence) -> u64 {
    let records = evidence.entries.iter().map(|(record, facts)| format!("{record:?} {facts} {:?}", record.value));
    let facts = evidence.facts.iter().map(|fact| format!("{fact:?}"));
    let bytes = records.chain(facts).flat_map(String::into_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
