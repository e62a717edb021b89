//! Whether a failed call is made again by the client itself. When, is the budget's matter: it pauses after each
//! failure.

use crate::endpoint::Effect;
use crate::{Error, Policy};

/// Only reads, and only what a moment's patience can heal. Writes go back to the caller, whose values may be older by
/// now than what it would send.
pub(crate) const fn again(effect: Effect, error: &Error, attempt: u32, attempts_max: u32) -> bool {
    let heals_soon = match error {
        Error::Unavailable { .. } | Error::Locked { .. } => true,
        Error::RateLimited { policy, .. } => !matches!(policy, Policy::Daily),
        _ => false,
    };
    matches!(effect, Effect::Read) && heals_soon && attempt < attempts_max
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_reads_are_tried_again_and_only_so_often() {
        let outage = Error::Unavailable { detail: "503".into() };
        assert!(again(Effect::Read, &outage, 1, 3));
        assert!(again(Effect::Read, &outage, 2, 3));
        assert!(!again(Effect::Read, &outage, 3, 3));
        assert!(!again(Effect::Write, &outage, 1, 3));
    }

    #[test]
    fn what_no_patience_heals_is_not_tried_again() {
        let wait = Duration::from_secs(1);
        let limited = |policy| Error::RateLimited { policy, wait };
        assert!(again(Effect::Read, &limited(Policy::Burst), 1, 3));
        assert!(again(Effect::Read, &limited(Policy::Search), 1, 3));
        let hopeless = [
            limited(Policy::Daily),
            Error::Migrating { wait },
            Error::Unauthorized,
            Error::MissingScopes { scopes: Vec::new() },
            Error::NotFound,
            Error::Garbage { detail: "200".into() },
        ];
        assert!(hopeless.iter().all(|error| !again(Effect::Read, error, 1, 3)));
    }
}
