//! The second factor: the secret that a person's authenticator app shares with the console, sealed, and recovery codes for when
//! the app is lost, of which only digests are kept. Each code counts once.

use super::{Accounts, Person};
use crate::console::deed::Deed;
use crate::console::{token, totp};
use anyhow::Context;
use runtime::secret::Secret;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use schemas::Sealed;

/// Recovery codes that somebody gets at a time.
pub const RECOVERY_CODES: usize = 10;

/// What a person has of a second factor.
pub enum SecondFactor {
    /// None.
    Off,
    /// A secret that no code was shown of yet.
    Begun(Secret),
    /// It is asked for at each sign-in.
    On {
        /// Recovery codes that were not used yet.
        codes_left: u32,
    },
}

/// What somebody proved with that they have the second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A code of the app.
    Code,
    /// One of the recovery codes, which is used up.
    RecoveryCode {
        /// How many are left.
        left: u32,
    },
}

impl Accounts {
    /// What this person has.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn second_factor(&self, person: i64) -> rusqlite::Result<SecondFactor> {
        let database = self.database();
        let select = "SELECT secret, confirmed_at_ms IS NOT NULL FROM second_factor WHERE person = ?1";
        let found: Option<(Vec<u8>, bool)> =
            database.query_row(select, [person], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(match found {
            None => SecondFactor::Off,
            Some((_, true)) => SecondFactor::On { codes_left: codes_left(&database, person)? },
            // One that nobody can open any more was never in use: they begin anew.
            Some((sealed, false)) => self.open_secret(person, sealed).map_or(SecondFactor::Off, SecondFactor::Begun),
        })
    }

