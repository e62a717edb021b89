//! One append, or a part of one: it is done when each of its records was reported.

use crate::Error;
use crate::record::{NewRecord, Position};
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// How an append ended.
pub(super) type Appended = Result<Vec<Position>, Error>;

/// Records under way that are waited for together.
pub(super) struct Batch {
    /// All that are appended.
    pub records: Arc<[NewRecord]>,
    /// Those of them that are under way.
    pub part: Range<usize>,
    /// Their timestamp.
    pub at_ms: i64,
    progress: Mutex<Progress>,
}

struct Progress {
    positions: Vec<Position>,
    missing: usize,
    /// The first that went wrong.
    failure: Option<Error>,
    /// Waits for the outcome, which is known at the last success or the first failure.
    caller: Option<Waker>,
}

impl Batch {
    /// An append of this part of the records, at a time.
    pub(super) fn of(records: Arc<[NewRecord]>, part: Range<usize>, at_ms: i64) -> Self {
        let (positions, missing) = (vec![Position { partition: 0, offset: 0 }; part.len()], part.len());
        let progress = Mutex::new(Progress { positions, missing, failure: None, caller: None });
        Self { records, part, at_ms, progress }
    }

    /// Says what became of one of them, by its place among all.
    pub(super) fn report(&self, index: usize, delivered: Result<Position, Error>) {
        let mut progress = self.progress();
        match delivered {
            Ok(position) => {
                progress.positions[index - self.part.start] = position;
                progress.missing -= 1;
                if progress.missing > 0 {
                    return;
                }
            }
            Err(error) => drop(progress.failure.get_or_insert(error)),
        }
        let caller = progress.caller.take();
        drop(progress);
        if let Some(caller) = caller {
            caller.wake();
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().expect("no code panics while it holds this lock")
    }
}

/// The end of an append.
pub(super) struct Outcome(pub Arc<Batch>);

impl Future for Outcome {
    type Output = Appended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Appended> {
        let mut progress = self.0.progress();
        if let Some(error) = &progress.failure {
            return Poll::Ready(Err(error.clone()));
        }
        if progress.missing == 0 {
            return Poll::Ready(Ok(std::mem::take(&mut progress.positions)));
        }
        match &mut progress.caller {
            Some(caller) => caller.clone_from(cx.waker()),
            caller => *caller = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::record::Topic;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn at(offset: u64) -> Position {
        Position { partition: 0, offset }
    }

    fn two() -> Arc<Batch> {
        let record = NewRecord { topic: Topic::LineEvents, key: b"U/1/e".to_vec(), value: None };
        Arc::new(Batch::of([record.clone(), record].into(), 0..2, 0))
    }

    fn look(batch: &Arc<Batch>) -> Poll<Appended> {
        Pin::new(&mut Outcome(Arc::clone(batch))).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_append_is_done_only_when_every_record_is_and_in_the_callers_order() {
        let batch = two();
        batch.report(1, Ok(at(7)));
        assert!(look(&batch).is_pending());
        batch.report(0, Ok(at(9)));
        assert!(matches!(look(&batch), Poll::Ready(Ok(positions)) if positions == [at(9), at(7)]));
    }

    #[test]
    fn a_part_of_an_append_is_done_without_the_others() {
        let record = NewRecord { topic: Topic::LineEvents, key: b"U/1/e".to_vec(), value: None };
        let batch = Arc::new(Batch::of(vec![record; 5].into(), 2..4, 0));
        batch.report(3, Ok(at(8)));
        batch.report(2, Ok(at(7)));
        assert!(matches!(look(&batch), Poll::Ready(Ok(positions)) if positions == [at(7), at(8)]));
    }

    #[test]
    fn an_append_fails_with_its_first_failed_record() {
        let batch = two();
        batch.report(1, Err(Error::Unavailable("first".to_owned())));
        batch.report(0, Err(Error::Unavailable("second".to_owned())));
        assert!(matches!(look(&batch), Poll::Ready(Err(Error::Unavailable(why))) if why == "first"));
    }

    #[test]
    fn the_caller_is_woken_once_and_by_the_waker_that_it_came_with_last() {
        let (batch, wakes) = (two(), Arc::new(Wakes::default()));
        assert!(look(&batch).is_pending());
        let waker = Waker::from(Arc::clone(&wakes));
        assert!(Pin::new(&mut Outcome(Arc::clone(&batch))).poll(&mut Context::from_waker(&waker)).is_pending());
        batch.report(0, Ok(at(1)));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        batch.report(1, Ok(at(2)));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    }
}
