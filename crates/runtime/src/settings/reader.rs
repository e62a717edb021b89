//! Where variables come from: the process's environment, or a map in tests.

use super::PREFIX;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

/// Gives the variables whose names begin with [`PREFIX`].
pub trait Reader {
    /// The variables with their values.
    fn variables(&self) -> BTreeMap<String, OsString>;

    /// The content of a file that a setting names.
    ///
    /// # Errors
    /// When it cannot be read as text.
    fn read_file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// The process's environment. Only `main` and the log use it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Environment {
    /// May log lines have colours? `NO_COLOR` forbids them to every program (<https://no-color.org>).
    pub fn allows_colours(self) -> bool {
        allows_colours(std::env::var_os("NO_COLOR").as_deref())
    }
}

fn allows_colours(no_color: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty)
}

impl Reader for Environment {
    fn variables(&self) -> BTreeMap<String, OsString> {
        let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let settings = named.filter(|(name, _)| name.starts_with(PREFIX));
        #[cfg(debug_assertions)]
        let settings = settings.filter(|(name, _)| !crate::crash::VARIABLES.contains(&name.as_str()));
        settings.collect()
    }
}

impl Reader for BTreeMap<String, String> {
    fn variables(&self) -> BTreeMap<String, OsString> {
        self.iter().map(|(name, value)| (name.clone(), value.into())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_forbids_colours_unless_it_is_empty() {
        assert!(allows_colours(None) && allows_colours(Some(OsStr::new(""))));
        assert!(!allows_colours(Some(OsStr::new("1"))) && !allows_colours(Some(OsStr::new("0"))));
    }
}
