//! Every way HubSpot says no, with the exact bodies of the reference's section 10.3.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::exchange::Response;

/// One property that made a write invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Internal name of the property.
    pub property: String,
    /// HubSpot's code, as `INVALID_OPTION`.
    pub code: &'static str,
    /// HubSpot's words.
    pub message: String,
}

impl Flaw {
    pub fn new(property: &str, code: &'static str, message: String) -> Self {
        Self { property: property.to_owned(), code, message }
    }

    pub fn unknown_property(name: &str) -> Self {
        Self::new(name, "PROPERTY_DOESNT_EXIST", format!("Property \"{name}\" does not exist"))
    }
}

/// A flaw as the message of a refusal tells it, in the order HubSpot writes the fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    is_valid: bool,
    message: &'a str,
    error: &'a str,
    name: &'a str,
    localized_error_message: &'a str,
    portal_id: u64,
}

impl<'a> Detail<'a> {
    fn of(flaw: &'a Flaw, portal_id: u64) -> Self {
        Self {
            is_valid: false,
            message: &flaw.message,
            error: flaw.code,
            name: &flaw.property,
            localized_error_message: &flaw.message,
            portal_id,
        }
    }
}

/// A refused request, or one refused item of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Refusal {
    pub status: u16,
    pub category: Option<&'static str>,
    pub sub_category: Option<&'static str>,
    pub message: String,
    pub errors: Vec<Value>,
    pub context: Map<String, Value>,
    /// Whether only the error of a batch item tells the context, as with an existing contact's ID.
    pub context_in_items_only: bool,
}

impl Refusal {
    fn of(status: u16, category: &'static str, message: impl Into<String>) -> Self {
        Self { status, category: Some(category), message: message.into(), ..Self::default() }
    }

    pub fn validation(message: impl Into<String>) -> Self {
        Self::of(400, "VALIDATION_ERROR", message)
    }

    /// Values that HubSpot does not take.
    pub fn invalid(flaws: &[Flaw], portal_id: u64) -> Self {
        let details: Vec<Detail<'_>> = flaws.iter().map(|flaw| Detail::of(flaw, portal_id)).collect();
        let details = serde_json::to_string(&details).expect("details have text keys only");
        let message = format!("Property values were not valid: {details}");
        Self { errors: errors_of(flaws), ..Self::validation(message) }
    }

    /// Properties that an administrator made mandatory.
    pub fn required(names: &[String]) -> Self {
        let flaws: Vec<Flaw> = names
            .iter()
            .map(|name| Flaw::new(name, "MISSING_REQUIRED_PROPERTY", format!("A value for {name} must be provided")))
            .collect();
        Self { errors: errors_of(&flaws), ..Self::validation("The property values provided are invalid") }
    }

    /// The e-mail belongs to another contact.
    pub fn contact_exists(id: u64) -> Self {
        let mut refusal = Self::of(409, "CONFLICT", format!("Contact already exists. Existing ID: {id}"));
        refusal.context.insert("existingId".to_owned(), json!([id.to_string()]));
        refusal.context_in_items_only = true;
        refusal
    }

    /// The same for a whole batch without trace IDs, where HubSpot names no ID.
    pub fn some_contact_exists() -> Self {
        Self::of(409, "CONFLICT", "Contact already exists")
    }

    /// Records that are gone, grouped as in batch answers.
    pub fn missing(ids: &[String]) -> Self {
        let message = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.";
        let mut refusal = Self::of(404, "OBJECT_NOT_FOUND", message);
        refusal.context.insert("ids".to_owned(), json!(ids));
        refusal
    }

    /// A record that is gone, as a single call says it.
    pub fn not_found() -> Self {
        Self { status: 404, message: "resource not found".to_owned(), ..Self::default() }
    }

    /// A record ID that is no number.
    pub fn not_numeric(id: &str) -> Self {
        let mut refusal = Self::of(404, "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric.");
        refusal.context.insert("id".to_owned(), json!([id]));
        refusal
    }

    pub fn too_many_inputs(limit: usize) -> Self {
        Self::validation(format!(
            "The maximum number of inputs supported in a batch is {limit}. Please reduce the number of items and try \
             again"
        ))
    }

    pub fn duplicate_ids(ids: &[String]) -> Self {
        let message = format!("Duplicate IDs found in batch input: [{}]. IDs must be unique", ids.join(", "));
        let mut refusal = Self::validation(message);
        refusal.context.insert("ids".to_owned(), json!(ids));
        refusal
    }

