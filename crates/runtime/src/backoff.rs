//! How long to wait before trying again: doubling, capped, spread by a generator that the caller passes in.

use rand::{Rng, RngExt};
use std::time::Duration;

/// A schedule of waits. Whether to try again is decided elsewhere; this only says when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first wait, before jitter.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
    /// How much of each wait is left to chance, 0 to 1: 0 waits exactly, 1 waits anything up to the whole.
    pub jitter: f64,
}

impl Backoff {
    /// The waits, without end. The same generator state gives the same waits.
    pub fn waits<R: Rng>(self, generator: R) -> Waits<R> {
        Waits { schedule: self, next: self.base.min(self.cap), generator }
    }
}

/// The waits of one [`Backoff`], one for each failed attempt.
#[derive(Debug)]
pub struct Waits<R> {
    schedule: Backoff,
    next: Duration,
    generator: R,
}

impl<R> Waits<R> {
    /// Begins again at the base: an attempt succeeded.
    pub fn reset(&mut self) {
        self.next = self.schedule.base.min(self.schedule.cap);
    }
}

impl<R: Rng> Iterator for Waits<R> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.schedule.cap);
        let chance: f64 = self.generator.random();
        Some(whole.mul_f64(1.0 - self.schedule.jitter.clamp(0.0, 1.0) * chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    fn backoff(jitter: f64) -> Backoff {
        Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(1), jitter }
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let waits: Vec<_> =
            backoff(0.0).waits(SmallRng::seed_from_u64(1)).take(6).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn a_success_begins_again_at_the_base() {
        let mut waits = backoff(0.0).waits(SmallRng::seed_from_u64(1));
        waits.by_ref().take(4).for_each(drop);
        waits.reset();
        assert_eq!(waits.next(), Some(Duration::from_millis(100)));
    }

    #[test]
    fn the_same_seed_gives_the_same_waits_and_another_gives_others() {
        let draw = |seed| backoff(1.0).waits(SmallRng::seed_from_u64(seed)).take(8).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    proptest! {
        #[test]
        fn a_wait_lies_between_the_sure_part_and_the_cap(seed: u64, jitter in 0.0..=1.0_f64, count in 1..80_usize) {
            let schedule = backoff(jitter);
            let mut whole = schedule.base;
            for wait in schedule.waits(SmallRng::seed_from_u64(seed)).take(count) {
                prop_assert!(wait <= whole && whole <= schedule.cap);
                prop_assert!(wait + Duration::from_nanos(1) >= whole.mul_f64(1.0 - jitter));
                whole = (whole * 2).min(schedule.cap);
            }
        }
    }
}
