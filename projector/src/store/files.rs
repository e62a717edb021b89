//! The files of state stores as other processes meet them: told apart into used and unused, replaced, removed, read.

use super::file::{name, remove, siblings};
use super::{Checkpoint, Error};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::io;
use std::path::{Path, PathBuf};
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

/// What a store's file and its journal are called.
pub fn paths(directory: &Path, partition: u32) -> Vec<PathBuf> {
    siblings(&directory.join(name(partition))).collect()
}

fn open(path: &Path) -> Result<Connection, Error> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    database.busy_timeout(BUSY)?;
    Ok(database)
}
