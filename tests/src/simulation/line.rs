//! LINE as the projector asks it: who people are, when it tells.

use super::clock::BEGIN_MS;
use super::life::Life;
use async_trait::async_trait;
use connection::Connection;
use contact::{Likeness, UserId};
use projector::sync::profiles::{LookupError, ProfileSource};
use std::sync::atomic::{AtomicU64, Ordering};

/// People change their names so often.
const NAME_HOLDS_MS: i64 = 7 * 60_000;

/// LINE's people.
#[derive(Default)]
pub struct People {
    asked: AtomicU64,
}

impl People {
    /// How often somebody was looked up.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl ProfileSource for Life {
    async fn profile(&self, connection: &Connection, user: UserId) -> Result<Option<Likeness>, LookupError> {
        let (world, faults) = (&self.world, self.world.plan.lookup_faults);
        world.people.asked.fetch_add(1, Ordering::Relaxed);
        let most_ms = if world.hazards.between(0, 9) == 0 { 4_000 } else { 200 };
        self.take(10, most_ms).await;
        let version = (world.clock.now() - BEGIN_MS) / NAME_HOLDS_MS;
        self.survive().await;
        if world.hazards.strikes("look-up failed", faults) {
            return Err(LookupError::Later);
        }
        if world.hazards.strikes("look-up unauthorised", faults / 10) {
            return Err(LookupError::Credentials);
        }
        if world.hazards.strikes("look-up refused", faults / 4) {
            return Ok(None);
        }
        let first_digits = user.as_u128() >> 96;
        let name = format!("友 {first_digits:x} {version} of {}", connection.number).into();
        let picture =
            (version % 3 != 0).then(|| format!("https://profile.line-scdn.net/{first_digits:x}{version}").into());
        Ok(Some(Likeness { name, picture }))
    }
}
