//! Tells at once, from any thread, whether this process still owns a partition.

use super::rebalance::Callbacks;
use crate::Ownership;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

/// Open for the partitions that a member owns, as long as it lives and is polled.
pub(super) struct Gate {
    /// A member that was not polled for longer may have been declared dead.
    silence_max: Duration,
    state: Mutex<State>,
}

struct State {
    owned: BTreeSet<u32>,
    polled_at: Instant,
    /// The client that knows whether the group took the partitions away without a word.
    client: Weak<BaseConsumer<Callbacks>>,
}

impl Gate {
    /// Closed, until [`Gate::open`].
    pub(super) fn closed(silence_max: Duration) -> Self {
        let state = State { owned: BTreeSet::new(), polled_at: Instant::now(), client: Weak::new() };
        Self { silence_max, state: Mutex::new(state) }
    }

    /// Lets the owner of these partitions through.
    pub(super) fn open(&self, owned: BTreeSet<u32>, client: Weak<BaseConsumer<Callbacks>>) {
        let mut state = self.state();
        state.owned = owned;
        state.client = client;
        state.polled_at = Instant::now();
    }

    /// Lets nobody through, and forgets the client: after this call, asking the gate no longer keeps it alive.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.owned.clear();
        state.client = Weak::new();
    }

    /// The member gave a sign of life.
    pub(super) fn polled(&self) {
        self.state().polled_at = Instant::now();
    }

    fn owns_at(&self, partition: u32, now: Instant) -> bool {
        let state = self.state();
        state.owned.contains(&partition)
            && now.saturating_duration_since(state.polled_at) <= self.silence_max
            && state.client.upgrade().is_some_and(|client| is_member(&client))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds this lock")
    }
}

/// Neither thrown out of the group nor replaced by another process with the same instance ID.
fn is_member(client: &BaseConsumer<Callbacks>) -> bool {
    !client.assignment_lost() && client.client().fatal_error().is_none()
}

impl Ownership for Gate {
    fn owns(&self, partition: u32) -> bool {
        self.owns_at(partition, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;

    const SILENCE_MAX: Duration = Duration::from_secs(10);

    fn open_for(partition: u32) -> (Arc<Gate>, Arc<BaseConsumer<Callbacks>>) {
        let gate = Arc::new(Gate::closed(SILENCE_MAX));
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1");
        let client: BaseConsumer<Callbacks> = config.create_with_context(Callbacks::new(Arc::clone(&gate))).unwrap();
        let client = Arc::new(client);
        gate.open([partition].into(), Arc::downgrade(&client));
        (gate, client)
    }

    #[test]
    fn a_gate_lets_through_only_the_owner_of_the_partition() {
        let (gate, _client) = open_for(3);
        assert!(gate.owns(3));
        assert!(!gate.owns(4));
        gate.close();
        assert!(!gate.owns(3));
    }

    #[test]
    fn a_member_that_is_not_polled_loses_its_partitions_before_the_group_gives_them_away() {
        let (gate, _client) = open_for(3);
        let polled_at = gate.state().polled_at;
        assert!(gate.owns_at(3, polled_at + SILENCE_MAX));
        assert!(!gate.owns_at(3, polled_at + SILENCE_MAX + Duration::from_millis(1)));
    }

    #[test]
    fn a_member_whose_client_is_gone_owns_nothing() {
        let (gate, client) = open_for(3);
        drop(client);
        assert!(!gate.owns(3));
    }
}
