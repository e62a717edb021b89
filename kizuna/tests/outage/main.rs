//! Kafka away under load, on the real brokers of the rig: every webhook is answered 200 in time, every event is in the log
//! afterwards, HubSpot comes to be right, and ingest's memory stays flat meanwhile.
//!
//! ```text
//! tests/kafka/rig.sh cargo test -p kizuna --test outage
//! KIZUNA_TEST_OUTAGE_SECONDS=300 tests/kafka/rig.sh cargo test -p kizuna --test outage -- --nocapture
//! ```

#![allow(clippy::unwrap_used)]

mod installation;
mod load;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;

use installation::{Brokers, Installation};
use load::{Answer, Load};
use place::eventually;
use std::time::Duration;
use tokio::time::sleep;

/// Webhooks sent per second.
const RATE: u32 = 200;
/// How long LINE waits for an answer.
const LINE_PATIENCE: Duration = Duration::from_secs(2);
/// How much memory may grow between the beginning and the end of an outage.
const GROWTH_KIB_MAX: u64 = 16 * 1024;

fn outage() -> Duration {
    let seconds = std::env::var("KIZUNA_TEST_OUTAGE_SECONDS").map_or(20, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_that_is_away_under_load_costs_no_event_and_no_answer() {
    let installation = Installation::start().await;
    let load = Load::begin(installation.endpoint.clone(), RATE);
    sleep(Duration::from_secs(3)).await;
    Brokers::all("kill").await;
    let settled = outage().mul_f32(0.4);
    sleep(settled).await;
    let early = installation.memory_kib();
    assert_eq!(installation.ready().await, 200, "webhooks must go on coming here");
    sleep(outage() - settled).await;
    let late = installation.memory_kib();
    let waiting = installation.metric("kizuna_ingest_spool_records").await;
    Brokers::all("start").await;
    sleep(Duration::from_secs(3)).await;
    let answers = load.end().await;

    let slowest = answers.iter().map(|answer| answer.took).max().unwrap();
    let wrong: Vec<&Answer> = answers.iter().filter(|it| it.status != Some(200) || it.took > LINE_PATIENCE).collect();
    assert!(wrong.is_empty(), "{} of {}, the first: {:?}", wrong.len(), answers.len(), wrong[0]);
    eventually("the spool is empty", async || {
        (installation.metric("kizuna_ingest_spool_records").await == 0).then_some(())
    })
    .await;
    let (records, stored) = installation.events().await;
    let lost: Vec<&Answer> = answers.iter().filter(|answer| !stored.contains(&answer.event)).collect();
    println!(
        "{} webhooks, {waiting} waited in the spool, the slowest answer took {slowest:?}, {} lost, {} twice in the log, \
         ingest held {early} KiB early and {late} KiB late in the outage",
        answers.len(),
        lost.len(),
        records - stored.len(),
    );
    assert!(lost.is_empty(), "answered 200 and lost: {}", lost.len());
    assert!(waiting > 0, "the outage was noticed");
    assert!(late < early + GROWTH_KIB_MAX, "memory grew from {early} to {late} KiB");

    let newest = load::newest_texts(&answers);
    assert_eq!(newest.len(), load::FRIENDS);
    eventually("HubSpot shows the newest message of everybody", async || {
        (installation.last_responses() == newest).then_some(())
    })
    .await;
}
