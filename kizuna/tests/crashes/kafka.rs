//! The crash matrix on three real Kafka brokers, with an ingest and a projector that die apart from each other: the steps of
//! the embedded one, and the loss of partitions. All kinds of events are under way at each death.
//!
//! ```text
//! tests/kafka/rig.sh cargo test -p kizuna --test crashes_kafka -- --nocapture
//! ```

#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used)]

#[path = "../evidence/mod.rs"]
#[allow(dead_code)]
mod evidence;
#[allow(dead_code)]
mod kinds;
mod matrix;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;
#[allow(dead_code)]
mod rig;
#[allow(dead_code)]
mod steps;

use kinds::KINDS;
use matrix::{die_everywhere, heading, report};
use rig::Backend;
use steps::{Death, STEPS, Step};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_step_it_dies_at_nothing_is_lost_doubled_revived_or_wrong() {
    all_kinds_at_once("crashes", |step| !matches!(step.death, Death::Rebalancing(_))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_while_partitions_are_taken_away_leaves_them_to_the_other() {
    all_kinds_at_once("rebalance", |step| matches!(step.death, Death::Rebalancing(_))).await;
}

async fn all_kinds_at_once(name: &str, is_met: impl Fn(&Step) -> bool) {
    let steps: Vec<&'static Step> = STEPS.iter().filter(|step| is_met(step)).collect();
    let verdict = die_everywhere(Backend::Kafka, name, KINDS.iter().collect(), &steps).await;
    heading();
    report("all kinds at once", &steps, &verdict);
    println!("{} deaths", steps.len());
}
