//! The rows of a state store, wherever they are kept.

use super::{Checkpoint, Error};
use contact::{User, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Keeps the rows of one partition's state, and the place in the log that they are the fold of.
pub trait Rows: Send {
    /// The row under a key.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, key: i64) -> Result<Option<Vec<u8>>, Error>;

    /// Writes rows, whether something is to be done for them, and the place in the log, all or nothing.
    ///
    /// # Errors
    /// When nothing was written.
    fn write(&mut self, rows: &BTreeMap<i64, (Vec<u8>, bool)>, checkpoint: &Checkpoint) -> Result<(), Error>;

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

/// Which rows to page through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those with something to be done.
    Pending,
}

/// The users whose IDs share their first 64 bits; nearly always one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket(pub(super) Vec<(UserId, User)>);

impl Bucket {
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, user)| user)
    }

    pub fn user_mut(&mut self, id: UserId) -> &mut User {
        let place = self.0.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            self.0.push((id, User::default()));
            self.0.sort_by_key(|(known, _)| *known);
            self.0.iter().position(|(known, _)| *known == id).expect("just inserted")
        });
        &mut self.0[place].1
    }

    /// The row as it is stored: with a digest, because the database does not notice a flipped bit in a value.
    pub fn seal(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = postcard::to_stdvec(self)?;
        let digest = digest(&bytes);
        bytes.extend_from_slice(&digest);
        Ok(bytes)
    }

    /// Reads a stored row.
    pub fn open(bytes: &[u8]) -> Result<Self, Error> {
        let (bucket, stored) = bytes.split_last_chunk::<8>().ok_or(Error::Damaged)?;
        if digest(bucket) != *stored {
            return Err(Error::Damaged);
        }
        Ok(postcard::from_bytes(bucket)?)
    }
}

fn digest(bytes: &[u8]) -> [u8; 8] {
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(bytes)[..8]);
    first
}
