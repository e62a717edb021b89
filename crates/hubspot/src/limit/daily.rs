//! The day's calls, which all apps of a portal share.

use std::time::Duration;
use tokio::time::Instant;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the day is taken to be used up where nobody knows when it ends.
const UNKNOWN_RESET: Duration = Duration::from_secs(15 * 60);

/// A day that began here so short a time ago may not have begun there: clocks differ, and HubSpot's count can turn late.
const BEGINNING: Duration = Duration::from_secs(2 * 60 * 60);

/// What HubSpot told about the day, until the day is over.
#[derive(Debug, Default)]
pub(super) struct Daily {
    told: Option<Told>,
    utc_offset_ms: Option<i64>,
    resets_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    limit: u64,
    left: u64,
    until: Instant,
}

impl Daily {
    pub(super) fn know_utc_offset(&mut self, utc_offset_ms: i64) {
        self.utc_offset_ms = (utc_offset_ms.abs() < DAY_MS).then_some(utc_offset_ms);
    }

    pub(super) fn know_reset(&mut self, resets_at_ms: i64) {
        self.resets_at_ms = Some(resets_at_ms);
    }

    pub(super) fn tell(&mut self, limit: u64, left: u64, now: Instant, now_ms: i64) {
        self.told = Some(Told { limit, left, until: now + self.until_reset(now_ms) });
    }

    /// Until the reset that HubSpot named, else the portal's next midnight; a while where nobody knows, or where that is almost a
    /// day away.
    pub(super) fn until_reset(&self, now_ms: i64) -> Duration {
        let named = self.resets_at_ms.filter(|at| *at > now_ms && *at - now_ms <= DAY_MS);
        let midnight = || self.utc_offset_ms.map(|offset_ms| next_midnight_ms(now_ms, offset_ms));
        let reset = named.or_else(midnight).and_then(|at| u64::try_from(at - now_ms).ok());
        let latest = DAY.saturating_sub(BEGINNING);
        reset.map(Duration::from_millis).filter(|left| *left <= latest).unwrap_or(UNKNOWN_RESET)
    }

    /// Allowed and left, as far as it still holds.
    pub(super) fn known(&self, now: Instant) -> Option<(u64, u64)> {
        self.told.filter(|told| told.until > now).map(|told| (told.limit, told.left))
    }

    /// Until when backfill must leave what is left to fresh changes.
    pub(super) fn reserved_until(&self, reserve_percent: u64, now: Instant) -> Option<Instant> {
        let told = self.told.filter(|told| told.until > now)?;
        (told.left <= told.limit.saturating_mul(reserve_percent) / 100).then_some(told.until)
    }
}

/// A day on which the clocks change ends an hour off, which costs an hour's wait or a few refused calls.
fn next_midnight_ms(now_ms: i64, utc_offset_ms: i64) -> i64 {
    let local_ms = now_ms.saturating_add(utc_offset_ms);
    (local_ms.div_euclid(DAY_MS) + 1).saturating_mul(DAY_MS).saturating_sub(utc_offset_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_UTC_MS: i64 = 1_792_411_200_000;

    #[test]
    fn the_day_ends_at_the_portals_midnight() {
        let mut daily = Daily::default();
        daily.know_utc_offset(9 * 60 * 60 * 1000);
        assert_eq!(NOON_UTC_MS % DAY_MS, DAY_MS / 2);
        assert_eq!(daily.until_reset(NOON_UTC_MS), Duration::from_secs(3 * 60 * 60));
        daily.know_utc_offset(-5 * 60 * 60 * 1000);
        assert_eq!(daily.until_reset(NOON_UTC_MS), Duration::from_secs(17 * 60 * 60));
    }

    #[test]
    fn a_reset_that_hubspot_named_holds_over_midnight_until_it_is_past() {
        let mut daily = Daily::default();
        daily.know_utc_offset(0);
        daily.know_reset(NOON_UTC_MS + 1_000);
        assert_eq!(daily.until_reset(NOON_UTC_MS), Duration::from_secs(1));
        assert_eq!(daily.until_reset(NOON_UTC_MS + 1_000), Duration::from_secs(12 * 60 * 60 - 1));
    }

    #[test]
    fn a_day_that_is_used_up_when_it_has_just_begun_is_tried_again_soon() {
        let mut daily = Daily::default();
        daily.know_utc_offset(12 * 60 * 60 * 1000 + 100);
        assert_eq!(daily.until_reset(NOON_UTC_MS), Duration::from_secs(900));
        daily.know_reset(NOON_UTC_MS + DAY_MS - 100);
        assert_eq!(daily.until_reset(NOON_UTC_MS), Duration::from_secs(900));
    }

    #[test]
    fn where_nobody_knows_the_time_zone_the_day_is_tried_again_every_quarter_of_an_hour() {
        assert_eq!(Daily::default().until_reset(NOON_UTC_MS), Duration::from_secs(900));
    }
}
