//! What is known of one LINE user: a fold in which each field is a maximum (or minimum) over what was seen.
//!
//! An erasure cuts the log in two. What stands before it in the log is forgotten, and what happened at its time or earlier
//! counts nowhere, however late it is told. Within both parts the order of records plays no role; and an answer to a profile
//! look-up or a message sent, which other topics tell, may stand anywhere.

use crate::link::Account;
use crate::messages::Messages;
use crate::{Confirmation, ConnectionNumber, Event, Kind, Likeness, Moment, Profile};
use serde::{Deserialize, Serialize};

/// Everything known of one LINE user, over all connections that see the same user ID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Ascending by connection number.
    friends: Vec<(ConnectionNumber, Friend)>,
    /// The contact in HubSpot, as last confirmed.
    pub account: Account,
    /// The newest erasure: nothing that happened then or earlier is known; milliseconds.
    erased_ms: Option<i64>,
}

impl User {
    /// Folds one event in. Any order and any duplication give the same state.
    pub fn apply(&mut self, event: Event) {
        if self.knows_of(event.at.time_ms) {
            self.friend_mut(event.connection).apply(event.at, event.kind);
        }
    }

    /// Folds the answer to a profile look-up in.
    pub fn apply_profile(&mut self, connection: ConnectionNumber, profile: Profile) {
        if self.knows_of(profile.covers_ms) {
            self.friend_mut(connection).apply_profile(profile);
        }
    }

    /// Folds an erasure in: forgets all events folded so far, and everything that happened at `since_ms` or earlier, for
    /// ever. An erasure no newer than the last changes nothing. The contact is told apart, by a [`Confirmation`].
    pub fn erase(&mut self, since_ms: i64) {
        if self.knows_of(since_ms) {
            self.erased_ms = Some(since_ms);
            self.friends.retain_mut(|(_, friend)| friend.survives(since_ms));
        }
    }

    /// The newest erasure, milliseconds.
    pub fn erased_ms(&self) -> Option<i64> {
        self.erased_ms
    }

    /// Bytes of memory that this state owns, about.
    pub fn weight(&self) -> usize {
        let friends = self.friends.iter().map(|(_, friend)| size_of_val(friend).saturating_add(friend.weight()));
        friends.fold(self.account.weight(), usize::saturating_add)
    }

    /// Reads a byte of each message's text, and gives their sum: for who is about to copy the texts of many users, to have the
    /// processor wait for them all at once instead of for one after the other.
    pub fn touch(&self) -> usize {
        self.friends.iter().map(|(_, friend)| friend.messages.touch()).sum()
    }

    fn knows_of(&self, time_ms: i64) -> bool {
        self.erased_ms.is_none_or(|erased| time_ms > erased)
    }

    /// Folds what HubSpot confirmed in; the highest revision holds.
    pub fn apply_confirmation(&mut self, confirmation: Confirmation) {
        self.account.apply(confirmation);
    }

    /// The newest message or follow on any connection, milliseconds: what brings a deleted contact back.
    pub fn returned_ms(&self) -> Option<i64> {
        self.friends.iter().filter_map(|(_, friend)| friend.returned_ms).max()
    }

    /// The person as a friend of one connection.
    pub fn friend(&self, connection: ConnectionNumber) -> Option<&Friend> {
        let place = self.friends.binary_search_by_key(&connection, |(number, _)| *number).ok()?;
        Some(&self.friends[place].1)
    }

    /// All connections that know this user, ascending.
    pub fn friends(&self) -> impl Iterator<Item = (ConnectionNumber, &Friend)> {
        self.friends.iter().map(|(number, friend)| (*number, friend))
    }

    fn friend_mut(&mut self, connection: ConnectionNumber) -> &mut Friend {
        let place = match self.friends.binary_search_by_key(&connection, |(number, _)| *number) {
            Ok(place) => place,
            Err(place) => {
                // Nearly everybody is a friend of one account only.
                self.friends.reserve_exact(1);
                self.friends.insert(place, (connection, Friend::default()));
                place
            }
        };
        &mut self.friends[place].1
    }
}

/// What is known of one person as a friend of one official account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Friend {
    /// Time of the first event that makes a contact.
    first_action_ms: Option<i64>,
    /// Time of the newest such event.
    newest_action_ms: Option<i64>,
    /// Time of the newest message or follow.
    returned_ms: Option<i64>,
    /// The newest follow.
    followed: Option<Moment>,
    /// The newest unfollow.
    unfollowed: Option<Moment>,
    messages: Messages,
    /// The newest one-to-one answer.
    answered: Option<Moment>,
    /// The successful profile that covers the newest event.
    profile: Option<Profile>,
    /// The newest event that a profile look-up was made for, whatever LINE answered.
    profile_covers_ms: Option<i64>,
}

