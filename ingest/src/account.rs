//! Whose body is it? Finds the account of a webhook address and checks the signature, without telling by answer or by
//! time which of the two failed.

use crate::telemetry::Metrics;
use connection::{Connection, SECRETS_MAX, Snapshot};
use line::signature::Key;
use runtime::prometheus::IntCounter;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A connection, prepared for checking signatures and for counting.
pub(crate) struct Account {
    pub connection: Arc<Connection>,
    /// The number as metrics show it.
    pub label: String,
    /// Webhooks of this connection that were accepted.
    pub accepted: IntCounter,
    /// Of the channel secrets, newest first.
    keys: [Key; SECRETS_MAX],
}

/// The accounts in use.
pub(crate) struct Accounts {
    prepared: RwLock<HashMap<u32, Arc<Account>>>,
    /// Stands in where there is no secret. Nobody knows it.
    decoy: Key,
    metrics: Metrics,
}

/// A body that is not accepted.
pub(crate) struct Stranger {
    /// The account whose address was called, if the address is anybody's.
    pub called: Option<Arc<Account>>,
}

impl Accounts {
    pub fn new(metrics: Metrics) -> Self {
        let decoy = Key::new(connection::new_webhook_token().expose());
        Self { prepared: RwLock::default(), decoy, metrics }
    }

    /// The account of this webhook address, if one of its secrets signed the body.
    ///
    /// Whatever the reason of a refusal, the same number of signatures was computed before it.
    pub fn verify(
        &self,
        snapshot: &Snapshot,
        token: &str,
        body: &[u8],
        signature: Option<&[u8]>,
        now_ms: i64,
    ) -> Result<Arc<Account>, Stranger> {
        let account = snapshot.by_token(token).map(|connection| self.account(connection));
        let decoys = [&self.decoy; SECRETS_MAX];
        let keys = account.as_ref().map_or(decoys, |account| self.keys_at(account, now_ms));
        let signed = keys.iter().any(|key| key.verifies(body, signature));
        match account {
            Some(account) if signed => Ok(account),
            called => Err(Stranger { called }),
        }
    }

    /// The keys that count at this time.
    fn keys_at<'a>(&'a self, account: &'a Account, now_ms: i64) -> [&'a Key; SECRETS_MAX] {
        let [newest, older] = &account.keys;
        [newest, if account.connection.older_secrets_count(now_ms) { older } else { &self.decoy }]
    }

    /// The connection prepared; once for each of its definitions.
    fn account(&self, connection: Arc<Connection>) -> Arc<Account> {
        let number = connection.number.get();
        let known = self.prepared.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        if let Some(account) = known
            && Arc::ptr_eq(&account.connection, &connection)
        {
            return account;
        }
        let account = Arc::new(self.prepare(connection));
        self.prepared.write().unwrap_or_else(PoisonError::into_inner).insert(number, account.clone());
        account
    }

    fn prepare(&self, connection: Arc<Connection>) -> Account {
        let label = connection.number.to_string();
        let keys = std::array::from_fn(|place| {
            // An empty secret would let anybody sign.
            let secret = connection.channel_secrets.get(place).filter(|secret| !secret.is_empty());
            secret.map_or(self.decoy.clone(), |secret| Key::new(secret.expose()))
        });
        let accepted = self.metrics.webhooks.with_label_values(&[label.as_str(), "accepted"]);
        Account { connection, label, accepted, keys }
    }
}
