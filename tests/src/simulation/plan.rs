//! What a run is like: everything that the seed decides before anything happens.

use super::wrong::Wrong;
use sandbox::dice::Dice;

/// A run's size and its faults. Chances are per thousand.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What everything else is drawn from.
    pub seed: u64,
    /// LINE users.
    pub users: usize,
    /// Records that LINE's side brings into the log, duplicates and unusable ones among them.
    pub events: usize,
    /// How long they take to come, milliseconds.
    pub span_ms: u64,
    /// Of events that come hours late.
    pub late: u64,
    /// Of events that come again.
    pub duplicated: u64,
    /// That the process dies at an effect: before or after a flush, a call, an append, a look-up.
    pub crash: u64,
    /// That a crash takes the state stores along.
    pub stores_lost: u64,
    /// That a crash is followed by the return of older copies of the stores.
    pub stores_older: u64,
    /// That HubSpot does something else with a call than what was asked.
    pub call_faults: u64,
    /// That a call never leaves.
    pub calls_unsent: u64,
    /// That the log does not take records, or takes them and does not say so.
    pub append_faults: u64,
    /// That the log does not give records.
    pub poll_faults: u64,
    /// That a store cannot be written.
    pub flush_faults: u64,
    /// That a profile look-up fails or is refused.
    pub lookup_faults: u64,
    /// What people do in HubSpot.
    pub deeds: usize,
    /// How often the token expires, to be renewed minutes later.
    pub expiries: usize,
    /// May what a dead process had sent still arrive? Then its successor waits so long.
    pub strays: bool,
    /// Do people merge two LINE users? Then no administrator removes the property that tells the two apart.
    pub users_merged: bool,
    /// Does a merge keep the ID of one of the two?
    pub keep_primary_id: bool,
    /// Does a friend of the second account get a contact by acting?
    pub second_creates: bool,
    /// Were the properties there, with contacts of people, before the accounts were connected?
    pub existed: bool,
    /// A deliberate mistake, to see whether the checker notices.
    pub wrong: Option<Wrong>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "plan");
        let mut between = |least: u64, most: u64| least + dice.below(most - least + 1);
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            seed,
            users: size(between(5, 12)),
            events: size(between(300, 340)),
            span_ms: between(10, 90) * 60_000,
            late: between(20, 150),
            duplicated: between(50, 250),
            crash: between(0, 6),
            stores_lost: between(0, 300),
            stores_older: between(0, 300),
            call_faults: between(30, 150),
            calls_unsent: between(0, 30),
            append_faults: between(0, 40),
            poll_faults: between(0, 5),
            flush_faults: between(0, 3),
            lookup_faults: between(0, 400),
            deeds: size(between(6, 18)),
            expiries: size(between(0, 2)),
            strays: between(0, 1) == 1,
            users_merged: between(0, 1) == 1,
            keep_primary_id: between(0, 1) == 1,
            second_creates: between(0, 3) > 0,
            existed: between(0, 2) == 0,
            wrong: None,
        }
    }

    /// A long log that is synced without a fault, while people delete contacts, and do what else they do.
    pub fn synced(seed: u64, events: usize) -> Self {
        let none = Self {
            crash: 0,
            stores_lost: 0,
            stores_older: 0,
            call_faults: 0,
            calls_unsent: 0,
            append_faults: 0,
            poll_faults: 0,
            flush_faults: 0,
            lookup_faults: 0,
            expiries: 0,
            strays: false,
            ..Self::of(seed)
        };
        Self { users: (events / 50).max(10), events, span_ms: 6 * 3_600_000, duplicated: 100, deeds: 100, ..none }
    }

    /// The same with a deliberate mistake, and with more of the occasions on which it shows.
    pub fn with(self, wrong: Wrong) -> Self {
        let sharpened = match wrong {
            // What is in doubt is written again at once, mostly to what the stray would write, too: it takes much to happen.
            Wrong::NoTakeoverGrace => {
                let (users, events, span_ms) = (40, 3_000, 10 * 60_000);
                Self { users, events, span_ms, crash: 12, strays: true, stores_lost: 0, stores_older: 0, ..self }
            }
            Wrong::AnnouncementForgotten => Self { crash: 25, span_ms: 5 * 60_000, strays: true, ..self },
            Wrong::PresenceBelieved => Self { users: 40, deeds: 150, ..self },
            // Somebody has to be due when the process dies, and to be told nothing more afterwards.
            Wrong::PendingForgotten => Self { crash: 25, stores_lost: 0, stores_older: 0, ..self },
            _ => self,
        };
        Self { wrong: Some(wrong), ..sharpened }
    }

    /// Is this the mistake of the run?
    pub fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }
}
