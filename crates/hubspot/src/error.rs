//! What a caller of HubSpot must tell apart.

use crate::Refusal;
use std::time::Duration;

/// Why a call gave no answer to what was asked. No variant carries a value that was sent, or the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many calls. Nothing was done; send again after the wait.
    #[error("HubSpot's {policy} limit is reached; go on in {} s", wait.as_secs())]
    RateLimited {
        /// Which limit.
        policy: Policy,
        /// How long to send nothing.
        wait: Duration,
    },
    /// The data is locked by other writes. Nothing was done; send again after the wait.
    #[error("HubSpot has locked the data; go on in {} s", wait.as_secs())]
    Locked {
        /// How long to send nothing.
        wait: Duration,
    },
    /// The portal moves between data centres, for up to 24 hours. Nothing was done; send again after the wait.
    #[error("HubSpot moves the portal to another data centre; go on in {} s", wait.as_secs())]
    Migrating {
        /// How long to send nothing.
        wait: Duration,
    },
    /// HubSpot cannot be reached or is overloaded. Nothing was done; send again later.
    #[error("HubSpot is unavailable: {detail}")]
    Unavailable {
        /// Status and correlation ID, or what went wrong on the way.
        detail: String,
    },
    /// The answer to a write was lost: it may have happened. Find out before going on.
    #[error("nobody knows whether HubSpot did it: {detail}")]
    Unknown {
        /// Status and correlation ID, or what went wrong on the way.
        detail: String,
    },
    /// The token is wrong, expired or revoked. An operator has to replace it.
    #[error("HubSpot does not accept the access token")]
    Unauthorized,
    /// The token may not do this. An operator has to grant the scopes.
    #[error("the HubSpot access token lacks scopes: {}", scopes.join(", "))]
    MissingScopes {
        /// The scopes, any of which would do; empty when HubSpot did not name them.
        scopes: Vec<String>,
    },
    /// The thing asked for is not there, or in the recycle bin.
    #[error("HubSpot has no such object")]
    NotFound,
    /// HubSpot refuses this for good: sending it again unchanged is useless.
    #[error("HubSpot refused: {0}")]
    Rejected(Refusal),
    /// The answer is not one of HubSpot's: a wrong address, something in between, or a change of its interface.
    #[error("an answer that HubSpot does not give: {detail}")]
    Garbage {
        /// Status and what was wrong with the answer.
        detail: String,
    },
    /// The client cannot be made from its settings.
    #[error("HubSpot settings: {0}")]
    Unfit(String),
}

/// Which of HubSpot's limits was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// Calls per ten seconds.
    Burst,
    /// Calls per day, shared by all apps of the portal.
    Daily,
    /// Searches per second.
    Search,
    /// HubSpot did not say.
    Unknown,
}

impl Policy {
    /// One word, for messages and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Daily => "daily",
            Self::Search => "search",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// Did HubSpot certainly do nothing, so that the same may be sent again later without asking first?
    pub const fn may_be_sent_again(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Locked { .. } | Self::Migrating { .. } | Self::Unavailable { .. }
        )
    }

    /// How long HubSpot asked to be left alone.
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait, .. } | Self::Locked { wait } | Self::Migrating { wait } => Some(*wait),
            _ => None,
        }
    }
}
