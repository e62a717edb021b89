//! When a call may be sent: one bucket per channel and endpoint, so that LINE never has to refuse for the rate.

use super::endpoint::{Endpoint, Limit};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A call that could not be sent within this time is refused instead of kept waiting.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The buckets of all channels.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<(Box<str>, Endpoint), Bucket>>);

impl Pace {
    /// Takes a place for one call and says when it may be sent. The error is how long to stay away.
    ///
    /// # Errors
    /// When the place would come later than a caller should wait; then none is taken.
    pub fn admit(&self, channel_id: &str, endpoint: Endpoint, now: Instant) -> Result<Instant, Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((channel_id.into(), endpoint)).or_insert(Bucket { full_at: now });
        bucket.admit(endpoint.limit(), now)
    }
}

/// A bucket of calls that refills evenly, told by the moment at which it will be full.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    fn admit(&mut self, limit: Limit, now: Instant) -> Result<Instant, Duration> {
        let full_at = self.full_at.max(now) + limit.within / limit.calls;
        let at = full_at.checked_sub(limit.within).map_or(now, |at| at.max(now));
        let wait = at - now;
        if wait > LONGEST_WAIT {
            return Err(wait);
        }
        self.full_at = full_at;
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn calls_within_the_limit_go_at_once_and_the_next_one_waits() {
        let (pace, now) = (Pace::default(), Instant::now());
        for _ in 0..2_000 {
            assert_eq!(pace.admit("1", Endpoint::Profile, now), Ok(now));
        }
        assert_eq!(pace.admit("1", Endpoint::Profile, now), Ok(now + SECOND / 2_000));
    }

    #[test]
    fn channels_and_endpoints_have_buckets_of_their_own() {
        let (pace, now) = (Pace::default(), Instant::now());
        for _ in 0..60 {
            pace.admit("1", Endpoint::TestWebhook, now).unwrap();
        }
        assert!(pace.admit("1", Endpoint::TestWebhook, now).is_err());
        assert_eq!(pace.admit("2", Endpoint::TestWebhook, now), Ok(now));
        assert_eq!(pace.admit("1", Endpoint::GetWebhook, now), Ok(now));
    }

    #[test]
    fn a_call_that_would_wait_too_long_is_refused_and_takes_no_place() {
        let (pace, now) = (Pace::default(), Instant::now());
        for _ in 0..60 {
            pace.admit("1", Endpoint::TestWebhook, now).unwrap();
        }
        let minute = 60 * SECOND;
        assert_eq!(pace.admit("1", Endpoint::TestWebhook, now), Err(minute));
        assert_eq!(pace.admit("1", Endpoint::TestWebhook, now), Err(minute));
        assert_eq!(pace.admit("1", Endpoint::TestWebhook, now + minute), Ok(now + minute));
    }

    #[test]
    fn a_bucket_refills_and_never_above_its_size() {
        let (pace, start) = (Pace::default(), Instant::now());
        pace.admit("1", Endpoint::TestWebhook, start).unwrap();
        let now = start + 48 * 60 * 60 * SECOND;
        for _ in 0..60 {
            assert_eq!(pace.admit("1", Endpoint::TestWebhook, now), Ok(now));
        }
        assert!(pace.admit("1", Endpoint::TestWebhook, now).is_err());
    }
}
