//! One timer for all the deadlines of a connection, one after the other.
//!
//! A timer for each deadline would be registered and removed each time, under a lock that all connections share. This one is
//! set anew only when it would ring too late or has rung too early, and not even looked at before it may have rung, so that a
//! busy connection costs no timer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at a deadline or before. It knows one deadline at a time, so whoever waits asks it again whenever woken.
#[derive(Default)]
pub(crate) struct Alarm(Mutex<Option<Timer>>);

struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// When it will wake whom, once it has been asked to.
    set: Option<(Instant, Waker)>,
}

impl Alarm {
    /// Ready once it is `until`. Before, the task is woken then at the latest. `now` is the time of this call.
    pub fn poll(&self, cx: &mut Context<'_>, now: Instant, until: Instant) -> Poll<()> {
        let mut timer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Timer { sleep: Box::pin(sleep_until(until)), set: None });
        if timer.is_set(cx.waker(), now, until) { Poll::Pending } else { timer.poll(cx, until) }
    }

    /// Waits for `work` until a deadline; `None` when that comes first. The work stays where it is: a future that takes another
    /// in has room for it twice.
    pub fn limit<T>(
        &self,
        until: Instant,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> impl Future<Output = Option<T>> {
        poll_fn(move |cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll(cx, Instant::now(), until).map(|()| None),
        })
    }
}

impl Timer {
    /// Will it wake this task, after `now` and at `until` at the latest?
    fn is_set(&self, waker: &Waker, now: Instant, until: Instant) -> bool {
        self.set.as_ref().is_some_and(|(at, wakes)| now < *at && *at <= until && wakes.will_wake(waker))
    }

    fn poll(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        if self.sleep.deadline() > until {
            self.sleep.as_mut().reset(until);
        }
        loop {
            // A task that has had its turn would be told to come again instead of being put on the list of those to wake.
            if Pin::new(&mut unconstrained(self.sleep.as_mut())).poll(cx).is_pending() {
                self.set = Some((self.sleep.deadline(), cx.waker().clone()));
                return Poll::Pending;
            }
            if self.sleep.deadline() >= until {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_millis(800);
    const LATER: Duration = Duration::from_secs(5);

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn rings(alarm: &Alarm, after: Duration) -> Duration {
        let begun = Instant::now();
        assert_eq!(alarm.limit(begun + after, pin!(pending::<()>())).await, None);
        begun.elapsed()
    }

    fn is_near(rung: Duration, after: Duration) -> bool {
        // The runtime's timers count in milliseconds.
        (after..after + Duration::from_millis(2)).contains(&rung)
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_at_each_deadline_in_turn_whether_earlier_or_later_than_the_one_before() {
        let alarm = Alarm::default();
        for after in [LATER, SOON, LATER, LATER, SOON] {
            let rung = rings(&alarm, after).await;
            assert!(is_near(rung, after), "{rung:?} instead of {after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_was_not_needed_does_not_end_the_next_wait() {
        let alarm = Alarm::default();
        let mut asked = false;
        let work = pin!(poll_fn(|_| if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }));
        let mut waiting = pin!(alarm.limit(Instant::now() + SOON, work));
        poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
        assert_eq!(waiting.await, Some(()));
        assert!(is_near(rings(&alarm, LATER).await, LATER));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asked_last_is_woken() {
        let (alarm, asked) = (Alarm::default(), Instant::now());
        let wakes = Arc::new(Wakes::default());
        for waker in [Waker::noop(), &Waker::from(Arc::clone(&wakes))] {
            assert!(alarm.poll(&mut Context::from_waker(waker), asked, asked + SOON).is_pending());
        }
        sleep_until(asked + LATER).await;
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_has_had_its_turn_is_woken_too() {
        let alarm = Alarm::default();
        let ring = async {
            while tokio::task::coop::has_budget_remaining() {
                tokio::task::coop::consume_budget().await;
            }
            rings(&alarm, SOON).await
        };
        assert!(is_near(timeout(LATER, ring).await.unwrap(), SOON));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_has_ended_counts_also_after_its_deadline() {
        assert_eq!(Alarm::default().limit(Instant::now(), pin!(ready(7))).await, Some(7));
    }
}
