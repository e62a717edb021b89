//! The crash matrix: Kizuna dies at every step between a webhook and a contact, for every kind of event that matters, and is
//! started again. Then nothing that was answered 200 is missing, HubSpot shows what it must, nobody has two contacts, and
//! nobody who was deleted is back without a reason.
//!
//! ```text
//! cargo test -p kizuna --features crash-points --test crashes
//! tests/kafka/rig.sh cargo test -p kizuna --features crash-points,kafka-rig --test crashes
//! ```

#![allow(clippy::unwrap_used)]

#[path = "../evidence/mod.rs"]
#[allow(dead_code)]
mod evidence;
mod kinds;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;
mod rig;
mod steps;

use evidence::Verdict;
use kinds::{KINDS, Kind};
use rig::{Backend, Rig};
use steps::{Death, STEPS, Step};
use tokio::time::Instant;

/// Kills an installation at each of these steps while somebody does each of these things, all at the same time.
async fn die_everywhere(backend: Backend, kinds: Vec<&'static Kind>, steps: Vec<&'static Step>) -> Verdict {
    let mut rig = Rig::new(backend).await;
    let person = |kind: &Kind, step: &Step| format!("{}, {}", kind.name, step.id);
    rig.start(steps[0]).await;
    for step in &steps {
        kinds.iter().for_each(|kind| kind.begin(&rig.sandbox, &person(kind, step)));
    }
    rig.settle().await;
    rig.stop().await;
    for step in &steps {
        kinds.iter().for_each(|kind| kind.turn(&rig.sandbox, &person(kind, step)));
    }
    for step in &steps {
        let started = Instant::now();
        rig.start(step).await;
        rig.settle().await;
        eprintln!("{}: right again after {:.1} s, dies at {}", kinds[0].name, started.elapsed().as_secs_f64(), step.id);
        rig.die(step, |sandbox| {
            let played = kinds.iter().map(|kind| kind.act(sandbox, &person(kind, step)));
            played.flat_map(|played| played.webhook_event_ids).collect()
        })
        .await;
    }
    rig.start(steps[0]).await;
    rig.settle().await
}

/// Prints what the columns of the table are.
fn heading() {
    println!();
    STEPS.iter().for_each(|step| println!("{:<4} {:?}: {}", step.id, step.role, step.what));
    let steps: String = STEPS.iter().map(|step| format!("{:>4}", step.id)).collect();
    let counts = ["accepted", "lost", "doubled", "revived", "wrong"].map(|count| format!("{count:>9}")).concat();
    println!("\n{:<24}{steps}{counts}", "died at");
}

/// Prints a row of the table.
fn report(kind: &str, steps: &[&Step], verdict: &Verdict) {
    let Verdict { accepted, lost, doubled, revived, wrong, .. } = verdict;
    let died = |step: &Step| steps.iter().any(|at| at.id == step.id);
    let steps: String = STEPS.iter().map(|step| format!("{:>4}", if died(step) { "x" } else { "" })).collect();
    let counts = [*accepted as usize, lost.len(), doubled.len(), revived.len(), wrong.len()];
    println!("{kind:<24}{steps}{}", counts.map(|count| format!("{count:>9}")).concat());
}

#[cfg(not(feature = "kafka-rig"))]
mod embedded {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Semaphore;
    use tokio::task::{LocalSet, spawn_local};

    /// Installations at a time: they mostly wait for each other's disk.
    const AT_A_TIME: usize = 4;

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_step_it_dies_at_nothing_is_lost_doubled_revived_or_wrong() {
        LocalSet::new().run_until(every_kind()).await;
    }

    async fn every_kind() {
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        let groups: Vec<_> = KINDS.iter().map(|kind| spawn_local(of_one_kind(kind, Arc::clone(&places)))).collect();
        heading();
        let mut deaths = 0;
        for (kind, group) in KINDS.iter().zip(groups) {
            let (steps, verdict) = group.await.unwrap();
            report(kind.name, &steps, &verdict);
            deaths += steps.len();
        }
        println!("{deaths} deaths");
    }

    async fn of_one_kind(kind: &'static Kind, places: Arc<Semaphore>) -> (Vec<&'static Step>, Verdict) {
        let _place = places.acquire().await.unwrap();
        let is_met = |step: &&Step| step.concerns(kind) && !matches!(step.death, Death::Rebalancing(_));
        let steps: Vec<&'static Step> = STEPS.iter().filter(is_met).collect();
        (steps.clone(), die_everywhere(Backend::Embedded, vec![kind], steps).await)
    }
}

#[cfg(feature = "kafka-rig")]
mod kafka {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_step_it_dies_at_nothing_is_lost_doubled_revived_or_wrong() {
        let kinds: Vec<&'static Kind> = KINDS.iter().collect();
        let steps: Vec<&'static Step> =
            STEPS.iter().filter(|step| !matches!(step.death, Death::Rebalancing(_))).collect();
        let verdict = die_everywhere(Backend::Kafka, kinds, steps.clone()).await;
        heading();
        report("all kinds at once", &steps, &verdict);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_death_while_partitions_are_taken_away_leaves_them_to_the_other() {
        let kinds: Vec<&'static Kind> = KINDS.iter().collect();
        let steps: Vec<&'static Step> =
            STEPS.iter().filter(|step| matches!(step.death, Death::Rebalancing(_))).collect();
        let verdict = die_everywhere(Backend::Kafka, kinds, steps.clone()).await;
        heading();
        report("all kinds at once", &steps, &verdict);
    }
}
