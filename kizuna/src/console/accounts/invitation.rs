//! Links at which somebody sets a password, once.

use super::{Accounts, Person};
use crate::console::access::Role;
use crate::console::token;
use runtime::secret::Secret;
use rusqlite::{OptionalExtension, TransactionBehavior, params};

/// How long a link works.
const VALID_MS: i64 = 24 * 60 * 60_000;

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invitation {
    /// Somebody becomes administrator, under a name of their own.
    Administrator,
    /// This person sets a password.
    Person(Person),
}

impl Accounts {
    /// A link to become administrator. Earlier ones no longer work.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn invite_administrator(&self) -> rusqlite::Result<Secret> {
        self.write_invitation(None)
    }

    /// A link at which this person sets a password. Earlier ones no longer work.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn invite(&self, person: i64) -> rusqlite::Result<Secret> {
        self.write_invitation(Some(person))
    }

    fn write_invitation(&self, person: Option<i64>) -> rusqlite::Result<Secret> {
        let (token, expires_at_ms) = (token::new(), self.clock.now_ms() + VALID_MS);
        let mut database = self.database();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("DELETE FROM invitation WHERE person IS ?1", [person])?;
        transaction.execute(
            "INSERT INTO invitation (digest, person, expires_at_ms) VALUES (?1, ?2, ?3)",
            params![token::digest(token.expose()), person, expires_at_ms],
        )?;
        transaction.commit()?;
        Ok(token)
    }

    /// What a link is for, if it still works.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn invitation(&self, token: &Secret) -> rusqlite::Result<Option<Invitation>> {
        let select = "SELECT person FROM invitation WHERE digest = ?1 AND expires_at_ms > ?2";
        let now_ms = self.clock.now_ms();
        let found: Option<Option<i64>> = self
            .database()
            .query_row(select, params![token::digest(token.expose()), now_ms], |row| row.get(0))
            .optional()?;
        Ok(match found {
            None => None,
            Some(None) => Some(Invitation::Administrator),
            Some(Some(person)) => self.person(person)?.map(Invitation::Person),
        })
    }

    /// Uses a link up: the password becomes that of the person it is for, whose other sessions end. For a new administrator,
    /// `name` is theirs; a person of that name becomes administrator. `None` if the link no longer works.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn accept(&self, token: &Secret, name: &str, password_hash: &str) -> rusqlite::Result<Option<Person>> {
        let now_ms = self.clock.now_ms();
        let mut database = self.database();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let used = "DELETE FROM invitation WHERE digest = ?1 AND expires_at_ms > ?2 RETURNING person";
        let invited: Option<Option<i64>> =
            transaction.query_row(used, params![token::digest(token.expose()), now_ms], |row| row.get(0)).optional()?;
        let person = match invited {
            None => return Ok(None),
            Some(Some(person)) => person,
            Some(None) => transaction.query_row(
                "INSERT INTO person (name, role, created_at_ms) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET role = excluded.role RETURNING id",
                params![name, Role::Admin.name(), now_ms],
                |row| row.get(0),
            )?,
        };
        transaction.execute("UPDATE person SET password = ?2 WHERE id = ?1", params![person, password_hash])?;
        transaction.execute("DELETE FROM session WHERE person = ?1", [person])?;
        transaction.execute("DELETE FROM challenge WHERE person = ?1", [person])?;
        transaction.commit()?;
        drop(database);
        self.person(person)
    }
}
