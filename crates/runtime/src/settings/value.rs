//! What a setting can be, and how it is read from text.

use super::source::Source;
use crate::logging::{Filter, Format};
use crate::secret::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use url::Url;

/// A value that can be read from text.
pub trait Value: Sized {
    /// Is it never to be shown?
    const SECRET: bool = false;

    /// What a good value is, to be read after the word "expected".
    fn expected() -> String;

    /// Reads a value that is not empty and has no white space around it.
    fn parse(text: &str) -> Option<Self>;
}

/// What a field of a settings struct can be: a [`Value`], an `Option` of one, or a [`Family`].
pub trait Field: Sized {
    /// Is it never to be shown?
    const SECRET: bool;

    /// What a good value is.
    fn expected() -> String;

    /// Reads it from what was given; `None` if a problem was recorded.
    fn read(source: &mut Source, variable: &'static str, default: Option<&'static str>) -> Option<Self>;
}

impl<V: Value> Field for V {
    const SECRET: bool = V::SECRET;

    fn expected() -> String {
        V::expected()
    }

    fn read(source: &mut Source, variable: &'static str, default: Option<&'static str>) -> Option<Self> {
        match (source.value(variable)?, default) {
            (Some(value), _) => Some(value),
            (None, Some(default)) => {
                let value = V::parse(default);
                debug_assert!(value.is_some(), "the default of {variable} is no good value");
                value
            }
            (None, None) => {
                source.refuse(variable, "nothing", &V::expected());
                None
            }
        }
    }
}

impl<V: Value> Field for Option<V> {
    const SECRET: bool = V::SECRET;

    fn expected() -> String {
        V::expected()
    }

    fn read(source: &mut Source, variable: &'static str, _default: Option<&'static str>) -> Option<Self> {
        source.value(variable)
    }
}

/// All variables that begin alike, in the spelling of librdkafka: `KIZUNA_KAFKA_SECURITY_PROTOCOL` is `security.protocol`.
/// Declare it after the fields that share its beginning, with a `*` at the end of its variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family(pub BTreeMap<String, Secret>);

impl Field for Family {
    const SECRET: bool = false;

    fn expected() -> String {
        "what librdkafka's setting of that name takes".to_owned()
    }

    fn read(source: &mut Source, variable: &'static str, _default: Option<&'static str>) -> Option<Self> {
        let members = source.family(variable.trim_end_matches('*'));
        Some(Self(members.into_iter().map(|(name, text)| (name, Secret::new(&text))).collect()))
    }
}

impl Value for String {
    fn expected() -> String {
        "a text".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Value for Secret {
    const SECRET: bool = true;

    fn expected() -> String {
        "a secret text of printable ASCII characters, without spaces".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| Self::new(text))
    }
}

impl Value for PathBuf {
    fn expected() -> String {
        "a path".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Value for SocketAddr {
    fn expected() -> String {
        "an address and a port, as 127.0.0.1:8080".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for Filter {
    fn expected() -> String {
        "a level (error, warn, info, debug, trace, off) or levels by target, as warn,ingest=debug".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Value for Format {
    fn expected() -> String {
        "auto, human or json".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "human" => Some(Self::Human),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A whole number within bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Whole<MIN, MAX> {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> Value for Whole<MIN, MAX> {
    fn expected() -> String {
        format!("a whole number from {MIN} to {MAX}")
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number| (MIN..=MAX).contains(number)).map(Self)
    }
}

/// An address that paths are appended to: http or https, a host, perhaps a path, no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The address, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Does it begin with `https`?
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The address of a path that begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for BaseUrl {
    fn expected() -> String {
        "an address that begins with https:// (or http://) and has no query, as https://line.example.jp".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let uri: http::Uri = text.parse().ok()?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let host_alone = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let path_alone = uri.query().is_none() && !text.contains('#');
        (is_web && host_alone && path_alone).then(|| Self(text.trim_end_matches('/').to_owned()))
    }
}

/// What browsers call the origin of a page: http or https, a host, and a port that is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// The origin as browsers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host and the port as browsers send them.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Does it begin with `https`?
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for WebOrigin {
    fn expected() -> String {
        "an address that begins with https:// (or http://) and has no path, because the console needs a host or a port of its \
         own, as https://console.example.jp"
            .to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_web = matches!(url.scheme(), "http" | "https");
        let names_nobody = url.username().is_empty() && url.password().is_none();
        let host_alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        (is_web && names_nobody && host_alone).then(|| Self(url.origin().ascii_serialization()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_loses_its_last_slash_and_takes_paths() {
        let url = BaseUrl::parse("https://line.example.jp/hooks/").expect("good");
        assert_eq!(url.join("/line/webhook/x"), "https://line.example.jp/hooks/line/webhook/x");
        assert!(url.is_https());
        assert!(!BaseUrl::parse("http://127.0.0.1:9").expect("good").is_https());
    }

    #[test]
    fn a_base_url_is_a_web_address_with_a_host_and_nothing_after_the_path() {
        for bad in
            ["line.example.jp", "ftp://x", "https://", "https://a?b", "https://a#b", "https://u:p@a", "/x", "a b"]
        {
            assert_eq!(BaseUrl::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (given, read, authority) in [
            ("https://console.example.jp", "https://console.example.jp", "console.example.jp"),
            ("https://Console.Example.JP:443/", "https://console.example.jp", "console.example.jp"),
            ("HTTP://console.example.jp:80", "http://console.example.jp", "console.example.jp"),
            ("https://console.example.jp:8443", "https://console.example.jp:8443", "console.example.jp:8443"),
            ("http://[0:0::1]:8090/", "http://[::1]:8090", "[::1]:8090"),
            ("https://絆.example.jp", "https://xn--wc0a.example.jp", "xn--wc0a.example.jp"),
        ] {
            let origin = WebOrigin::parse(given).expect(given);
            assert_eq!((origin.as_str(), origin.authority()), (read, authority), "{given}");
            assert_eq!(origin.is_https(), read.starts_with("https"), "{given}");
        }
    }

    #[test]
    fn an_origin_has_no_path_no_query_and_nobodys_name() {
        for bad in [
            "https://a/console",
            "https://a//",
            "https://a/?b",
            "https://a#b",
            "https://u:p@a",
            "https://u@a",
            "ftp://a",
            "a",
        ] {
            assert_eq!(WebOrigin::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_whole_number_has_its_bounds() {
        let read = |text| Whole::<1, 64>::parse(text).map(Whole::get);
        assert_eq!([read("1"), read("64")], [Some(1), Some(64)]);
        assert_eq!([read("0"), read("65"), read("-1"), read("4.0"), read("four")], [None; 5]);
        assert_eq!(<Whole<1, 64> as Value>::expected(), "a whole number from 1 to 64");
    }

    #[test]
    fn a_secret_has_no_characters_that_a_header_cannot_carry() {
        assert!(<Secret as Value>::parse("pat-na1-0123").is_some());
        for bad in ["two words", "line\nbreak", "ひみつ"] {
            assert!(<Secret as Value>::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_family_shows_no_values() {
        let family = Family(BTreeMap::from([("sasl.password".to_owned(), Secret::new("hunter2"))]));
        assert!(!format!("{family:?}").contains("hunter2"));
    }
}
