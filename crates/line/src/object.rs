//! Picks single members out of a JSON object without building the rest.
//!
//! LINE's JSON is taken as it comes: members in any order, twice, of an unexpected type, nested as deep as they like,
//! with escapes that no Unicode text can hold. So members are handed out as raw text, and each reader decides what it
//! accepts.

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The named members of the object that `json` holds, each as its exact text; of a member that occurs twice, the last.
/// `None` if `json` is no object.
pub(crate) fn members<'a, const N: usize>(json: &'a [u8], names: [&str; N]) -> Option<[Option<&'a RawValue>; N]> {
    serde_json::Deserializer::from_slice(json).deserialize_map(Members(names)).ok()
}

/// The text of a JSON string; `None` for any other value. Half of a surrogate pair on its own becomes U+FFFD.
pub(crate) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let inner = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::Deserializer::from_str(value.get()).deserialize_bytes(Unescaped).ok().map(Cow::Owned)
}

/// Is `value` the JSON string `expected`?
pub(crate) fn is_text(value: Option<&RawValue>, expected: &str) -> bool {
    value.and_then(text).is_some_and(|text| text == expected)
}

/// A JSON integer that fits.
pub(crate) fn integer(value: &RawValue) -> Option<i64> {
    value.get().parse().ok()
}

/// Is the value the JSON word `true`?
pub(crate) fn is_true(value: &RawValue) -> bool {
    value.get() == "true"
}

struct Members<'n, const N: usize>([&'n str; N]);

impl<'a, const N: usize> Visitor<'a> for Members<'_, N> {
    type Value = [Option<&'a RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(place) = map.next_key_seed(Position(&self.0))? {
            match place {
                Some(place) => found[place] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Reads a key as the place of its name in a list.
pub(crate) struct Position<'n>(pub(crate) &'n [&'n str]);

impl<'a> DeserializeSeed<'a> for Position<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, key: D) -> Result<Self::Value, D::Error> {
        // As bytes, because a key may hold escapes that no text can.
        key.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Position<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| name.as_bytes() == key))
    }
}

/// Reads a string, putting U+FFFD where an escape stands for half of a surrogate pair.
struct Unescaped;

impl Visitor<'_> for Unescaped {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            // Half a pair arrives as three bytes, of which only the first cannot be a continuation.
            if chunk.invalid().first().is_some_and(|byte| *byte >= 0xC0) {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text_of(json: &str) -> Option<String> {
        text(serde_json::from_str(json).unwrap()).map(Cow::into_owned)
    }

    fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
        members(json.as_bytes(), [name]).and_then(|[value]| value.map(RawValue::get))
    }

    #[test]
    fn a_member_is_its_exact_text() {
        assert_eq!(member(r#"{"a": {"b" : [1, 2.50] } , "c":0}"#, "a"), Some(r#"{"b" : [1, 2.50] }"#));
        assert_eq!(member(r#"{"c":0}"#, "a"), None);
    }

    #[test]
    fn of_a_member_that_occurs_twice_the_last_counts() {
        assert_eq!(member(r#"{"a":1,"a":2}"#, "a"), Some("2"));
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for json in ["", "null", "[]", "1", "\"a\"", "{", "{\"a\"", "{\"a\":}", "{\"a\":tru}", "\u{0}"] {
            assert!(members(json.as_bytes(), ["a"]).is_none(), "{json:?}");
        }
    }

    #[test]
    fn depth_is_no_obstacle() {
        let deep = format!(
            r#"{{"x":{}{},"a":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000),
            "{\"a\":".repeat(9),
            "1".to_owned() + &"}".repeat(9)
        );
        assert!(member(&deep, "a").is_some());
    }

    #[test]
    fn keys_that_no_text_can_hold_are_passed_over() {
        assert_eq!(member(r#"{"\ud83e":1,"\u0061":2}"#, "a"), Some("2"));
    }

    #[test]
    fn text_is_unescaped() {
        assert_eq!(text_of(r#""a\n\u3042\ud83e\udd28\u0000\"""#).as_deref(), Some("a\nあ🤨\0\""));
        assert_eq!(text_of("\"あ\"").as_deref(), Some("あ"));
        assert_eq!(text_of("1"), None);
    }

    #[test]
    fn half_a_surrogate_pair_becomes_one_replacement_character() {
        assert_eq!(text_of(r#""a\ud83eb""#).as_deref(), Some("a\u{fffd}b"));
        assert_eq!(text_of(r#""\udd28\ud83e""#).as_deref(), Some("\u{fffd}\u{fffd}"));
        assert_eq!(text_of(r#""\ud83e\ud83e\udd28""#).as_deref(), Some("\u{fffd}🤨"));
    }
}
