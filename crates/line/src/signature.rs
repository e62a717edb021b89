//! Does a request body come from LINE? `x-line-signature` is the HMAC-SHA256 of the raw body under the channel secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// The request header that carries the signature.
pub const HEADER: &str = "x-line-signature";

const DIGEST_BYTES: usize = 32;

/// A channel secret, prepared once so that each body costs only its own hashing.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Prepares a channel secret. LINE uses the text itself as the key, not the bytes its hexadecimal digits spell.
    pub fn new(secret: &str) -> Self {
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length"))
    }

    /// Is `header` the signature of exactly these bytes?
    ///
    /// A missing or malformed header costs the same work as a wrong one, and the comparison takes the same time
    /// wherever the two differ. The header must be canonical base64 of 32 bytes: one body has one valid spelling.
    pub fn verifies(&self, body: &[u8], header: Option<&[u8]>) -> bool {
        let claimed = header.and_then(decode);
        let equal = self.digest(body).verify_slice(&claimed.unwrap_or_default()).is_ok();
        equal & claimed.is_some()
    }

    /// The header value that LINE would send with this body.
    pub fn sign(&self, body: &[u8]) -> String {
        STANDARD.encode(self.digest(body).finalize().into_bytes())
    }

    fn digest(&self, body: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(body)
    }
}

/// Prints nothing: the key is the secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

fn decode(header: &[u8]) -> Option<[u8; DIGEST_BYTES]> {
    // One byte more than a digest, so that a longer value shows as longer instead of as an error of the decoder.
    let mut bytes = [0; DIGEST_BYTES + 1];
    let length = STANDARD.decode_slice(header, &mut bytes).ok()?;
    bytes[..length].try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "8c570fa6dd201bb328f1c1eac23a96d8";
    const BODY: &[u8] = br#"{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}"#;
    const SIGNATURE: &[u8] = b"GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=";

    #[test]
    fn the_documented_vector_verifies() {
        let key = Key::new(SECRET);
        assert!(key.verifies(BODY, Some(SIGNATURE)));
        assert_eq!(key.sign(BODY).as_bytes(), SIGNATURE);
    }

    #[test]
    fn a_missing_signature_is_refused() {
        assert!(!Key::new(SECRET).verifies(BODY, None));
    }

    #[test]
    fn only_canonical_base64_of_32_bytes_is_a_signature() {
        let digest = STANDARD.decode(SIGNATURE).unwrap();
        let longer = STANDARD.encode([&digest[..], &[0]].concat());
        let shorter = STANDARD.encode(&digest[..31]);
        let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        for header in [
            "",
            "=",
            "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs",
            "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLt=",
            "GhRKmvmHys4Pi8DxkF4-EayaH0OqtJtaZxgTD9fMDLs=",
            " GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=",
            "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=\n",
            &longer,
            &shorter,
            &hexadecimal,
        ] {
            assert!(!Key::new(SECRET).verifies(BODY, Some(header.as_bytes())), "{header:?}");
        }
    }

    #[test]
    fn the_key_is_the_text_of_the_secret_not_the_bytes_it_spells() {
        let bytes: Vec<u8> =
            (0..32).step_by(2).map(|at| u8::from_str_radix(&SECRET[at..at + 2], 16).unwrap()).collect();
        let wrong = Key(Hmac::new_from_slice(&bytes).unwrap());
        assert!(!wrong.verifies(BODY, Some(SIGNATURE)));
    }

    #[test]
    fn another_secret_is_refused() {
        assert!(!Key::new("8c570fa6dd201bb328f1c1eac23a96d9").verifies(BODY, Some(SIGNATURE)));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        assert_eq!(format!("{:?}", Key::new(SECRET)), "Key(..)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_flipped_bit_of_body_or_signature_is_refused(bit in 0..(BODY.len() + SIGNATURE.len()) * 8) {
            let (mut body, mut signature) = (BODY.to_vec(), SIGNATURE.to_vec());
            match bit.checked_sub(BODY.len() * 8) {
                None => body[bit / 8] ^= 1 << (bit % 8),
                Some(bit) => signature[bit / 8] ^= 1 << (bit % 8),
            }
            prop_assert!(!Key::new(SECRET).verifies(&body, Some(&signature)));
        }

        #[test]
        fn what_was_signed_verifies(body: Vec<u8>, secret: String) {
            let key = Key::new(&secret);
            let signature = key.sign(&body);
            prop_assert!(key.verifies(&body, Some(signature.as_bytes())));
        }
    }
}
