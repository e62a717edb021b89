//! Tells the fold to stop, also while it waits.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A switch that is thrown once.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Throws the switch.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Is it thrown?
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits, but not beyond the throwing of the switch.
    pub async fn wait(&self, time: Duration) {
        let mut thrown = self.0.subscribe();
        drop(tokio::time::timeout(time, thrown.wait_for(|thrown| *thrown)).await);
    }
}

/// Throws a switch when it is dropped.
pub(crate) struct StopsWhenDropped(pub Stop);

impl Drop for StopsWhenDropped {
    fn drop(&mut self) {
        self.0.set();
    }
}
