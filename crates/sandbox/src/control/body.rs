//! Bodies of control requests: JSON, or a form of the page.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Refused;
use crate::exchange::Request;
use crate::fields::Fields;

/// A body as one JSON object.
#[derive(Clone, Debug)]
pub(super) struct Body {
    value: Value,
    raw: Vec<u8>,
    form: bool,
}

impl Body {
    /// Reads a request's body. An empty one is an empty object; of `application/octet-stream` only the bytes are kept.
    pub fn of(request: &Request) -> Result<Self, Refused> {
        let kind = request.header("content-type").unwrap_or_default();
        let raw = request.body.to_vec();
        let form = kind.starts_with("application/x-www-form-urlencoded") && !is_json(&raw);
        let value = if form {
            let fields = Fields::parse(&String::from_utf8_lossy(&raw));
            let given = fields.iter().filter(|(_, value)| !value.is_empty());
            Value::Object(given.map(|(name, value)| (name.to_owned(), json!(value))).collect())
        } else if raw.is_empty() || kind.starts_with("application/octet-stream") {
            json!({})
        } else {
            serde_json::from_slice(&raw).map_err(|error| Refused(400, format!("the body is not JSON: {error}")))?
        };
        Ok(Self { value, raw, form })
    }

    /// Whether it came from a form of the page.
    pub fn is_form(&self) -> bool {
        self.form
    }

    /// The exact bytes.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The object.
    pub fn object(&self) -> Result<&Map<String, Value>, Refused> {
        self.value.as_object().ok_or_else(|| Refused(400, "the body must be a JSON object".to_owned()))
    }

    /// A text of the object.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value[name].as_str()
    }

    /// A text of the object that must be there.
    pub fn needed(&self, name: &str) -> Result<&str, Refused> {
        self.text(name).ok_or_else(|| Refused(400, format!("{name} is missing")))
    }

    /// The whole object as `T`.
    pub fn parsed<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        parsed(self.value.clone())
    }
}

/// A value as `T`.
pub(super) fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, Refused> {
    serde_json::from_value(value).map_err(|error| Refused(400, error.to_string()))
}

/// `changes` over what `current` has.
pub(super) fn merged<T: serde::Serialize + DeserializeOwned>(
    current: &T,
    changes: &Map<String, Value>,
) -> Result<T, Refused> {
    let mut value = serde_json::to_value(current).map_err(|error| Refused(500, error.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.extend(changes.clone());
    }
    parsed(value)
}

/// `curl -d` sends JSON under a form's content type.
fn is_json(raw: &[u8]) -> bool {
    raw.first().is_some_and(|first| matches!(first, b'{' | b'['))
}
