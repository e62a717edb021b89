//! The record of a run: every call with its answer, every state change, in order. Checkers read it instead of looking
//! into the models.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Entry<T> {
    /// Position in this model's history, from 0, without gaps.
    pub number: u64,
    /// When, by the sandbox's clock.
    pub at_ms: i64,
    /// What.
    #[serde(flatten)]
    pub fact: T,
}

/// The newest facts of a model, up to a limit.
#[derive(Clone, Debug)]
pub struct History<T> {
    entries: VecDeque<Entry<T>>,
    next: u64,
    limit: usize,
}

impl<T> History<T> {
    /// Keeps the newest `limit` facts.
    pub fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), next: 0, limit }
    }

    /// Adds a fact.
    pub fn note(&mut self, at_ms: i64, fact: T) {
        self.entries.push_back(Entry { number: self.next, at_ms, fact });
        self.next += 1;
        if self.entries.len() > self.limit {
            self.entries.pop_front();
        }
    }

    /// The facts still kept, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry<T>> + ExactSizeIterator {
        self.entries.iter()
    }

    /// The facts still kept whose number is at least `number`.
    pub fn since(&self, number: u64) -> impl Iterator<Item = &Entry<T>> {
        let first = self.next - self.entries.len() as u64;
        self.entries.iter().skip(usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX))
    }

    /// How many facts there were, including those no longer kept.
    pub fn total(&self) -> u64 {
        self.next
    }
}

/// How often each endpoint answered with each status.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Calls(BTreeMap<String, BTreeMap<u16, u64>>);

impl Calls {
    /// Counts one answer.
    pub fn count(&mut self, endpoint: &str, status: u16) {
        match self.0.get_mut(endpoint) {
            Some(statuses) => *statuses.entry(status).or_default() += 1,
            None => {
                self.0.insert(endpoint.to_owned(), BTreeMap::from([(status, 1)]));
            }
        }
    }

    /// Calls of `endpoint`, whatever was answered.
    pub fn of(&self, endpoint: &str) -> u64 {
        self.0.get(endpoint).map_or(0, |statuses| statuses.values().sum())
    }

    /// Calls of `endpoint` answered with `status`.
    pub fn answered(&self, endpoint: &str, status: u16) -> u64 {
        self.0.get(endpoint).and_then(|statuses| statuses.get(&status)).copied().unwrap_or_default()
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.0.values().flat_map(BTreeMap::values).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_facts_give_way() {
        let mut history = History::new(2);
        for fact in ["a", "b", "c"] {
            history.note(0, fact);
        }
        assert_eq!(history.entries().map(|entry| entry.fact).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(history.since(2).map(|entry| entry.fact).collect::<Vec<_>>(), ["c"]);
        assert_eq!(history.since(0).count(), 2);
        assert_eq!(history.total(), 3);
    }
}
