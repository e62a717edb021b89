//! The beginning of shutdown, as one connection waits for it.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::sync::watch;

/// Completes when shutdown has begun.
///
/// A connection asks with everything that it does. To be put on the list of those who are told takes a lock that all connections
/// share, so it is done once for each waker, and a task has one for life.
pub(crate) struct Shutdown {
    news: watch::Receiver<bool>,
    told: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Is woken by the news.
    listed: Option<Waker>,
}

impl Shutdown {
    pub fn new(stopping: &watch::Sender<bool>) -> Self {
        let (news, mut told) = (stopping.subscribe(), stopping.subscribe());
        let told = Box::pin(async move {
            // An error means that the sender is gone, and that is the end too.
            let _ = told.wait_for(|stopping| *stopping).await;
        });
        Self { news, told, listed: None }
    }
}

impl Future for Shutdown {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let is_listed = self.listed.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_listed && self.news.has_changed().is_ok_and(|is_news| !is_news) {
            return Poll::Pending;
        }
        self.listed = Some(cx.waker().clone());
        self.told.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn ask(shutdown: &mut Shutdown, wakes: &Arc<Wakes>) -> Poll<()> {
        Pin::new(shutdown).poll(&mut Context::from_waker(&Waker::from(Arc::clone(wakes))))
    }

    #[test]
    fn whoever_asked_is_woken_once_when_shutdown_begins_however_often_it_asked() {
        let (stopping, wakes) = (watch::Sender::new(false), Arc::new(Wakes::default()));
        let mut shutdown = Shutdown::new(&stopping);
        assert!((0..3).all(|_| ask(&mut shutdown, &wakes).is_pending()));
        stopping.send_replace(true);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(ask(&mut shutdown, &wakes).is_ready());
    }

    #[test]
    fn whoever_asks_with_another_waker_is_woken_by_that_one() {
        let (stopping, wakes) = (watch::Sender::new(false), Arc::new(Wakes::default()));
        let mut shutdown = Shutdown::new(&stopping);
        assert!(ask(&mut shutdown, &Arc::default()).is_pending());
        assert!(ask(&mut shutdown, &wakes).is_pending());
        stopping.send_replace(true);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn shutdown_that_had_begun_before_is_seen_at_the_first_question() {
        let stopping = watch::Sender::new(true);
        assert!(ask(&mut Shutdown::new(&stopping), &Arc::default()).is_ready());
    }
}
