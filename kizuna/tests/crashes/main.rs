//! The crash matrix on the embedded log: Kizuna dies at every step between a webhook and a contact, for every kind of event
//! that matters, and is started again. Then nothing that was answered 200 is missing, HubSpot shows what it must, nobody has
//! two contacts, and nobody who was deleted is back without a reason. On Kafka: `kafka.rs`.
//!
//! ```text
//! cargo test -p kizuna --test crashes -- --nocapture
//! ```

#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used)]

#[path = "../evidence/mod.rs"]
#[allow(dead_code)]
mod evidence;
mod kinds;
mod matrix;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;
#[allow(dead_code)]
mod rig;
mod steps;
mod verdict;

use evidence::Verdict;
use kinds::{KINDS, Kind};
use matrix::{die_everywhere, heading, report};
use rig::Backend;
use std::sync::Arc;
use steps::{Death, STEPS, Step};
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
    let verdict = die_everywhere(Backend::Embedded, kind.name, vec![kind], &steps).await;
    (steps, verdict)
}
