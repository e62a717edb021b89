//! The identities that the rules speak of.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;

/// The dummy user of LINE's old console "Verify" button, which must never become a contact.
const CONSOLE_DUMMY: u128 = 0xdead_beef_dead_beef_dead_beef_dead_beef;

/// A LINE user: `U` and 32 lower-case hexadecimal digits, issued per LINE provider.
///
/// Two official accounts under one provider see the same person under the same ID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserId(u128);

impl UserId {
    /// Reads an ID as LINE writes it. `None` for anything that must not become a contact: another form (module channels,
    /// groups) or the old console's dummy user.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: &[u8; 32] = text.strip_prefix('U')?.as_bytes().try_into().ok()?;
        let (first, second) = digits.split_at(16);
        let value = u128::from(hexadecimal(first)?) << 64 | u128::from(hexadecimal(second)?);
        (value != CONSOLE_DUMMY).then_some(Self(value))
    }

    /// The ID whose 32 digits spell `value`. For stores that keep the number.
    pub const fn from_u128(value: u128) -> Self {
        Self(value)
    }

    /// The number that the 32 digits spell.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// The e-mail of a new contact. Lower case, because HubSpot stores addresses in lower case.
    pub fn dummy_email(self) -> String {
        format!("u{:032x}@line.me", self.0)
    }

    /// The user whose dummy e-mail this is, in whatever case it is written.
    pub fn from_dummy_email(email: &str) -> Option<Self> {
        let local = email.trim().to_ascii_lowercase();
        let local = local.strip_suffix("@line.me")?;
        Self::parse(&format!("U{}", local.strip_prefix('u')?))
    }
}

/// The number that up to 16 lower-case digits spell. Without a branch for each digit: a rebuild reads one ID per event.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let (mut value, mut seen) = (0, 0);
    for digit in digits {
        let digit = HEXADECIMAL[usize::from(*digit)];
        seen |= digit;
        value = (value << 4) | u64::from(digit & 0xF);
    }
    (seen != NO_DIGIT).then_some(value)
}

/// What [`HEXADECIMAL`] holds for a byte that is no digit.
const NO_DIGIT: u8 = 0xFF;

/// The value of each byte as a lower-case hexadecimal digit.
const HEXADECIMAL: [u8; 256] = {
    let alphabet = b"0123456789abcdef";
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < alphabet.len() {
        digits[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U{:032x}", self.0)
    }
}

/// Prints no digits: a LINE user ID is personal data and `Debug` output ends up in logs.
impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(..)")
    }
}

/// The number of a connected official account: issued once per installation, never reused, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionNumber(NonZeroU32);

impl ConnectionNumber {
    /// `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number itself.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for ConnectionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// HubSpot's record ID of a contact. Text in the API's answers, a number in its webhooks, more than 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContactId(pub u64);

impl fmt::Display for ContactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for ContactId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Identity of one event, ordered like the `webhookEventId` it stands for.
///
/// A `webhookEventId` is a ULID, whose 128 bits order as its text does; an event without one gets a digest in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u128);

/// LINE's ID of a message. LINE's are numbers, but any text is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId(Spelling);

/// A text that is the usual spelling of a number is kept as that number, every other as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Spelling {
    Number(u64),
    Text(Box<str>),
}

impl From<&str> for MessageId {
    fn from(text: &str) -> Self {
        let is_usual = matches!(text.as_bytes(), [b'0'] | [b'1'..=b'9', ..]);
        let number = if is_usual { text.parse().ok() } else { None };
        Self(number.map_or_else(|| Spelling::Text(text.into()), Spelling::Number))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Spelling::Number(number) => number.fmt(f),
            Spelling::Text(text) => text.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "U8e742f61d673b39c7fff3cecb7536ef0";

    #[test]
    fn a_user_id_is_u_and_32_lower_case_digits() {
        assert_eq!(UserId::parse(TEXT).map(|id| id.to_string()).as_deref(), Some(TEXT));
        for bad in [
            "",
            "U",
            "u8e742f61d673b39c7fff3cecb7536ef0",
            "U8E742f61d673b39c7fff3cecb7536ef0",
            "U8e742f61d673b39c7fff3cecb7536ef",
            "U8e742f61d673b39c7fff3cecb7536ef00",
            "U+e742f61d673b39c7fff3cecb7536ef0",
            "C8e742f61d673b39c7fff3cecb7536ef0",
            "LU8e742f61d673b39c7fff3cecb7536ef0-U8e742f61d673b39c7fff3cecb7536ef0",
            "U８e742f61d673b39c7fff3cecb7536ef",
        ] {
            assert_eq!(UserId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_message_id_is_the_text_that_it_was() {
        let texts =
            ["444573844083572737", "18446744073709551615", "18446744073709551616", "0", "00", "007", "+7", "", "m"];
        for text in texts {
            assert_eq!(MessageId::from(text).to_string(), text);
            let same = texts.iter().filter(|other| MessageId::from(**other) == MessageId::from(text));
            assert_eq!(same.count(), 1, "{text}");
        }
    }

    #[test]
    fn the_old_consoles_dummy_user_is_no_user() {
        assert_eq!(UserId::parse("Udeadbeefdeadbeefdeadbeefdeadbeef"), None);
    }

    #[test]
    fn the_dummy_email_is_lower_case_and_leads_back_to_the_user() {
        let id = UserId::parse(TEXT).expect("valid");
        assert_eq!(id.dummy_email(), "u8e742f61d673b39c7fff3cecb7536ef0@line.me");
        assert_eq!(UserId::from_dummy_email(&id.dummy_email().to_uppercase()), Some(id));
        assert_eq!(UserId::from_dummy_email("someone@example.com"), None);
    }

    #[test]
    fn debug_output_names_nobody() {
        let id = UserId::parse(TEXT).expect("valid");
        assert_eq!(format!("{id:?}"), "UserId(..)");
    }
}
