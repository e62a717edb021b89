//! The end: does HubSpot show what the log says?

use super::chronicle::Chronicle;
use super::fold::{self, Happening, History};
use super::{Evidence, Violation};
use sandbox::hubspot::{Actor, Contact, Fact, RecordId};
use schemas::ContactLink;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every user.
pub fn check(evidence: &Evidence, history: &History, chronicle: &Chronicle, violations: &mut Vec<Violation>) {
    let rest = Rest { evidence, history, chronicle, written: written(evidence) };
    for (user, happenings) in &history.users {
        if !chronicle.swallowed.contains(user) {
            rest.check(user, happenings, violations);
        }
    }
}

struct Rest<'a> {
    evidence: &'a Evidence,
    history: &'a History,
    chronicle: &'a Chronicle,
    /// The last fact by which the API wrote a property of a contact.
    written: BTreeMap<(RecordId, &'a str), u64>,
}

fn written(evidence: &Evidence) -> BTreeMap<(RecordId, &str), u64> {
    let mut written = BTreeMap::new();
    for (number, _, fact) in &evidence.facts {
        if let Fact::Created { id, by: Actor::Api, properties } | Fact::Written { id, by: Actor::Api, properties, .. } =
            fact
        {
            written.extend(properties.keys().map(|name| ((*id, name.as_str()), *number)));
        }
    }
    written
}

impl Rest<'_> {
    fn check(&self, user: &str, happenings: &[Happening], violations: &mut Vec<Violation>) {
        let creating: Vec<_> =
            happenings.iter().filter(|each| each.account == 1 || self.evidence.second_creates).collect();
        let live: Vec<_> = self.chronicle.live(user).collect();
        if !creating.iter().any(|happening| happening.makes_contact()) {
            return;
        }
        let deleted_ms = self.last_deletion(user);
        let given_up = deleted_ms
            .is_some_and(|deleted_ms| !creating.iter().any(|each| each.brings_back() && each.time_ms > deleted_ms));
        if given_up {
            return;
        }
        let linked = match self.history.link(user) {
            ContactLink::Live { contact_id } => Some(contact_id),
            _ => None,
        };
        let Some(contact) = linked.and_then(|id| self.resolve(id)).filter(|contact| live.contains(&contact.id)) else {
            let (rule, was) = if deleted_ms.is_some() { ("INV-10", "deleted") } else { ("INV-06", "never deleted") };
            let link = self.history.link(user);
            violations.push(Violation::new(rule, format!("{user}, {was}, has {live:?} and is linked {link:?}")));
            return;
        };
        violations.extend(self.compare(user, happenings, contact));
    }

    /// When a person last deleted a contact of the user, whether or not it was restored.
    fn last_deletion(&self, user: &str) -> Option<i64> {
        let of_user = |id: &RecordId| self.chronicle.owner.get(id).is_some_and(|owner| owner == user);
        let deletions = self.evidence.facts.iter().filter_map(|(_, at_ms, fact)| match fact {
            Fact::Archived { id, .. } if of_user(id) => Some(*at_ms),
            _ => None,
        });
        deletions.max()
    }

    /// The contact that an ID leads to by now.
    fn resolve(&self, mut id: RecordId) -> Option<&Contact> {
        for (_, _, fact) in &self.evidence.facts {
            match fact {
                Fact::Merged { primary, other, into, .. } if id == *primary || id == *other => id = *into,
                _ => {}
            }
        }
        self.evidence.contacts.iter().find(|contact| contact.id == id && contact.archived_ms.is_none())
    }

    fn compare(&self, user: &str, happenings: &[Happening], contact: &Contact) -> Option<Violation> {
        let wanted = fold::wanted(user, happenings);
        let shown: BTreeMap<&str, String> = contact
            .values
            .iter()
            .filter(|(name, _)| fold::is_ours(name))
            .map(|(name, value)| (&**name, fold::plain(name, value)))
            .collect();
        let names: BTreeSet<&str> = wanted.keys().map(String::as_str).chain(shown.keys().copied()).collect();
        let differ =
            |name: &&str| wanted.get(*name).map_or("", String::as_str) != shown.get(*name).map_or("", |value| value);
        let name = names
            .into_iter()
            .filter(differ)
            .filter(|name| !self.is_left_by_another(user, name, wanted.keys().map(|key| &**key)))
            .filter(|name| !self.is_anothers(user, contact, name, &shown))
            .find(|name| !self.is_excused(user, contact.id, name, wanted.get(*name)))?;
        let (wanted, shown) = (wanted.get(name), shown.get(name));
        Some(Violation::new("INV-06", format!("{name} of {user} is {shown:?} instead of {wanted:?}")))
    }

    /// The contact took in that of another user, and this is of an account that knows only the other one.
    fn is_left_by_another<'a>(&self, user: &str, name: &str, mut wanted: impl Iterator<Item = &'a str>) -> bool {
        let account = |name: &str| name.rsplit('_').next().map(str::to_owned);
        self.chronicle.mixed.contains(user) && !wanted.any(|wanted| account(wanted) == account(name))
    }

    /// The contact took in that of another user, and shows that one to this account; and a person changed its address, by which
    /// this one would take the place.
    fn is_anothers(&self, user: &str, contact: &Contact, name: &str, shown: &BTreeMap<&str, String>) -> bool {
        let another = shown.get(&*fold::user_id_beside(name)).is_some_and(|id| id != user && !id.is_empty());
        let is_first = contact.values.get("email").is_some_and(|email| *email == fold::address(user));
        self.chronicle.mixed.contains(user) && another && !is_first
    }

    /// A person changed it, or removed the property and with it what it held from sight, and the log did not hear of it: nobody
    /// else could know.
    fn is_excused(&self, user: &str, contact: RecordId, name: &str, wanted: Option<&String>) -> bool {
        let touched = self.evidence.touched.iter().filter(|(_, touched)| *touched == contact);
        let removed = self.evidence.facts.iter().filter_map(|(number, _, fact)| match fact {
            Fact::PropertyArchived { name: removed } if removed == name => Some(number),
            _ => None,
        });
        let touched = touched.map(|(facts, _)| facts).chain(removed).copied().max();
        let written = self.written.get(&(contact, name)).copied();
        let confirmed = self.history.confirmed(user, i64::MAX);
        let is_in_doubt = confirmed.is_some_and(|known| known.in_doubt.contains(name));
        let confirmed = confirmed.and_then(|known| known.values.get(name)).map_or("", String::as_str);
        let is_believed = !is_in_doubt && confirmed == wanted.map_or("", String::as_str);
        is_believed && touched.is_some_and(|touched| written.is_none_or(|written| written < touched))
    }
}
