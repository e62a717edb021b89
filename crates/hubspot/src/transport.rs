//! One exchange with HubSpot: bytes out, bytes in, nothing understood.

use crate::Error;
use crate::endpoint::Endpoint;
use crate::limit::Allowance;
use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Url, redirect};
use runtime::secret::Secret;
use serde_json::Value;
use std::time::Duration;

/// No answer is read beyond this. A batch of 100 contacts with all properties of 50 connections stays below it.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

const USER_AGENT: &str = concat!("kizuna/", env!("CARGO_PKG_VERSION"));

/// Carries calls to HubSpot and its answers back: over HTTP, or to a model of HubSpot within the process.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends and reads the whole answer.
    ///
    /// # Errors
    /// What is known of a call without a complete answer.
    async fn send(&self, call: Call<'_>) -> Result<Answer, Loss>;
}

/// What goes over the wire, beside what every call of a transport has: the address and the token.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// HTTP method.
    pub method: Method,
    /// The parts of the path, not yet escaped.
    pub path: Vec<&'a str>,
    /// Query parameters.
    pub query: &'a [(&'static str, String)],
    /// JSON.
    pub body: Option<&'a Value>,
}

/// A request, before it is written out.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) endpoint: Endpoint,
    /// The thing that the path names; empty where it names none.
    pub(crate) name: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    /// Only asks whether the token may do this: that it may not stops no other call.
    pub(crate) is_attempt: bool,
}

impl Request {
    pub(crate) const fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, name: String::new(), query: Vec::new(), body: None, is_attempt: false }
    }

    pub(crate) fn of(endpoint: Endpoint, name: impl ToString) -> Self {
        Self { name: name.to_string(), ..Self::new(endpoint) }
    }

    pub(crate) fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(crate) fn into_attempt(self) -> Self {
        Self { is_attempt: true, ..self }
    }

    /// The values sent, which must not come back in reasons: not names of properties, nor how to find them.
    pub(crate) fn values(&self) -> Vec<&str> {
        let mut values = Vec::new();
        collect(self.body.as_ref().unwrap_or(&Value::Null), false, &mut values);
        values
    }

    /// The request as it goes over the wire, to this version of HubSpot's interface.
    pub(crate) fn call<'a>(&'a self, version: &'a str) -> Call<'a> {
        Call {
            method: self.endpoint.method(),
            path: self.endpoint.path(version, &self.name),
            query: &self.query,
            body: self.body.as_ref(),
        }
    }

    pub(crate) fn ask(mut self, key: &'static str, value: impl ToString) -> Self {
        self.query.push((key, value.to_string()));
        self
    }
}

/// Gathers the texts below fields that hold values.
fn collect<'a>(body: &'a Value, is_value: bool, values: &mut Vec<&'a str>) {
    match body {
        Value::String(text) if is_value => values.push(text),
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, is_value, values)),
        Value::Object(fields) => {
            for (name, field) in fields {
                let holds_values = matches!(name.as_str(), "id" | "objectId" | "values")
                    || (name == "properties" && field.is_object());
                collect(field, is_value || holds_values, values);
            }
        }
        _ => {}
    }
}

/// A complete answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub(crate) status: u16,
    /// `Retry-After`, which HubSpot gives in seconds.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) allowance: Allowance,
    pub(crate) correlation_id: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer as it came over the wire.
    pub fn new(status: u16, headers: &HeaderMap, body: Vec<u8>) -> Self {
        Self {
            status,
            retry_after: number(headers, RETRY_AFTER.as_str()).map(Duration::from_secs),
            allowance: allowance(headers),
            correlation_id: text(headers, "x-hubspot-correlation-id").map(Into::into),
            body,
        }
    }
}

/// Why there is no complete answer. The texts name no address and no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// HubSpot never saw the request.
    NotSent(String),
    /// HubSpot may have seen it.
    Lost(String),
    /// It was answered, at greater length than can be.
    TooLong,
}

/// Connections to one HubSpot with one token.
pub(crate) struct Http {
    http: reqwest::Client,
    base: Url,
}

impl Http {
    /// # Errors
    /// [`Error::Unfit`].
    pub(crate) fn new(
        base_url: &str,
        token: &Secret,
        connect_timeout: Duration,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let base = Url::parse(base_url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let base = base.ok_or_else(|| Error::Unfit("the base URL is not an http address".into()))?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok().filter(|_| !token.is_empty());
        let mut bearer = bearer.ok_or_else(|| Error::Unfit("the access token is empty or not plain text".into()))?;
        bearer.set_sensitive(true);
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .connect_timeout(connect_timeout)
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .build();
        let http = http.map_err(|error| Error::Unfit(error.without_url().to_string()))?;
        Ok(Self { http, base })
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, call: Call<'_>) -> Result<Answer, Loss> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(call.path);
        }
        let mut outgoing = self.http.request(call.method, url).query(call.query);
        if let Some(body) = call.body {
            outgoing = outgoing.json(body);
        }
        let mut incoming = outgoing.send().await.map_err(loss)?;
        let mut answer = Answer::new(incoming.status().as_u16(), incoming.headers(), Vec::new());
        while let Some(chunk) = incoming.chunk().await.map_err(loss)? {
            if answer.body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(Loss::TooLong);
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

fn loss(error: reqwest::Error) -> Loss {
    let never_left = error.is_connect() || error.is_builder();
    let what = match (error.is_timeout(), error.is_connect()) {
        (true, true) => "no connection in time",
        (true, false) => "no answer in time",
        (false, true) => "no connection",
        (false, false) => "the connection broke",
    };
    if never_left { Loss::NotSent(what.into()) } else { Loss::Lost(what.into()) }
}

fn allowance(headers: &HeaderMap) -> Allowance {
    let small = |name| number(headers, name).and_then(|number| u32::try_from(number).ok());
    Allowance {
        max: small("x-hubspot-ratelimit-max"),
        left: small("x-hubspot-ratelimit-remaining"),
        window: number(headers, "x-hubspot-ratelimit-interval-milliseconds").map(Duration::from_millis),
        daily: number(headers, "x-hubspot-ratelimit-daily"),
        daily_left: number(headers, "x-hubspot-ratelimit-daily-remaining"),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
