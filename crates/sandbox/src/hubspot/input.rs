//! Request bodies of the contacts API.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// A value of a property: HubSpot takes texts, numbers and booleans, and stores texts. `null` clears, like `""`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(super) struct Scalar(pub String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor).map(Self)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number or a boolean")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<String, E> {
        Ok(truth.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<String, E> {
        Ok(String::new())
    }
}

/// The values of one write.
pub(super) type Properties = BTreeMap<String, Scalar>;

/// A single write, or one input of a batch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    #[serde(default)]
    pub id: Scalar,
    #[serde(default)]
    pub id_property: Option<String>,
    #[serde(default)]
    pub properties: Properties,
    #[serde(default, rename = "objectWriteTraceId")]
    pub trace: Option<Scalar>,
}

impl Input {
    /// The trace ID, as a list for error contexts.
    pub fn traces(&self) -> Vec<String> {
        self.trace.iter().map(|trace| trace.0.clone()).collect()
    }
}

/// The body of a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    pub inputs: Vec<Input>,
    #[serde(default)]
    pub id_property: Option<String>,
    #[serde(default)]
    pub properties: Vec<String>,
    #[serde(default)]
    pub properties_with_history: Vec<String>,
}

impl Batch {
    /// Reads a batch of at most `limit` inputs.
    pub fn read(body: &[u8], limit: usize) -> Result<Self, Refusal> {
        let batch: Self = read(body)?;
        if batch.inputs.len() > limit { Err(Refusal::too_many_inputs(limit)) } else { Ok(batch) }
    }

    /// Refuses a batch that names an ID twice. The IDs are compared as `key` gives them.
    pub fn refuse_duplicates(&self, key: impl Fn(&Input) -> String) -> Result<(), Refusal> {
        let mut seen = std::collections::BTreeSet::new();
        let twice: Vec<String> = self.inputs.iter().map(key).filter(|id| !seen.insert(id.clone())).collect();
        if twice.is_empty() { Ok(()) } else { Err(Refusal::duplicate_ids(&twice)) }
    }

    /// Whether every input has a trace ID. A trace ID that comes twice makes the request invalid.
    pub fn traced(&self) -> Result<bool, Refusal> {
        let traces: Vec<&str> =
            self.inputs.iter().filter_map(|input| input.trace.as_ref()).map(|each| each.0.as_str()).collect();
        let distinct: std::collections::BTreeSet<&str> = traces.iter().copied().collect();
        if distinct.len() < traces.len() {
            return Err(Refusal::validation("objectWriteTraceId must be unique within a request"));
        }
        Ok(traces.len() == self.inputs.len())
    }
}

/// Reads a JSON body.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::malformed(&error.to_string()))
}

/// How many inputs a batch body has; 0 when it is none.
pub(super) fn count(body: &[u8]) -> usize {
    #[derive(Deserialize)]
    struct Inputs {
        inputs: Vec<serde::de::IgnoredAny>,
    }
    serde_json::from_slice(body).map_or(0, |batch: Inputs| batch.inputs.len())
}
