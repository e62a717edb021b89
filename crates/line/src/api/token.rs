//! Where the access token of a call comes from: a long-lived token, or stateless ones issued from ID and secret.

use crate::error::Error;
use runtime::secret::Secret;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A stateless token lives 15 minutes; nothing is trusted longer, whatever LINE's answer says.
const LIFE_MAX: Duration = Duration::from_secs(15 * 60);

/// The channel of an official account, as far as calls need it.
#[derive(Clone, Debug)]
pub struct Channel {
    /// LINE's channel ID.
    pub id: Box<str>,
    /// Where its access token comes from.
    pub token: TokenSource,
}

impl Channel {
    /// With the long-lived token if there is one, else with stateless tokens from the channel secret.
    pub fn new(id: &str, access_token: Option<&Secret>, secret: &Secret) -> Self {
        let token = match access_token {
            Some(token) => TokenSource::LongLived(token.clone()),
            None => TokenSource::Stateless(secret.clone()),
        };
        Self { id: id.into(), token }
    }
}

/// Where a channel's access token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A long-lived token, issued in LINE's console.
    LongLived(Secret),
    /// Stateless tokens of 15 minutes, issued for the channel ID and this channel secret.
    Stateless(Secret),
}

/// A token as LINE issued it.
pub(super) struct Issued {
    pub token: Secret,
    pub lives: Duration,
}

/// The stateless tokens in use. Each channel has at most one request for a new one under way; whoever needs the token
/// meanwhile waits for that answer and shares it, also when it is an error.
#[derive(Debug, Default)]
pub(super) struct Tokens(StdMutex<HashMap<Box<str>, Arc<Slot>>>);

#[derive(Debug, Default)]
struct Slot {
    /// Requests that ended.
    flights: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The channel secret that the rest belongs to.
    secret: Option<Secret>,
    current: Option<(Secret, Instant)>,
    failure: Option<Error>,
}

impl Tokens {
    /// The token to use now; `issue` asks LINE for a new one.
    ///
    /// # Errors
    /// Those of `issue`.
    pub async fn current<F>(&self, channel_id: &str, secret: &Secret, issue: F) -> Result<Secret, Error>
    where
        F: AsyncFnOnce() -> Result<Issued, Error>,
    {
        let slot = self.slot(channel_id);
        let flights = slot.flights.load(Ordering::Acquire);
        let mut state = slot.state.lock().await;
        if state.secret.as_ref() != Some(secret) {
            *state = State { secret: Some(secret.clone()), ..State::default() };
        }
        if let Some((token, until)) = &state.current
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        if let Some(failure) = &state.failure
            && slot.flights.load(Ordering::Acquire) != flights
        {
            return Err(failure.clone());
        }
        let issued = issue().await;
        slot.flights.fetch_add(1, Ordering::AcqRel);
        match issued {
            Ok(issued) => {
                state.failure = None;
                state.current = Some((issued.token.clone(), Instant::now() + trusted(issued.lives)));
                Ok(issued.token)
            }
            Err(error) => {
                state.current = None;
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// LINE refused this token: it is not used again.
    pub async fn discard(&self, channel_id: &str, token: &Secret) {
        let slot = self.slot(channel_id);
        let mut state = slot.state.lock().await;
        state.current.take_if(|(current, _)| current == token);
    }

    fn slot(&self, channel_id: &str) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(channel_id) {
            Some(slot) => slot.clone(),
            None => slots.entry(channel_id.into()).or_default().clone(),
        }
    }
}

/// A fifteenth less than the life: a token must still be good when its call arrives. 14 of LINE's 15 minutes.
fn trusted(lives: Duration) -> Duration {
    lives.min(LIFE_MAX) * 14 / 15
}

#[cfg(test)]
mod tests;
