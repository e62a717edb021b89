//! The database file of one partition's state.
//!
//! As long as it is at no place in the log, nobody relies on it, and rows go straight into it: a rebuild writes each page once.
//! From its first place on, changes go through a journal, all or nothing.

use super::{Checkpoint, Error, MadeRows, Row, Rows, Which};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reader waits for the owner.
const BUSY: Duration = Duration::from_secs(1);

/// Memory for pages of the database.
const CACHE_KIB: i64 = 8 << 10;

/// Bytes of a page of a new database. The row of somebody who wrote eight messages takes more than 1 KiB: of twice SQLite's own
/// choice less is left empty, and it takes half the calls to write.
const PAGE_BYTES: u32 = 8 << 10;

/// The open database.
pub struct File {
    database: Connection,
    format: String,
    /// Is it at a place in the log, so that changes go through a journal?
    is_placed: bool,
}

impl File {
    /// Opens it; one that is damaged, of another format or at no place in the log is begun anew: of a rebuild that was
    /// interrupted, some rows may be there already.
    pub fn open(directory: &Path, partition: u32, format: &str) -> Result<(Self, Checkpoint), Error> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(name(partition));
        match Self::open_known(&path, format) {
            Ok(Some((file, checkpoint))) if !checkpoint.is_empty() => Ok((file, checkpoint)),
            Ok(_) => Self::begin(&path, format),
            Err(reason) => {
                tracing::warn!(store.partition = partition, %reason, "state store cannot be read: rebuilding it from the log");
                Self::begin(&path, format)
            }
        }
    }

    fn open_known(path: &Path, format: &str) -> Result<Option<(Self, Checkpoint)>, Error> {
        if !path.exists() {
            return Ok(None);
        }
        Self::of_format(connect(path)?, format)
    }

    /// Opens it beside its owner; `None` where there is none of this format, or its owner is only about to make it.
    pub fn read_only(directory: &Path, partition: u32, format: &str) -> Result<Option<Self>, Error> {
        let path = directory.join(name(partition));
        if !path.exists() {
            return Ok(None);
        }
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        database.busy_timeout(BUSY)?;
        Ok(Self::of_format(database, format).ok().flatten().map(|(file, _)| file))
    }

    fn of_format(database: Connection, format: &str) -> Result<Option<(Self, Checkpoint)>, Error> {
        let found: Option<(String, Vec<u8>)> = database
            .query_row("SELECT format, checkpoint FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match found {
            Some((known, checkpoint)) if known == format => {
                let checkpoint: Checkpoint = postcard::from_bytes(&checkpoint)?;
                let is_placed = !checkpoint.is_empty();
                Ok(Some((Self { database, format: known, is_placed }, checkpoint)))
            }
            _ => Ok(None),
        }
    }

    fn begin(path: &Path, format: &str) -> Result<(Self, Checkpoint), Error> {
        remove(path)?;
        let database = connect(path)?;
        database.execute_batch(
            "CREATE TABLE meta (format TEXT NOT NULL, checkpoint BLOB NOT NULL);
             CREATE TABLE user (key INTEGER PRIMARY KEY, bucket BLOB NOT NULL);
             CREATE TABLE pending (key INTEGER PRIMARY KEY);",
        )?;
        let nowhere = Checkpoint::default();
        place(&database, format, &nowhere)?;
        Ok((Self { database, format: format.to_owned(), is_placed: false }, nowhere))
    }
}

impl Rows for File {
    fn wipe(&mut self) -> Result<(), Error> {
        let transaction = self.database.transaction()?;
        transaction.execute_batch("DELETE FROM user; DELETE FROM pending;")?;
        place(&transaction, &self.format, &Checkpoint::default())?;
        transaction.commit()?;
        self.is_placed = false;
        Ok(())
    }

    fn read(&self, key: i64) -> Result<Option<Vec<u8>>, Error> {
        let mut statement = self.database.prepare_cached("SELECT bucket FROM user WHERE key = ?1")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }

