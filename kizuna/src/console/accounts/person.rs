//! People who may sign in.

use super::Accounts;
use crate::console::access::Role;
use rusqlite::{OptionalExtension, Row, params};

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Given by the database.
    pub id: i64,
    /// What they sign in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Have they set a password?
    pub is_active: bool,
    /// Are they asked for a code, too?
    pub has_second_factor: bool,
}

impl Person {
    pub(super) const COLUMNS: &str = "person.id, person.name, person.role, person.password IS NOT NULL,
        EXISTS (SELECT 1 FROM second_factor WHERE person = person.id AND confirmed_at_ms IS NOT NULL)";

    pub(super) const COLUMN_COUNT: usize = 5;

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let role: String = row.get(2)?;
        let role = Role::named(&role).unwrap_or(Role::Viewer);
        Ok(Self { id: row.get(0)?, name: row.get(1)?, role, is_active: row.get(3)?, has_second_factor: row.get(4)? })
    }
}

/// Why a person was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There is no such person.
    Unknown,
    /// Without this one, nobody could manage the others.
    LastAdministrator,
}

impl Accounts {
    /// Can an administrator sign in?
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_administrator(&self) -> rusqlite::Result<bool> {
        self.database().query_row(
            "SELECT EXISTS (SELECT 1 FROM person WHERE role = 'admin' AND password IS NOT NULL)",
            [],
            |row| row.get(0),
        )
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn people(&self) -> rusqlite::Result<Vec<Person>> {
        let database = self.database();
        let mut statement = database.prepare(&format!("SELECT {} FROM person ORDER BY name", Person::COLUMNS))?;
        statement.query_map([], Person::read)?.collect()
    }

    /// One person.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn person(&self, id: i64) -> rusqlite::Result<Option<Person>> {
        let select = format!("SELECT {} FROM person WHERE id = ?1", Person::COLUMNS);
        self.database().query_row(&select, [id], Person::read).optional()
    }

    /// The person of this name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn person_named(&self, name: &str) -> rusqlite::Result<Option<Person>> {
        let select = format!("SELECT {} FROM person WHERE name = ?1", Person::COLUMNS);
        self.database().query_row(&select, [name], Person::read).optional()
    }

    /// Whoever signs in with this name, and what is stored of the password.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn credentials(&self, name: &str) -> rusqlite::Result<Option<(Person, String)>> {
        let select =
            format!("SELECT {}, password FROM person WHERE name = ?1 AND password IS NOT NULL", Person::COLUMNS);
        let read = |row: &Row<'_>| Ok((Person::read(row)?, row.get(Person::COLUMN_COUNT)?));
        self.database().query_row(&select, [name], read).optional()
    }

    /// Adds somebody, who cannot sign in before a password is set. `None` if the name is taken.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&self, name: &str, role: Role) -> rusqlite::Result<Option<i64>> {
        let database = self.database();
        let added = database.execute(
            "INSERT OR IGNORE INTO person (name, role, created_at_ms) VALUES (?1, ?2, ?3)",
            params![name, role.name(), self.clock.now_ms()],
        )?;
        Ok((added > 0).then(|| database.last_insert_rowid()))
    }

    /// Gives somebody another role. It holds for their next request.
    ///
    /// # Errors
    /// When the file cannot be written; inside, why nothing changed.
    pub fn set_role(&self, id: i64, role: Role) -> rusqlite::Result<Result<(), Kept>> {
        self.unless_last(id, role == Role::Admin, "UPDATE person SET role = ?2 WHERE id = ?1", role.name())
    }

    /// Removes somebody, with their sessions.
    ///
    /// # Errors
    /// When the file cannot be written; inside, why nothing changed.
    pub fn remove(&self, id: i64) -> rusqlite::Result<Result<(), Kept>> {
        self.unless_last(id, false, "DELETE FROM person WHERE id = ?1 AND ?2 = ''", "")
    }

    fn unless_last(&self, id: i64, stays: bool, change: &str, value: &str) -> rusqlite::Result<Result<(), Kept>> {
        let mut database = self.database();
        let transaction = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let others = "SELECT EXISTS (SELECT 1 FROM person WHERE role = 'admin' AND password IS NOT NULL AND id <> ?1)";
        let has_others: bool = transaction.query_row(others, [id], |row| row.get(0))?;
        let is_one = "SELECT role = 'admin' AND password IS NOT NULL FROM person WHERE id = ?1";
        let is_administrator: Option<bool> = transaction.query_row(is_one, [id], |row| row.get(0)).optional()?;
        match is_administrator {
            None => return Ok(Err(Kept::Unknown)),
            Some(true) if !has_others && !stays => return Ok(Err(Kept::LastAdministrator)),
            Some(_) => transaction.execute(change, params![id, value])?,
        };
        transaction.commit()?;
        Ok(Ok(()))
    }
}
