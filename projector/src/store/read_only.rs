//! The state store of one partition as others than its owner read it: as last written, without holding the owner up.

use super::file::File;
use super::row::Bucket;
use super::{Directory, Error, Rows, Which, row_key};
use contact::{User, UserId};

/// A store that somebody else may be writing. Each call sees what was last written when it is made.
pub struct ReadOnly(File);

/// Some rows of a store, in its order.
#[derive(Debug, Default)]
pub struct RowPage {
    /// Each row's place, and the users in it: nearly always one.
    pub rows: Vec<(i64, Vec<(UserId, User)>)>,
    /// Were these the last?
    pub is_last: bool,
}

impl Directory {
    /// Opens the store of a partition for reading; `None` where there is none of this form.
    ///
    /// # Errors
    /// When there is a file and it cannot be read.
    pub fn read_only(&self, partition: u32) -> Result<Option<ReadOnly>, Error> {
        Ok(File::read_only(&self.path, partition, &self.format)?.map(ReadOnly))
    }
}

impl ReadOnly {
    /// A user's state.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn user(&self, id: UserId) -> Result<Option<User>, Error> {
        let Some(sealed) = self.0.read(row_key(id))? else { return Ok(None) };
        Ok(Bucket::open(&sealed)?.user(id).cloned())
    }

    /// At most so many rows after a place.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn rows(&self, after: Option<i64>, rows: usize) -> Result<RowPage, Error> {
        let found = self.0.page(Which::All, after, rows)?;
        let is_last = found.len() < rows;
        let open = |(place, sealed): (i64, Vec<u8>)| Ok((place, Bucket::open(&sealed)?.into_users().collect()));
        let rows = found.into_iter().map(open).collect::<Result<_, Error>>()?;
        Ok(RowPage { rows, is_last })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::{Store, Stores};
    use contact::{ConnectionNumber, Event, EventId, Kind, Moment};

    fn directory(path: &std::path::Path) -> Directory {
        Directory { path: path.to_owned(), format: "test".to_owned() }
    }

    fn follow(store: &mut Store, user: UserId) {
        let (connection, at) = (ConnectionNumber::new(1).unwrap(), Moment { time_ms: 10, id: EventId(0) });
        store.user_mut(user).unwrap().apply(Event { user, connection, at, kind: Kind::Followed });
        store.flush(|_, _| false).unwrap();
    }

    #[test]
    fn what_the_owner_wrote_is_seen_while_it_goes_on_writing() {
        let place = tempfile::tempdir().unwrap();
        let directory = directory(place.path());
        let users: Vec<_> = (1..=5_u128).map(|number| UserId::from_u128(number << 100)).collect();
        let mut owner = directory.open(0).unwrap();
        follow(&mut owner, users[0]);
        let read = directory.read_only(0).unwrap().unwrap();
        assert!(read.user(users[0]).unwrap().is_some());
        assert!(read.user(users[1]).unwrap().is_none());
        users[1..].iter().for_each(|user| follow(&mut owner, *user));
        let first = read.rows(None, 3).unwrap();
        let second = read.rows(first.rows.last().map(|(place, _)| *place), 3).unwrap();
        assert!(!first.is_last && second.is_last);
        let seen = first.rows.iter().chain(&second.rows).flat_map(|(_, users)| users).map(|(user, _)| *user);
        assert_eq!(seen.collect::<Vec<_>>(), users);
    }

    #[test]
    fn a_store_of_another_form_is_left_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        assert!(directory(place.path()).read_only(0).unwrap().is_none());
        follow(&mut directory(place.path()).open(0).unwrap(), UserId::from_u128(7));
        let other = Directory { format: "another".to_owned(), ..directory(place.path()) };
        assert!(other.read_only(0).unwrap().is_none());
        assert!(directory(place.path()).read_only(0).unwrap().unwrap().user(UserId::from_u128(7)).unwrap().is_some());
    }
}
