//! One life of the projector's process, as everything outside sees it: its calls end when it dies.

use super::clock::SimulatedClock;
use super::disk::Disk;
use super::hazard::Hazards;
use super::line::People;
use super::log::MemoryLog;
use super::plan::Plan;
use super::watch::Watch;
use sandbox::hubspot::Portal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Everything outside the process.
pub struct World {
    /// What the run is like.
    pub plan: Plan,
    /// Time of day.
    pub clock: SimulatedClock,
    /// Chance and death.
    pub hazards: Hazards,
    /// The log.
    pub log: MemoryLog,
    /// The state stores.
    pub disk: Disk,
    /// HubSpot.
    pub portal: Arc<Mutex<Portal>>,
    /// LINE's people.
    pub people: People,
    /// How the process keeps HubSpot's limits.
    pub watch: Watch,
}

impl World {
    /// The portal, to look at or to change.
    pub fn portal(&self) -> MutexGuard<'_, Portal> {
        self.portal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many facts the portal's history holds.
    pub fn facts(&self) -> u64 {
        self.portal().history().total()
    }
}

/// One life of the process.
#[derive(Clone)]
pub struct Life {
    /// What is outside.
    pub world: Arc<World>,
    /// Counts up from 1.
    pub number: u64,
}

impl Life {
    /// Goes on only if the process still lives, and does not die here.
    pub async fn survive(&self) {
        let (hazards, plan) = (&self.world.hazards, &self.world.plan);
        if hazards.is_dead(self.number) || hazards.kills(self.number, plan.crash) {
            std::future::pending::<()>().await;
        }
    }

    /// Takes some milliseconds, and survives them.
    pub async fn take(&self, least_ms: u64, most_ms: u64) {
        self.survive().await;
        tokio::time::sleep(Duration::from_millis(self.world.hazards.between(least_ms, most_ms))).await;
    }
}
