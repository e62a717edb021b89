//! Who changed what, and when. Nothing of LINE's friends stands here.

use super::Accounts;
use crate::console::deed::Deed;
use rusqlite::params;

/// Entries that are kept.
const KEPT: i64 = 100_000;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// The name of whoever did it.
    pub actor: String,
    /// What was done, as it is stored.
    pub action: String,
    /// To what.
    pub subject: String,
}

impl Accounts {
    /// Records a change.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record(&self, actor: &str, deed: Deed, subject: &str) -> rusqlite::Result<()> {
        let database = self.database();
        let at_ms = self.clock.now_ms();
        database.execute(
            "INSERT INTO audit (at_ms, actor, action, subject) VALUES (?1, ?2, ?3, ?4)",
            params![at_ms, actor, deed.name(), subject],
        )?;
        database.execute("DELETE FROM audit WHERE id <= ?1", [database.last_insert_rowid() - KEPT])?;
        Ok(())
    }

    /// The newest changes, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn changes(&self, count: u32) -> rusqlite::Result<Vec<Entry>> {
        let database = self.database();
        let mut statement =
            database.prepare("SELECT at_ms, actor, action, subject FROM audit ORDER BY id DESC LIMIT ?1")?;
        let entry = |row: &rusqlite::Row<'_>| {
            Ok(Entry { at_ms: row.get(0)?, actor: row.get(1)?, action: row.get(2)?, subject: row.get(3)? })
        };
        statement.query_map([count], entry)?.collect()
    }
}
