//! Who may use the console: people, their second factors, sessions and invitations, and the record of what they changed. One
//! small SQLite file, which several processes may have open.

mod audit;
mod handle;
mod invitation;
mod person;
mod second_factor;
mod session;

pub use audit::Entry;
pub use handle::Handle;
pub use invitation::Invitation;
pub use person::{Kept, Person};
pub use second_factor::{Proof, SecondFactor};
pub use session::{Session, Standing};

use connection::Sealer;
use runtime::clock::Clock;
use rusqlite::{Connection, ErrorCode};
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The file inside the console's directory.
const FILE: &str = "accounts.sqlite3";

/// How long to wait for another process that writes.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS person (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL, password TEXT,
        created_at_ms INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS session (
        digest BLOB PRIMARY KEY, person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
        began_at_ms INTEGER NOT NULL, seen_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS invitation (
        digest BLOB PRIMARY KEY, person INTEGER UNIQUE REFERENCES person ON DELETE CASCADE,
        expires_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS challenge (
        digest BLOB PRIMARY KEY, person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
        expires_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS second_factor (
        person INTEGER PRIMARY KEY REFERENCES person ON DELETE CASCADE, secret BLOB NOT NULL,
        last_step INTEGER NOT NULL, confirmed_at_ms INTEGER) STRICT;
    CREATE TABLE IF NOT EXISTS recovery_code (
        digest BLOB PRIMARY KEY, person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS requirement (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS audit (
        id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
        subject TEXT NOT NULL) STRICT;";

/// The accounts.
pub struct Accounts {
    database: Mutex<Connection>,
    clock: Arc<dyn Clock>,
    sealer: Sealer,
}

impl Accounts {
    /// Opens the file in this directory, made for its owner alone if it does not exist.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(directory: &Path, clock: Arc<dyn Clock>, sealer: Sealer) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        File::options().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
        let database = Connection::open(path)?;
        database.busy_timeout(BUSY_LIMIT)?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "NORMAL")?;
        database.pragma_update(None, "foreign_keys", true)?;
        database.execute_batch(TABLES)?;
        Ok(Self { database: Mutex::new(database), clock, sealer })
    }

    fn database(&self) -> MutexGuard<'_, Connection> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is the file damaged, or another program's? Waiting cures neither.
pub fn is_damage(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}
