//! Sentences that people read in their own language: English on the command line and for programs, both in the console.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};
use std::fmt;

/// One sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bilingual {
    /// In English.
    pub english: String,
    /// In Japanese.
    pub japanese: String,
}

/// The sentence in English, then in Japanese; both are formats of what is in scope and of the arguments that follow.
macro_rules! bilingual {
    ($english:literal, $japanese:literal $(, $argument:expr)* $(,)?) => {
        $crate::bilingual::Bilingual {
            english: format!($english $(, $argument)*),
            japanese: format!($japanese $(, $argument)*),
        }
    };
}

pub(crate) use bilingual;

/// What is said in English alone, as it stands behind a Japanese sentence that says what it means.
pub fn for_engineers(detail: impl fmt::Display) -> String {
    format!("（エンジニア向けの詳細：「{detail}」）")
}

/// Hours by which Japan is ahead of UTC.
const JAPAN: i8 = 9;

/// A time as a Japanese sentence has it: Japan's, to the second.
pub fn time_in_japan(ms: i64) -> String {
    zoned(ms, JAPAN, "JST")
}

/// A time to the second, with its zone.
pub fn zoned(ms: i64, hours: i8, zone: &str) -> String {
    let zoned = |time: Timestamp| time.to_zoned(TimeZone::fixed(Offset::constant(hours)));
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| format!("{ms} ms"), |time| format!("{} {zone}", zoned(time).strftime("%Y-%m-%d %H:%M:%S")))
}

impl Bilingual {
    /// With what lies behind it.
    #[must_use]
    pub fn because(self, cause: impl Into<Self>) -> Self {
        let cause = cause.into();
        Self {
            english: format!("{}: {}", self.english, cause.english),
            japanese: format!("{}：{}", self.japanese, cause.japanese),
        }
    }
}

/// Shows the English one.
impl fmt::Display for Bilingual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english)
    }
}

/// Programs read the English one.
impl Serialize for Bilingual {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.english)
    }
}

#[cfg(test)]
impl Bilingual {
    /// Does the Japanese one have Japanese letters, and the English one none?
    pub fn is_translated(&self) -> bool {
        let is_japanese = |c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}');
        self.japanese.chars().any(is_japanese) && self.english != self.japanese
    }

    /// Is the Japanese one Japanese but for what it quotes and for names?
    pub fn is_all_japanese(&self) -> bool {
        const NAMES: [&str; 3] = ["LINE", "HubSpot", "E"];
        let unquoted = self.japanese.split('「').map(|part| part.split_once('」').map_or(part, |(_, rest)| rest));
        let is_name = |word: &str| NAMES.contains(&word) || word.is_empty();
        let mut words = unquoted.flat_map(|part| part.split(|c: char| !c.is_ascii_alphabetic()));
        self.is_translated() && words.all(is_name)
    }
}
