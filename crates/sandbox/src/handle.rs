//! The running models, for whoever shares the process: the servers, the courier, tests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::clock::Clock;
use serde::Serialize;
use tokio::sync::{Notify, oneshot};

use crate::clock::SandboxClock;
use crate::delivery::{Caller, Delivery, Reaction};
use crate::hubspot::Portal;
use crate::line::{Act, Manner, Platform, Played, Unplayable};

/// Both platforms behind locks, with the time they live in.
pub struct Handle {
    clock: SandboxClock,
    portal: Mutex<Portal>,
    platform: Mutex<Platform>,
    /// Who waits for the first reaction to a LINE webhook.
    waiting: Mutex<HashMap<u64, oneshot::Sender<Reaction>>>,
    /// Something may have become due.
    pub(crate) stirred: [Notify; 2],
}

/// Which platform calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    HubSpot,
    Line,
}

/// An act and how the webhook's receiver reacted to it.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// What came of the act.
    #[serde(flatten)]
    pub played: Played,
    /// The first reaction to each delivery, in their order; none = no answer while waiting for one.
    pub reactions: Vec<Option<Reaction>>,
}

/// How long an act's caller waits for reactions, beside the act's own delay.
const PATIENCE: Duration = Duration::from_secs(5);

impl Handle {
    pub(crate) fn new(clock: SandboxClock, portal: Portal, platform: Platform) -> Self {
        Self {
            clock,
            portal: Mutex::new(portal),
            platform: Mutex::new(platform),
            waiting: Mutex::default(),
            stirred: Default::default(),
        }
    }

    /// The sandbox's time, in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Moves the sandbox's time forward.
    pub fn advance(&self, by_ms: u32) {
        self.clock.advance(by_ms);
        self.stirred.iter().for_each(Notify::notify_one);
    }

    /// Does something with the portal, at the current time.
    pub fn hubspot<T>(&self, act: impl FnOnce(&mut Portal, i64) -> T) -> T {
        let mut portal = locked(&self.portal);
        let done = act(&mut portal, self.now_ms());
        if portal.next_due_ms().is_some() {
            self.stirred[Sender::HubSpot as usize].notify_one();
        }
        done
    }

    /// Does something with LINE, at the current time.
    pub fn line<T>(&self, act: impl FnOnce(&mut Platform, i64) -> T) -> T {
        let mut platform = locked(&self.platform);
        let done = act(&mut platform, self.now_ms());
        if platform.next_due_ms().is_some() {
            self.stirred[Sender::Line as usize].notify_one();
        }
        done
    }

    /// Lets a person do something, and waits until the webhook's receiver reacted to every event of it.
    pub async fn play(&self, channel_id: &str, user: &str, act: &Act, manner: &Manner) -> Result<Told, Unplayable> {
        let (played, receivers) = self.line(|platform, now_ms| {
            let played = platform.play(now_ms, channel_id, user, act, manner)?;
            let reachable =
                platform.channel(channel_id).is_some_and(|channel| channel.endpoint.is_some() && channel.use_webhook);
            let awaited: &[u64] = if reachable { &played.deliveries } else { &[] };
            let receivers: Vec<_> = awaited.iter().map(|number| self.expect(*number)).collect();
            Ok((played, receivers))
        })?;
        let patience = PATIENCE + Duration::from_millis(u64::try_from(manner.delay_ms).unwrap_or_default());
        let mut reactions = Vec::with_capacity(receivers.len());
        for receiver in receivers {
            reactions.push(tokio::time::timeout(patience, receiver).await.ok().and_then(Result::ok));
        }
        Ok(Told { played, reactions })
    }

    fn expect(&self, number: u64) -> oneshot::Receiver<Reaction> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = locked(&self.waiting);
        waiting.retain(|_, sender| !sender.is_closed());
        waiting.insert(number, sender);
        receiver
    }

    /// What `sender` has to deliver now, and when the next delivery is due.
    pub(crate) fn due(&self, sender: Sender) -> (Vec<Delivery>, Option<i64>) {
        let now_ms = self.now_ms();
        let mut portal;
        let mut platform;
        let caller: &mut dyn Caller = match sender {
            Sender::HubSpot => {
                portal = locked(&self.portal);
                &mut *portal
            }
            Sender::Line => {
                platform = locked(&self.platform);
                &mut *platform
            }
        };
        (caller.take_due(now_ms), caller.next_due_ms())
    }

    /// Reports how a delivery ended.
    pub(crate) fn answered(&self, sender: Sender, number: u64, reaction: Reaction) {
        match sender {
            Sender::HubSpot => self.hubspot(|portal, now_ms| portal.answered(now_ms, number, reaction)),
            Sender::Line => {
                self.line(|platform, now_ms| platform.answered(now_ms, number, reaction));
                if let Some(waiting) = locked(&self.waiting).remove(&number) {
                    // Nobody waits any more: nothing to tell.
                    let _ = waiting.send(reaction);
                }
            }
        }
    }
}

/// A model whose holder panicked is still whole: every change of it is complete before anything can fail.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
