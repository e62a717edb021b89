//! The records, one Rust type per Avro schema, fields in the schema's order.

mod connection;
mod dead_letter;
mod hubspot;
mod line;
mod message;
mod reason;

pub use connection::{ConnectionClaim, ConnectionDefinition, ConnectionState, Sealed};
pub use dead_letter::DeadLetter;
pub use hubspot::{ContactLink, HubspotContact, HubspotEvent};
pub use line::{Likeness, LineEvent, LineProfile};
pub use message::{OutboxMessage, SendOutcome, SentMessage};
pub use reason::Reason;

use crate::catalog::Kind;
use serde::Serialize;
use serde_avro_fast::ser::SerializerConfig;

/// A type that the codec can write.
pub trait Record: Serialize + Sized {
    /// Which record it is.
    const KIND: Kind;

    /// Roughly how many bytes it will take, so that encoding allocates once.
    fn size_hint(&self) -> usize {
        128
    }

    /// Appends the record in the newest version of its schema, without a framing.
    fn write(&self, to: &mut Vec<u8>) {
        serde_avro_fast::to_datum(self, to, &mut SerializerConfig::new(Self::KIND.newest()))
            .expect("every value of a record type fits its schema");
    }
}

/// Declares record types and gives them a `Debug` that prints no content: records carry personal data and secrets.
macro_rules! records {
    ($($name:ident $(<$life:lifetime>)? $(size $size:expr)? $(, written by $write:path)?;)+) => {
        $(
            impl$(<$life>)? $crate::record::Record for $name$(<$life>)? {
                const KIND: $crate::catalog::Kind = $crate::catalog::Kind::$name;

                $(fn size_hint(&self) -> usize {
                    let size: fn(&Self) -> usize = $size;
                    size(self)
                })?

                $(fn write(&self, to: &mut Vec<u8>) {
                    $write(self, to);
                })?
            }

            impl$(<$life>)? std::fmt::Debug for $name$(<$life>)? {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(concat!(stringify!($name), "(..)"))
                }
            }
        )+
    };
}
use records;
