//! Sessions: who is signed in, by the digest of what the browser carries. A password alone begins none where a second factor is
//! due: the browser carries a challenge until the code comes.

use super::{Accounts, Person};
use crate::console::deed::Deed;
use crate::console::token;
use runtime::secret::Secret;
use rusqlite::{OptionalExtension, params};

/// A session ends when it was not used for so long.
const IDLE_MS: i64 = 30 * 60_000;

/// A session ends so long after it began.
const ABSOLUTE_MS: i64 = 12 * 60 * 60_000;

/// How exactly the last use is known.
const SEEN_EVERY_MS: i64 = 60_000;

/// After so long the password has to be entered again.
const CHALLENGE_MS: i64 = 10 * 60_000;

/// How far in somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The password was right; the code is due.
    Code,
    /// Signed in, but must set up a second factor before anything else.
    SetUp,
    /// Signed in.
    Full,
}

/// Somebody who is signed in, or about to be.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub person: Person,
    /// What the browser carries.
    pub token: Secret,
    /// How far in they are.
    pub standing: Standing,
}

impl Accounts {
    /// What follows upon the right password: a session, or a challenge where a code is due. Gives what the browser is to carry.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn admit(&self, person: &Person) -> rusqlite::Result<Secret> {
        if !person.has_second_factor {
            self.record(&person.name, Deed::SignedIn, "")?;
            return self.begin_session(person.id);
        }
        let (token, now_ms, database) = (token::new(), self.clock.now_ms(), self.database());
        database.execute("DELETE FROM challenge WHERE expires_at_ms <= ?1", [now_ms])?;
        database.execute(
            "INSERT INTO challenge (digest, person, expires_at_ms) VALUES (?1, ?2, ?3)",
            params![token::digest(token.expose()), person.id, now_ms + CHALLENGE_MS],
        )?;
        Ok(token)
    }

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

    /// The session or the challenge of which the browser carries this, if it has not ended. It counts as used.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn session(&self, token: &Secret) -> rusqlite::Result<Option<Session>> {
        let (digest, now_ms) = (token::digest(token.expose()), self.clock.now_ms());
        let database = self.database();
        let select = format!(
            "SELECT {}, session.seen_at_ms, EXISTS (SELECT 1 FROM requirement)
             FROM session JOIN person ON person.id = session.person
             WHERE session.digest = ?1 AND session.seen_at_ms > ?2 AND session.began_at_ms > ?3",
            Person::COLUMNS
        );
        let bounds = params![digest, now_ms - IDLE_MS, now_ms - ABSOLUTE_MS];
        let found = database.query_row(&select, bounds, |row| {
            let rest = Person::COLUMN_COUNT;
            Ok((Person::read(row)?, row.get::<_, i64>(rest)?, row.get(rest + 1)?))
        });
        let Some((person, seen_at_ms, is_required)) = found.optional()? else {
            let select = format!(
                "SELECT {} FROM challenge JOIN person ON person.id = challenge.person
                 WHERE challenge.digest = ?1 AND challenge.expires_at_ms > ?2",
                Person::COLUMNS
            );
            let challenged = database.query_row(&select, params![digest, now_ms], Person::read).optional()?;
            return Ok(challenged.map(|person| Session { person, token: token.clone(), standing: Standing::Code }));
        };
        if now_ms - seen_at_ms >= SEEN_EVERY_MS {
            database.execute("UPDATE session SET seen_at_ms = ?2 WHERE digest = ?1", params![digest, now_ms])?;
        }
        let standing = if is_required && !person.has_second_factor { Standing::SetUp } else { Standing::Full };
        Ok(Some(Session { person, token: token.clone(), standing }))
    }

    /// Ends a session or a challenge.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_session(&self, token: &Secret) -> rusqlite::Result<()> {
        let (digest, database) = (token::digest(token.expose()), self.database());
        database.execute("DELETE FROM session WHERE digest = ?1", [digest])?;
        database.execute("DELETE FROM challenge WHERE digest = ?1", [digest])?;
        Ok(())
    }

    /// Ends all sessions and challenges of a person.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end_sessions(&self, person: i64) -> rusqlite::Result<()> {
        let database = self.database();
        database.execute("DELETE FROM session WHERE person = ?1", [person])?;
        database.execute("DELETE FROM challenge WHERE person = ?1", [person])?;
        Ok(())
    }
}
