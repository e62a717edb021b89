//! Work that is finished also when nobody waits for it any longer.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// Work that goes on as a task of its own when nobody waits for it any longer. While somebody does, it costs no task.
pub(crate) struct Steadfast<T>(Option<Work<T>>)
where
    T: Send + 'static;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Steadfast<T> {
    pub fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }

    /// Lets the work go: nobody needs its end.
    pub fn abandon(mut self) {
        self.0 = None;
    }
}

impl<T: Send + 'static> Future for Steadfast<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Taken out while it runs: work that panics must not go on.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Steadfast<T> {
    fn drop(&mut self) {
        let Some(work) = self.0.take() else { return };
        // Without a runtime the process is ending, and the work with it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(work);
        }
    }
}
