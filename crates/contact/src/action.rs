//! Wanted minus confirmed: what to do in HubSpot. The rule for bringing a deleted contact back lives here and only here.

use crate::link::Account;
use crate::wanted::each_wanted;
use crate::{ConnectionNumber, Connections, ContactId, Friend, Link, Property, User, UserId, Values, is_anothers};
use std::borrow::Cow;

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
    let values = || sent(id, user, connections).map(|(property, value)| (property, value.into())).collect();
    match step(id, user, connections) {
        Step::Nothing => Action::Nothing,
        Step::Create => Action::Create(values()),
        Step::Update(contact) => Action::Update(contact, values()),
        Step::Check(contact) => Action::Check(contact),
    }
}

/// Does [`decide`] say that something is to be done? Tells it at a fraction of the cost.
pub fn is_due(id: UserId, user: &User, connections: &Connections) -> bool {
    !matches!(step(id, user, connections), Step::Nothing)
}

/// An [`Action`] without its values.
enum Step {
    Nothing,
    Create,
    Update(ContactId),
    Check(ContactId),
}

fn step(id: UserId, user: &User, connections: &Connections) -> Step {
    let account = &user.account;
    let is_to_be_sent = || sent(id, user, connections).any(|(property, value)| !is_refused(account, property, &value));
    let is_back = match account.link {
        Link::Unknown => acted(user, connections),
        Link::Gone { since_ms, .. } | Link::Erased { since_ms } => returned_after(since_ms, user, connections),
        Link::Live(contact) if is_to_be_sent() => return Step::Update(contact),
        Link::Live(contact) if returned_after(account.covers_ms(), user, connections) => return Step::Check(contact),
        Link::Live(_) | Link::Merged { .. } => false,
    };
    if is_back && is_to_be_sent() { Step::Create } else { Step::Nothing }
}

/// The values that differ from what HubSpot shows; what is in doubt does, whatever HubSpot last confirmed. A new contact has
/// only empty ones. On one that was merged, what is another LINE user's stays that user's.
fn sent<'a>(
    id: UserId,
    user: &'a User,
    connections: &'a Connections,
) -> impl Iterator<Item = (Property, Cow<'a, str>)> {
    let account = &user.account;
    let is_live = matches!(account.link, Link::Live(_));
    each_wanted(id, user, connections).filter(move |(property, value)| match is_live {
        true => account.confirmed(*property) != Some(value) && !is_anothers(&account.values, id, property.connection),
        false => !value.is_empty(),
    })
}

fn is_refused(account: &Account, property: Property, value: &str) -> bool {
    account.refused.as_ref().and_then(|refused| refused.get(&property)).is_some_and(|refused| **refused == *value)
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
