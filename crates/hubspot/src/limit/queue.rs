//! Who is next: within one kind and priority the first to come, between priorities fresh before backfill.

use super::{Kind, Priority};
use std::collections::VecDeque;

/// While both wait, backfill gets one place in so many.
pub(super) const BACKFILL_SHARE: usize = 8;

/// The calls that wait, by ticket.
#[derive(Debug, Default)]
pub(super) struct Queue {
    last: u64,
    lanes: [Lane; 4],
    fresh_in_a_row: usize,
}

#[derive(Debug, Default)]
struct Lane(VecDeque<u64>);

/// Kind and priority of each lane. Lanes are apart so that a search that has to wait does not hold up other calls.
const LANES: [(Kind, Priority); 4] = [
    (Kind::General, Priority::Fresh),
    (Kind::Search, Priority::Fresh),
    (Kind::General, Priority::Backfill),
    (Kind::Search, Priority::Backfill),
];

impl Queue {
    /// Joins; the ticket is higher than all before it.
    pub(super) fn enter(&mut self, kind: Kind, priority: Priority) -> u64 {
        self.last += 1;
        let ticket = self.last;
        for (lane, of) in self.lanes.iter_mut().zip(LANES) {
            if of == (kind, priority) {
                lane.0.push_back(ticket);
            }
        }
        ticket
    }

    /// Leaves, if it is there.
    pub(super) fn leave(&mut self, ticket: u64) {
        for lane in &mut self.lanes {
            lane.0.retain(|waiting| *waiting != ticket);
        }
    }

    /// The kind and priority of a call that is at the head of its lane.
    pub(super) fn heads(&self, ticket: u64) -> Option<(Kind, Priority)> {
        let mut lanes = self.lanes.iter().zip(LANES);
        lanes.find(|(lane, _)| lane.0.front() == Some(&ticket)).map(|(_, of)| of)
    }

    /// The kind and priority of a call that waits.
    pub(super) fn find(&self, ticket: u64) -> Option<(Kind, Priority)> {
        let mut lanes = self.lanes.iter().zip(LANES);
        lanes.find(|(lane, _)| lane.0.contains(&ticket)).map(|(_, of)| of)
    }

    /// Whose turn it is among the calls that may be made.
    pub(super) fn next(&self, mut may: impl FnMut(Kind, Priority) -> bool) -> Option<u64> {
        let mut first = |priority| {
            let lanes = self.lanes.iter().zip(LANES).filter(|(_, (_, of))| *of == priority);
            let heads = lanes.filter_map(|(lane, (kind, _))| lane.0.front().filter(|_| may(kind, priority)));
            heads.min().copied()
        };
        let (fresh, backfill) = (first(Priority::Fresh), first(Priority::Backfill));
        if self.fresh_in_a_row >= BACKFILL_SHARE - 1 { backfill.or(fresh) } else { fresh.or(backfill) }
    }

    /// The call is made.
    pub(super) fn serve(&mut self, ticket: u64, priority: Priority) {
        self.leave(ticket);
        self.fresh_in_a_row = match priority {
            Priority::Fresh if self.waiting(Priority::Backfill) > 0 => self.fresh_in_a_row.saturating_add(1),
            Priority::Fresh | Priority::Backfill => 0,
        };
    }

    /// How many wait.
    pub(super) fn waiting(&self, priority: Priority) -> usize {
        let lanes = self.lanes.iter().zip(LANES).filter(|(_, (_, of))| *of == priority);
        lanes.map(|(lane, _)| lane.0.len()).sum()
    }
}
