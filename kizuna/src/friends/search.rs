//! Friends by a part of their name, by LINE user ID, or one after the other.
//!
//! A name may stand anywhere, so people are looked through in the order of the state, at most [`LOOKED_AT_MAX`] at a time; the
//! answer says where to go on. An ID leads straight to its person.

use super::{Friends, spelling};
use contact::{ConnectionNumber, Friend, Link, User, UserId};
use projector::store::ReadOnly;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// People looked at for one answer.
pub const LOOKED_AT_MAX: usize = 100_000;

/// Friends in one answer; a few more where the last person is a friend of several accounts.
pub const FOUND_MAX: usize = 50;

/// Rows read at a time.
const ROWS: usize = 1_000;

/// Who is looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// A part of the name, a LINE user ID, or the dummy e-mail that has it; empty for everybody.
    pub text: String,
    /// The connections whose friends are looked for.
    pub connections: BTreeSet<ConnectionNumber>,
    /// Only those who wait for an answer.
    pub is_waiting: bool,
    /// Where to go on; `None` to begin.
    pub after: Option<Place>,
}

/// A place in the state, between two people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    partition: u32,
    row: Option<i64>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The friends, in the order of the state.
    pub friends: Vec<Known>,
    /// How many people were looked at.
    pub looked_at: usize,
    /// Where to go on; `None` at the end.
    pub next: Option<Place>,
}

/// Somebody as a friend of one connection.
#[derive(Debug)]
pub struct Known {
    /// Who.
    pub user: UserId,
    /// Whose friend.
    pub connection: ConnectionNumber,
    /// What is known.
    pub friend: Friend,
    /// The contact in HubSpot.
    pub link: Link,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "{}.{row}", self.partition),
            None => write!(f, "{}", self.partition),
        }
    }
}

impl FromStr for Place {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (partition, row) = match text.split_once('.') {
            Some((partition, row)) => (partition, Some(row.parse()?)),
            None => (text, None),
        };
        Ok(Self { partition: partition.parse()?, row })
    }
}

/// How a person is recognised.
enum Wanted {
    Anybody,
    Named(String),
    Exactly(UserId),
}

impl Wanted {
    fn of(text: &str) -> Self {
        let text = text.trim();
        match UserId::parse(text).or_else(|| UserId::from_dummy_email(text)) {
            Some(user) => Self::Exactly(user),
            None if text.is_empty() => Self::Anybody,
            None => Self::Named(spelling::plain(text)),
        }
    }

    fn is(&self, friend: &Friend) -> bool {
        let Self::Named(part) = self else { return true };
        friend.likeness().is_some_and(|likeness| spelling::plain(&likeness.name).contains(part.as_str()))
    }
}

impl Friends {
    /// Looks for people.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn search(&self, search: &Search) -> anyhow::Result<Found> {
        let (mut found, wanted) = (Found::default(), Wanted::of(&search.text));
        if let Wanted::Exactly(user) = wanted {
            let known = self.user(user)?;
            found.looked_at = usize::from(known.is_some());
            known.iter().for_each(|known| found.take(user, known, search, &wanted));
            return Ok(found);
        }
        let mut place = search.after.unwrap_or_default();
        while place.partition < self.partitions {
            if let Some(store) = self.store(place.partition)?
                && let Some(next) = found.look_through(&store, place, search, &wanted)?
            {
                found.next = Some(next);
                break;
            }
            place = Place { partition: place.partition + 1, row: None };
        }
        Ok(found)
    }
}

