//! A full replay after the run: the stores deleted, the log in another order, with duplicates, or compacted. HubSpot is in
//! step with the log, so nobody must hear of it.

use super::disk::Disk;
use super::hazard::Hazards;
use super::life::World;
use super::line::People;
use super::log::MemoryLog;
use super::process::Process;
use super::stage::Stage;
use super::watch::Watch;
use crate::checker::Replay;
use eventlog::{NewRecord, Topic};
use sandbox::dice::Dice;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A replay without faults takes seconds.
const WITHIN: Duration = Duration::from_secs(600);

/// Every way.
pub async fn all(world: &World, stage: &Stage) -> Vec<Replay> {
    let known: Vec<NewRecord> = world
        .log
        .entries()
        .into_iter()
        .map(|entry| NewRecord { topic: entry.record.topic, key: entry.record.key, value: entry.record.value })
        .filter(|record| Topic::USER_STATE.contains(&record.topic))
        .collect();
    let mut replays = Vec::new();
    for name in ["shuffled", "shuffled again"] {
        replays.push(replay(name, world, stage, shuffled(name, world, &known)).await);
    }
    replays.push(replay("compacted", world, stage, compacted(&known)).await);
    replays
}

/// In any order, and a tenth of it twice: the state is a maximum over what was seen.
fn shuffled(name: &str, world: &World, known: &[NewRecord]) -> Vec<NewRecord> {
    let mut dice = Dice::new(world.plan.seed, name);
    let again: Vec<_> = known.iter().filter(|_| dice.chance(10)).cloned().collect();
    let mut records = [known, &again].concat();
    dice.shuffle(&mut records);
    records
}

/// The newest of each key, as compaction leaves them.
fn compacted(known: &[NewRecord]) -> Vec<NewRecord> {
    let newest: BTreeMap<_, _> = known.iter().map(|record| ((record.topic, &record.key), record)).collect();
    newest.into_values().cloned().collect()
}

async fn replay(name: &'static str, world: &World, stage: &Stage, records: Vec<NewRecord>) -> Replay {
    let plan = world.plan.clone();
    let again = World {
        hazards: Hazards::new(plan.seed),
        plan,
        clock: world.clock,
        log: MemoryLog::holding(records),
        disk: Disk::default(),
        portal: Arc::clone(&world.portal),
        people: People::default(),
        watch: Watch::default(),
    };
    let (again, facts) = (Arc::new(again), world.facts());
    let process = Process::start(Arc::clone(&again), stage.clone());
    let rested = process.rest(WITHIN).await;
    process.stop().await;
    let calls = world.portal().history().since(facts).count() as u64;
    Replay { name, rested, calls, lookups: again.people.asked() }
}
