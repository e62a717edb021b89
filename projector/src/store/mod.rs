//! The state store of one partition: a cache of the fold on disk, with the place in the log up to which it is folded.
//!
//! State and place change in one transaction, so the store always equals the fold of a prefix of each topic. It is only a
//! cache: whatever is wrong with it (another format, another log, ahead of its log, damaged), it is wiped and rebuilt.
//!
//! A user's row is found by the first 64 bits of the user ID; the few users that share them share the row, a `Bucket`.

mod checkpoint;
mod file;
pub mod files;
mod read_only;
mod row;

pub use checkpoint::Checkpoint;
pub use read_only::{ReadOnly, RowPage};
pub use row::{Rows, Which};

use contact::{User, UserId};
use file::File;
use row::Bucket;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

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

struct Cached {
    bucket: Bucket,
    dirty: bool,
}

/// Where a process finds the store of each of its partitions.
pub trait Stores: Send + Sync {
    /// Opens the store of a partition, or begins a new one.
    ///
    /// # Errors
    /// When no store can be had.
    fn open(&self, partition: u32) -> Result<Store, Error>;
}

/// Stores as files of a directory.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Which.
    pub path: PathBuf,
    /// What a store must have been written with to be used.
    pub format: String,
}

impl Stores for Directory {
    fn open(&self, partition: u32) -> Result<Store, Error> {
        Store::open(&self.path, partition, &self.format)
    }
}

/// The state of all users of one partition.
pub struct Store {
    rows: Box<dyn Rows>,
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
        Ok(Self::over(Box::new(file), checkpoint))
    }

    /// The store over rows that are the fold up to this place in the log.
    pub fn over(rows: Box<dyn Rows>, checkpoint: Checkpoint) -> Self {
        let blank = checkpoint.is_empty();
        Self { rows, cache: HashMap::new(), blank, checkpoint }
    }

    /// Forgets everything: the next fold begins at the start of the log.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn wipe(&mut self) -> Result<(), Error> {
        self.cache.clear();
        self.checkpoint = Checkpoint::default();
        self.blank = true;
        self.rows.wipe()
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
                dirty.insert(*key, (cached.bucket.seal()?, pending));
            }
        }
        self.rows.write(&dirty, &self.checkpoint)?;
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
        self.page(Which::Pending, after, rows)
    }

    /// As [`Store::pending`], but all users.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn users(&mut self, after: Option<i64>, rows: usize) -> Result<Page, Error> {
        self.page(Which::All, after, rows)
    }

    fn page(&self, which: Which, after: Option<i64>, rows: usize) -> Result<Page, Error> {
        let found = self.rows.page(which, after, rows)?;
        let next = found.last().filter(|_| found.len() == rows).map(|(key, _)| *key);
        let mut users = Vec::with_capacity(found.len());
        for (_, sealed) in &found {
            users.extend(Bucket::open(sealed)?.0);
        }
        Ok(Page { users, next })
    }

    fn cached(&mut self, id: UserId) -> Result<&mut Cached, Error> {
        let key = row_key(id);
        match self.cache.entry(key) {
            std::collections::hash_map::Entry::Occupied(cached) => Ok(cached.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => {
                let sealed = if self.blank { None } else { self.rows.read(key)? };
                let bucket = sealed.map(|sealed| Bucket::open(&sealed)).transpose()?.unwrap_or_default();
                Ok(place.insert(Cached { bucket, dirty: false }))
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
