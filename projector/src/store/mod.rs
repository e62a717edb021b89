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
mod slice;

pub use checkpoint::Checkpoint;
pub use read_only::{ReadOnly, RowPage};
pub use row::{MadeRows, Row, Rows, Which};
pub use slice::Slice;

use contact::{User, UserId};
use file::File;
use row::Bucket;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};

/// Bytes of memory that the users of all partitions of a process may take while the log is read again, unless it is set
/// otherwise. What the allocator and the database need besides is two thirds as much again.
pub const RESTORE_MEMORY: usize = 320 << 20;

/// Bytes of memory that they may take in everyday work, where few are looked at twice.
pub const MEMORY: usize = 64 << 20;

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
    /// The database does not write the journal that it should.
    #[error("the state store cannot change its journal")]
    Journal,
    /// The directory cannot be used.
    #[error("the state store: {0}")]
    Directory(#[from] std::io::Error),
}

/// Bytes that the cache takes for a row besides what its users own; half of its table is empty at the worst.
const CACHED_BYTES: usize = size_of::<Cached>() + 2 * size_of::<(i64, Box<Cached>)>();

struct Cached {
    bucket: Bucket,
    dirty: bool,
}

/// Rows that are looked at before the first of them is written.
const WRITTEN_AHEAD: usize = 32;

/// Looks at the same thing of many rows, so that the processor waits for all of them at once.
fn glance(rows: &[&Cached], look: fn(&User) -> usize) {
    let seen = rows.iter().flat_map(|cached| cached.bucket.users()).map(|(_, user)| look(user));
    std::hint::black_box(seen.fold(0, usize::wrapping_add));
}

/// Spreads row keys, which are random already but for the low bits in tests, over the cache.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, key: u64) {
        let spread = u128::from(key) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (spread >> 64) as u64 ^ spread as u64;
    }

    fn write_i64(&mut self, key: i64) {
        self.write_u64(key.cast_unsigned());
    }
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
    /// Boxed, so that a table that grows copies little.
    cache: HashMap<i64, Box<Cached>, BuildHasherDefault<KeyHasher>>,
    /// Bytes that the cache takes at the most; some of them may have been given back.
    held: usize,
    /// Bytes that it may take.
    memory: usize,
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
        Self { rows, cache: HashMap::default(), held: 0, memory: MEMORY, blank, checkpoint }
    }

    /// Forgets everything: the next fold begins at the start of the log.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn wipe(&mut self) -> Result<(), Error> {
        self.forget();
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

    /// From now on the users in memory may take so many bytes.
    pub fn limit_memory(&mut self, memory: usize) {
        self.memory = memory;
    }

    /// Users in memory may have grown by so many bytes.
    pub fn grew(&mut self, bytes: usize) {
        self.held += bytes;
    }

    /// Has the states of users that are cached come near the processor all at once, right before they are changed: one
    /// after the other, each would be waited for. What leads to a state comes before the state, of all of them.
    pub fn fetch(&self, users: impl Iterator<Item = UserId>) {
        let cached: Vec<&Cached> =
            users.filter_map(|id| self.cache.get(&row_key(id)).map(|cached| &**cached)).collect();
        glance(&cached, |_| 1);
        glance(&cached, |user| user.friends().count());
        glance(&cached, |user| user.friends().filter_map(|(_, friend)| friend.last_response()).map(str::len).sum());
    }

    /// Is it time to flush, so that memory stays bounded? Looks closely only when it may be.
    pub fn is_full(&mut self) -> bool {
        if self.held < self.memory {
            return false;
        }
        self.held = self.weight();
        // The look is worth its cost only if there is room for a while afterwards.
        self.held >= self.memory / 4 * 3
    }

    /// Writes what changed, with the place in the log and with who has something to be done, in one transaction.
    /// `pends` tells of each changed user whether something is to be done.
    ///
    /// # Errors
    /// When the database cannot be written: nothing of it is then.
    pub fn flush(&mut self, pends: impl Fn(UserId, &User) -> bool) -> Result<(), Error> {
        let place = std::mem::take(&mut self.checkpoint);
        let written = self.write(pends, &place);
        self.checkpoint = place;
        written?;
        self.blank = false;
        if self.held >= self.memory / 2 {
            self.forget();
        } else {
            self.cache.values_mut().for_each(|cached| cached.dirty = false);
        }
        Ok(())
    }

    /// Writes a slice of a store that is still blank and forgets it; the next slice begins at the start of the log. Until
    /// the last slice is flushed, the store is at no place in the log: whoever opens it begins anew.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn flush_slice(&mut self, pends: impl Fn(UserId, &User) -> bool) -> Result<(), Error> {
        self.checkpoint = Checkpoint::default();
        self.write(pends, &Checkpoint::default())?;
        self.forget();
        Ok(())
    }

    /// Was nothing ever folded into it?
    pub fn is_blank(&self) -> bool {
        self.blank
    }

    /// Forgets the later half of the users of a slice that are in memory, and cuts it off the slice. Of a single row, which
    /// cannot be cut, it keeps all.
    pub fn narrow(&mut self, slice: &mut Slice) {
        let mut keys: Vec<i64> = self.cache.keys().copied().collect();
        if keys.len() < 2 {
            return;
        }
        let half = keys.len() / 2 - 1;
        slice.last = *keys.select_nth_unstable(half).1;
        self.cache.retain(|key, _| *key <= slice.last);
        self.cache.shrink_to_fit();
        self.held = self.weight();
    }

    fn write(&mut self, pends: impl Fn(UserId, &User) -> bool, place: &Checkpoint) -> Result<(), Error> {
        let dirty = self.cache.iter().filter(|(_, cached)| cached.dirty);
        let mut dirty: Vec<(i64, &Cached)> = dirty.map(|(key, cached)| (*key, &**cached)).collect();
        dirty.sort_unstable_by_key(|(key, _)| *key);
        let row = |(key, cached): &(i64, &Cached)| {
            let pending = cached.bucket.users().any(|(id, user)| pends(*id, user));
            Ok(Row { key: *key, sealed: cached.bucket.seal()?, pending })
        };
        let mut rows = dirty.chunks(WRITTEN_AHEAD).flat_map(|some| {
            let cached: Vec<&Cached> = some.iter().map(|(_, cached)| *cached).collect();
            glance(&cached, |_| 1);
            glance(&cached, |user| user.friends().count());
            glance(&cached, User::weight);
            glance(&cached, User::touch);
            some.iter().map(row)
        });
        self.rows.write(&mut rows, place)
    }

    fn weight(&self) -> usize {
        self.cache.values().map(|cached| CACHED_BYTES + cached.bucket.weight()).sum()
    }

    /// Gives the memory back. What was not flushed is lost.
    pub fn forget(&mut self) {
        self.cache = HashMap::default();
        self.held = 0;
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
            users.extend(Bucket::open(sealed)?.into_users());
        }
        Ok(Page { users, next })
    }

    fn cached(&mut self, id: UserId) -> Result<&mut Cached, Error> {
        let key = row_key(id);
        match self.cache.entry(key) {
            Entry::Occupied(cached) => Ok(cached.into_mut()),
            Entry::Vacant(place) => {
                let sealed = if self.blank { None } else { self.rows.read(key)? };
                let bucket = sealed.map(|sealed| Bucket::open(&sealed)).transpose()?.unwrap_or_default();
                self.held += CACHED_BYTES + bucket.weight();
                Ok(place.insert(Box::new(Cached { bucket, dirty: false })))
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
