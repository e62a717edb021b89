//! Connected LINE Official Accounts: their numbers, their quota, their secrets, and the live view that everybody works by.
//!
//! All of it is a fold of the topic `connections`, so that every process sees the same without asking another one:
//!
//! - [`registry`]: who got which number, decided by the order of claims in the log instead of by a lock.
//! - [`definition`]: what a connection is. Its secrets stand in the log only [`seal`]ed.
//! - [`editor`]: claiming a number, and defining it.
//! - [`writing`]: writing a definition.
//! - [`changing`]: changing one, whoever else does.
//! - [`view`]: the connections as they are now, kept current in the background.

pub mod changing;
pub mod definition;
pub mod editor;
pub mod registry;
pub mod seal;
pub mod snapshot;
mod tail;
pub mod view;
pub mod writing;

pub use changing::amend;
pub use definition::{Connection, SECRETS_MAX, State, new_webhook_token};
pub use editor::{Claimed, Editor, claim};
pub use registry::Registry;
use seal::KEY_FILE;
pub use seal::Sealer;
pub use snapshot::Snapshot;
pub use view::View;
pub use writing::{current, define, remove};

use contact::ConnectionNumber;
use std::path::PathBuf;

/// What somebody who works with connections must do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plan allows no further connection: remove one, or subscribe to a larger plan.
    #[error(
        "the plan allows {max} connections at a time, and that many are connected: remove one or choose a larger plan"
    )]
    QuotaReached {
        /// Connections allowed at a time.
        max: u32,
    },
    /// There is no connection with this number.
    #[error("there is no connection {0}; `kizuna connection list` shows those there are")]
    NotFound(ConnectionNumber),
    /// Others changed the connection again and again while it was to be changed: look at it, and try again.
    #[error("others change connection {0} at this moment: look at what they did, then try again")]
    Contended(ConnectionNumber),
    /// The log does not work: as [`eventlog::Error`] says.
    #[error(transparent)]
    Log(#[from] eventlog::Error),
    /// A newer version of this program wrote to the topic: upgrade this one.
    #[error("the topic connections cannot be read at offset {offset}: {source}")]
    Newer {
        /// Where.
        offset: u64,
        /// Which schema is missing.
        source: schemas::Error,
    },
    /// The connection's secrets were sealed with another master key.
    #[error("the master key does not open connection {0}: set KIZUNA_MASTER_KEY to the key it was sealed with")]
    OtherMasterKey(ConnectionNumber),
    /// The connection's sealed secrets were altered, or moved here from elsewhere: define the connection again.
    #[error("the sealed secrets of connection {0} are damaged: define the connection again")]
    Damaged(ConnectionNumber),
    /// The master key is not one.
    #[error("{place} must hold 32 random bytes, as 64 hexadecimal digits or in base64")]
    MasterKey {
        /// The setting or the file.
        place: String,
    },
    /// The log holds what a key sealed that is not here. A new key would open none of it.
    #[error("{KEY_FILE} is missing in {}: put it back from your copy, or set KIZUNA_MASTER_KEY", .0.display())]
    KeyMissing(PathBuf),
    /// The key file cannot be read or made.
    #[error("cannot use the key file {path}: {source}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The system lets us start no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}
