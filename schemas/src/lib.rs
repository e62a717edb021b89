//! The records of the log: Avro schemas, their Rust types, the codec, and the keys.
//!
//! ```
//! use schemas::{Codec, LineProfile};
//!
//! let codec = Codec::default();
//! let profile = LineProfile {
//!     user_id: "U8e742f61d673b39c7fff3cecb7536ef0".into(),
//!     connection: 1,
//!     covers_ms: 1_790_000_000_000,
//!     fetched_at_ms: 1_790_000_000_500,
//!     found: None,
//! };
//! let bytes = codec.encode(&profile);
//! assert_eq!(codec.decode::<LineProfile>(&bytes)?, profile);
//! # Ok::<(), schemas::Error>(())
//! ```
//!
//! Writers use the newest version of a schema; readers keep every version ever released, read with the version that wrote
//! the bytes, and give fields of later versions their defaults. Why Avro is done the way it is: `docs/decisions/0001-avro.md`.

mod body;
pub mod catalog;
pub mod codec;
pub mod key;
pub mod record;
pub mod registry;
mod wire;

pub use catalog::Kind;
pub use codec::{Codec, Error, SchemaId};
pub use record::{
    ConnectionClaim, ConnectionDefinition, ConnectionState, ContactLink, DeadLetter, HubspotContact, HubspotEvent,
    Likeness, LineEvent, LineProfile, OutboxMessage, Reason, Record, Sealed, SendOutcome, SentMessage,
};
