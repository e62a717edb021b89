//! Logs: readable on a terminal, JSON anywhere else, on standard error; and a name for a person that is no name.

use crate::secret::Secret;
use crate::settings::Environment;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Readable when standard error is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One readable line per event.
    Human,
    /// One JSON object per line.
    Json,
}

/// What is logged: a level (`info`) or levels by target (`warn,ingest=debug`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// `None` if it cannot be understood.
    pub fn parse(text: &str) -> Option<Self> {
        let names_level = |directive: &str| {
            let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
            level.parse::<LevelFilter>().is_ok()
        };
        let understood = text.split(',').all(names_level) && EnvFilter::builder().parse(text).is_ok();
        understood.then(|| Self(text.to_owned()))
    }
}

/// Directs the process's log to standard error. Call it once, first thing in `main`; a second call changes nothing.
pub fn start(format: Format, filter: &Filter) {
    let filter = EnvFilter::builder().parse_lossy(&filter.0);
    let to_terminal = std::io::stderr().is_terminal();
    let has_colours = to_terminal && Environment.allows_colours();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(has_colours);
    let human = match format {
        Format::Auto => to_terminal,
        Format::Human => true,
        Format::Json => false,
    };
    let started = if human {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    drop(started);
}

/// Turns LINE user IDs into [`UserTag`]s, with a key of the installation so that nobody else can.
#[derive(Clone)]
pub struct UserTags(Hmac<Sha256>);

/// Stands for a user in logs: ten hexadecimal digits, the same for the same user and key. It follows one case through the
/// logs and leads back to nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserTag([u8; 5]);

impl UserTags {
    /// Prepares the key.
    pub fn new(key: &Secret) -> Self {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes a key of any length");
        mac.update(b"kizuna/log-user-tag/");
        Self(mac)
    }

    /// The tag of a user.
    pub fn of(&self, user: impl fmt::Display) -> UserTag {
        let mut mac = self.0.clone();
        mac.update(user.to_string().as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let mut tag = [0; 5];
        tag.copy_from_slice(&digest[..5]);
        UserTag(tag)
    }
}

/// Shows no key.
impl fmt::Debug for UserTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserTags(..)")
    }
}

impl fmt::Display for UserTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for UserTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserTag({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "U8e742f61d673b39c7fff3cecb7536ef0";

    #[test]
    fn a_tag_is_stable_and_depends_on_user_and_key() {
        let tags = UserTags::new(&Secret::new("one key"));
        assert_eq!(tags.of(USER), tags.clone().of(USER));
        assert_ne!(tags.of(USER), tags.of("U8e742f61d673b39c7fff3cecb7536ef1"));
        assert_ne!(tags.of(USER), UserTags::new(&Secret::new("another key")).of(USER));
    }

    #[test]
    fn a_tag_is_ten_digits_and_shows_no_part_of_the_user() {
        let shown = UserTags::new(&Secret::new("key")).of(USER).to_string();
        assert_eq!(shown.len(), 10);
        assert!(!USER.contains(&shown));
    }

    #[test]
    fn a_filter_is_a_level_or_levels_by_target() {
        for good in ["info", "warn,ingest=debug", "off"] {
            assert!(Filter::parse(good).is_some(), "{good}");
        }
        for bad in ["loud", "ingest=loud", "=="] {
            assert!(Filter::parse(bad).is_none(), "{bad}");
        }
    }
}