impl Friend {
    fn apply(&mut self, at: Moment, kind: Kind) {
        if kind.makes_contact() {
            self.first_action_ms = Some(self.first_action_ms.map_or(at.time_ms, |first| first.min(at.time_ms)));
            self.newest_action_ms = self.newest_action_ms.max(Some(at.time_ms));
        }
        if kind.brings_back() {
            self.returned_ms = self.returned_ms.max(Some(at.time_ms));
        }
        match kind {
            Kind::Followed => self.followed = self.followed.max(Some(at)),
            Kind::Unfollowed => self.unfollowed = self.unfollowed.max(Some(at)),
            Kind::Messaged { message, text } => self.messages.receive(at, message, text),
            Kind::Edited { message, text } => self.messages.edit(at, message, text),
            Kind::Unsent { message } => self.messages.unsend(at, &message),
            Kind::Answered => self.answered = self.answered.max(Some(at)),
            Kind::Acted | Kind::Imported => {}
        }
    }

    /// Forgets all but what other topics than the events' told of the time after the erasure. Is anything left?
    fn survives(&mut self, erased_ms: i64) -> bool {
        let later = |ms: &i64| *ms > erased_ms;
        *self = Self {
            answered: self.answered.filter(|at| later(&at.time_ms)),
            profile: self.profile.take().filter(|profile| later(&profile.covers_ms)),
            profile_covers_ms: self.profile_covers_ms.filter(later),
            ..Self::default()
        };
        *self != Self::default()
    }

    fn apply_profile(&mut self, profile: Profile) {
        self.profile_covers_ms = self.profile_covers_ms.max(Some(profile.covers_ms));
        if profile.found.is_some() {
            self.profile = self.profile.take().max(Some(profile));
        }
    }

    fn weight(&self) -> usize {
        let likeness = self.likeness().map_or(0, Likeness::weight);
        self.messages.weight().saturating_add(likeness)
    }

    /// When the person was first seen doing something that makes a contact: `LINE ID Sync Date _ N`, milliseconds.
    pub fn sync_date_ms(&self) -> Option<i64> {
        self.first_action_ms
    }

    /// The newest event that makes a contact, milliseconds.
    pub fn newest_action_ms(&self) -> Option<i64> {
        self.newest_action_ms
    }

    /// The newest message or follow, milliseconds: what brings a deleted contact back.
    pub fn returned_ms(&self) -> Option<i64> {
        self.returned_ms
    }

    /// When the person was last seen doing anything that is known here, milliseconds: acting, or blocking the account.
    pub fn last_seen_ms(&self) -> Option<i64> {
        self.newest_action_ms.max(self.unfollowed.map(|at| at.time_ms))
    }

    /// The newest follow, milliseconds.
    pub fn followed_ms(&self) -> Option<i64> {
        self.followed.map(|at| at.time_ms)
    }

    /// Does the person follow the account? The newest of follow and unfollow tells. Where neither was seen: yes once the
    /// person acted, for one can write without being a friend but then counts as one; unknown before.
    pub fn follows(&self) -> Option<bool> {
        match (self.followed, self.unfollowed) {
            (None, None) => self.first_action_ms.map(|_| true),
            (followed, unfollowed) => Some(followed > unfollowed),
        }
    }

    /// Does the person block the account? Only as long as nothing came after the unfollow: who writes has unblocked it, though
    /// the follow that tells so was lost, or never came because one can write without being a friend.
    pub fn blocks(&self) -> bool {
        let acted_since = |unfollowed_ms| self.newest_action_ms.is_some_and(|action_ms| action_ms > unfollowed_ms);
        self.unfollowed > self.followed && self.unfollowed.is_some_and(|at| !acted_since(at.time_ms))
    }

    /// The text of the newest message that was not taken back.
    pub fn last_response(&self) -> Option<&str> {
        self.messages.newest().map(|(_, text)| text)
    }

    /// Does the person wait for an answer? Yes if the newest message that was not taken back is newer than the newest
    /// answer; no before the first message.
    pub fn unanswered(&self) -> bool {
        self.messages.newest().is_some_and(|(sent, _)| Some(sent) > self.answered)
    }

    /// The newest profile that LINE told.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// Name and picture from the newest look-up that LINE answered.
    pub fn likeness(&self) -> Option<&Likeness> {
        self.profile.as_ref().and_then(|profile| profile.found.as_ref())
    }

    /// The newest event that a profile look-up was made for, milliseconds.
    pub fn profile_covers_ms(&self) -> Option<i64> {
        self.profile_covers_ms
    }
}
