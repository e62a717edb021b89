//! HubSpot's error objects, of whole answers and of single inputs, in all their forms.

use crate::{Refusal, reason, wire};
use contact::ContactId;
use serde_json::Value;

/// What an error object says. Not `Debug`: the message may quote values.
#[derive(Clone, Default)]
pub(crate) struct Problem {
    /// As `VALIDATION_ERROR`.
    pub(crate) category: String,
    /// The most telling code, as `INVALID_OPTION`; else the category; else empty.
    pub(crate) code: String,
    /// The property that it is about.
    pub(crate) property: Option<String>,
    /// The contact that stands in the way of a new one.
    pub(crate) existing: Option<ContactId>,
    /// The inputs concerned, by trace.
    pub(crate) traces: Vec<String>,
    /// The inputs concerned, by what they were asked by.
    pub(crate) ids: Vec<String>,
    /// The definitions concerned, by internal name.
    pub(crate) names: Vec<String>,
    /// The limit that was met, as `TEN_SECONDLY_ROLLING`.
    pub(crate) policy: Option<String>,
    /// The scopes that are missing.
    pub(crate) scopes: Vec<String>,
    message: String,
}

/// One reason among several in one error object.
struct Detail {
    code: String,
    property: Option<String>,
    message: String,
    scopes: Vec<String>,
}

impl Problem {
    /// Reads an error object; everything in it is optional.
    pub(crate) fn read(error: &Value) -> Self {
        let message = wire::text(&error["message"]).unwrap_or_default();
        let context = &error["context"];
        let listed = wire::list(&error["errors"]).iter().map(listed_detail);
        let details: Vec<_> = listed.chain(quoted_details(&message)).collect();
        let telling = details.iter().find(|detail| reason::is_of_definition(&detail.code));
        let telling = telling.or_else(|| details.iter().find(|detail| !detail.code.is_empty()));
        let category =
            ["category", "errorType"].into_iter().find_map(|key| wire::text(&error[key])).unwrap_or_default();
        Self {
            code: telling.map_or_else(|| category.clone(), |detail| detail.code.clone()),
            property: telling
                .and_then(|detail| detail.property.clone())
                .or_else(|| wire::texts(&context["propertyName"]).pop()),
            existing: existing(context, &message),
            traces: wire::texts(&context["objectWriteTraceId"]),
            ids: wire::texts(&context["ids"]),
            names: wire::texts(&context["name"]),
            policy: wire::text(&error["policyName"]),
            scopes: details.iter().flat_map(|detail| detail.scopes.clone()).collect(),
            message: telling.map_or(message, |detail| detail.message.clone()),
            category,
        }
    }

    /// The limit that was met, in whatever field HubSpot wrote it, in capitals.
    pub(crate) fn limit(&self) -> String {
        format!("{} {}", self.policy.as_deref().unwrap_or_default(), self.message).to_ascii_uppercase()
    }

    /// Does HubSpot say nothing at all?
    pub(crate) fn is_empty(&self) -> bool {
        self.category.is_empty() && self.code.is_empty() && self.message.is_empty()
    }

    /// Did HubSpot fail, rather than refuse?
    pub(crate) fn is_passing(&self) -> bool {
        self.is_empty() || ["RATE_LIMIT", "INTERNAL"].iter().any(|passing| self.category.contains(passing))
    }

    /// As what a caller sees. The values `sent` are struck out of what HubSpot says.
    pub(crate) fn refusal<'a>(&self, sent: impl IntoIterator<Item = &'a str>) -> Refusal {
        Refusal {
            reason: reason::readable(&self.code, self.property.as_deref(), &self.message, sent),
            code: Some(self.code.clone()).filter(|code| !code.is_empty()),
            property: self.property.clone(),
        }
    }
}

