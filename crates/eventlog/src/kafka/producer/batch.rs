//! One append: it is done when each of its records was reported.

use crate::Error;
use crate::record::Position;
use std::sync::Mutex;
use tokio::sync::oneshot;

/// How an append ended.
pub(super) type Appended = Result<Vec<Position>, Error>;

/// One append's records under way.
pub(super) struct Batch(Mutex<Progress>);

struct Progress {
    positions: Vec<Position>,
    missing: usize,
    /// Taken when the outcome is known: at the last success or the first failure.
    done: Option<oneshot::Sender<Appended>>,
}

impl Batch {
    /// An append of so many records, whose outcome goes to `done`.
    pub(super) fn of(records: usize, done: oneshot::Sender<Appended>) -> Self {
        let positions = vec![Position { partition: 0, offset: 0 }; records];
        Self(Mutex::new(Progress { positions, missing: records, done: Some(done) }))
    }

    /// Says what became of one of them.
    pub(super) fn report(&self, index: usize, delivered: Result<Position, Error>) {
        let mut progress = self.0.lock().expect("no code panics while it holds this lock");
        let outcome = match delivered {
            Ok(position) => {
                progress.positions[index] = position;
                progress.missing -= 1;
                if progress.missing > 0 {
                    return;
                }
                Ok(std::mem::take(&mut progress.positions))
            }
            Err(error) => Err(error),
        };
        if let Some(done) = progress.done.take() {
            // The caller may have stopped waiting.
            let _ = done.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(offset: u64) -> Position {
        Position { partition: 0, offset }
    }

    #[test]
    fn an_append_is_done_only_when_every_record_is_and_in_the_callers_order() {
        let (done, mut outcome) = oneshot::channel();
        let batch = Batch::of(2, done);
        batch.report(1, Ok(at(7)));
        outcome.try_recv().unwrap_err();
        batch.report(0, Ok(at(9)));
        assert_eq!(outcome.try_recv().unwrap().unwrap(), [at(9), at(7)]);
    }

    #[test]
    fn an_append_fails_with_its_first_failed_record() {
        let (done, mut outcome) = oneshot::channel();
        let batch = Batch::of(2, done);
        batch.report(1, Err(Error::Unavailable("first".to_owned())));
        batch.report(0, Ok(at(1)));
        assert!(matches!(outcome.try_recv().unwrap(), Err(Error::Unavailable(why)) if why == "first"));
    }
}
