//! What HubSpot should show for a user.

use crate::{ConnectionNumber, Field, Friend, Property, User, UserId, Values};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// HubSpot's limit for a text property, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 65_536;

/// As much of a connection as the rules need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its number.
    pub number: ConnectionNumber,
    /// Does a friend's first action make a contact?
    pub auto_create: bool,
}

/// The connections that are kept in step with HubSpot: neither paused nor removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections(Vec<Connection>);

impl FromIterator<Connection> for Connections {
    fn from_iter<I: IntoIterator<Item = Connection>>(connections: I) -> Self {
        let mut all: Vec<_> = connections.into_iter().collect();
        all.sort_by_key(|connection| connection.number);
        all.dedup_by_key(|connection| connection.number);
        Self(all)
    }
}

impl Connections {
    /// Their numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = ConnectionNumber> {
        self.0.iter().map(|connection| connection.number)
    }

    /// The connection with this number.
    pub fn get(&self, number: ConnectionNumber) -> Option<&Connection> {
        let place = self.0.binary_search_by_key(&number, |connection| connection.number).ok()?;
        Some(&self.0[place])
    }
}

/// The complete values of a user, over all connections that know more of the person than an address.
pub fn wanted(id: UserId, user: &User, connections: &Connections) -> Values {
    each_wanted(id, user, connections).map(|(property, value)| (property, value.into())).collect()
}

/// As [`wanted`], one by one, without a copy of what the state holds.
pub(crate) fn each_wanted<'a>(
    id: UserId,
    user: &'a User,
    connections: &'a Connections,
) -> impl Iterator<Item = (Property, Cow<'a, str>)> {
    let shown = |(number, friend): &(ConnectionNumber, &Friend)| {
        connections.get(*number).is_some() && friend.follows().is_some()
    };
    user.friends().filter(shown).flat_map(move |(connection, friend)| {
        Field::ALL.into_iter().map(move |field| (Property { connection, field }, value(id, friend, field)))
    })
}

fn value(id: UserId, friend: &Friend, field: Field) -> Cow<'_, str> {
    match field {
        Field::UserId => id.to_string().into(),
        Field::UserName => text(friend.likeness().map_or("", |likeness| &likeness.name)).into(),
        Field::UserPicture => {
            text(friend.likeness().and_then(|likeness| likeness.picture.as_deref()).unwrap_or("")).into()
        }
        Field::Follow => friend.follows().map_or("", yes_or_no).into(),
        Field::SyncDate => friend.sync_date_ms().map_or_else(Cow::default, |ms| ms.to_string().into()),
        Field::Unanswered => yes_or_no(friend.unanswered()).into(),
        Field::LastResponse => text(friend.last_response().unwrap_or("")).into(),
    }
}

const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "Yes" } else { "No" }
}

/// Cut to what HubSpot takes, between characters.
fn text(text: &str) -> &str {
    if text.len() <= TEXT_CHARACTERS_MAX {
        return text;
    }
    text.char_indices().nth(TEXT_CHARACTERS_MAX).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_found_in_whatever_order_they_came() {
        let connection =
            |number, auto_create| Connection { number: ConnectionNumber::new(number).expect("not 0"), auto_create };
        let of = [connection(3, true), connection(1, false), connection(2, true), connection(1, true)];
        let all: Connections = of.into_iter().collect();
        for known in &of[..3] {
            assert_eq!(all.get(known.number), Some(known), "the first of a number counts");
        }
        assert_eq!(all.get(connection(4, true).number), None);
    }
}
