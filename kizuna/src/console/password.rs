//! Passwords: Argon2id with the parameters that OWASP recommends, one computation at a time.

use super::token;
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use runtime::secret::Secret;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Fewest characters of a password.
pub const CHARACTERS_MIN: usize = 12;

/// Most bytes of a password.
const BYTES_MAX: usize = 1024;

/// Is it long enough, and not so long that it is no password?
pub fn is_acceptable(password: &str) -> bool {
    password.chars().count() >= CHARACTERS_MIN && password.len() <= BYTES_MAX
}

/// Computes hashes. Each takes 19 MiB and tens of milliseconds, so they are made one after the other.
#[derive(Clone, Default)]
pub struct Passwords {
    turn: Arc<Mutex<()>>,
}

impl Passwords {
    /// What is stored of a password.
    ///
    /// # Errors
    /// When it cannot be computed.
    pub async fn hash(&self, password: Secret) -> anyhow::Result<String> {
        self.in_turn(move || {
            let salt: [u8; 16] = token::random();
            let hash = Argon2::default().hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|error| anyhow::anyhow!("cannot hash a password: {error}"))
        })
        .await?
    }

    /// Is this the password? Takes as long where there is none to compare with.
    ///
    /// # Errors
    /// When it cannot be computed.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> anyhow::Result<bool> {
        let Some(stored) = stored else {
            self.hash(password).await?;
            return Ok(false);
        };
        self.in_turn(move || {
            let is_its = |hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok();
            PasswordHash::new(&stored).is_ok_and(is_its)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, compute: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
        let _turn = self.turn.lock().await;
        Ok(tokio::task::spawn_blocking(compute).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_is_accepted_and_the_hash_does_not_contain_it() {
        let passwords = Passwords::default();
        let stored = passwords.hash(Secret::new("a long pass phrase")).await.expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !stored.contains("pass"), "{stored}");
        for (password, known, accepted) in [
            ("a long pass phrase", Some(stored.clone()), true),
            ("a long pass phrasE", Some(stored.clone()), false),
            ("", Some(stored), false),
            ("a long pass phrase", None, false),
            ("a long pass phrase", Some("damaged".to_owned()), false),
        ] {
            assert_eq!(passwords.verify(Secret::new(password), known).await.expect("computed"), accepted);
        }
    }

    #[test]
    fn a_password_has_twelve_characters_in_any_script() {
        assert!(is_acceptable("いろはにほへとちりぬるを") && is_acceptable("abcdefghijkl"));
        assert!(!is_acceptable("abcdefghijk") && !is_acceptable(&"a".repeat(2_000)));
    }
}
