//! Name and picture: what a look-up in LINE answered, and when another one is due.

use crate::state::Friend;
use serde::{Deserialize, Serialize};

/// How old a cached profile may be when a message arrives before it is read again.
pub const REFRESH_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// What one look-up answered. Of two, the one for the newer event is greater, then the one that LINE answered later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Profile {
    /// Record time of the newest event that this look-up was made for; see [`Friend::profile_due`].
    pub covers_ms: i64,
    /// When LINE answered, milliseconds since 1970.
    pub fetched_at_ms: i64,
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

impl Likeness {
    /// Bytes of memory that it owns.
    pub fn weight(&self) -> usize {
        self.name.len().saturating_add(self.picture.as_ref().map_or(0, |picture| picture.len()))
    }
}

/// Prints nothing personal.
impl std::fmt::Debug for Likeness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Likeness(..)")
    }
}

/// A look-up that should be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileDue {
    /// To be put into [`Profile::covers_ms`] of the answer, so that one event asks once.
    pub covers_ms: i64,
    /// The newest event that a look-up was made for, as far as the state knows; `None` where the person was never looked up.
    pub covered_ms: Option<i64>,
    /// What LINE told last. It holds on where LINE tells nothing this time, and is to be told again then, so that the newest
    /// answer alone tells everything.
    pub known: Option<Profile>,
}

impl ProfileDue {
    /// Was the person never looked up before? Worth waiting a moment for, so that the contact is made with its name.
    pub const fn is_first(&self) -> bool {
        self.covered_ms.is_none()
    }
}

impl Friend {
    /// Is a look-up due, and for which event?
    ///
    /// On the first sight of a person, on every new follow, and on a message or other action when the last look-up is older
    /// than [`REFRESH_AFTER_MS`]. Never while the person blocks the account: LINE refuses it.
    pub fn profile_due(&self) -> Option<ProfileDue> {
        if self.blocks() {
            return None;
        }
        let newest_action = self.newest_action_ms()?;
        let covered_ms = self.profile_covers_ms();
        let due = || ProfileDue { covers_ms: newest_action, covered_ms, known: self.profile().cloned() };
        let Some(covered) = covered_ms else { return Some(due()) };
        let new_follow = self.followed_ms().is_some_and(|follow| follow > covered);
        let stale = newest_action.saturating_sub(covered) >= REFRESH_AFTER_MS;
        (new_follow || stale).then(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectionNumber, Event, EventId, Kind, Moment, User, UserId};

    const DAY: i64 = REFRESH_AFTER_MS;

    enum Step {
        Happened(i64, Kind),
        /// A look-up made for the event of this time; was the profile found?
        LookedUp(i64, bool),
    }

    use Step::{Happened, LookedUp};

    fn message() -> Kind {
        Kind::Messaged { message: "m".into(), text: "hello".into() }
    }

    /// `due` is the event for which a look-up is due, and whether it is the first.
    #[track_caller]
    fn check(story: impl IntoIterator<Item = Step>, due: Option<(i64, bool)>) {
        let connection = ConnectionNumber::new(1).expect("not 0");
        let mut user = User::default();
        for (place, step) in story.into_iter().enumerate() {
            match step {
                Happened(time_ms, kind) => {
                    let at = Moment { time_ms, id: EventId(place as u128) };
                    user.apply(Event { user: UserId::from_u128(1), connection, at, kind });
                }
                LookedUp(covers_ms, found) => {
                    let found = found.then(|| Likeness { name: "A".into(), picture: None });
                    user.apply_profile(connection, Profile { fetched_at_ms: covers_ms, covers_ms, found });
                }
            }
        }
        let friend = user.friend(connection).expect("seen");
        let found = friend.profile_due().map(|due| (due.covers_ms, due.is_first()));
        assert_eq!(found, due);
    }

    #[test]
    fn at_first_sight_a_person_is_looked_up() {
        for kind in [Kind::Followed, Kind::Acted, Kind::Imported, message()] {
            check([Happened(10, kind)], Some((10, true)));
        }
        check([Happened(20, Kind::Acted), Happened(10, Kind::Followed)], Some((20, true)));
    }

    #[test]
    fn what_makes_no_contact_asks_for_no_look_up() {
        check([Happened(10, Kind::Answered)], None);
        check([Happened(10, Kind::Unsent { message: "m".into() })], None);
        check([LookedUp(10, true)], None);
    }

    #[test]
    fn one_event_asks_once_whatever_line_answered() {
        check([Happened(10, Kind::Followed), LookedUp(10, true)], None);
        check([Happened(10, Kind::Followed), LookedUp(10, false)], None);
        check([Happened(i64::MAX, Kind::Followed), LookedUp(i64::MAX, true)], None);
    }

    #[test]
    fn every_new_follow_asks_again() {
        check([Happened(10, Kind::Followed), LookedUp(10, true), Happened(11, Kind::Followed)], Some((11, false)));
        check([Happened(10, Kind::Followed), LookedUp(10, false), Happened(11, Kind::Followed)], Some((11, false)));
        check([Happened(10, Kind::Followed), LookedUp(10, true), Happened(9, Kind::Followed)], None);
    }

    #[test]
    fn a_message_asks_again_when_the_last_look_up_is_a_day_old() {
        let known = || [Happened(10, Kind::Followed), LookedUp(10, true)];
        check(known().into_iter().chain([Happened(9 + DAY, message())]), None);
        check(known().into_iter().chain([Happened(10 + DAY, message())]), Some((10 + DAY, false)));
        check(known().into_iter().chain([Happened(10 + DAY, Kind::Acted)]), Some((10 + DAY, false)));
        check(known().into_iter().chain([Happened(10 + DAY, Kind::Answered)]), None);
    }

    #[test]
    fn nobody_is_looked_up_who_blocks_the_account() {
        check([Happened(10, Kind::Followed), Happened(20, Kind::Unfollowed)], None);
        check([Happened(10, message()), Happened(20, Kind::Unfollowed)], None);
        check([Happened(10, Kind::Unfollowed), Happened(20, Kind::Followed)], Some((20, true)));
    }

    #[test]
    fn who_writes_after_an_unfollow_blocks_no_more_and_is_looked_up() {
        check([Happened(10, Kind::Unfollowed), Happened(20, message())], Some((20, true)));
        check([Happened(20, message()), Happened(10, Kind::Unfollowed)], Some((20, true)));
        check([Happened(20, Kind::Unfollowed), Happened(20, message())], None);
        let left = || [Happened(10, Kind::Followed), LookedUp(10, true), Happened(20, Kind::Unfollowed)];
        check(left().into_iter().chain([Happened(20 + DAY, message())]), Some((20 + DAY, false)));
    }

    #[test]
    fn times_at_both_ends_of_the_number_line_are_times() {
        check([Happened(i64::MAX, message()), LookedUp(i64::MIN, true)], Some((i64::MAX, false)));
        check([Happened(i64::MIN, message()), LookedUp(i64::MAX, true)], None);
    }
}
