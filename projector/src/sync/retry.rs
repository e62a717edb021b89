//! When what failed is tried again, and with whom.

use super::queue::{Ended, Work};
use contact::UserId;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use runtime::backoff::Backoff;
use std::time::Duration;

/// How long it waits.
pub const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(60), jitter: 0.3 };

/// After so many attempts a batch is tried again in parts.
const TRIED_TOGETHER: u32 = 4;

/// So often it is halved: by then a full batch is one user each.
const HALVINGS_MAX: u32 = 12;

/// A user with whom something is done in HubSpot.
pub struct UnderWay {
    /// Who.
    pub user: UserId,
    attempts: u32,
    /// What the log has of the user, this process's last announcement too.
    revision: u64,
    /// One for those who are tried again together.
    seed: u64,
}

impl UnderWay {
    /// All of a batch.
    pub fn of(works: &[Work]) -> Vec<Self> {
        let first = works.first().map_or(0, |work| seed(work.user));
        let of_one = |work: &Work| {
            let Work { user, attempts, ref account, .. } = *work;
            Self { user, attempts, revision: account.revision(), seed: first ^ part(user, attempts) }
        };
        works.iter().map(of_one).collect()
    }

    /// The end where nothing is known, with a wait of so long at the least.
    pub fn retry(&self, least: Duration) -> Ended {
        Ended::Retry(wait(self.seed, self.attempts).max(least), self.revision)
    }

    /// The end where HubSpot did not take it.
    pub fn resisted(&self) -> Ended {
        Ended::Resisted(wait(self.seed, self.attempts), self.revision)
    }
}

/// What the waits of a user are drawn with.
pub const fn seed(user: UserId) -> u64 {
    user.as_u128() as u64
}

/// Which part of a batch that was tried in vain so often the user is tried again with: all of it at first, so that it is a full batch
/// again; then a half, a quarter, and so on: perhaps HubSpot fails on one of them, who should not keep the others.
const fn part(user: UserId, attempts: u32) -> u64 {
    let halvings = attempts.saturating_sub(TRIED_TOGETHER);
    let halvings = if halvings < HALVINGS_MAX { halvings } else { HALVINGS_MAX };
    (seed(user) & ((1 << halvings) - 1)) << u32::BITS
}

/// The wait after so many attempts before the one that failed.
pub fn wait(seed: u64, attempts: u32) -> Duration {
    let waits = BACKOFF.waits(SmallRng::seed_from_u64(seed ^ u64::from(attempts)));
    waits.take(1 + attempts.min(16) as usize).last().unwrap_or(BACKOFF.cap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// How many waits a full batch gets that failed after so many attempts, and the longest of them.
    fn parts(attempts: u32) -> (usize, Duration) {
        let user = |n: u32| UserId::from_u128(n.into());
        let under_way = |n| UnderWay { user: user(n), attempts, revision: 0, seed: 7 ^ part(user(n), attempts) };
        let waits: BTreeSet<_> = (1..=100).map(under_way).map(|each| wait(each.seed, each.attempts)).collect();
        (waits.len(), waits.last().copied().unwrap_or_default())
    }

    #[test]
    fn a_batch_that_failed_is_tried_again_as_one_and_in_ever_smaller_parts_where_that_fails_time_and_again() {
        assert!((0..=TRIED_TOGETHER).all(|attempts| parts(attempts).0 == 1));
        assert_eq!((parts(TRIED_TOGETHER + 1).0, parts(TRIED_TOGETHER + 2).0), (2, 4));
        assert!(parts(TRIED_TOGETHER + HALVINGS_MAX).0 > 95 && parts(u32::MAX).0 > 95);
        assert!(parts(u32::MAX).1 <= BACKOFF.cap);
    }
}
