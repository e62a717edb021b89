//! Retry keys: one accepted send per key and day.

use std::collections::HashMap;

use serde_json::Value;

use crate::stamp::DAY_MS;

/// What was accepted under a key.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub request_id: String,
    /// The answer's body: for a push the original `sentMessages`.
    pub body: Value,
    at_ms: i64,
}

/// The keys of all channels.
#[derive(Clone, Debug, Default)]
pub(super) struct RetryKeys(HashMap<(String, String), Accepted>);

impl RetryKeys {
    /// What was accepted under this key within the last 24 hours.
    pub fn accepted(&self, now_ms: i64, channel_id: &str, key: &str) -> Option<&Accepted> {
        let known = self.0.get(&(channel_id.to_owned(), key.to_lowercase()))?;
        (now_ms - known.at_ms < DAY_MS).then_some(known)
    }

    /// Remembers an accepted send.
    pub fn spend(&mut self, now_ms: i64, channel_id: &str, key: &str, request_id: &str, body: &Value) {
        let accepted = Accepted { request_id: request_id.to_owned(), body: body.clone(), at_ms: now_ms };
        self.0.insert((channel_id.to_owned(), key.to_lowercase()), accepted);
    }
}

/// A UUID in hexadecimal form.
pub(super) fn well_formed(key: &str) -> bool {
    let groups: Vec<&str> = key.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