    pub fn non_unique_property(name: &str) -> Self {
        Self::validation(format!("Unable to perform update/upsert by non-unique 0-1 property {name}"))
    }

    /// A body that is not the JSON HubSpot expects.
    pub fn malformed(reason: &str) -> Self {
        let message = format!("Invalid input JSON on line 1, column 1: {reason}");
        Self { status: 400, message, ..Self::default() }
    }

    pub fn property_exists(name: &str) -> Self {
        let message = format!("A property named '{name}' already exists.");
        let mut refusal = Self::of(409, "OBJECT_ALREADY_EXISTS", message);
        refusal.sub_category = Some("Properties.PROPERTY_WITH_NAME_EXISTS");
        refusal.context.insert("name".to_owned(), json!([name]));
        refusal
    }

    pub fn group_exists(name: &str) -> Self {
        let message = format!("A property group named '{name}' already exists.");
        let mut refusal = Self::of(409, "OBJECT_ALREADY_EXISTS", message);
        refusal.context.insert("name".to_owned(), json!([name]));
        refusal
    }

    pub fn unknown_definition(name: &str) -> Self {
        let mut refusal = Self::of(404, "OBJECT_NOT_FOUND", format!("Property {name} does not exist"));
        refusal.context.insert("name".to_owned(), json!([name]));
        refusal
    }

    pub fn in_use(sub_category: &'static str, message: String) -> Self {
        Self { sub_category: Some(sub_category), ..Self::validation(message) }
    }

    pub fn unauthenticated() -> Self {
        let message = "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can \
                       find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview";
        Self::of(401, "INVALID_AUTHENTICATION", message)
    }

    pub fn expired(seconds: i64) -> Self {
        let message = format!("The OAuth token used to make this call expired {seconds} second(s) ago.");
        Self::of(401, "EXPIRED_AUTHENTICATION", message)
    }

    /// None of `scopes` was granted.
    pub fn missing_scopes(scopes: &[&str]) -> Self {
        let message = "This app hasn't been granted all required scopes to make this call. Read more about required \
                       scopes here: https://developers.hubspot.com/scopes.";
        let errors = vec![json!({"message": "One or more of the following scopes are required.",
                                 "context": {"requiredGranularScopes": scopes}})];
        Self { errors, ..Self::of(403, "MISSING_SCOPES", message) }
    }

    /// The answer to a whole request.
    pub fn response(&self, correlation_id: &str) -> Response {
        let mut body = Map::new();
        body.insert("status".to_owned(), json!("error"));
        body.insert("message".to_owned(), json!(self.message));
        body.insert("correlationId".to_owned(), json!(correlation_id));
        if !self.errors.is_empty() {
            body.insert("errors".to_owned(), json!(self.errors));
        }
        if !self.context.is_empty() && !self.context_in_items_only {
            body.insert("context".to_owned(), json!(self.context));
        }
        if self.category == Some("MISSING_SCOPES") {
            body.insert("links".to_owned(), json!({"scopes": "https://developers.hubspot.com/scopes"}));
        }
        self.add_categories(&mut body);
        Response::json(self.status, &body)
    }

    /// The error of one item in a 207 answer; `traces` are the trace IDs it concerns.
    pub fn item(&self, traces: &[String]) -> Value {
        let mut context = self.context.clone();
        if !traces.is_empty() {
            context.insert("objectWriteTraceId".to_owned(), json!(traces));
        }
        let mut body = Map::new();
        body.insert("status".to_owned(), json!("error"));
        self.add_categories(&mut body);
        body.insert("message".to_owned(), json!(self.message));
        body.insert("context".to_owned(), json!(context));
        Value::Object(body)
    }

    fn add_categories(&self, body: &mut Map<String, Value>) {
        if let Some(category) = self.category {
            body.insert("category".to_owned(), json!(category));
        }
        if let Some(sub_category) = self.sub_category {
            body.insert("subCategory".to_owned(), json!(sub_category));
        }
    }
}

fn errors_of(flaws: &[Flaw]) -> Vec<Value> {
    flaws
        .iter()
        .map(|flaw| json!({"message": flaw.message, "code": flaw.code, "context": {"propertyName": [flaw.property]}}))
        .collect()
}