    fn write(&mut self, rows: &mut MadeRows<'_>, checkpoint: &Checkpoint) -> Result<(), Error> {
        // While somebody else reads the file, the journal has to stay.
        if self.is_placed || set_journal(&self.database, "OFF").is_err() {
            let transaction = self.database.transaction()?;
            put(&transaction, rows)?;
            place(&transaction, &self.format, checkpoint)?;
            transaction.commit()?;
        } else {
            let transaction = self.database.transaction()?;
            put(&transaction, rows)?;
            transaction.commit()?;
            // The rows are on the disk, all of them, before the place that makes somebody rely on them.
            set_journal(&self.database, "WAL")?;
            place(&self.database, &self.format, checkpoint)?;
        }
        self.is_placed = !checkpoint.is_empty();
        Ok(())
    }

    fn page(&self, which: Which, after: Option<i64>, rows: usize) -> Result<Vec<(i64, Vec<u8>)>, Error> {
        let mut statement = self.database.prepare_cached(match which {
            Which::All => "SELECT key, bucket FROM user WHERE key >= ?1 ORDER BY key LIMIT ?2",
            Which::Pending => {
                "SELECT key, bucket FROM user WHERE key IN
                   (SELECT key FROM pending WHERE key >= ?1 ORDER BY key LIMIT ?2) ORDER BY key"
            }
        })?;
        // One bound, so that the database goes straight to it instead of through all rows before it.
        let Some(first) = after.map_or(Some(i64::MIN), |after| after.checked_add(1)) else { return Ok(Vec::new()) };
        let mut found = statement.query(params![first, i64::try_from(rows).unwrap_or(i64::MAX)])?;
        let mut page = Vec::new();
        while let Some(row) = found.next()? {
            page.push((row.get(0)?, row.get(1)?));
        }
        Ok(page)
    }
}

/// What the file of a partition is called.
pub(super) fn name(partition: u32) -> String {
    format!("partition-{partition}.db")
}

/// The database, its journal and the journal's index.
pub(super) fn siblings(path: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-wal", "-shm"].into_iter().map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Removes the database before its journal: a journal without its database is never read.
pub(super) fn remove(path: &Path) -> std::io::Result<()> {
    for file in siblings(path) {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn put(transaction: &Connection, rows: &mut MadeRows<'_>) -> Result<(), Error> {
    let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO user (key, bucket) VALUES (?1, ?2)")?;
    let mut mark = transaction.prepare_cached("INSERT OR IGNORE INTO pending (key) VALUES (?1)")?;
    let mut clear = transaction.prepare_cached("DELETE FROM pending WHERE key = ?1")?;
    for row in rows {
        let Row { key, sealed, pending } = row?;
        put.execute(params![key, sealed])?;
        if pending {
            mark.execute([key])?
        } else {
            clear.execute([key])?
        };
    }
    Ok(())
}

/// Writes the place in the log, in one statement: there is never none.
fn place(database: &Connection, format: &str, checkpoint: &Checkpoint) -> Result<(), Error> {
    let checkpoint = postcard::to_stdvec(checkpoint)?;
    database.execute(
        "INSERT OR REPLACE INTO meta (rowid, format, checkpoint) VALUES (1, ?1, ?2)",
        params![format, checkpoint],
    )?;
    Ok(())
}

fn set_journal(database: &Connection, mode: &str) -> Result<(), Error> {
    let set: String = database.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |row| row.get(0))?;
    if !set.eq_ignore_ascii_case(mode) {
        return Err(Error::Journal);
    }
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "page_size", PAGE_BYTES)?;
    set_journal(&database, "WAL")?;
    database.pragma_update(None, "synchronous", "NORMAL")?;
    database.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // What is erased or replaced leaves no bytes behind in the file.
    database.pragma_update(None, "secure_delete", true)?;
    database.set_prepared_statement_cache_capacity(16);
    Ok(database)
}
