//! The language of a page, and how it writes times.

use super::words::{ENGLISH, JAPANESE, Words};
use crate::bilingual::{Bilingual, time_in_japan, zoned};
use axum::http::{HeaderMap, header};

/// The cookie that holds the choice.
pub const COOKIE: &str = "kizuna_language";

/// A language of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English; times are UTC.
    English,
    /// Japanese; times are Japan's.
    Japanese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Japanese, Self::English];

    /// Its code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// The language with this code.
    pub fn coded(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The one that was chosen, else the first that the browser prefers and the console has.
    pub fn of(headers: &HeaderMap, chosen: Option<&str>) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let preferred = || accepted.split(',').find_map(|part| Self::coded(part.trim().get(..2)?));
        chosen.and_then(Self::coded).or_else(preferred).unwrap_or(Self::English)
    }

    /// Its texts.
    pub const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Japanese => &JAPANESE,
        }
    }

    /// The sentence in this language.
    pub fn of_both(self, sentence: &Bilingual) -> &str {
        match self {
            Self::English => &sentence.english,
            Self::Japanese => &sentence.japanese,
        }
    }

    /// A time to the second, with its zone.
    pub fn time(self, ms: i64) -> String {
        match self {
            Self::English => zoned(ms, 0, "UTC"),
            Self::Japanese => time_in_japan(ms),
        }
    }

    /// How long ago something was, in its largest unit.
    pub fn ago(self, ms: i64) -> String {
        let seconds = ms.max(0) / 1_000;
        let (count, english, japanese) = match seconds {
            ..60 => (seconds, "s ago", "秒前"),
            60..3_600 => (seconds / 60, "min ago", "分前"),
            3_600..86_400 => (seconds / 3_600, "h ago", "時間前"),
            _ => (seconds / 86_400, "d ago", "日前"),
        };
        match self {
            Self::English => format!("{count} {english}"),
            Self::Japanese => format!("{count}{japanese}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(accepted: &'static str, chosen: Option<&str>) -> Language {
        let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted))]);
        Language::of(&headers, chosen)
    }

    #[test]
    fn a_choice_goes_before_what_the_browser_prefers() {
        assert_eq!(of("ja,en;q=0.8", None), Language::Japanese);
        assert_eq!(of("fr-FR,ja;q=0.5", None), Language::Japanese);
        assert_eq!(of("en-GB,ja", None), Language::English);
        assert_eq!(of("ja", Some("en")), Language::English);
        assert_eq!(of("ja", Some("xx")), Language::Japanese);
        assert_eq!(of("j", None), Language::English);
    }

    #[test]
    fn times_are_those_of_the_reader() {
        assert_eq!(Language::English.time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(Language::Japanese.time(0), "1970-01-01 09:00:00 JST");
        assert_eq!(Language::Japanese.ago(7_200_000), "2時間前");
        assert_eq!(Language::English.ago(-1), "0 s ago");
    }
}
