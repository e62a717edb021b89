//! Bytes to records and back.
//!
//! Two framings stand before the same Avro body. Readers accept both:
//!
//! | Framing | Bytes | Written |
//! | --- | --- | --- |
//! | Avro single-object encoding | `C3 01`, CRC-64-AVRO fingerprint (8, little-endian), body | by default |
//! | Confluent | `00`, schema ID (4, big-endian), body | with a schema registry |
//!
//! Decoding reads strictly: a body that ends early or late is an error, never a record with gaps.

use crate::body;
use crate::catalog::Kind;
use crate::record::{LineEvent, Record};
use crate::registry;
use serde::Deserialize;
use serde_avro_fast::Schema;
use serde_avro_fast::de::DeserializerState;
use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;
use std::sync::Arc;

const SINGLE_OBJECT_MARKER: [u8; 2] = [0xc3, 0x01];
const CONFLUENT_MARKER: u8 = 0x00;

/// What a reader must do about bytes that give no record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Written with a schema that this build does not know, most likely by a newer version. Stop before the record and wait
    /// for the upgrade; skipping it would lose it.
    #[error("written with the unknown schema {0}; upgrade this process, or check KIZUNA_SCHEMA_REGISTRY_URL")]
    UnknownSchema(SchemaId),
    /// A sound record of another kind stands here: set it aside.
    #[error("a {found} where a {expected} belongs")]
    OtherRecord {
        /// What was to be read.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The bytes are no record and never will be: set them aside.
    #[error("not a readable {0}")]
    Malformed(&'static str),
}

/// How the bytes name the schema that they were written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaId {
    /// CRC-64-AVRO of the parsing canonical form, in wire order.
    Fingerprint([u8; 8]),
    /// The ID that a schema registry gave.
    Registered(u32),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprint(bytes) => write!(f, "{:016x}", u64::from_le_bytes(*bytes)),
            Self::Registered(id) => write!(f, "number {id} of the schema registry"),
        }
    }
}

/// Encodes and decodes records. Cheap to clone.
///
/// The default codec writes Avro single-object encoding; see [`Codec::with_registry`] for Confluent's framing.
#[derive(Clone, Default)]
pub struct Codec {
    registered: Option<Arc<Registered>>,
}

/// The IDs that a schema registry gave our schemas.
struct Registered {
    /// Of the newest version, by kind.
    newest: [u32; Kind::ALL.len()],
    schemas: HashMap<u32, (Kind, &'static Schema)>,
}

impl Codec {
    /// Registers every released schema version, oldest first, and writes with Confluent's framing from then on.
    ///
    /// # Errors
    /// [`registry::Error`]: what the registry answered.
    pub async fn with_registry(client: &registry::Client) -> Result<Self, registry::Error> {
        let mut newest = [0; Kind::ALL.len()];
        let mut schemas = HashMap::new();
        for kind in Kind::ALL {
            for schema in kind.released() {
                let id = client.register(kind.subject(), schema.json()).await?;
                newest[kind as usize] = id;
                schemas.insert(id, (kind, schema));
            }
        }
        Ok(Self { registered: Some(Arc::new(Registered { newest, schemas })) })
    }

    /// The record in the newest version of its schema.
    pub fn encode<T: Record>(&self, record: &T) -> Vec<u8> {
        let schema = T::KIND.newest();
        let mut bytes = Vec::with_capacity(record.size_hint());
        match &self.registered {
            None => {
                bytes.extend_from_slice(&SINGLE_OBJECT_MARKER);
                bytes.extend_from_slice(schema.rabin_fingerprint());
            }
            Some(registered) => {
                bytes.push(CONFLUENT_MARKER);
                bytes.extend_from_slice(&registered.newest[T::KIND as usize].to_be_bytes());
            }
        }
        record.write(&mut bytes);
        bytes
    }

    /// Reads one record, which must be all of `bytes`. What the record borrows, it borrows from `bytes`; what it allocates is
    /// bounded by their length.
    ///
    /// # Errors
    /// [`Error`]: what to do about bytes that are no such record.
    pub fn decode<'a, T: Record + Deserialize<'a>>(&self, bytes: &'a [u8]) -> Result<T, Error> {
        let malformed = Error::Malformed(T::KIND.name());
        let Some((schema, body)) = split(bytes) else { return Err(malformed) };
        let mut state = DeserializerState::from_slice(body, self.writer_schema(T::KIND, schema)?);
        let Ok(record) = T::deserialize(state.deserializer()) else { return Err(malformed) };
        match state.into_reader().fill_buf() {
            Ok([]) => Ok(record),
            _ => Err(malformed),
        }
    }

    /// Reads one LINE event, as [`Codec::decode`] does, several times faster.
    ///
    /// # Errors
    /// As [`Codec::decode`].
    pub fn line_event<'a>(&self, bytes: &'a [u8]) -> Result<LineEvent<'a>, Error> {
        const MALFORMED: Error = Error::Malformed(Kind::LineEvent.name());
        let (schema, body) = split(bytes).ok_or(MALFORMED)?;
        let schema = self.writer_schema(Kind::LineEvent, schema)?;
        if !std::ptr::eq(schema, &Kind::LineEvent.released()[body::LINE_EVENT_VERSION]) {
            return self.decode(bytes);
        }
        body::line_event(body).ok_or(MALFORMED)
    }

    fn writer_schema(&self, expected: Kind, id: SchemaId) -> Result<&'static Schema, Error> {
        let (found, schema) = match id {
            SchemaId::Fingerprint(fingerprint) => {
                let is_it = |schema: &&Schema| *schema.rabin_fingerprint() == fingerprint;
                if let Some(schema) = expected.released().iter().find(is_it) {
                    return Ok(schema);
                }
                Kind::ALL.into_iter().find_map(|kind| Some((kind, kind.released().iter().find(is_it)?)))
            }
            SchemaId::Registered(id) => self.registered.as_ref().and_then(|known| known.schemas.get(&id).copied()),
        }
        .ok_or(Error::UnknownSchema(id))?;
        if found == expected {
            Ok(schema)
        } else {
            Err(Error::OtherRecord { expected: expected.name(), found: found.name() })
        }
    }
}

/// Prints which framing is written.
impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.registered.is_some() { "Codec(Confluent)" } else { "Codec(single-object)" })
    }
}

/// Which schema wrote the bytes, and the body; `None` when neither framing is there.
fn split(bytes: &[u8]) -> Option<(SchemaId, &[u8])> {
    if let Some(rest) = bytes.strip_prefix(&SINGLE_OBJECT_MARKER) {
        let (fingerprint, body) = rest.split_first_chunk()?;
        return Some((SchemaId::Fingerprint(*fingerprint), body));
    }
    let (id, body) = bytes.strip_prefix(&[CONFLUENT_MARKER])?.split_first_chunk()?;
    Some((SchemaId::Registered(u32::from_be_bytes(*id)), body))
}
