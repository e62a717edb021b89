//! The rows of a state store, wherever they are kept.

use super::{Checkpoint, Error};
use contact::{User, UserId};

/// Keeps the rows of one partition's state, and the place in the log that they are the fold of.
pub trait Rows: Send {
    /// The row under a key.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, key: i64) -> Result<Option<Vec<u8>>, Error>;

    /// Writes rows, in the order of their keys, and the place in the log, all or nothing.
    ///
    /// # Errors
    /// When nothing was written; also when a row could not be made. Rows that were at no place in the log are of no use then.
    fn write(&mut self, rows: &mut MadeRows<'_>, checkpoint: &Checkpoint) -> Result<(), Error>;

    /// At most so many rows after a key, in the order of their keys.
    ///
    /// # Errors
    /// When they cannot be read.
    fn page(&self, which: Which, after: Option<i64>, rows: usize) -> Result<Vec<(i64, Vec<u8>)>, Error>;

    /// Forgets everything.
    ///
    /// # Errors
    /// When it cannot be forgotten.
    fn wipe(&mut self) -> Result<(), Error>;
}

/// Rows that are made one by one as they are written, so that they need not all be held at once.
pub type MadeRows<'a> = dyn Iterator<Item = Result<Row, Error>> + 'a;

/// A row to be written.
#[derive(Clone, Debug)]
pub struct Row {
    /// The key.
    pub key: i64,
    /// What is stored under it.
    pub sealed: Vec<u8>,
    /// Is something to be done for somebody in it?
    pub pending: bool,
}

/// Which rows to page through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those with something to be done.
    Pending,
}

/// The users whose IDs share their first 64 bits; nearly always one, who needs no memory besides.
#[derive(Debug, Default)]
pub struct Bucket {
    first: Option<(UserId, User)>,
    others: Vec<(UserId, User)>,
}

impl Bucket {
    pub fn users(&self) -> impl Iterator<Item = &(UserId, User)> {
        self.first.iter().chain(&self.others)
    }

    pub fn into_users(self) -> impl Iterator<Item = (UserId, User)> {
        self.first.into_iter().chain(self.others)
    }

    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users().find(|(known, _)| *known == id).map(|(_, user)| user)
    }

    pub fn user_mut(&mut self, id: UserId) -> &mut User {
        if self.first.as_ref().is_none_or(|(known, _)| *known == id) {
            return &mut self.first.get_or_insert_with(|| (id, User::default())).1;
        }
        let place = self.others.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            self.others.push((id, User::default()));
            self.others.len() - 1
        });
        &mut self.others[place].1
    }

    /// Bytes of memory that the users own, about.
    pub fn weight(&self) -> usize {
        self.users().map(|(_, user)| user.weight()).sum()
    }

    /// The row as it is stored: with a checksum, because the database does not notice a flipped bit in a value. The same
    /// users give the same bytes, whoever came first.
    pub fn seal(&self) -> Result<Vec<u8>, Error> {
        let mut users: Vec<_> = self.users().collect();
        users.sort_unstable_by_key(|(id, _)| *id);
        let mut bytes = postcard::to_extend(&users, Vec::with_capacity(ROW_BYTES))?;
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// Reads a stored row.
    pub fn open(bytes: &[u8]) -> Result<Self, Error> {
        let (users, stored) = bytes.split_last_chunk().ok_or(Error::Damaged)?;
        if crc32c::crc32c(users) != u32::from_le_bytes(*stored) {
            return Err(Error::Damaged);
        }
        let mut users = postcard::from_bytes::<Vec<_>>(users)?.into_iter();
        Ok(Self { first: users.next(), others: users.collect() })
    }
}

/// Room for the row of most users.
const ROW_BYTES: usize = 2_048;