fn listed_detail(error: &Value) -> Detail {
    let context = &error["context"];
    let granular = wire::texts(&context["requiredGranularScopes"]);
    Detail {
        code: wire::text(&error["code"]).unwrap_or_default(),
        property: wire::texts(&context["propertyName"]).into_iter().next(),
        message: wire::text(&error["message"]).unwrap_or_default(),
        scopes: if granular.is_empty() { wire::texts(&context["requiredScopes"]) } else { granular },
    }
}

/// `Property values were not valid: [{"error":"PROPERTY_DOESNT_EXIST","name":"x",…}]`: JSON within a message.
fn quoted_details(message: &str) -> Vec<Detail> {
    let quoted = message.find("[{").map(|start| &message[start..]);
    let quoted = quoted.and_then(|text| serde_json::Deserializer::from_str(text).into_iter::<Value>().next());
    let Some(Ok(quoted)) = quoted else { return Vec::new() };
    let detail = |error: &Value| Detail {
        code: wire::text(&error["error"]).unwrap_or_default(),
        property: wire::text(&error["name"]),
        message: wire::text(&error["message"]).unwrap_or_default(),
        scopes: Vec::new(),
    };
    wire::list(&quoted).iter().map(detail).collect()
}

fn existing(context: &Value, message: &str) -> Option<ContactId> {
    let named = wire::texts(&context["existingId"]).first().and_then(|id| id.parse().ok());
    named.or_else(|| {
        let (_, id) = message.split_once("Existing ID: ")?;
        id.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn the_code_and_property_are_found_in_the_list_of_errors() {
        let problem = Problem::read(&json!({"status": "error", "message": "Property values were not valid: [{…}]",
            "errors": [{"message": "Property \"x\" does not exist", "code": "PROPERTY_DOESNT_EXIST",
                "context": {"propertyName": ["x"]}}], "category": "VALIDATION_ERROR"}));
        assert_eq!((&*problem.code, problem.property.as_deref()), ("PROPERTY_DOESNT_EXIST", Some("x")));
    }

    #[test]
    fn the_code_and_property_are_found_in_json_within_the_message() {
        let problem = Problem::read(&json!({"status": "error", "category": "VALIDATION_ERROR",
            "message": "Property values were not valid: [{\"isValid\":false,\"message\":\"Property \\\"missing\\\" does not \
                exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"missing\",\"portalId\":12345678}]",
            "context": {"objectWriteTraceId": ["549b1c2a9351"]}}));
        assert_eq!((&*problem.code, problem.property.as_deref()), ("PROPERTY_DOESNT_EXIST", Some("missing")));
        assert_eq!(problem.traces, ["549b1c2a9351"]);
    }

    #[test]
    fn of_several_errors_the_one_about_a_definition_tells() {
        let problem = Problem::read(&json!({"errors": [
            {"code": "INVALID_EMAIL", "message": "Email address a@b is invalid",
                "context": {"propertyName": ["email"]}},
            {"code": "INVALID_OPTION", "message": "x was not one of",
                "context": {"propertyName": ["line_follow_1"]}}]}));
        assert_eq!(problem.refusal([]).broken_property(), Some("line_follow_1"));
    }

    #[test]
    fn the_existing_contact_is_found_in_the_context_or_in_the_message() {
        let in_context = json!({"message": "Contact already exists", "context": {"existingId": ["171591000198"]}});
        assert_eq!(Problem::read(&in_context).existing, Some(ContactId(171_591_000_198)));
        let in_message = json!({"message": "Contact already exists. Existing ID: 51", "category": "CONFLICT"});
        assert_eq!(Problem::read(&in_message).existing, Some(ContactId(51)));
        assert_eq!(Problem::read(&json!({"message": "Contact already exists"})).existing, None);
    }

    #[test]
    fn fields_of_unexpected_types_are_passed_over() {
        for odd in
            [json!(null), json!("text"), json!([1]), json!({"message": 7, "errors": {}, "context": [], "category": []})]
        {
            let problem = Problem::read(&odd);
            assert!(problem.traces.is_empty() && problem.category.is_empty());
        }
    }
}
