//! Judges a run from its evidence alone: the log, and the history of HubSpot. It has a fold of its own, naive and over the
//! whole history, and shares no code with the projector or its rules.
//!
//! | Invariant | What is checked |
//! | --- | --- |
//! | INV-06 | at rest HubSpot shows what the log says, in all properties of ours; nobody takes another's place on a contact |
//! | INV-08 | no second live contact is ever created for a user |
//! | INV-09 | no property goes back to an older value |
//! | INV-10 | a deleted contact comes back for a message or follow after the deletion, and only then |
//! | INV-11 | nobody becomes a contact by what makes none |
//! | INV-16 | nothing is written but the seven properties, and the e-mail address at creation |
//! | INV-17 | at rest, and in a replay, nothing is written |
//! | INV-23 | HubSpot's limits and waits are kept |
//! | INV-24 | after the last fault everything comes to rest |
//! | R9 | only differences are written |

mod chronicle;
mod fold;
mod rest;
mod writes;

use eventlog::Record;
use sandbox::hubspot::{Actor, Contact, Fact, RecordId};

/// All that is known of a run.
pub struct Evidence {
    /// Does a friend of the second account get a contact by acting? One of the first does.
    pub second_creates: bool,
    /// The log in the order of appending; each record with the number of facts that HubSpot's history then held.
    pub entries: Vec<(Record, u64)>,
    /// HubSpot's history: number, time, fact.
    pub facts: Vec<(u64, i64, Fact)>,
    /// Contacts whose values a person changed, each with the number of the first fact afterwards.
    pub touched: Vec<(u64, RecordId)>,
    /// All contacts at the end.
    pub contacts: Vec<Contact>,
    /// Did everything come to rest?
    pub rested: bool,
    /// Writes while at rest.
    pub writes_at_rest: usize,
    /// Calls made before a wait was over.
    pub early_calls: u64,
    /// Calls beyond the limits.
    pub calls_beyond: u64,
    /// The replays afterwards.
    pub replays: Vec<Replay>,
}

/// A replay of the whole log.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Of which kind.
    pub name: &'static str,
    /// Did it come to rest?
    pub rested: bool,
    /// Calls of HubSpot.
    pub calls: u64,
    /// Look-ups of LINE's profiles.
    pub lookups: u64,
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which rule is broken.
    pub rule: &'static str,
    /// How.
    pub detail: String,
}

impl Violation {
    fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.rule, self.detail)
    }
}

/// Did the API write something with this?
pub fn is_write(fact: &Fact) -> bool {
    matches!(fact, Fact::Created { by: Actor::Api, .. } | Fact::Written { by: Actor::Api, .. })
}

/// Everything that is wrong.
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    let history = fold::History::of(&evidence.entries);
    let mut violations = Vec::new();
    let chronicle = chronicle::Chronicle::follow(evidence, &history, &mut violations);
    writes::check(evidence, &history, &mut violations);
    if evidence.rested {
        rest::check(evidence, &history, &chronicle, &mut violations);
    } else {
        violations.push(Violation::new("INV-24", "it never came to rest"));
    }
    check_quiet(evidence, &mut violations);
    violations
}

fn check_quiet(evidence: &Evidence, violations: &mut Vec<Violation>) {
    if evidence.writes_at_rest > 0 {
        violations.push(Violation::new("INV-17", format!("{} writes at rest", evidence.writes_at_rest)));
    }
    for replay in evidence.replays.iter().filter(|replay| !replay.rested || replay.calls > 0 || replay.lookups > 0) {
        violations.push(Violation::new("INV-17", format!("{replay:?}")));
    }
    if evidence.early_calls > 0 {
        violations.push(Violation::new("INV-23", format!("{} calls before a wait was over", evidence.early_calls)));
    }
    if evidence.calls_beyond > 0 {
        violations.push(Violation::new("INV-23", format!("{} calls beyond the limits", evidence.calls_beyond)));
    }
}
