//! HubSpot's behaviours, against the model itself: every test sets the time.

mod batch;
mod email;
mod fault;
mod gate;
mod lifecycle;
mod property;
mod search;
mod value;
mod webhook;

use http::Method;
use sandbox::exchange::{Fate, Request, Response};
use sandbox::hubspot::{Portal, Settings};
use serde_json::{Value, json};

/// When the tests happen; `NOW` is the same as HubSpot writes it.
pub const NOW_MS: i64 = 1_792_458_123_632;
pub const NOW: &str = "2026-10-20T01:02:03.632Z";
/// The ID of the first contact of a portal.
pub const FIRST: &str = "171596044869";
/// Longer than search lags.
pub const SETTLED_MS: i64 = 5_000;

pub const CONTACTS: &str = "/crm/objects/2026-09/contacts";
pub const PROPERTIES: &str = "/crm/properties/2026-09/contacts";

/// A portal and the time in it.
pub struct Account {
    pub portal: Portal,
    pub now_ms: i64,
}

/// An answer whose correlation ID was checked and taken out of the body.
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub fate: Fate,
    response: Response,
}

impl Account {
    /// A portal with the properties of one LINE account.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with other settings.
    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut account = Self::empty(change);
        account.now_ms -= account.portal.settings().property_delay_ms;
        account.post(&format!("{PROPERTIES}/groups"), json!({"name": "line_integration", "label": "LINE"})).is(201);
        let draft = |name: &str, kind: &str, field: &str| {
            let group = "line_integration";
            json!({"name": name, "label": name, "type": kind, "fieldType": field, "groupName": group})
        };
        let inputs = [
            draft("line_user_id_1", "string", "text"),
            draft("line_last_response_1", "string", "textarea"),
            draft("line_id_sync_date_1", "datetime", "date"),
            follow(),
        ];
        account.post(&format!("{PROPERTIES}/batch/create"), json!({"inputs": inputs})).is(201);
        account.now_ms = NOW_MS;
        account
    }

    /// A portal as HubSpot delivers it.
    pub fn empty(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        Self { portal: Portal::new(NOW_MS - 10_000, settings), now_ms: NOW_MS }
    }

    pub fn request(&mut self, request: &Request) -> Answer {
        let response = self.portal.handle(self.now_ms, request);
        let mut body = response.value();
        if let Some(correlation_id) = body.as_object_mut().and_then(|fields| fields.remove("correlationId")) {
            assert_eq!(correlation_id, json!(response.header("x-hubspot-correlation-id")));
        }
        Answer { status: response.status, body, fate: response.fate, response }
    }

    fn authorised(&self, method: Method, target: &str) -> Request {
        Request::new(method, target).with_bearer(&self.portal.settings().token)
    }

    pub fn get(&mut self, target: &str) -> Answer {
        let request = self.authorised(Method::GET, target);
        self.request(&request)
    }

    pub fn post(&mut self, target: &str, body: Value) -> Answer {
        let request = self.authorised(Method::POST, target).with_json(&body);
        self.request(&request)
    }

    pub fn patch(&mut self, target: &str, body: Value) -> Answer {
        let request = self.authorised(Method::PATCH, target).with_json(&body);
        self.request(&request)
    }

    pub fn delete(&mut self, target: &str) -> Answer {
        let request = self.authorised(Method::DELETE, target);
        self.request(&request)
    }

    /// Reads one contact; `tail` is its ID with an optional query.
    pub fn read(&mut self, tail: &str) -> Answer {
        self.get(&format!("{CONTACTS}/{tail}"))
    }

    /// A call of `…/contacts/batch/{verb}`.
    pub fn batch(&mut self, verb: &str, body: Value) -> Answer {
        self.post(&format!("{CONTACTS}/batch/{verb}"), body)
    }

    /// Creates a contact with this address and answers its ID.
    pub fn contact(&mut self, email: &str) -> String {
        let created = self.post(CONTACTS, json!({"properties": {"email": email}}));
        created.is(201)["id"].as_str().unwrap().to_owned()
    }

    /// A stored value.
    pub fn value(&self, id: &str, property: &str) -> Option<String> {
        self.portal.contacts().live(id.parse().unwrap())?.value(property).map(|value| value.into_owned())
    }

    pub fn live(&self) -> usize {
        self.portal.contacts().live_count()
    }
}

impl Answer {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}", self.body);
        &self.body
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.response.body).unwrap()
    }

    /// The IDs of the results, sorted.
    pub fn ids(&self) -> Vec<String> {
        let results = self.body["results"].as_array().unwrap_or_else(|| panic!("{}", self.body));
        let mut ids: Vec<String> = results.iter().map(|each| each["id"].as_str().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    }
}

/// The refusal of an address that a contact has.
pub fn taken(id: &str) -> Value {
    let message = format!("Contact already exists. Existing ID: {id}");
    json!({"status": "error", "message": message, "category": "CONFLICT"})
}

/// The definition of a property with options.
pub fn follow() -> Value {
    json!({"name": "line_follow_1", "label": "LINE Follow _ 1", "type": "enumeration", "fieldType": "select",
           "groupName": "line_integration", "options": [option("Yes", 0), option("No", 1)]})
}

pub fn option(value: &str, order: u32) -> Value {
    json!({"label": value, "value": value, "description": "", "displayOrder": order, "hidden": false})
}

/// An input of a batch that creates.
pub fn creation(email: &str) -> Value {
    json!({"properties": {"email": email}})
}

/// The same input with a trace ID.
pub fn traced(input: Value, trace: &str) -> Value {
    let mut input = input;
    input["objectWriteTraceId"] = json!(trace);
    input
}

/// The dummy address of a LINE user, as the connector sends it.
pub fn dummy(number: u32) -> String {
    format!("U{number:032x}@line.me")
}
