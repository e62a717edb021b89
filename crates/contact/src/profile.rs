//! Name and picture: what a look-up in LINE answered, and when another one is due.

use crate::state::Friend;
use serde::{Deserialize, Serialize};

/// How old a cached profile may be when a message arrives before it is read again.
pub const REFRESH_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// What one look-up answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Profile {
    /// When LINE answered, milliseconds since 1970.
    pub fetched_at_ms: i64,
    /// Record time of the newest event that this look-up was made for; see [`Friend::profile_due`].
    pub covers_ms: i64,
    /// The person's name and picture; `None` when LINE refused, which keeps what was known.
    pub found: Option<Likeness>,
}

/// How a person looks in LINE.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Likeness {
    /// Display name: any Unicode.
    pub name: Box<str>,
    /// Address of the picture; `None` when the person has none.
    pub picture: Option<Box<str>>,
}

/// Prints nothing personal.
impl std::fmt::Debug for Likeness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Likeness(..)")
    }
}

/// A look-up that should be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileDue {
    /// To be put into [`Profile::covers_ms`] of the answer, so that one event asks once.
    pub covers_ms: i64,
    /// The person was never looked up before: worth waiting a moment for, so that the contact is made with its name.
    pub first: bool,
}

impl Friend {
    /// Is a look-up due, and for which event?
    ///
    /// On the first sight of a person, on every new follow, and on a message or other action when the last look-up is older
    /// than [`REFRESH_AFTER_MS`]. Never while the person blocks the account: LINE refuses it.
    pub fn profile_due(&self) -> Option<ProfileDue> {
        if self.follows() == Some(false) {
            return None;
        }
        let newest_action = self.newest_action_ms()?;
        let Some(covered) = self.profile_covers_ms() else {
            return Some(ProfileDue { covers_ms: newest_action, first: true });
        };
        let new_follow = self.followed_ms().is_some_and(|follow| follow > covered);
        let stale = newest_action >= covered.saturating_add(REFRESH_AFTER_MS);
        (new_follow || stale).then_some(ProfileDue { covers_ms: newest_action, first: false })
    }
}
