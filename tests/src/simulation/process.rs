//! The projector's process: lives, dies, and is started again.

use super::life::{Life, World};
use super::stage::Stage;
use super::wire::TOKEN;
use super::wrong::Wrong;
use contact::{ConnectionNumber, Names};
use hubspot::{Client, Crm, Group, Priority};
use line::event::Labels;
use projector::fold::Member;
use projector::status::Status;
use projector::store::RESTORE_MEMORY;
use projector::sync::Desk;
use projector::{Outside, Parts, Settings};
use runtime::secret::Secret;
use schemas::Codec;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a successor waits where what a dead process had sent may still arrive: as the product does.
const GRACE: Duration = Duration::from_secs(12);

/// What the runs of the process share.
struct Shared {
    world: Arc<World>,
    stage: Stage,
    /// What the present life can be asked.
    present: Mutex<Option<(Arc<Desk>, Arc<Status>)>>,
    /// Is there nothing left to read?
    caught_up: AtomicBool,
}

/// The process, from its first start to its end.
pub struct Process {
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Process {
    /// Starts it, and starts it again whenever it dies.
    pub fn start(world: Arc<World>, stage: Stage) -> Self {
        let shared = Arc::new(Shared { world, stage, present: Mutex::default(), caught_up: AtomicBool::new(false) });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(keep_alive(Arc::clone(&shared), stopped));
        Self { shared, stop, task }
    }

    /// Waits until there is nothing left to do. False when that does not come.
    pub async fn rest(&self, within: Duration) -> bool {
        let rested = async {
            let mut quiet = 0;
            while quiet < 3 {
                tokio::time::sleep(Duration::from_secs(5)).await;
                quiet = if self.shared.is_quiet() { quiet + 1 } else { 0 };
            }
        };
        tokio::time::timeout(within, rested).await.is_ok()
    }

    /// Stops it as an operator does.
    pub async fn stop(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

impl Shared {
    fn is_quiet(&self) -> bool {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = present.as_ref().is_some_and(|(desk, status)| status.is_ready() && desk.is_idle());
        ready && self.caught_up.load(Ordering::Relaxed)
    }
}

/// Brings the properties into being, as connecting the accounts does. Before any hazard is on.
pub async fn provision(world: &Arc<World>, stage: &Stage) {
    let crm = hubspot_client(&Life { world: Arc::clone(world), number: 1 }, stage);
    let numbers = [1, 2].into_iter().filter_map(ConnectionNumber::new);
    let definitions: Vec<_> =
        numbers.flat_map(|number| hubspot::definition::of_connection(&Names::default(), number)).collect();
    crm.ensure_group(&Group::line(), Priority::Fresh).await.expect("no hazard is on");
    crm.ensure_properties(&definitions, Priority::Fresh).await.expect("no hazard is on");
}

async fn keep_alive(shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    for number in 1.. {
        let life = Life { world: Arc::clone(&shared.world), number };
        let world = Arc::clone(&shared.world);
        tokio::select! {
            biased;
            _ = &mut stopped => return,
            () = live(&shared, life) => {}
        }
        world.disk.crash();
        if world.hazards.strikes("stores lost", world.plan.stores_lost) {
            world.disk.clear();
        } else if world.hazards.strikes("older stores", world.plan.stores_older) {
            world.disk.go_back(world.hazards.between(0, 1_000));
        }
        let most_ms = if world.hazards.between(0, 1) == 0 { 1_000 } else { 30_000 };
        tokio::time::sleep(Duration::from_millis(world.hazards.between(100, most_ms))).await;
    }
}

/// One life, to its death.
async fn live(shared: &Shared, life: Life) {
    let Parts { member, engine, desk } = parts(shared, &life);
    *shared.present.lock().unwrap_or_else(PoisonError::into_inner) = Some((desk, Arc::clone(&member.status)));
    let engine = engine.map(|engine| Aborts(tokio::spawn(engine.run(std::future::pending()))));
    while !life.world.hazards.is_dead(life.number) {
        tokio::select! {
            biased;
            () = death(&life) => {}
            () = serve(shared, &member, &life) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    drop(engine);
}

/// Until the membership fails.
async fn serve(shared: &Shared, member: &Member, life: &Life) {
    let world = &life.world;
    let Ok(mut session) = member.join() else { return };
    loop {
        let changed = world.log.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let more = match session.step(Duration::ZERO).await {
            Ok(read) => read || session.has_more_to_do(),
            Err(error) => {
                session.give_up(&error);
                return;
            }
        };
        shared.caught_up.store(!more, Ordering::Relaxed);
        if more {
            tokio::task::yield_now().await;
            continue;
        }
        let patience = if member.status.restoring() > 0 { Duration::from_secs(1) } else { Duration::from_secs(3_600) };
        // Whoever waits for the log does not see it at once.
        drop(tokio::time::timeout(patience, changed).await);
        tokio::time::sleep(Duration::from_millis(world.hazards.between(0, 20))).await;
    }
}

async fn death(life: &Life) {
    loop {
        let died = life.world.hazards.died.notified();
        if life.world.hazards.is_dead(life.number) {
            return;
        }
        died.await;
    }
}

fn parts(shared: &Shared, life: &Life) -> Parts {
    let (world, plan) = (&life.world, &life.world.plan);
    let settings = Settings {
        state_directory: "unused".into(),
        group: "projector".to_owned(),
        restore_memory: RESTORE_MEMORY,
        takeover_grace: if plan.strays && !plan.is(Wrong::NoTakeoverGrace) { GRACE } else { Duration::ZERO },
        labels: Labels::default(),
        names: Names::default(),
    };
    let doubles = Arc::new(life.clone());
    let outside = Outside {
        log: Arc::clone(&doubles) as _,
        codec: Codec::default(),
        view: shared.stage.view(plan.existed, plan.second_creates),
        crm: Some(life.crm(hubspot_client(life, &shared.stage))),
        profiles: Arc::clone(&doubles) as _,
        clock: Arc::new(world.clock),
    };
    Parts::new(&settings, outside, doubles, shared.stage.metrics.clone(), Arc::default())
}

fn hubspot_client(life: &Life, stage: &Stage) -> Arc<dyn Crm> {
    let mut settings = hubspot::Settings::new(Secret::new(TOKEN));
    settings.budget.seed = life.number;
    let clock = Arc::new(life.world.clock);
    Arc::new(Client::over(Box::new(life.clone()), settings, clock, stage.hubspot_metrics.clone()))
}

/// Ends a task with its owner.
struct Aborts(JoinHandle<()>);

impl Drop for Aborts {
    fn drop(&mut self) {
        self.0.abort();
    }
}
