//! Name and picture of a person, from LINE.

use async_trait::async_trait;
use connection::Connection;
use contact::{Likeness, UserId};
use line::api::{Channel, Client};
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
pub struct LineProfiles(Client);

impl LineProfiles {
    /// Looks people up through this client.
    pub const fn new(client: Client) -> Self {
        Self(client)
    }
}

#[async_trait]
impl ProfileSource for LineProfiles {
    async fn profile(&self, connection: &Connection, user: UserId) -> Result<Option<Likeness>, LookupError> {
        let channel = channel(connection).ok_or(LookupError::Credentials)?;
        match self.0.profile(&channel, user).await {
            Ok(likeness) => Ok(Some(likeness)),
            Err(line::Error::NotFound { .. } | line::Error::Invalid { .. }) => Ok(None),
            Err(line::Error::Unauthorized { .. } | line::Error::NotAllowed { .. }) => Err(LookupError::Credentials),
            Err(line::Error::RateLimited { .. } | line::Error::Unavailable(_) | line::Error::Garbage(_)) => {
                Err(LookupError::Later)
            }
            Err(line::Error::Misconfigured(_)) => Err(LookupError::Credentials),
        }
    }
}

/// The channel of a connection, with its newest secret; `None` once it has none.
pub fn channel(connection: &Connection) -> Option<Channel> {
    let secret = connection.channel_secrets.first()?;
    Some(Channel::new(&connection.channel_id, connection.access_token.as_ref(), secret))
}
