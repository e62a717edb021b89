//! What a caller of LINE must tell apart.

use std::time::Duration;

/// Why a call to LINE gave no answer to use. Each variant is something else to do.
///
/// `said` is LINE's own message, shortened and without user IDs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The access token, or channel ID and secret, are wrong, expired or revoked: stop the connection's calls and ask
    /// for new ones.
    #[error("LINE does not accept the credentials: {said}")]
    Unauthorized {
        /// LINE's message.
        said: String,
    },
    /// The account or its plan may not use this call.
    #[error("the account may not make this call: {said}")]
    NotAllowed {
        /// LINE's message.
        said: String,
    },
    /// There is no such thing. For a profile: unknown, without consent, no friend, or blocking the account; LINE does
    /// not say which. For a webhook address: none is set.
    #[error("LINE has no such thing: {said}")]
    NotFound {
        /// LINE's message.
        said: String,
    },
    /// LINE refuses the request as it is: do not repeat it.
    #[error("LINE refuses the request with status {status}: {said}")]
    Invalid {
        /// The HTTP status.
        status: u16,
        /// LINE's message.
        said: String,
    },
    /// Too many calls, by LINE's count or by ours: call again later.
    #[error("too many calls to LINE")]
    RateLimited {
        /// How long to wait at least, where it is known. LINE documents no such hint.
        wait: Option<Duration>,
    },
    /// LINE cannot answer now: call again later, with growing waits.
    #[error("LINE is unavailable: {0}")]
    Unavailable(Unavailable),
    /// LINE answered what cannot be understood. Its status was a success or none that LINE documents.
    #[error("LINE's answer cannot be used: {0}")]
    Garbage(&'static str),
    /// The settings of the client cannot work.
    #[error("the LINE client cannot be set up: {0}")]
    Misconfigured(String),
}

/// How LINE failed to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// With this HTTP status, 500 or above.
    #[error("status {0}")]
    Status(u16),
    /// Not in time.
    #[error("no answer in time")]
    Timeout,
    /// No connection came about.
    #[error("no connection")]
    Unreachable,
    /// The connection broke off.
    #[error("the connection broke off")]
    Broken,
}

impl Error {
    /// Can the same call succeed later, without anybody changing anything?
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable(_) | Self::Garbage(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_helps_when_line_is_busy_or_away_and_not_when_it_refuses() {
        assert!(Error::RateLimited { wait: None }.is_transient());
        assert!(Error::Unavailable(Unavailable::Timeout).is_transient());
        assert!(Error::Garbage("no JSON").is_transient());
        for refusal in [
            Error::Unauthorized { said: String::new() },
            Error::NotAllowed { said: String::new() },
            Error::NotFound { said: String::new() },
            Error::Invalid { status: 400, said: String::new() },
            Error::Misconfigured(String::new()),
        ] {
            assert!(!refusal.is_transient(), "{refusal}");
        }
    }
}
