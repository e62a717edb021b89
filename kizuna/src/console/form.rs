//! What forms send: read once and small, before anybody looks at it.

use runtime::secret::Secret;
use std::collections::BTreeMap;

/// It has characters that LINE uses in no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSecret;

/// The fields of a form by name. Each is there once; of several, the last counts.
#[derive(Clone, Default)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// The fields.
    pub fn new(fields: BTreeMap<String, String>) -> Self {
        Self(fields)
    }

    /// A field without the white space around it; empty if it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// A field, if something stands in it.
    pub fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A secret of LINE's, if something stands in the field.
    ///
    /// # Errors
    /// When it is none.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, NoSecret> {
        let typed = self.text(name);
        match typed.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Some(Secret::new(typed)).filter(|secret| !secret.is_empty())),
            false => Err(NoSecret),
        }
    }

    /// A field as it was typed.
    pub fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text)
    }

    /// Is a box ticked?
    pub fn is_ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
