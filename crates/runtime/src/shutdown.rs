//! Stopping: one request, heard by everybody it was passed to.
//!
//! `main` makes one [`Shutdown`] and passes clones down; whoever runs a loop or a server waits on [`Shutdown::requested`],
//! stops taking work in, finishes what it has and returns. A second signal means that the operator will not wait.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Running,
    Requested,
    Forced,
}

/// Tells when to stop. Clones hear the same request.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<Stage>);

/// Requests the shutdown. Dropping it requests nothing.
#[derive(Clone, Debug)]
pub struct Trigger(watch::Sender<Stage>);

/// A shutdown that is requested by its trigger: for tests, and for a program that ends by itself.
pub fn manual() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(Stage::Running);
    (Trigger(sender), Shutdown(receiver))
}

/// A shutdown that is requested by SIGINT or SIGTERM, or by the trigger. Needs the async runtime.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn on_signals() -> io::Result<(Trigger, Shutdown)> {
    let (trigger, shutdown) = manual();
    let interrupt = signal(SignalKind::interrupt())?;
    let terminate = signal(SignalKind::terminate())?;
    tokio::spawn(listen(interrupt, terminate, trigger.clone()));
    Ok((trigger, shutdown))
}

async fn listen(mut interrupt: Signal, mut terminate: Signal, trigger: Trigger) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let requested_before = trigger.advance();
        if requested_before {
            return;
        }
    }
}

impl Trigger {
    /// Asks everybody to stop.
    pub fn request(&self) {
        self.raise_to(Stage::Requested);
    }

    /// Requests the shutdown, or forces it when it was requested before, and tells which.
    fn advance(&self) -> bool {
        let requested_before = *self.0.borrow() >= Stage::Requested;
        self.raise_to(if requested_before { Stage::Forced } else { Stage::Requested });
        requested_before
    }

    fn raise_to(&self, stage: Stage) {
        self.0.send_if_modified(|current| {
            let raises = stage > *current;
            if raises {
                *current = stage;
            }
            raises
        });
    }
}

impl Shutdown {
    /// Waits until the shutdown is requested.
    pub async fn requested(self) {
        self.reached(Stage::Requested).await;
    }

    /// Waits until the operator asked a second time and will not wait for the work to drain.
    pub async fn forced(self) {
        self.reached(Stage::Forced).await;
    }

    /// Was the shutdown requested?
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() >= Stage::Requested
    }

    async fn reached(mut self, stage: Stage) {
        if self.0.wait_for(|current| *current >= stage).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const A_WHILE: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn every_clone_hears_the_request() {
        let (trigger, shutdown) = manual();
        let clone = shutdown.clone();
        assert!(!clone.is_requested());
        trigger.request();
        shutdown.requested().await;
        assert!(clone.is_requested());
        clone.requested().await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_forces_nothing_and_a_second_does() {
        let (trigger, shutdown) = manual();
        assert!(!trigger.advance());
        timeout(A_WHILE, shutdown.clone().forced()).await.expect_err("requested once");
        assert!(trigger.advance());
        shutdown.forced().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_trigger_requests_nothing() {
        let (trigger, shutdown) = manual();
        drop(trigger);
        timeout(A_WHILE, shutdown.requested()).await.expect_err("nobody asked");
    }
}
