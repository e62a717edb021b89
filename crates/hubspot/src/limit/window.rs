//! A sliding window: at most so many calls within any span of the given length.

use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Unlike a bucket of tokens, which lets up to two buckets through within one span, this keeps the bound in every span.
#[derive(Debug)]
pub(super) struct Window {
    max: usize,
    span: Duration,
    /// When the calls were made that still count, ascending.
    taken: VecDeque<Instant>,
}

impl Window {
    /// At most `max` calls, but at least one, within any `span`.
    pub(super) fn new(max: usize, span: Duration) -> Self {
        Self { max: max.max(1), span, taken: VecDeque::new() }
    }

    /// From now on another bound. Calls made keep counting.
    pub(super) fn resize(&mut self, max: usize, span: Duration) {
        self.max = max.max(1);
        self.span = span;
    }

    /// When the next call may be made: now, or later.
    pub(super) fn free_at(&mut self, now: Instant) -> Instant {
        self.forget(now);
        let before_last = self.taken.len().checked_sub(self.max).and_then(|place| self.taken.get(place));
        before_last.map_or(now, |taken| (*taken + self.span).max(now))
    }

    /// A call is made.
    pub(super) fn take(&mut self, now: Instant) {
        self.taken.push_back(now);
    }

    /// How many calls may be made now.
    pub(super) fn left(&mut self, now: Instant) -> usize {
        self.max.saturating_sub(self.taken(now))
    }

    /// How many calls were made within the span that ends now.
    pub(super) fn taken(&mut self, now: Instant) -> usize {
        self.forget(now);
        self.taken.len()
    }

    /// The bound.
    pub(super) const fn max(&self) -> usize {
        self.max
    }

    /// The span.
    pub(super) const fn span(&self) -> Duration {
        self.span
    }

    fn forget(&mut self, now: Instant) {
        while self.taken.front().is_some_and(|taken| *taken + self.span <= now) {
            self.taken.pop_front();
        }
    }
}
