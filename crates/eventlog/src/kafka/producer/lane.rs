//! The way of one partition's records to Kafka: in waves, one under way at a time.
//!
//! While five or more records of a partition are unconfirmed, librdkafka's idempotent producer sends no more of it; and once
//! some have waited for longer than `linger.ms`, it asks its socket and the clock without a pause whether it may. So they are
//! not given to it before: what comes while a wave is under way waits here, and goes when the whole wave was reported.

use std::time::{Duration, Instant};

/// The records of one partition that are under way, and those that wait.
#[derive(Debug)]
pub(super) struct Lane<R> {
    /// Given to librdkafka and not reported yet.
    under_way: usize,
    /// Was Kafka away for a record of the wave under way?
    is_away: bool,
    /// Until then librdkafka keeps the wave back, waiting for company; none once that is known to be over.
    open_until: Option<Instant>,
    waiting: Vec<R>,
}

/// What a report calls for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<R> {
    /// Nothing: the wave is not over, or nobody waits.
    Nothing,
    /// These are the next wave.
    Send(Vec<R>),
    /// Kafka was away for the wave before, and these would wait as long for the same end.
    Fail(Vec<R>),
}

impl<R> Default for Lane<R> {
    fn default() -> Self {
        Self { under_way: 0, is_away: false, open_until: None, waiting: Vec::new() }
    }
}

impl<R> Lane<R> {
    /// A record comes. It is returned if it belongs to a wave that may be joined, or is the first of one; else it waits.
    /// `company` is how long a wave is open to others after its first record. The time is asked for where it matters.
    pub(super) fn admit(&mut self, record: R, now: impl FnOnce() -> Instant, company: Duration) -> Option<R> {
        if self.under_way == 0 {
            self.begin(now(), company);
        } else if !self.is_open(now) {
            self.waiting.push(record);
            return None;
        }
        self.under_way += 1;
        Some(record)
    }

    /// A record that was to be sent was not given to librdkafka.
    pub(super) fn withdraw(&mut self) {
        self.under_way -= 1;
    }

    /// A record of the wave under way was reported, with Kafka being away or in another way. Those to be sent count as under
    /// way.
    pub(super) fn reported(&mut self, is_away: bool, now: impl FnOnce() -> Instant, company: Duration) -> Next<R> {
        self.under_way -= 1;
        self.is_away |= is_away;
        if self.under_way > 0 {
            return Next::Nothing;
        }
        let was_away = std::mem::take(&mut self.is_away);
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Next::Nothing;
        }
        if was_away {
            return Next::Fail(waiting);
        }
        self.begin(now(), company);
        self.under_way = waiting.len();
        Next::Send(waiting)
    }

    fn begin(&mut self, now: Instant, company: Duration) {
        self.open_until = now.checked_add(company);
    }

    fn is_open(&mut self, now: impl FnOnce() -> Instant) -> bool {
        self.open_until.take_if(|until| now() >= *until);
        self.open_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPANY: Duration = Duration::from_millis(5);

    /// A clock that stands still, so much later.
    fn clock(now: Instant, later: Duration) -> impl Fn() -> Instant + Copy {
        move || now + later
    }

    #[test]
    fn records_join_a_wave_only_while_it_is_open() {
        let (mut lane, now) = (Lane::default(), clock(Instant::now(), Duration::ZERO));
        assert_eq!(lane.admit(1, now, COMPANY), Some(1));
        assert_eq!(lane.admit(2, now, COMPANY), Some(2));
        assert_eq!(lane.admit(3, clock(now(), COMPANY), COMPANY), None);
    }

    #[test]
    fn what_waits_goes_in_its_order_when_the_whole_wave_was_reported() {
        let (mut lane, now) = (Lane::default(), clock(Instant::now(), Duration::ZERO));
        lane.admit(1, now, COMPANY);
        lane.admit(2, now, COMPANY);
        lane.admit(3, clock(now(), COMPANY), COMPANY);
        lane.admit(4, clock(now(), COMPANY), COMPANY);
        assert_eq!(lane.reported(false, now, COMPANY), Next::Nothing);
        assert_eq!(lane.reported(false, now, COMPANY), Next::Send(vec![3, 4]));
        // The new wave is open, and has to be reported as the first had.
        assert_eq!(lane.admit(5, now, COMPANY), Some(5));
        assert_eq!(lane.admit(6, clock(now(), COMPANY), COMPANY), None);
        assert_eq!(lane.reported(false, now, COMPANY), Next::Nothing);
        assert_eq!(lane.reported(false, now, COMPANY), Next::Nothing);
        assert_eq!(lane.reported(false, now, COMPANY), Next::Send(vec![6]));
        assert_eq!(lane.reported(false, now, COMPANY), Next::Nothing);
        assert_eq!(lane.admit(7, clock(now(), COMPANY), COMPANY), Some(7));
    }

    #[test]
    fn what_waits_behind_a_wave_that_found_kafka_away_fails_with_it_and_the_next_record_is_sent() {
        let (mut lane, now) = (Lane::default(), clock(Instant::now(), Duration::ZERO));
        lane.admit(1, now, COMPANY);
        lane.admit(2, now, COMPANY);
        lane.admit(3, clock(now(), COMPANY), COMPANY);
        assert_eq!(lane.reported(true, now, COMPANY), Next::Nothing);
        assert_eq!(lane.reported(false, now, COMPANY), Next::Fail(vec![3]));
        assert_eq!(lane.admit(4, clock(now(), COMPANY), COMPANY), Some(4));
        lane.admit(5, clock(now(), 2 * COMPANY), COMPANY);
        assert_eq!(lane.reported(false, now, COMPANY), Next::Send(vec![5]));
    }

    #[test]
    fn a_record_that_librdkafka_did_not_take_keeps_nobody_waiting() {
        let (mut lane, now) = (Lane::default(), clock(Instant::now(), Duration::ZERO));
        lane.admit(1, now, COMPANY);
        lane.withdraw();
        assert_eq!(lane.admit(2, clock(now(), COMPANY), COMPANY), Some(2));
    }

    #[test]
    fn without_a_linger_every_further_record_waits_for_the_first() {
        let (mut lane, now) = (Lane::default(), clock(Instant::now(), Duration::ZERO));
        assert_eq!(lane.admit(1, now, Duration::ZERO), Some(1));
        assert_eq!(lane.admit(2, now, Duration::ZERO), None);
    }
}
