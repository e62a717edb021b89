//! One timer for all the deadlines of a connection, one after the other.
//!
//! A timer for each deadline would be registered and removed each time, under a lock that all connections share. This one is
//! set anew only when it would ring too late or has rung too early, so that a busy connection costs no timer.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at a deadline or before. It knows one deadline at a time, so whoever waits asks it again whenever woken.
#[derive(Default)]
pub(crate) struct Alarm(Mutex<Option<Pin<Box<Sleep>>>>);

impl Alarm {
    /// Ready once it is `until`. Before, the task is woken then at the latest.
    pub fn poll(&self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        let mut timer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }

    /// Waits for `work` until a deadline; `None` when that comes first.
    pub async fn limit<T>(&self, until: Instant, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll(cx, until).map(|()| None),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::future::{pending, ready};
    use std::time::Duration;

    const SOON: Duration = Duration::from_millis(800);
    const LATER: Duration = Duration::from_secs(5);

    async fn rings(alarm: &Alarm, after: Duration) -> Duration {
        let begun = Instant::now();
        assert_eq!(alarm.limit(begun + after, pending::<()>()).await, None);
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
        let work = poll_fn(|_| if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending });
        let mut waiting = pin!(alarm.limit(Instant::now() + SOON, work));
        poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
        assert_eq!(waiting.await, Some(()));
        assert!(is_near(rings(&alarm, LATER).await, LATER));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_has_ended_counts_also_after_its_deadline() {
        assert_eq!(Alarm::default().limit(Instant::now(), ready(7)).await, Some(7));
    }
}
