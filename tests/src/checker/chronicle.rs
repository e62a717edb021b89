//! Follows HubSpot's history fact by fact: whose contact is which, who deleted it, what was created when.

use super::fold::{Happening, History};
use super::{Evidence, Violation};
use sandbox::hubspot::{Actor, Fact, RecordId};
use std::collections::{BTreeMap, BTreeSet};

/// What happened in HubSpot so short a time before a call may be missed by it: search lags, and calls take their time.
const MISSED_MS: i64 = 60_000;

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
    /// Users whose contact took in that of another user, and shows values of both.
    pub mixed: BTreeSet<String>,
    /// Contacts that a person brought back, and when.
    restored: BTreeMap<RecordId, i64>,
    /// When they had been deleted.
    deleted_before: BTreeMap<RecordId, i64>,
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
            Fact::Restored { id, .. } => {
                self.deleted_before.extend(self.deleted.remove(id).map(|deleted_ms| (*id, deleted_ms)));
                self.restored.insert(*id, at_ms);
            }
            Fact::Merged { primary, other, into, .. } => {
                let (kept, lost) = (self.owner.get(primary).cloned(), self.owner.get(other).cloned());
                if let (Some(kept), Some(lost)) = (&kept, &lost)
                    && kept != lost
                {
                    self.swallowed.insert(lost.clone());
                    self.mixed.insert(kept.clone());
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
        if live.iter().any(|id| self.could_be_known(*id, user, at_ms)) {
            return Some(Violation::new("INV-08", format!("a second contact of {user} beside {live:?}")));
        }
        if !seen.iter().any(|happening| creates(happening) && happening.makes_contact()) {
            return Some(Violation::new("INV-11", format!("{user} became a contact without having acted")));
        }
        let deleted_ms = self.known_deletion_ms(user, at_ms)?;
        let back = seen.iter().any(|each| creates(each) && each.brings_back() && each.time_ms > deleted_ms);
        (!back).then(|| Violation::new("INV-10", format!("{user}, deleted at {deleted_ms}, came back for nothing")))
    }

    /// What a person made or restored a moment ago may be missed; and of all that was ever deleted only the last contact is
    /// looked for again.
    fn could_be_known(&self, id: RecordId, user: &str, at_ms: i64) -> bool {
        let by_person_ms = self.by_people.get(&id).max(self.restored.get(&id));
        let settled = by_person_ms.is_none_or(|person_ms| at_ms - person_ms > MISSED_MS);
        let newer = self.owner.iter().any(|(other, owner)| *other > id && owner == user);
        settled && !(newer && self.restored.contains_key(&id))
    }

    /// The user's live contacts.
    pub fn live(&self, user: &str) -> impl Iterator<Item = RecordId> {
        let of_user = self.owner.iter().filter(move |(_, owner)| *owner == user).map(|(id, _)| *id);
        of_user.filter(|id| !self.deleted.contains_key(id) && !self.merged.contains(id))
    }

    /// When the last of the user's contacts was deleted, as far as that could be known: of one that was restored and deleted again,
    /// the second deletion may be missed like the restoration.
    fn known_deletion_ms(&self, user: &str, at_ms: i64) -> Option<i64> {
        let of_user = self.deleted.iter().filter(|(id, _)| self.owner.get(id).is_some_and(|owner| owner == user));
        let known = |(id, deleted_ms): (&RecordId, &i64)| match self.deleted_before.get(id) {
            Some(before_ms) if !self.could_be_known(*id, user, at_ms) => *before_ms,
            _ => *deleted_ms,
        };
        of_user.map(known).max()
    }
}

/// What the log held of a user by then.
fn seen<'a>(history: &'a History, user: &str, facts: u64) -> Vec<&'a Happening> {
    let all = history.users.get(user).map_or(&[][..], Vec::as_slice);
    all.iter().filter(|happening| happening.facts <= facts).collect()
}
