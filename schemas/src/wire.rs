//! How Rust values go to Avro where serde's own way would not do: bytes, borrowed optional texts, unsigned longs.

/// Avro `bytes` as a byte string rather than a sequence of numbers.
pub mod bytes {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;
    use std::fmt;

    /// Writes a byte string.
    pub fn serialize<S: Serializer>(bytes: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes.as_ref())
    }

    /// Reads a byte string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }

    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
}

/// `Option<Cow<str>>` that borrows; serde's own always copies.
pub mod optional_text {
    use serde::Deserialize;
    use serde::de::Deserializer;
    use std::borrow::Cow;

    /// Reads a text, borrowed from the input where the input can lend it.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

        Ok(Option::<Text<'de>>::deserialize(deserializer)?.map(|Text(text)| text))
    }
}

/// `u64` as Avro `long`: the same 64 bits, so that every value has a form and real ones read as themselves everywhere.
pub mod unsigned {
    use serde::Deserialize;
    use serde::de::Deserializer;
    use serde::ser::Serializer;

    /// Writes the bits as a long.
    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(number.cast_signed())
    }

    /// Reads the bits of a long.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        i64::deserialize(deserializer).map(i64::cast_unsigned)
    }
}
