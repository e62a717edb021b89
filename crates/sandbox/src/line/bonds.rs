//! Who is whose friend.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

/// What a person is to a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bond {
    /// Added as a friend and not blocked.
    pub friend: bool,
    /// Blocked.
    pub blocked: bool,
    /// Last message from the person, milliseconds.
    pub wrote_ms: Option<i64>,
    /// Messages of the person that were not unsent: ID and text, oldest first.
    pub messages: Vec<(String, String)>,
}

/// All bonds of all channels.
#[derive(Clone, Debug, Default)]
pub(super) struct Bonds(HashMap<String, BTreeMap<String, Bond>>);

impl Bonds {
    pub fn get(&self, channel_id: &str, user_id: &str) -> Option<&Bond> {
        self.0.get(channel_id)?.get(user_id)
    }

    pub fn of(&mut self, channel_id: &str, user_id: &str) -> &mut Bond {
        self.0.entry(channel_id.to_owned()).or_default().entry(user_id.to_owned()).or_default()
    }

    pub fn all(&self, channel_id: &str) -> impl Iterator<Item = (&String, &Bond)> {
        self.0.get(channel_id).into_iter().flatten()
    }

    /// Friends of a channel after `start`, by user ID.
    pub fn friends_from(&self, channel_id: &str, start: &str) -> impl Iterator<Item = &String> {
        let start = (std::ops::Bound::Excluded(start.to_owned()), std::ops::Bound::Unbounded);
        let bonds = self.0.get(channel_id).into_iter().flat_map(move |bonds| bonds.range(start.clone()));
        bonds.filter(|(_, bond)| bond.friend).map(|(user_id, _)| user_id)
    }
}
