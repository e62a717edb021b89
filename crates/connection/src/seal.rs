//! Secrets at rest: XChaCha20-Poly1305 under keys derived from the master key.
//!
//! A sealed secret is `version (1) ‖ key ID (8) ‖ nonce (24) ‖ ciphertext ‖ tag (16)`. Version, connection number and field
//! are authenticated with it, so that a ciphertext put in another's place does not open. The key ID tells a wrong master
//! key from damage. Other secrets of an installation are sealed in the same form, bound to the name of what they belong to.

use crate::Error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use contact::ConnectionNumber;
use hmac::{Hmac, Mac};
use runtime::logging::UserTags;
use runtime::secret::Secret;
use schemas::Sealed;
use sha2::Sha256;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
pub(crate) const KEY_FILE: &str = "master.key";

/// Which secret of a connection is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A channel secret, by its place: 0 is the newest.
    ChannelSecret(u8),
    /// The long-lived channel access token.
    AccessToken,
    /// The secret part of the webhook address.
    WebhookToken,
}

/// Seals and opens the secrets of connections with one master key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    key_id: [u8; KEY_ID_BYTES],
    user_tags: UserTags,
}

impl Sealer {
    /// Takes `KIZUNA_MASTER_KEY`: 32 random bytes as 64 hexadecimal digits or in base64.
    ///
    /// # Errors
    /// [`Error::MasterKey`].
    pub fn from_master_key(key: &Secret) -> Result<Self, Error> {
        Self::parse(key.expose()).ok_or_else(|| Error::MasterKey { place: "KIZUNA_MASTER_KEY".into() })
    }

    /// Takes the key from the file `master.key` in `dir`.
    ///
    /// # Errors
    /// [`Error::KeyMissing`], [`Error::KeyFile`], [`Error::MasterKey`].
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(KEY_FILE);
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::KeyMissing(dir.to_owned()),
            _ => Error::KeyFile { path: path.clone(), source },
        })?;
        Self::parse(text.trim()).ok_or_else(|| Error::MasterKey { place: path.display().to_string() })
    }

    /// As [`Self::load`], for a log in which nothing is sealed yet: where the file is missing it is made, readable by its
    /// owner only. Of several processes that start at once, all use the key of one.
    ///
    /// # Errors
    /// [`Error::KeyFile`], [`Error::MasterKey`].
    pub fn load_or_create(dir: &Path) -> Result<Self, Error> {
        match Self::load(dir) {
            Err(Error::KeyMissing(_)) => {
                let path = dir.join(KEY_FILE);
                create(dir, &path).map_err(|source| Error::KeyFile { path, source })?;
                Self::load(dir)
            }
            loaded => loaded,
        }
    }

    fn parse(key: &str) -> Option<Self> {
        let bytes = hex::decode(key).ok().or_else(|| STANDARD.decode(key).ok())?;
        let master: [u8; 32] = bytes.try_into().ok()?;
        let derived = |purpose: &[u8]| -> [u8; 32] {
            let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&master).expect("HMAC takes a key of any length");
            mac.chain_update(purpose).finalize().into_bytes().into()
        };
        let mut key_id = [0; KEY_ID_BYTES];
        key_id.copy_from_slice(&derived(b"kizuna master key id")[..KEY_ID_BYTES]);
        let cipher = XChaCha20Poly1305::new(&derived(b"kizuna connection secrets").into());
        let user_tags = UserTags::new(&Secret::new(&hex::encode(derived(b"kizuna log tags"))));
        Some(Self { cipher, key_id, user_tags })
    }

    /// What people are called in the logs of all processes with this master key.
    pub fn user_tags(&self) -> &UserTags {
        &self.user_tags
    }

    /// Seals one secret of a connection. Each time gives other bytes.
    pub fn seal(&self, number: ConnectionNumber, field: Field, secret: &Secret) -> Sealed {
        self.seal_bound(&associated(number, field), secret)
    }

    /// Seals a secret that is no connection's. `owner` begins with a letter, which nothing that a connection's are bound to does.
    pub fn seal_for(&self, owner: &str, secret: &Secret) -> Sealed {
        self.seal_bound(owner.as_bytes(), secret)
    }

    fn seal_bound(&self, aad: &[u8], secret: &Secret) -> Sealed {
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload { msg: secret.expose().as_bytes(), aad };
        let ciphertext = self.cipher.encrypt(&nonce, payload).expect("a secret is far shorter than the cipher's limit");
        Sealed([&[VERSION], &self.key_id[..], &nonce[..], &ciphertext].concat())
    }

    /// Opens what [`Self::seal`] sealed for the same connection and field.
    ///
    /// # Errors
    /// [`Error::OtherMasterKey`] when it was sealed with another master key, [`Error::Damaged`] when it was altered or
    /// belongs elsewhere.
    pub fn open(&self, number: ConnectionNumber, field: Field, sealed: &Sealed) -> Result<Secret, Error> {
        self.open_bound(&associated(number, field), sealed).map_err(|why| match why {
            Unopened::OtherMasterKey => Error::OtherMasterKey(number),
            Unopened::Damaged => Error::Damaged(number),
        })
    }

    /// Opens what [`Self::seal_for`] sealed for the same owner.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open_for(&self, owner: &str, sealed: &Sealed) -> Result<Secret, Unopened> {
        self.open_bound(owner.as_bytes(), sealed)
    }

    fn open_bound(&self, aad: &[u8], sealed: &Sealed) -> Result<Secret, Unopened> {
        let (key_id, nonce, ciphertext) = split(&sealed.0).ok_or(Unopened::Damaged)?;
        if *key_id != self.key_id {
            return Err(Unopened::OtherMasterKey);
        }
        let payload = Payload { msg: ciphertext, aad };
        let opened = self.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| Unopened::Damaged)?;
        let text = std::str::from_utf8(&opened).map_err(|_| Unopened::Damaged)?;
        Ok(Secret::new(text))
    }
}

/// Why a sealed secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It was sealed with another master key.
    #[error("it was sealed with another master key: set KIZUNA_MASTER_KEY to that one")]
    OtherMasterKey,
    /// It was altered, or belongs elsewhere.
    #[error("it is damaged")]
    Damaged,
}

type Parts<'a> = (&'a [u8; KEY_ID_BYTES], &'a [u8; NONCE_BYTES], &'a [u8]);

fn split(sealed: &[u8]) -> Option<Parts<'_>> {
    let (key_id, rest) = sealed.strip_prefix(&[VERSION])?.split_first_chunk()?;
    let (nonce, ciphertext) = rest.split_first_chunk()?;
    Some((key_id, nonce, ciphertext))
}

/// What a ciphertext is bound to.
fn associated(number: ConnectionNumber, field: Field) -> Vec<u8> {
    let (field, slot) = match field {
        Field::ChannelSecret(slot) => ("channel_secret", slot),
        Field::AccessToken => ("access_token", 0),
        Field::WebhookToken => ("webhook_token", 0),
    };
    [&[VERSION, slot], &number.get().to_be_bytes()[..], field.as_bytes()].concat()
}

/// Writes the file whole under another name and then links it to its own: nobody reads half a key, and only one process's
/// link succeeds.
fn create(dir: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let draft = dir.join(format!(".{KEY_FILE}.{}", uuid::Uuid::new_v4()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let key = XChaCha20Poly1305::generate_key(&mut OsRng);
    let written = writeln!(file, "{}", hex::encode(key)).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&draft)?;
    linked?;
    File::open(dir)?.sync_all()
}
