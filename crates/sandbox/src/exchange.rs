//! A request and its answer without a socket: what the models take and give.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;

use crate::fields::Fields;

/// One HTTP request as a model sees it.
#[derive(Clone, Debug)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path without query, as sent.
    pub path: String,
    /// Query parameters, decoded, in order.
    pub query: Fields,
    /// Headers.
    pub headers: HeaderMap,
    /// Body bytes.
    pub body: Bytes,
}

impl Request {
    /// A request without headers and body; `target` is a path with an optional query.
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            path: path.to_owned(),
            query: Fields::parse(query),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// `GET target`.
    pub fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    /// `POST target` with a JSON body.
    pub fn post(target: &str, body: &serde_json::Value) -> Self {
        Self::new(Method::POST, target).with_json(body)
    }

    /// Adds a JSON body.
    pub fn with_json(mut self, body: &serde_json::Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self.with_header("content-type", "application/json")
    }

    /// Adds a form body.
    pub fn with_form(mut self, form: &str) -> Self {
        self.body = Bytes::copy_from_slice(form.as_bytes());
        self.with_header("content-type", "application/x-www-form-urlencoded")
    }

    /// Adds `Authorization: Bearer token`.
    pub fn with_bearer(self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// Sets a header; one that HTTP cannot carry is left out.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
        self
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The bearer token.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ").map(str::trim).filter(|token| !token.is_empty())
    }
}

/// What happens to an answer on its way back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It arrives at once.
    #[default]
    Prompt,
    /// It arrives after so many milliseconds.
    Late(u64),
    /// It never arrives: the caller's time-out ends the wait.
    Never,
    /// The connection breaks in the middle of the body.
    Cut,
}

/// One HTTP answer.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
    /// Whether the caller gets to see it.
    pub fate: Fate,
}

impl Response {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("bodies have text keys only");
        Self {
            status,
            headers: vec![("content-type", "application/json;charset=utf-8".to_owned())],
            body,
            ..Self::default()
        }
    }

    /// An answer with an HTML body.
    pub fn html(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "text/html; charset=utf-8".to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec(), ..Self::default() }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` when it is none.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
