//! Picks single members out of a JSON object without building the rest.
//!
//! LINE's JSON is taken as it comes: members in any order, twice, of an unexpected type, nested as deep as they like,
//! with escapes that no Unicode text can hold. So members are handed out as raw text, and each reader decides what it
//! accepts.
//!
//! Whoever took the body apart has checked that it is JSON. So this only finds its way through, which is several times
//! faster than to parse, and matters: a rebuild reads every event ever received. Of bytes that are no JSON it makes
//! nothing or nonsense, but never reads beyond them.

use crate::marks::Marks;
use serde::Deserializer;
use serde::de::Visitor;
use std::borrow::Cow;
use std::fmt;

/// The values of the members that were asked for, each as its exact text.
pub(crate) type Found<'a, const N: usize> = [Option<&'a [u8]>; N];

/// The named members of an object; of a member that occurs twice, the first. `None` if `json` is no object. A key
/// written with escapes is not recognised.
pub(crate) fn members<'a, const N: usize>(json: &'a [u8], names: [&str; N]) -> Option<Found<'a, N>> {
    let mut found = [None; N];
    let mut missing = N;
    Scan::new(json).object(|scan, key| {
        let value = scan.value()?;
        if let Some(place) = place(&names, key)
            && found[place].is_none()
        {
            found[place] = Some(value);
            missing -= 1;
        }
        Some(missing > 0)
    })?;
    Some(found)
}

/// The named members of two objects that are members of one object, as [`members`] would find them, in one go. A
/// missing object, or another value in its place, has no members.
pub(crate) fn members_of<'a, const N: usize, const M: usize>(
    json: &'a [u8],
    first: (&str, [&str; N]),
    second: (&str, [&str; M]),
) -> Option<(Found<'a, N>, Found<'a, M>)> {
    let (mut of_first, mut of_second) = (None, None);
    Scan::new(json).object(|scan, key| {
        if of_first.is_none() && key == first.0.as_bytes() {
            of_first = Some(scan.members(first.1)?);
        } else if of_second.is_none() && key == second.0.as_bytes() {
            of_second = Some(scan.members(second.1)?);
        } else {
            scan.value()?;
        }
        Some(of_first.is_none() || of_second.is_none())
    })?;
    Some((of_first.unwrap_or([None; N]), of_second.unwrap_or([None; M])))
}

fn place(names: &[&str], key: &[u8]) -> Option<usize> {
    names.iter().position(|name| name.as_bytes() == key)
}

/// The text of a JSON string; `None` for any other value. Half of a surrogate pair on its own becomes U+FFFD.
pub(crate) fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr2(b'"', b'\\', inner).is_none() {
        return simdutf8::basic::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    serde_json::Deserializer::from_slice(value).deserialize_bytes(Unescaped).ok().map(Cow::Owned)
}

/// Is `value` the JSON string `expected`?
pub(crate) fn is_text(value: Option<&[u8]>, expected: &str) -> bool {
    value.is_some_and(|value| spells(value, expected) || text(value).is_some_and(|text| text == expected))
}

/// Is this the string `expected` as it is usually written, without escapes? It must hold nothing that is to be escaped.
fn spells(value: &[u8], expected: &str) -> bool {
    matches!(value, [b'"', inner @ .., b'"'] if inner == expected.as_bytes())
}

/// A JSON integer that fits.
pub(crate) fn integer(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The way through a JSON text.
struct Scan<'a> {
    json: &'a [u8],
    /// Where the next byte is.
    at: usize,
    /// Those from `at` on.
    marks: Marks<'a, false>,
}

impl<'a> Scan<'a> {
    #[inline]
    fn new(json: &'a [u8]) -> Self {
        Self { json, at: 0, marks: Marks::of(json) }
    }

    /// The next byte that is no white space; it stays the next one.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.json.get(self.at)?;
            if byte > b' ' || !byte.is_ascii_whitespace() {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        let is_it = self.next()? == byte;
        self.at += 1;
        is_it.then_some(())
    }

