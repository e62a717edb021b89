//! When the engine does something, and when it sleeps.

#![allow(clippy::unwrap_used)]

mod driver;

use contact::link::Account;
use contact::{Action, ProfileDue, Values};
use driver::{Driver, number, user};
use eventlog::Ownership;
use projector::sync::Desk;
use projector::sync::engine::Engine;
use projector::sync::queue::Work;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

struct OwnsAll;

impl Ownership for OwnsAll {
    fn owns(&self, _: u32) -> bool {
        true
    }
}

/// The engine with a desk that nothing is left on by a fold.
fn engine(driver: &Driver) -> (Arc<Engine>, Arc<Desk>) {
    let parts = driver.parts(&Arc::default());
    parts.desk.set_ownership(Arc::new(OwnsAll));
    (parts.engine.unwrap(), parts.desk)
}

/// Runs it for ever; ends when it is woken so often that it cannot have slept.
fn run(engine: &Arc<Engine>) -> JoinHandle<()> {
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        let (mut run, mut turns) = (pin!(engine.run(std::future::pending())), 0);
        std::future::poll_fn(|context| {
            turns += 1;
            assert!(turns < 1_000, "it goes round and round");
            run.as_mut().poll(context)
        })
        .await;
    })
}

fn looks_up(n: u32) -> Work {
    let due = ProfileDue { covers_ms: 1, covered_ms: None, known: None };
    Work {
        partition: 0,
        user: user(n),
        action: Action::Nothing,
        account: Account::default(),
        returned_ms: None,
        lookups: vec![(number(1), due)],
        fresh: true,
        received_at_ms: None,
        attempts: 0,
    }
}

fn creates(n: u32) -> Work {
    Work { action: Action::Create(Values::new()), lookups: Vec::new(), ..looks_up(n) }
}

#[tokio::test(start_paused = true)]
async fn it_sleeps_while_as_many_look_ups_as_may_be_are_under_way() {
    let driver = Driver::new().await;
    *driver.profiles.silent.lock().unwrap() = true;
    let (engine, desk) = engine(&driver);
    desk.push((0..65).map(looks_up).collect());
    let running = run(&engine);
    sleep(Duration::from_secs(600)).await;
    assert!(!running.is_finished());
    assert_eq!(driver.profiles.asked.load(Ordering::SeqCst), 64);
}

#[tokio::test(start_paused = true)]
async fn look_ups_are_made_when_they_are_due_whatever_keeps_writes_back() {
    for paused in [true, false] {
        let driver = Driver::new().await;
        *driver.profiles.away.lock().unwrap() = true;
        driver.crm.hold_writes(true);
        let (engine, desk) = engine(&driver);
        *engine.paused_until.lock().unwrap() = paused.then(|| Instant::now() + Duration::from_secs(60));
        desk.push((0..500).map(creates).chain([looks_up(1_000)]).collect());
        let running = run(&engine);
        sleep(Duration::from_secs(10)).await;
        assert!(!running.is_finished());
        assert_eq!(driver.crm.waiting(), if paused { 0 } else { 4 });
        let asked = driver.profiles.asked.load(Ordering::SeqCst);
        assert!(asked > 2, "asked {asked} times");
    }
}
