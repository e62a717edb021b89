//! Name and picture of a person, from LINE.

use async_trait::async_trait;
use connection::Connection;
use contact::{ConnectionNumber, Likeness, UserId};
use line::api::{Channel, Client};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Whoever can tell how a person looks.
#[async_trait]
pub trait ProfileSource: Send + Sync {
    /// The person's name and picture; `None` when LINE does not tell: unknown, blocked, or without consent.
    ///
    /// # Errors
    /// When LINE gave no answer that would hold.
    async fn profile(&self, connection: &Connection, user: UserId) -> Result<Option<Likeness>, LookupError>;
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// LINE is busy or out of reach.
    Later,
    /// LINE does not accept the connection's credentials: an operator has to act.
    Credentials,
}

impl LookupError {
    /// How long to leave LINE alone at the least.
    pub const fn wait(self) -> Duration {
        match self {
            Self::Later => Duration::from_secs(1),
            Self::Credentials => Duration::from_secs(300),
        }
    }
}

/// LINE itself.
pub struct LineProfiles {
    client: Client,
    refused: Mutex<BTreeSet<ConnectionNumber>>,
}

impl LineProfiles {
    /// Looks people up through this client.
    pub const fn new(client: Client) -> Self {
        Self { client, refused: Mutex::new(BTreeSet::new()) }
    }

    /// The connections whose credentials LINE refused at their last look-up.
    pub fn refused(&self) -> BTreeSet<ConnectionNumber> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<ConnectionNumber>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, connection: &Connection, user: UserId) -> Result<Option<Likeness>, LookupError> {
        let channel = channel(connection).ok_or(LookupError::Credentials)?;
        match self.client.profile(&channel, user).await {
            Ok(likeness) => Ok(Some(likeness)),
            Err(line::Error::NotFound { .. } | line::Error::Invalid { .. }) => Ok(None),
            Err(line::Error::Unauthorized { .. } | line::Error::NotAllowed { .. } | line::Error::Misconfigured(_)) => {
                Err(LookupError::Credentials)
            }
            Err(line::Error::RateLimited { .. } | line::Error::Unavailable(_) | line::Error::Garbage(_)) => {
                Err(LookupError::Later)
            }
        }
    }
}

#[async_trait]
impl ProfileSource for LineProfiles {
    async fn profile(&self, connection: &Connection, user: UserId) -> Result<Option<Likeness>, LookupError> {
        let answer = self.ask(connection, user).await;
        match answer {
            Ok(_) => _ = self.lock().remove(&connection.number),
            Err(LookupError::Credentials) => _ = self.lock().insert(connection.number),
            Err(LookupError::Later) => {}
        }
        answer
    }
}

/// The channel of a connection, with its newest secret; `None` once it has none.
pub fn channel(connection: &Connection) -> Option<Channel> {
    let secret = connection.channel_secrets.first()?;
    Some(Channel::new(&connection.channel_id, connection.access_token.as_ref(), secret))
}
