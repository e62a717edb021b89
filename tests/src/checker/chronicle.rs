//! Follows HubSpot's history fact by fact: whose contact is which, who deleted it, what was created when.

use super::fold::{Happening, History};
use super::{Evidence, Violation};
use sandbox::hubspot::{Actor, Fact, RecordId};
use std::collections::{BTreeMap, BTreeSet};

/// Whose contacts there are, and were.
#[derive(Default)]
pub struct Chronicle {
    /// The user of each contact.
    pub owner: BTreeMap<RecordId, String>,
    /// Contacts in the recycle bin, with the time of their deletion.
    pub deleted: BTreeMap<RecordId, i64>,
    /// Contacts that became part of another one.
    pub merged: BTreeSet<RecordId>,
    /// Users whose contact was merged into that of another user.
    pub swallowed: BTreeSet<String>,
    /// Contacts that a person created.
    by_people: BTreeMap<RecordId, i64>,
}

impl Chronicle {
    /// Follows all of it, and notes each creation that should not have been.
    pub fn follow(evidence: &Evidence, history: &History, violations: &mut Vec<Violation>) -> Self {
        let mut chronicle = Self::default();
        for (number, at_ms, fact) in &evidence.facts {
            chronicle.step(evidence, history, *number, *at_ms, fact, violations);
        }
        chronicle
    }

    fn step(
        &mut self,
        evidence: &Evidence,
        history: &History,
        number: u64,
        at_ms: i64,
        fact: &Fact,
        violations: &mut Vec<Violation>,
    ) {
        match fact {
            Fact::Created { id, by, properties } => {
                let ids = ["line_user_id_2", "line_user_id_1"];
                let Some(user) = ids.into_iter().find_map(|name| properties.get(name)).cloned() else { return };
                match by {
                    Actor::Api => {
                        let seen: Vec<_> = seen(history, &user, number);
                        violations.extend(self.check_creation(evidence, &user, &seen, at_ms));
                    }
                    Actor::Person => drop(self.by_people.insert(*id, at_ms)),
                }
                self.owner.insert(*id, user);
            }
            Fact::Archived { id, .. } => drop(self.deleted.insert(*id, at_ms)),
            Fact::Restored { id, .. } => drop(self.deleted.remove(id)),
            Fact::Merged { primary, other, into, .. } => {
                let (kept, lost) = (self.owner.get(primary).cloned(), self.owner.get(other).cloned());
                if let (Some(kept), Some(lost)) = (&kept, &lost)
                    && kept != lost
                {
                    self.swallowed.insert(lost.clone());
                }
                self.merged.extend([*primary, *other].into_iter().filter(|id| id != into));
                if let Some(owner) = kept.or(lost) {
                    self.owner.insert(*into, owner);
                }
            }
            _ => {}
        }
    }

    fn check_creation(&self, evidence: &Evidence, user: &str, seen: &[&Happening], at_ms: i64) -> Option<Violation> {
        let creates = |happening: &Happening| happening.account == 1 || evidence.second_creates;
        let live: Vec<_> = self.live(user).collect();
        // What people made is found by search, which lags.
        let found = live.iter().any(|id| self.by_people.get(id).is_none_or(|made_ms| at_ms - made_ms > 60_000));
        if found {
            return Some(Violation::new("INV-08", format!("a second contact of {user} beside {live:?}")));
        }
        if !seen.iter().any(|happening| creates(happening) && happening.makes_contact()) {
            return Some(Violation::new("INV-11", format!("{user} became a contact without having acted")));
        }
        let deleted_ms = self.deleted_ms(user)?;
        let back = seen.iter().any(|each| creates(each) && each.brings_back() && each.time_ms > deleted_ms);
        (!back).then(|| Violation::new("INV-10", format!("{user}, deleted at {deleted_ms}, came back for nothing")))
    }

    /// The user's live contacts.
    pub fn live(&self, user: &str) -> impl Iterator<Item = RecordId> {
        let of_user = self.owner.iter().filter(move |(_, owner)| *owner == user).map(|(id, _)| *id);
        of_user.filter(|id| !self.deleted.contains_key(id) && !self.merged.contains(id))
    }

    /// When the last of the user's contacts was deleted.
    pub fn deleted_ms(&self, user: &str) -> Option<i64> {
        let of_user = self.deleted.iter().filter(|(id, _)| self.owner.get(id).is_some_and(|owner| owner == user));
        of_user.map(|(_, at_ms)| *at_ms).max()
    }
}

/// What the log held of a user by then.
fn seen<'a>(history: &'a History, user: &str, facts: u64) -> Vec<&'a Happening> {
    let all = history.users.get(user).map_or(&[][..], Vec::as_slice);
    all.iter().filter(|happening| happening.facts <= facts).collect()
}