    /// Makes a secret for this person's app, which counts once a code was shown of it. Nothing happens where one counts already.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin_second_factor(&self, person: i64) -> rusqlite::Result<()> {
        let Sealed(sealed) = self.sealer.seal_for(&owner(person), &totp::new_secret());
        self.database().execute(
            "INSERT INTO second_factor (person, secret, last_step) VALUES (?1, ?2, 0)
             ON CONFLICT (person) DO UPDATE SET secret = excluded.secret WHERE confirmed_at_ms IS NULL",
            params![person, sealed],
        )?;
        Ok(())
    }

    /// From now on the second factor is asked for, if this is a code of the secret that was begun. The person's other sessions
    /// end. Gives the recovery codes; `None` if the code is wrong.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn confirm_second_factor(
        &self,
        person: i64,
        session: &Secret,
        code: &Secret,
    ) -> rusqlite::Result<Option<Vec<Secret>>> {
        let SecondFactor::Begun(secret) = self.second_factor(person)? else { return Ok(None) };
        let now_ms = self.clock.now_ms();
        let Some(step) = totp::step(&secret, &typed(code), now_ms) else { return Ok(None) };
        let mut database = self.database();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let confirmed = transaction.execute(
            "UPDATE second_factor SET confirmed_at_ms = ?2, last_step = ?3 WHERE person = ?1 AND confirmed_at_ms IS NULL",
            params![person, now_ms, step],
        )?;
        if confirmed == 0 {
            return Ok(None);
        }
        let others = "DELETE FROM session WHERE person = ?1 AND digest <> ?2";
        transaction.execute(others, params![person, token::digest(session.expose())])?;
        let codes = write_codes(&transaction, person)?;
        transaction.commit()?;
        Ok(Some(codes))
    }

    /// Is this a code of the person's app, or a recovery code? It does not count again.
    ///
    /// # Errors
    /// When the file cannot be used, or the secret was sealed with another master key.
    pub fn prove(&self, person: i64, code: &Secret) -> anyhow::Result<Option<Proof>> {
        let (typed, database) = (typed(code), self.database());
        let used = "DELETE FROM recovery_code WHERE person = ?1 AND digest = ?2";
        if database.execute(used, params![person, token::digest(&typed)])? > 0 {
            return Ok(Some(Proof::RecoveryCode { left: codes_left(&database, person)? }));
        }
        let select = "SELECT secret FROM second_factor WHERE person = ?1 AND confirmed_at_ms IS NOT NULL";
        let Some(sealed) = database.query_row(select, [person], |row| row.get(0)).optional()? else { return Ok(None) };
        let secret = self.open_secret(person, sealed)?;
        let Some(step) = totp::step(&secret, &typed, self.clock.now_ms()) else { return Ok(None) };
        let newer = "UPDATE second_factor SET last_step = ?2 WHERE person = ?1 AND last_step < ?2";
        Ok((database.execute(newer, params![person, step])? > 0).then_some(Proof::Code))
    }

    /// New recovery codes for this person. Earlier ones no longer work.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn renew_recovery_codes(&self, person: i64) -> rusqlite::Result<Vec<Secret>> {
        let mut database = self.database();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let codes = write_codes(&transaction, person)?;
        transaction.commit()?;
        Ok(codes)
    }

    /// Switches this person's second factor off.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remove_second_factor(&self, person: i64) -> rusqlite::Result<()> {
        let mut database = self.database();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("DELETE FROM recovery_code WHERE person = ?1", [person])?;
        transaction.execute("DELETE FROM second_factor WHERE person = ?1", [person])?;
        transaction.commit()
    }

    /// Switches the second factor of somebody else off, ends their sessions and records it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn reset_second_factor(&self, person: &Person, by: &str) -> rusqlite::Result<()> {
        self.remove_second_factor(person.id)?;
        self.end_sessions(person.id)?;
        self.record(by, Deed::SecondFactorReset, &person.name)
    }

    /// Must everybody have one?
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn requires_second_factor(&self) -> rusqlite::Result<bool> {
        self.database().query_row("SELECT EXISTS (SELECT 1 FROM requirement)", [], |row| row.get(0))
    }

    /// Whoever has none is led to set one up before anything else; or no more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn require_second_factor(&self, is_required: bool) -> rusqlite::Result<()> {
        let database = self.database();
        match is_required {
            true => database.execute("INSERT OR IGNORE INTO requirement (name) VALUES ('second_factor')", [])?,
            false => database.execute("DELETE FROM requirement", [])?,
        };
        Ok(())
    }

    fn open_secret(&self, person: i64, sealed: Vec<u8>) -> anyhow::Result<Secret> {
        let opened = self.sealer.open_for(&owner(person), &Sealed(sealed));
        opened.with_context(|| {
            format!("the second factor of person {person}; `kizuna console --reset-second-factor NAME` switches it off")
        })
    }
}

/// What a sealed secret is bound to.
fn owner(person: i64) -> String {
    format!("second factor of person {person}")
}

fn write_codes(database: &Connection, person: i64) -> rusqlite::Result<Vec<Secret>> {
    database.execute("DELETE FROM recovery_code WHERE person = ?1", [person])?;
    let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| token::recovery_code()).collect();
    for code in &codes {
        let digest = token::digest(&typed(code));
        database.execute("INSERT INTO recovery_code (digest, person) VALUES (?1, ?2)", params![digest, person])?;
    }
    Ok(codes)
}

fn codes_left(database: &Connection, person: i64) -> rusqlite::Result<u32> {
    database.query_row("SELECT count(*) FROM recovery_code WHERE person = ?1", [person], |row| row.get(0))
}

/// A code without what people put between its parts; Japanese keyboards give digits of full width.
fn typed(code: &Secret) -> String {
    let narrow = |c| match c {
        '\u{ff10}'..='\u{ff19}' => char::from_u32(u32::from(c) - 0xff10 + u32::from('0')).unwrap_or(c),
        _ => c.to_ascii_lowercase(),
    };
    code.expose().chars().map(narrow).filter(char::is_ascii_alphanumeric).collect()
}
