//! The files of state stores as other processes meet them: told apart into used and unused, replaced, removed, read.

use super::file::{name, remove};
use super::{Checkpoint, Error};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long another process may keep a file busy.
const BUSY: Duration = Duration::from_secs(5);

/// The partitions that have a store in this directory, ascending.
///
/// # Errors
/// When the directory cannot be read.
pub fn partitions(directory: &Path) -> io::Result<Vec<u32>> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let file = entry?.file_name();
        let number = file.to_str().and_then(|file| file.strip_prefix("partition-")?.strip_suffix(".db"));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Has a process this partition's store open? Leaving the journal's mode needs a file that nobody else has open.
///
/// # Errors
/// When the file cannot be opened.
pub fn is_in_use(directory: &Path, partition: u32) -> Result<bool, Error> {
    let database = open(&directory.join(name(partition)))?;
    database.busy_timeout(Duration::ZERO)?;
    let mode = database.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0));
    Ok(mode.map_or(true, |mode| mode != "delete"))
}

/// Removes this partition's store, which no process has open.
///
/// # Errors
/// When a file cannot be removed.
pub fn discard(directory: &Path, partition: u32) -> io::Result<()> {
    remove(&directory.join(name(partition)))
}

/// Puts the stores of one directory in the place of those of another, which no process has open. Those of partitions that
/// the first does not have are removed. It may be interrupted anywhere: a store is the old one, the new one, or not there.
///
/// # Errors
/// When a file cannot be moved; directories must be on one disk.
pub fn replace(directory: &Path, with: &Path) -> io::Result<()> {
    for partition in partitions(directory)? {
        discard(directory, partition)?;
    }
    for partition in partitions(with)? {
        std::fs::rename(with.join(name(partition)), directory.join(name(partition)))?;
    }
    Ok(())
}

/// How far in the log this partition's store is, as last written. `None` where there is none that can be read.
///
/// # Errors
/// When the file cannot be opened.
pub fn checkpoint(directory: &Path, partition: u32) -> Result<Option<Checkpoint>, Error> {
    let database = open(&directory.join(name(partition)))?;
    let read = database.query_row("SELECT checkpoint FROM meta", [], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    Ok(read.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
}

/// Empties the journal of this partition's store, which still holds what was replaced. `false` when it was busy: try again.
///
/// # Errors
/// When the file cannot be opened.
pub fn empty_journal(directory: &Path, partition: u32) -> Result<bool, Error> {
    let database = open(&directory.join(name(partition)))?;
    let busy: i64 = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

fn open(path: &Path) -> Result<Connection, Error> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    database.busy_timeout(BUSY)?;
    Ok(database)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::Store;
    use contact::{ConnectionNumber, Event, EventId, Kind, Moment, UserId};
    use eventlog::{Record, Topic};

    const USER: UserId = UserId::from_u128(7);

    /// A store that knows one message with this text, folded from this offset.
    fn store(directory: &Path, partition: u32, text: &str, offset: u64) -> Store {
        let mut store = Store::open(directory, partition, "test").unwrap();
        let at = Moment { time_ms: 10, id: EventId(0) };
        let kind = Kind::Messaged { message: "m".into(), text: text.into() };
        let connection = ConnectionNumber::new(1).unwrap();
        store.user_mut(USER).unwrap().apply(Event { user: USER, connection, at, kind });
        let (key, value) = (b"k".to_vec(), Some(b"v".to_vec()));
        let topic = Topic::LineEvents;
        store.checkpoint_mut().pass(Record { topic, partition, offset, appended_at_ms: 7, key, value }.lend());
        store.flush(|_, _| false).unwrap();
        store
    }

    fn bytes(directory: &Path) -> Vec<u8> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
    }

    fn holds(directory: &Path, text: &str) -> bool {
        bytes(directory).windows(text.len()).any(|part| part == text.as_bytes())
    }

    #[test]
    fn a_store_that_somebody_has_open_is_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let open = store(directory.path(), 3, "text", 41);
        assert_eq!(partitions(directory.path()).unwrap(), [3]);
        assert!(is_in_use(directory.path(), 3).unwrap());
        drop(open);
        assert!(!is_in_use(directory.path(), 3).unwrap());
        assert_eq!(Store::open(directory.path(), 3, "test").unwrap().checkpoint().next(Topic::LineEvents), 42);
    }

    #[test]
    fn the_place_of_a_store_can_be_read_while_it_is_open() {
        let directory = tempfile::tempdir().unwrap();
        let _open = store(directory.path(), 0, "text", 41);
        assert_eq!(checkpoint(directory.path(), 0).unwrap().unwrap().next(Topic::LineEvents), 42);
    }

    #[test]
    fn the_new_stores_take_the_place_of_the_old_ones() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        drop((store(old.path(), 0, "old text", 41), store(old.path(), 1, "old text", 41)));
        drop(store(new.path(), 0, "new text", 9));
        replace(old.path(), new.path()).unwrap();
        assert_eq!(partitions(old.path()).unwrap(), [0]);
        assert!(holds(old.path(), "new text") && !holds(old.path(), "old text"));
        assert_eq!(Store::open(old.path(), 0, "test").unwrap().checkpoint().next(Topic::LineEvents), 10);
    }

    #[test]
    fn what_is_erased_is_in_no_file_once_the_journal_is_empty() {
        let directory = tempfile::tempdir().unwrap();
        let mut open = store(directory.path(), 0, "canary", 41);
        open.user_mut(USER).unwrap().erase(20);
        open.flush(|_, _| false).unwrap();
        assert!(holds(directory.path(), "canary"), "in the journal still");
        assert!(empty_journal(directory.path(), 0).unwrap());
        assert!(!holds(directory.path(), "canary"));
    }
}
