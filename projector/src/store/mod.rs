//! The state store of one partition: a cache of the fold on disk, with the place in the log up to which it is folded.
//!
//! State and place change in one transaction, so the store always equals the fold of a prefix of each topic. It is only a
//! cache: whatever is wrong with it (another format, another log, ahead of its log, damaged), it is wiped and rebuilt.
//!
//! A user's row is found by the first 64 bits of the user ID; the few users that share them share the row, a [`Bucket`].

mod checkpoint;
mod file;

pub use checkpoint::Checkpoint;

use contact::{User, UserId};
use file::File;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;

/// Users held in memory before a flush empties the cache: about 1 KiB each.
const CACHED_MAX: usize = 200_000;

/// What went wrong with the store. Whatever it is, the store can be deleted and rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused: disk full, no permission, damaged file.
    #[error("the state store: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row does not have the form of this version.
    #[error("the state store holds a row that cannot be read")]
    Row(#[from] postcard::Error),
    /// A row is not what was written.
    #[error("the state store holds a damaged row")]
    Damaged,
    /// The directory cannot be used.
    #[error("the state store: {0}")]
    Directory(#[from] std::io::Error),
}

/// The users whose IDs share their first 64 bits; nearly always one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket(Vec<(UserId, User)>);

impl Bucket {
    fn user(&self, id: UserId) -> Option<&User> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, user)| user)
    }

    fn user_mut(&mut self, id: UserId) -> &mut User {
        let place = self.0.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            self.0.push((id, User::default()));
            self.0.sort_by_key(|(known, _)| *known);
            self.0.iter().position(|(known, _)| *known == id).expect("just inserted")
        });
        &mut self.0[place].1
    }
}

struct Cached {
    bucket: Bucket,
    dirty: bool,
}

/// The state of all users of one partition.
pub struct Store {
    file: File,
    cache: HashMap<i64, Cached>,
    /// Nothing was ever written: look-ups need not ask the disk.
    blank: bool,
    checkpoint: Checkpoint,
}

impl Store {
    /// Opens the store of a partition, or begins a new one where there is none, or none of this `format`.
    ///
    /// # Errors
    /// When the directory or the database cannot be used.
    pub fn open(directory: &Path, partition: u32, format: &str) -> Result<Self, Error> {
        let (file, checkpoint) = File::open(directory, partition, format)?;
        let blank = checkpoint.is_empty();
        Ok(Self { file, cache: HashMap::new(), blank, checkpoint })
    }

    /// Forgets everything: the next fold begins at the start of the log.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn wipe(&mut self) -> Result<(), Error> {
        self.cache.clear();
        self.checkpoint = Checkpoint::default();
        self.blank = true;
        self.file.wipe()
    }

    /// The place in the log that this state is the fold of, with what is in memory.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// To move the place along with what is folded.
    pub fn checkpoint_mut(&mut self) -> &mut Checkpoint {
        &mut self.checkpoint
    }

    /// A user's state to read.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn user(&mut self, id: UserId) -> Result<Option<&User>, Error> {
        Ok(self.cached(id)?.bucket.user(id))
    }

    /// A user's state to change.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn user_mut(&mut self, id: UserId) -> Result<&mut User, Error> {
        let cached = self.cached(id)?;
        cached.dirty = true;
        Ok(cached.bucket.user_mut(id))
    }

    /// Is it time to flush, so that memory stays bounded?
    pub fn is_full(&self) -> bool {
        self.cache.len() >= CACHED_MAX
    }

    /// Writes what changed, with the place in the log and with who has something to be done, in one transaction.
    /// `pends` tells of each changed user whether something is to be done.
    ///
    /// # Errors
    /// When the database cannot be written: nothing of it is then.
    pub fn flush(&mut self, pends: impl Fn(UserId, &User) -> bool) -> Result<(), Error> {
        let mut dirty = BTreeMap::new();
        for (key, cached) in &self.cache {
            if cached.dirty {
                let pending = cached.bucket.0.iter().any(|(id, user)| pends(*id, user));
                dirty.insert(*key, (file::seal(&cached.bucket)?, pending));
            }
        }
        self.file.write(&dirty, &self.checkpoint)?;
        self.blank = false;
        if self.is_full() {
            self.cache.clear();
        } else {
            self.cache.values_mut().for_each(|cached| cached.dirty = false);
        }
        Ok(())
    }

    /// The users after `after` that have something to be done, in the store's own order, from at most `rows` rows; with the
    /// place to go on from, or `None` at the end. To be called after a flush.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pending(&mut self, after: Option<i64>, rows: usize) -> Result<Page, Error> {
        self.file.page(file::Which::Pending, after, rows)
    }

    /// As [`Store::pending`], but all users.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn users(&mut self, after: Option<i64>, rows: usize) -> Result<Page, Error> {
        self.file.page(file::Which::All, after, rows)
    }

    fn cached(&mut self, id: UserId) -> Result<&mut Cached, Error> {
        let key = row_key(id);
        match self.cache.entry(key) {
            std::collections::hash_map::Entry::Occupied(cached) => Ok(cached.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => {
                let bucket = if self.blank { None } else { self.file.read(key)? };
                Ok(place.insert(Cached { bucket: bucket.unwrap_or_default(), dirty: false }))
            }
        }
    }
}

/// Some users in the store's order.
#[derive(Debug, Default)]
pub struct Page {
    /// The users with their state.
    pub users: Vec<(UserId, User)>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<i64>,
}

fn row_key(id: UserId) -> i64 {
    let first_half = (id.as_u128() >> 64) as u64;
    first_half.cast_signed()
}

#[cfg(test)]
mod tests;