impl Found {
    /// Looks through a partition from a place on. Gives the place where enough was found or looked at; `None` at the end.
    fn look_through(
        &mut self,
        store: &ReadOnly,
        from: Place,
        search: &Search,
        wanted: &Wanted,
    ) -> anyhow::Result<Option<Place>> {
        let mut row = from.row;
        loop {
            let page = store.rows(row, ROWS)?;
            for (place, users) in &page.rows {
                if self.friends.len() >= FOUND_MAX || self.looked_at >= LOOKED_AT_MAX {
                    return Ok(Some(Place { row, ..from }));
                }
                users.iter().for_each(|(user, known)| self.take(*user, known, search, wanted));
                self.looked_at += users.len();
                row = Some(*place);
            }
            if page.is_last {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, user: UserId, known: &User, search: &Search, wanted: &Wanted) {
        let is_wanted = |(number, friend): &(ConnectionNumber, &Friend)| {
            search.connections.contains(number)
                && friend.follows().is_some()
                && (!search.is_waiting || friend.unanswered())
                && wanted.is(friend)
        };
        let link = known.account.link;
        let found = known.friends().filter(is_wanted);
        self.friends.extend(found.map(|(connection, friend)| Known { user, connection, friend: friend.clone(), link }));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::friends::tests::{Shelf, number};

    fn all(shelf: &Shelf, search: Search) -> (Vec<UserId>, usize) {
        let (mut users, mut answers, mut after) = (Vec::new(), 0, None);
        loop {
            let found = shelf.friends.search(&Search { after, ..search.clone() }).unwrap();
            assert!(found.looked_at <= LOOKED_AT_MAX && found.friends.len() < FOUND_MAX + 2);
            users.extend(found.friends.iter().map(|it| it.user));
            answers += 1;
            after = found.next.map(|next| next.to_string().parse().unwrap());
            if after.is_none() {
                users.sort();
                return (users, answers);
            }
        }
    }

    fn search(text: &str, connections: impl IntoIterator<Item = u32>) -> Search {
        let connections = connections.into_iter().map(number).collect();
        Search { text: text.to_owned(), connections, ..Search::default() }
    }

    #[test]
    fn a_part_of_a_name_finds_everybody_who_has_it_and_nobody_else_twice() {
        let shelf = Shelf::new();
        let users = shelf.fill(130, |place| format!("田中 サクラ {place}"));
        let (found, answers) = all(&shelf, search("さくら", [1]));
        assert_eq!((found, answers), (users.clone(), 3));
        assert_eq!(all(&shelf, search("さくら 77", [1])).0, users[77..78]);
        assert_eq!(all(&shelf, search("佐藤", [1])).0, []);
    }

    #[test]
    fn an_id_and_its_dummy_email_find_one_person() {
        let shelf = Shelf::new();
        let users = shelf.fill(10, |place| place.to_string());
        for text in [users[3].to_string(), format!("  {} ", users[3]), users[3].dummy_email()] {
            assert_eq!(all(&shelf, search(&text, [1])).0, users[3..4], "{text}");
        }
        assert_eq!(all(&shelf, search("U0123456789abcdef0123456789abcdef", [1])).0, []);
    }

    #[test]
    fn only_the_chosen_connections_are_looked_in() {
        let shelf = Shelf::new();
        let users = shelf.fill(3, |place| place.to_string());
        shelf.message(2, users[0], 50);
        assert_eq!(all(&shelf, search("", [1])).0, users);
        assert_eq!(all(&shelf, search("", [2])).0, users[..1]);
        assert_eq!(all(&shelf, search("", [1, 2])).0.len(), 4);
        assert_eq!(all(&shelf, search(&users[0].to_string(), [3])).0, []);
    }

    #[test]
    fn who_waits_for_an_answer_is_found() {
        let shelf = Shelf::new();
        let users = shelf.fill(3, |place| place.to_string());
        shelf.message(1, users[1], 50);
        assert_eq!(all(&shelf, Search { is_waiting: true, ..search("", [1]) }).0, users[1..2]);
    }

    #[test]
    fn one_answer_looks_at_a_bounded_number_of_people() {
        let shelf = Shelf::new();
        shelf.fill(LOOKED_AT_MAX + 10, |_| "somebody".to_owned());
        let first = shelf.friends.search(&search("nobody", [1])).unwrap();
        assert_eq!((first.looked_at, first.friends.len()), (LOOKED_AT_MAX, 0));
        let rest = shelf.friends.search(&Search { after: first.next, ..search("nobody", [1]) }).unwrap();
        assert_eq!((rest.looked_at, rest.next), (10, None));
    }
}