    /// Passes a string and gives what stands between its quotation marks.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let first = self.at;
        if self.marks.next()? + 1 != first {
            return None;
        }
        loop {
            let mark = self.marks.next()?;
            self.at = mark + 1;
            if self.json[mark] == b'"' {
                return self.json.get(first..mark);
            }
            // Whatever is escaped, it is not the end.
            self.marks.skip(self.at);
        }
    }

    /// Passes an object, or its beginning: each key goes to `visit`, which passes the value and says whether to go on.
    #[inline]
    fn object(&mut self, mut visit: impl FnMut(&mut Self, &'a [u8]) -> Option<bool>) -> Option<()> {
        self.expect(b'{')?;
        loop {
            match self.next()? {
                b'"' => {
                    let key = self.string()?;
                    self.expect(b':')?;
                    if !visit(self, key)? {
                        return Some(());
                    }
                }
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Passes a value and gives the named members of it.
    #[inline]
    fn members<const N: usize>(&mut self, names: [&str; N]) -> Option<Found<'a, N>> {
        let mut found = [None; N];
        if self.next()? != b'{' {
            self.value()?;
            return Some(found);
        }
        self.object(|scan, key| {
            let value = scan.value()?;
            if let Some(place) = place(&names, key) {
                found[place].get_or_insert(value);
            }
            Some(true)
        })?;
        Some(found)
    }

    /// Passes any value and gives its text.
    #[inline(always)]
    fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.next()?;
        let begin = self.at;
        match first {
            b'"' => drop(self.string()?),
            b'{' | b'[' => self.nested()?,
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                let ahead = self.json.get(begin..)?;
                self.at += ahead.iter().position(ends).unwrap_or(ahead.len());
            }
        }
        self.json.get(begin..self.at)
    }

    /// Passes an object or a list, however deep.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match *self.json.get(self.at)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
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
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn text_of(json: &str) -> Option<String> {
        text(json.as_bytes()).map(Cow::into_owned)
    }

    fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
        let [value] = members(json.as_bytes(), [name])?;
        value.map(|value| std::str::from_utf8(value).unwrap())
    }

    #[test]
    fn a_member_is_its_exact_text() {
        assert_eq!(member(r#"{"a": {"b" : [1, 2.50] } , "c":0}"#, "a"), Some(r#"{"b" : [1, 2.50] }"#));
        assert_eq!(member(" {\n\"c\" :\t-1.5e+3 }", "c"), Some("-1.5e+3"));
        assert_eq!(member(r#"{"a":["]}",{"\"":"{["}],"c":true}"#, "c"), Some("true"));
        assert_eq!(member(r#"{"c":0}"#, "a"), None);
        assert_eq!(member("{}", "a"), None);
    }

    #[test]
    fn of_a_member_that_occurs_twice_the_first_counts() {
        assert_eq!(member(r#"{"a":1,"a":2}"#, "a"), Some("1"));
    }

    #[test]
    fn members_of_two_objects_are_found_in_one_go() {
        let of = |json: &'static str| members_of(json.as_bytes(), ("a", ["x", "y"]), ("b", ["x"]));
        let one = Some(&b"1"[..]);
        let two = Some(&b"2"[..]);
        assert_eq!(of(r#"{"c":{"x":0},"b":{"y":0,"x":2},"a":{"x":1}}"#), Some(([one, None], [two])));
        assert_eq!(of(r#"{"a":{"x":1,"z":[{"y":3}],"y":2,"x":5},"a":{"x":4},"d":[]}"#), Some(([one, two], [None])));
        assert_eq!(of(r#"{"a":["x"],"b":"x"}"#), Some(([None, None], [None])));
        assert_eq!(of("{}"), Some(([None, None], [None])));
        assert_eq!(of("[]"), None);
        assert_eq!(of(r#"{"a":{"x":1"#), None);
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for json in
            ["", "null", "[]", "1", "\"a\"", "{", "{\"a\"", "{\"a\":", "{\"b\":[", "{\"b\":\"", "{b:1}", "\u{0}"]
        {
            assert!(members(json.as_bytes(), ["a"]).is_none(), "{json:?}");
        }
    }

    #[test]
    fn depth_is_no_obstacle() {
        let deep = format!(r#"{{"x":{}{},"a":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(member(&deep, "a"), Some("1"));
    }

    #[test]
    fn keys_that_no_text_can_hold_are_passed_over() {
        assert_eq!(member(r#"{"\ud83e":1,"\"":2,"\\":3,"a":4}"#, "a"), Some("4"));
    }

    #[test]
    fn text_is_unescaped() {
        assert_eq!(text_of(r#""a\n\u3042\ud83e\udd28\u0000\"""#).as_deref(), Some("a\nあ🤨\0\""));
        assert_eq!(text_of("\"あ\"").as_deref(), Some("あ"));
        for other in ["1", "", "\"", "null", r#""\x""#] {
            assert_eq!(text_of(other), None, "{other}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_becomes_one_replacement_character() {
        assert_eq!(text_of(r#""a\ud83eb""#).as_deref(), Some("a\u{fffd}b"));
        assert_eq!(text_of(r#""\udd28\ud83e""#).as_deref(), Some("\u{fffd}\u{fffd}"));
        assert_eq!(text_of(r#""\ud83e\ud83e\udd28""#).as_deref(), Some("\u{fffd}🤨"));
    }

    #[test]
    fn integers_are_those_that_fit() {
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        for other in ["9223372036854775808", "1.0", "1e3", "\"1\"", "", "null"] {
            assert_eq!(integer(other.as_bytes()), None, "{other}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let object =
                vec((".*", inner.clone()), 0..4).prop_map(|members| Value::Object(members.into_iter().collect()));
            prop_oneof![vec(inner, 0..4).prop_map(Value::from), object]
        })
    }

    proptest! {
        #[test]
        fn every_member_is_found_as_a_parser_finds_it(key: String, odd in any_json(), it in any_json(), pretty: bool) {
            let object = json!({ key.clone(): odd.clone(), "wanted": it, "zzz": odd });
            let write = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
            let json = write(&object).unwrap();
            let parsed: Value = serde_json::from_str(&json).unwrap();
            let [wanted, none] = members(json.as_bytes(), ["wanted", "not there"]).unwrap();
            prop_assert_eq!(&serde_json::from_slice::<Value>(wanted.unwrap()).unwrap(), &parsed["wanted"]);
            prop_assert_eq!(none.is_some(), key == "not there");
        }

        #[test]
        fn any_text_is_read_as_a_parser_reads_it(any: String) {
            prop_assert_eq!(text_of(&serde_json::to_string(&any).unwrap()), Some(any));
        }

        #[test]
        fn no_bytes_are_too_odd(json: Vec<u8>, cut in r#"\{[\[\]{},:"\\a-fu0-9 ]{0,60}"#) {
            let _ = members(&json, ["a", "b"]);
            let _ = members(cut.as_bytes(), ["a", "b"]);
            let _ = members_of(cut.as_bytes(), ("a", ["b"]), ("b", ["a"]));
            let _ = (text(&json), integer(&json));
        }
    }
}
