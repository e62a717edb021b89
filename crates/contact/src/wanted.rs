//! What HubSpot should show for a user.

use crate::{ConnectionNumber, Field, Friend, Property, User, UserId, Values};

/// HubSpot's limit for a text property, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 65_536;

/// As much of a connection as the rules need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its number.
    pub number: ConnectionNumber,
    /// Does a friend's first action make a contact?
    pub auto_create: bool,
}

/// The connections that are kept in step with HubSpot: neither paused nor removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The connection with this number.
    pub fn get(&self, number: ConnectionNumber) -> Option<&Connection> {
        let place = self.0.binary_search_by_key(&number, |connection| connection.number).ok()?;
        Some(&self.0[place])
    }
}

/// The complete values of a user, over all connections that know more of the person than an address.
pub fn wanted(id: UserId, user: &User, connections: &Connections) -> Values {
    let mut values = Values::new();
    for (number, friend) in user.friends() {
        if connections.get(number).is_none() || friend.follows().is_none() {
            continue;
        }
        for field in Field::ALL {
            values.insert(Property { connection: number, field }, value(id, friend, field));
        }
    }
    values
}

fn value(id: UserId, friend: &Friend, field: Field) -> Box<str> {
    match field {
        Field::UserId => id.to_string().into(),
        Field::UserName => text(friend.likeness().map_or("", |likeness| &likeness.name)),
        Field::UserPicture => text(friend.likeness().and_then(|likeness| likeness.picture.as_deref()).unwrap_or("")),
        Field::Follow => friend.follows().map_or("", yes_or_no).into(),
        Field::SyncDate => friend.sync_date_ms().map_or_else(Box::default, |ms| ms.to_string().into()),
        Field::Unanswered => yes_or_no(friend.unanswered()).into(),
        Field::LastResponse => text(friend.last_response().unwrap_or("")),
    }
}

const fn yes_or_no(yes: bool) -> &'static str {
    if yes { "Yes" } else { "No" }
}

/// Cut to what HubSpot takes, between characters.
fn text(text: &str) -> Box<str> {
    match text.char_indices().nth(TEXT_CHARACTERS_MAX) {
        None => text.into(),
        Some((end, _)) => text[..end].into(),
    }
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
