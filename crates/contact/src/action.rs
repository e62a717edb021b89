//! Wanted minus confirmed: what to do in HubSpot. The rule for bringing a deleted contact back lives here and only here.

use crate::link::Account;
use crate::{ConnectionNumber, Connections, ContactId, Friend, Link, User, UserId, Values, wanted};

/// What to do in HubSpot for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// HubSpot is as it should be, or must be left alone.
    Nothing,
    /// Find the user's contact, else create it, with these values.
    Create(Values),
    /// Bring these properties of the contact to these values.
    Update(ContactId, Values),
    /// See whether the contact still lives: nothing is to be written, but the person wrote or followed, which brings a deleted
    /// one back.
    Check(ContactId),
}

/// Decides from what is known alone.
///
/// A contact deleted at `d` comes back only for a message or follow with a time after `d`: not for any other event, not for
/// a replay, a restart or a new profile. What HubSpot refused for good is left alone until it changes.
pub fn decide(id: UserId, user: &User, connections: &Connections) -> Action {
    match user.account.link {
        Link::Unknown if acted(user, connections) => create(id, user, connections),
        Link::Gone { since_ms, .. } | Link::Erased { since_ms } if returned_after(since_ms, user, connections) => {
            create(id, user, connections)
        }
        Link::Live(contact) => update(contact, id, user, connections),
        Link::Unknown | Link::Gone { .. } | Link::Erased { .. } | Link::Merged { .. } => Action::Nothing,
    }
}

fn create(id: UserId, user: &User, connections: &Connections) -> Action {
    let mut values = wanted(id, user, connections);
    values.retain(|_, value| !value.is_empty());
    if is_to_be_sent(&values, &user.account) { Action::Create(values) } else { Action::Nothing }
}

/// What is in doubt is written, whatever HubSpot last confirmed.
fn update(contact: ContactId, id: UserId, user: &User, connections: &Connections) -> Action {
    let account = &user.account;
    let mut values = wanted(id, user, connections);
    values.retain(|property, value| account.confirmed(*property) != Some(value));
    if is_to_be_sent(&values, account) {
        Action::Update(contact, values)
    } else if returned_after(account.covers_ms(), user, connections) {
        Action::Check(contact)
    } else {
        Action::Nothing
    }
}

/// Is there anything, apart from what HubSpot refused?
fn is_to_be_sent(values: &Values, account: &Account) -> bool {
    let is_refused = |(property, value)| account.refused.as_ref().is_some_and(|it| it.get(property) == Some(value));
    !values.iter().all(is_refused)
}

fn acted(user: &User, connections: &Connections) -> bool {
    any_creating_friend(user, connections, |friend| friend.sync_date_ms().is_some())
}

fn returned_after(since_ms: i64, user: &User, connections: &Connections) -> bool {
    any_creating_friend(user, connections, |friend| friend.returned_ms().is_some_and(|returned| returned > since_ms))
}

fn any_creating_friend(user: &User, connections: &Connections, holds: impl Fn(&Friend) -> bool) -> bool {
    let creates = |number: ConnectionNumber| connections.get(number).is_some_and(|connection| connection.auto_create);
    user.friends().any(|(number, friend)| creates(number) && holds(friend))
}
