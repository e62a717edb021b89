//! Where variables come from: the process's environment, or a map in tests.

use super::PREFIX;
use std::collections::BTreeMap;
use std::ffi::OsString;
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

/// The process's environment. Only `main` uses it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

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
