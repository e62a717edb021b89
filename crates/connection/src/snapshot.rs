//! All connections at one moment.

use crate::{Connection, State};
use contact::{ConnectionNumber, Connections};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// All connections at one moment, with the look-ups that the hot paths need.
#[derive(Default)]
pub struct Snapshot {
    by_number: BTreeMap<ConnectionNumber, Arc<Connection>>,
    /// By the token's digest: the time that a look-up takes says nothing about how much of a token was guessed.
    by_token: HashMap<[u8; 32], Arc<Connection>>,
    rules: Connections,
    unfinished: Vec<(ConnectionNumber, String)>,
}

impl Snapshot {
    /// All connections, and the numbers that were claimed but not defined.
    pub(crate) fn new(
        by_number: BTreeMap<ConnectionNumber, Arc<Connection>>,
        unfinished: Vec<(ConnectionNumber, String)>,
    ) -> Self {
        let by_token = by_number
            .values()
            .filter(|it| it.state != State::Removed && !it.webhook_token.is_empty())
            .map(|it| (digest(it.webhook_token.expose()), Arc::clone(it)))
            .collect();
        let rules = by_number
            .values()
            .filter(|it| it.state == State::Active)
            .map(|it| contact::Connection { number: it.number, auto_create: it.auto_create })
            .collect();
        Self { by_number, by_token, rules, unfinished }
    }

    /// The connection, active or paused, whose webhook address ends in this token. Costs the same whatever the token and
    /// however many connections there are.
    pub fn by_token(&self, token: &str) -> Option<Arc<Connection>> {
        self.by_token.get(&digest(token)).cloned()
    }

    /// The connection with this number, in whatever state.
    pub fn by_number(&self, number: ConnectionNumber) -> Option<Arc<Connection>> {
        self.by_number.get(&number).cloned()
    }

    /// All connections in order of numbers, the removed ones too.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.by_number.values()
    }

    /// As much as the rules for contacts need: the active connections.
    pub fn rules(&self) -> &Connections {
        &self.rules
    }

    /// Numbers that were claimed, each with its channel ID, but never defined: somebody stopped half-way. They use quota
    /// until the same channel is added again or the number is removed.
    pub fn unfinished(&self) -> &[(ConnectionNumber, String)] {
        &self.unfinished
    }
}

/// Prints no token.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_number.keys()).finish()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
