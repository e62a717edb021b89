//! The search index: what search knows, which is what was true a few seconds ago.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::contact::{Contact, RecordId};

/// Contacts as search sees them.
#[derive(Clone, Debug, Default)]
pub(super) struct SearchIndex {
    /// Changes search does not know yet; none = the contact is gone.
    pending: VecDeque<(i64, RecordId, Option<Arc<Contact>>)>,
    known: BTreeMap<RecordId, Arc<Contact>>,
    /// Lower-case value to contacts, for the properties somebody has searched by.
    by_value: HashMap<String, HashMap<String, BTreeSet<RecordId>>>,
}

impl SearchIndex {
    /// Takes a change that becomes visible at `visible_ms`.
    pub fn note(&mut self, now_ms: i64, visible_ms: i64, id: RecordId, contact: Option<Arc<Contact>>) {
        self.settle(now_ms);
        self.pending.push_back((visible_ms, id, contact));
    }

    /// Lets every change that is due become visible.
    pub fn settle(&mut self, now_ms: i64) {
        while self.pending.front().is_some_and(|(visible_ms, _, _)| *visible_ms <= now_ms) {
            if let Some((_, id, contact)) = self.pending.pop_front() {
                self.learn(id, contact);
            }
        }
    }

    /// Brings forward what would become visible after `latest_ms`.
    pub fn hasten(&mut self, latest_ms: i64) {
        for (visible_ms, _, _) in &mut self.pending {
            *visible_ms = (*visible_ms).min(latest_ms);
        }
    }

    /// Everything search knows, by ascending ID.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Contact>> {
        self.known.values()
    }

    /// The contacts whose `property` has one of `values` (lower case), by ascending ID.
    pub fn with_any(&mut self, property: &str, values: &[String]) -> Vec<Arc<Contact>> {
        if !self.by_value.contains_key(property) {
            let mut owners: HashMap<String, BTreeSet<RecordId>> = HashMap::new();
            for contact in self.known.values() {
                if let Some(value) = contact.value(property) {
                    owners.entry(value.to_lowercase()).or_default().insert(contact.id);
                }
            }
            self.by_value.insert(property.to_owned(), owners);
        }
        let owners = &self.by_value[property];
        let ids: BTreeSet<RecordId> = values.iter().filter_map(|value| owners.get(value)).flatten().copied().collect();
        ids.iter().filter_map(|id| self.known.get(id)).cloned().collect()
    }

    fn learn(&mut self, id: RecordId, contact: Option<Arc<Contact>>) {
        let old = match &contact {
            Some(contact) => self.known.insert(id, contact.clone()),
            None => self.known.remove(&id),
        };
        for (property, owners) in &mut self.by_value {
            let value_in = |contact: &Option<Arc<Contact>>| {
                contact.as_ref().and_then(|contact| contact.value(property).map(|value| value.to_lowercase()))
            };
            let (before, after) = (value_in(&old), value_in(&contact));
            if before == after {
                continue;
            }
            if let Some(ids) = before.and_then(|value| owners.get_mut(&value)) {
                ids.remove(&id);
            }
            if let Some(value) = after {
                owners.entry(value).or_default().insert(id);
            }
        }
    }
}
