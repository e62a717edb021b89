//! Event IDs as numbers that order as their texts do.

use contact::EventId;
use sha2::{Digest, Sha256};

const ULID_DIGITS: usize = 26;
const NO_DIGIT: u8 = 0xFF;

/// The value of each byte as a digit of Crockford's base 32, upper case only: each number has one spelling.
const DIGITS: [u8; 256] = {
    let alphabet = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < alphabet.len() {
        digits[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// The identity of an event by its `webhookEventId`. A ULID becomes its 128 bits, which order as its text does; any
/// other text the first 128 bits of its SHA-256.
pub fn event_id(text: &str) -> EventId {
    EventId(ulid(text.as_bytes()).unwrap_or_else(|| digest(text.as_bytes())))
}

fn ulid(text: &[u8]) -> Option<u128> {
    let text: &[u8; ULID_DIGITS] = text.try_into().ok()?;
    // Thirteen digits at a time nearly fill a word: the highest is at most 7, so that it has three bits.
    let (high, low) = text.split_at(ULID_DIGITS / 2);
    let (high, high_seen) = number(high);
    let (low, low_seen) = number(&low[1..]);
    let middle = DIGITS[usize::from(text[ULID_DIGITS / 2])];
    let value = (u128::from(high) << 65) | (u128::from(middle & 0x1F) << 60) | u128::from(low);
    (high_seen | low_seen | middle < 32 && DIGITS[usize::from(text[0])] < 8).then_some(value)
}

/// The number that up to thirteen digits spell, and all their values together, which are below 32 if all are digits.
fn number(digits: &[u8]) -> (u64, u8) {
    digits.iter().fold((0, 0), |(value, seen), byte| {
        let digit = DIGITS[usize::from(*byte)];
        ((value << 5) | u64::from(digit & 0x1F), seen | digit)
    })
}

#[cold]
fn digest(text: &[u8]) -> u128 {
    let hash = Sha256::digest(text);
    hash[..16].iter().fold(0, |value, byte| (value << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_ulid_is_its_128_bits() {
        assert_eq!(event_id("00000000000000000000000000"), EventId(0));
        assert_eq!(event_id("00000000000000000000000001"), EventId(1));
        assert_eq!(event_id("0000000000000000000000000Z"), EventId(31));
        assert_eq!(event_id("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), EventId(u128::MAX));
        assert_eq!(event_id("01FZ74A0TDDPYRVKNK77XKC3ZR"), EventId(0x017F_CE45_034D_6DBD_8DCE_B339_FB36_0FF8));
    }

    #[test]
    fn any_other_text_is_the_first_128_bits_of_its_digest() {
        // SHA-256 of nothing begins so.
        assert_eq!(event_id(""), EventId(0xe3b0_c442_98fc_1c14_9afb_f4c8_996f_b924));
        for text in ["8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01fz74a0tddpyrvknk77xkc3zr", "01FZ74A0TDDPYRVKNK77XKC3ZI", "あ"] {
            assert_eq!(event_id(text), EventId(digest(text.as_bytes())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ulids_order_as_their_texts(
            a in "[0-7][0-9A-HJKMNP-TV-Z]{25}",
            b in "[0-7][0-9A-HJKMNP-TV-Z]{25}",
        ) {
            prop_assert_eq!(event_id(&a).cmp(&event_id(&b)), a.cmp(&b));
        }
    }
}
