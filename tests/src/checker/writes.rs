//! Each write: only what is ours, only what differs, never an older value than before, nothing in another user's place.

use super::fold::{self, Happening, History};
use super::{Evidence, Violation};
use sandbox::hubspot::{Actor, Fact, RecordId};
use schemas::{ContactLink, HubspotContact};
use std::collections::BTreeMap;

/// Whoever appends to the log knows within this time that it is there.
const HEARD_WITHIN_MS: i64 = 60_000;

/// A property's values, from which fact of HubSpot's history on and in what order the log had them.
type Versions = Vec<(u64, String)>;

/// The versions of each user's properties, and how far HubSpot has come with each.
struct Progress<'a> {
    history: &'a History,
    versions: BTreeMap<&'a str, BTreeMap<String, Versions>>,
    reached: BTreeMap<(String, String), usize>,
    owner: BTreeMap<RecordId, String>,
    /// Whom each contact shows, by the name of the property.
    shown: BTreeMap<RecordId, BTreeMap<String, String>>,
}

/// Checks all of them.
pub fn check(evidence: &Evidence, history: &History, violations: &mut Vec<Violation>) {
    let of_user = |(user, happenings): (&'_ String, &Vec<Happening>)| versions(user, happenings);
    let versions =
        history.users.iter().map(|(user, happenings)| (user.as_str(), of_user((user, happenings)))).collect();
    let (reached, owner, shown) = Default::default();
    let mut progress = Progress { history, versions, reached, owner, shown };
    for (number, at_ms, fact) in &evidence.facts {
        progress.step(*number, *at_ms, fact, violations);
    }
}

/// All values that each property ever was to have, in the order in which the log gave cause for them.
fn versions(user: &str, happenings: &[Happening]) -> BTreeMap<String, Versions> {
    let nothing = || vec![(0, String::new())];
    let mut versions: BTreeMap<String, Versions> = fold::names().map(|name| (name, nothing())).collect();
    for end in 1..=happenings.len() {
        let facts = happenings[end - 1].facts;
        let wanted = fold::wanted(user, &happenings[..end]);
        for (name, known) in &mut versions {
            if !wanted.contains_key(name) && known.last().is_some_and(|(_, value)| !value.is_empty()) {
                known.push((facts, String::new()));
            }
        }
        for (name, value) in wanted {
            let known = versions.entry(name).or_insert_with(nothing);
            if known.last().is_none_or(|(_, newest)| *newest != value) {
                known.push((facts, value));
            }
        }
    }
    versions
}

impl Progress<'_> {
    fn step(&mut self, number: u64, at_ms: i64, fact: &Fact, violations: &mut Vec<Violation>) {
        match fact {
            Fact::Created { id, by, properties } => {
                self.show(*id, properties);
                let ids = ["line_user_id_2", "line_user_id_1"];
                let Some(user) = ids.into_iter().find_map(|name| properties.get(name)).cloned() else { return };
                if *by == Actor::Api {
                    self.written(number, &user, properties, true, violations);
                }
                self.owner.insert(*id, user);
            }
            Fact::Written { id, by: Actor::Api, properties, .. } => {
                let Some(owner) = self.owner.get(id).cloned() else {
                    violations.push(Violation::new("INV-16", format!("a contact of nobody was written: {id}")));
                    return;
                };
                violations.extend(self.taken(*id, properties));
                self.show(*id, properties);
                for (user, properties) in self.by_user(*id, &owner, properties) {
                    self.written(number, &user, &properties, false, violations);
                    violations.extend(self.repeated(at_ms, &user, &properties));
                }
            }
            Fact::Written { id, properties, .. } => self.show(*id, properties),
            Fact::Merged { primary, other, into, .. } => {
                let owner = self.owner.get(primary).or_else(|| self.owner.get(other)).cloned();
                self.owner.extend(owner.map(|owner| (*into, owner)));
                let [primary, mut shown] = [primary, other].map(|id| self.shown.remove(id).unwrap_or_default());
                shown.extend(primary);
                self.shown.insert(*into, shown);
            }
            _ => {}
        }
    }

    fn show(&mut self, id: RecordId, properties: &BTreeMap<String, String>) {
        let ids = properties.iter().filter(|(name, _)| fold::user_id_beside(name) == **name);
        self.shown.entry(id).or_default().extend(ids.map(|(name, user)| (name.clone(), user.clone())));
    }

    /// Whom a contact shows to an account is changed only to the user whose contact it was before others were merged with it.
    fn taken(&self, id: RecordId, properties: &BTreeMap<String, String>) -> Option<Violation> {
        let shown = self.shown.get(&id)?;
        let is_taken = |(name, user): &(&String, &String)| {
            shown.get(*name).is_some_and(|before| !before.is_empty() && before != *user)
                && self.owner.get(&id) != Some(*user)
        };
        let (name, user) = properties.iter().find(is_taken)?;
        Some(Violation::new("INV-06", format!("{name} of {id} was taken from another by {user}")))
    }

    /// The properties by whose they are.
    fn by_user(
        &self,
        id: RecordId,
        owner: &str,
        properties: &BTreeMap<String, String>,
    ) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut by_user: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (name, value) in properties {
            let shown = self.shown.get(&id).and_then(|shown| shown.get(&fold::user_id_beside(name)));
            let user = shown.filter(|user| !user.is_empty()).map_or(owner, |user| user);
            by_user.entry(user.to_owned()).or_default().insert(name.clone(), value.clone());
        }
        by_user
    }

    fn written(
        &mut self,
        number: u64,
        user: &str,
        properties: &BTreeMap<String, String>,
        creation: bool,
        violations: &mut Vec<Violation>,
    ) {
        for (name, value) in properties {
            let is_address = creation && name == "email" && *value == fold::address(user);
            if is_address {
                continue;
            }
            if !fold::is_ours(name) {
                violations.push(Violation::new("INV-16", format!("{name} of {user} was written: {value}")));
                continue;
            }
            // Whether somebody waits for an answer hangs on two topics, which may be read in any order.
            if !name.starts_with("line_unanswered") {
                violations.extend(self.advance(number, user, name, &fold::plain(name, value)));
            }
        }
    }

    /// The earliest version that this can be, and that is not before the last one written.
    fn advance(&mut self, number: u64, user: &str, name: &str, value: &str) -> Option<Violation> {
        let place = (user.to_owned(), name.to_owned());
        let reached = self.reached.get(&place).copied().unwrap_or(0);
        let versions =
            self.versions.get(user).and_then(|properties| properties.get(name)).map_or(&[][..], Vec::as_slice);
        let mut known = versions.iter().enumerate().take_while(|(_, (facts, _))| *facts <= number);
        match known.find(|(version, (_, known))| *version >= reached && known == value) {
            Some((version, _)) => {
                self.reached.insert(place, version);
                None
            }
            None => Some(Violation::new(
                "INV-09",
                format!("{name} of {user} became {value:?}, which is no version from {reached} on of {versions:?}"),
            )),
        }
    }

    /// A value that the log had long said HubSpot has. The process may not have heard that the log took it a moment ago.
    fn repeated(&self, at_ms: i64, user: &str, properties: &BTreeMap<String, String>) -> Option<Violation> {
        let before = self.history.confirmed(user, at_ms - HEARD_WITHIN_MS)?;
        let now = self.history.confirmed(user, at_ms)?;
        if !matches!(now.link, ContactLink::Live { .. }) {
            return None;
        }
        let is_known = |name: &String, value: &String| {
            let value = fold::plain(name, value);
            let holds = |confirmed: &&HubspotContact| {
                confirmed.values.get(name) == Some(&value) && !confirmed.in_doubt.contains(name)
            };
            [before, now].iter().all(holds)
        };
        let (name, _) = properties.iter().find(|(name, value)| is_known(name, value))?;
        Some(Violation::new("R9", format!("{name} of {user} was written although it was known to be so")))
    }
}
