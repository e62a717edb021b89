//! Sessions: who is signed in, by the digest of what the browser carries.

use super::{Accounts, Person};
use crate::console::token;
use runtime::secret::Secret;
use rusqlite::{OptionalExtension, params};

/// A session ends when it was not used for so long.
const IDLE_MS: i64 = 30 * 60_000;

/// A session ends so long after it began.
const ABSOLUTE_MS: i64 = 12 * 60 * 60_000;

/// How exactly the last use is known.
const SEEN_EVERY_MS: i64 = 60_000;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub person: Person,
    /// What the browser carries.
    pub token: Secret,
}

impl Accounts {
    /// Begins a session; gives what the browser is to carry.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin_session(&self, person: i64) -> rusqlite::Result<Secret> {
        let (token, now_ms) = (token::new(), self.clock.now_ms());
        let database = self.database();
        database.execute(
            "DELETE FROM session WHERE seen_at_ms <= ?1 OR began_at_ms <= ?2",
            [now_ms - IDLE_MS, now_ms - ABSOLUTE_MS],
        )?;
        database.execute(
            "INSERT INTO session (digest, person, began_at_ms, seen_at_ms) VALUES (?1, ?2, ?3, ?3)",
            params![token::digest(token.expose()), person, now_ms],
        )?;
        Ok(token)
    }

    /// The session of which the browser carries this, if it has not ended. It counts as used.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn session(&self, token: &Secret) -> rusqlite::Result<Option<Session>> {
        let (digest, now_ms) = (token::digest(token.expose()), self.clock.now_ms());
        let database = self.database();
        let select = format!(
            "SELECT {}, session.seen_at_ms FROM session JOIN person ON person.id = session.person
             WHERE session.digest = ?1 AND session.seen_at_ms > ?2 AND session.began_at_ms > ?3",
            Person::COLUMNS
        );
        let bounds = params![digest, now_ms - IDLE_MS, now_ms - ABSOLUTE_MS];
        let found = database.query_row(&select, bounds, |row| Ok((Person::read(row)?, row.get::<_, i64>(4)?)));
        let Some((person, seen_at_ms)) = found.optional()? else { return Ok(None) };
        if now_ms - seen_at_ms >= SEEN_EVERY_MS {
            database.execute("UPDATE session SET seen_at_ms = ?2 WHERE digest = ?1", params![digest, now_ms])?;
        }
        Ok(Some(Session { person, token: token.clone() }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_session(&self, token: &Secret) -> rusqlite::Result<()> {
        self.database().execute("DELETE FROM session WHERE digest = ?1", [token::digest(token.expose())])?;
        Ok(())
    }
}
