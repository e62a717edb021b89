//! Rate limits: how many calls fit into a window.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How calls within a window are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A token bucket: full at the start, refilled evenly.
    #[default]
    Bucket,
    /// At most the maximum in any stretch of one window's length.
    Rolling,
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Calls per window.
    pub max: u32,
    /// Length of the window in milliseconds.
    pub window_ms: u32,
    /// How they are counted.
    #[serde(default)]
    pub shape: Shape,
}

impl Limit {
    /// A token bucket of `max` calls per `window_ms`.
    pub const fn bucket(max: u32, window_ms: u32) -> Self {
        Self { max, window_ms, shape: Shape::Bucket }
    }

    /// At most `max` calls in any `window_ms`.
    pub const fn rolling(max: u32, window_ms: u32) -> Self {
        Self { max, window_ms, shape: Shape::Rolling }
    }
}

/// Counts calls against a [`Limit`].
#[derive(Clone, Debug)]
pub struct Meter {
    limit: Limit,
    /// Bucket: tokens times window length, so that refilling stays exact.
    credit: u64,
    refilled_ms: i64,
    /// Rolling: when the calls within the window were made.
    taken: VecDeque<i64>,
}

impl Meter {
    /// A meter with nothing counted yet.
    pub fn new(limit: Limit) -> Self {
        let credit = u64::from(limit.max) * u64::from(limit.window_ms);
        Self { limit, credit, refilled_ms: i64::MIN, taken: VecDeque::new() }
    }

    /// The limit it counts against.
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Calls that would be let through now.
    pub fn remaining(&mut self, now_ms: i64) -> u32 {
        self.pass(now_ms);
        let left = match self.limit.shape {
            Shape::Bucket => self.credit / u64::from(self.limit.window_ms.max(1)),
            Shape::Rolling => u64::from(self.limit.max).saturating_sub(self.taken.len() as u64),
        };
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// Counts one call if it fits.
    pub fn take(&mut self, now_ms: i64) -> bool {
        if self.remaining(now_ms) == 0 {
            return false;
        }
        match self.limit.shape {
            Shape::Bucket => self.credit -= u64::from(self.limit.window_ms.max(1)),
            Shape::Rolling => self.taken.push_back(now_ms),
        }
        true
    }

    fn pass(&mut self, now_ms: i64) {
        let full = u64::from(self.limit.max) * u64::from(self.limit.window_ms);
        let elapsed = u64::try_from(now_ms.saturating_sub(self.refilled_ms)).unwrap_or_default();
        self.credit = self.credit.saturating_add(elapsed.saturating_mul(u64::from(self.limit.max))).min(full);
        self.refilled_ms = self.refilled_ms.max(now_ms);
        let horizon = now_ms - i64::from(self.limit.window_ms);
        while self.taken.front().is_some_and(|at_ms| *at_ms <= horizon) {
            self.taken.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_starts_full_and_refills_evenly() {
        let mut meter = Meter::new(Limit::bucket(100, 10_000));
        assert_eq!((0..150).filter(|_| meter.take(5_000)).count(), 100);
        assert!(!meter.take(5_099));
        assert!(meter.take(5_100));
        assert_eq!(meter.remaining(10_100), 50);
        assert_eq!(meter.remaining(1_000_000), 100);
    }

    #[test]
    fn a_rolling_window_never_lets_more_through_than_its_maximum() {
        let mut meter = Meter::new(Limit::rolling(5, 1_000));
        let passed: Vec<i64> = (0..10_000).filter(|now| meter.take(*now)).collect();
        assert!(passed.windows(6).all(|six| six[5] - six[0] >= 1_000));
        assert_eq!(passed.len(), 50);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let mut meter = Meter::new(Limit::bucket(1, 1_000));
        assert!(meter.take(10_000));
        assert!(!meter.take(0));
        assert!(!meter.take(10_500));
        assert!(meter.take(11_000));
    }
}
