//! A HubSpot that answers what a test tells it to, over real HTTP, and remembers what it was asked.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use contact::Names;
use hubspot::{Client, Metrics, Settings, limit};
use runtime::backoff::Backoff;
use runtime::clock::ManualClock;
use runtime::prometheus::Registry;
use runtime::secret::Secret;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 20 October 2026, noon in Tokyo.
pub const NOW_MS: i64 = 1_792_465_200_000;

/// Whatever is to be written may be sent.
pub fn always(_: &str) -> bool {
    true
}

/// What a client sent.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As `POST /crm/objects/2026-09/contacts/batch/read`, with the query.
    pub line: String,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Seen {
    /// The traces of a batch, in the order sent.
    pub fn traces(&self) -> Vec<&str> {
        self.inputs().iter().filter_map(|input| input["objectWriteTraceId"].as_str()).collect()
    }

    /// The inputs of a batch.
    pub fn inputs(&self) -> &[Value] {
        self.body["inputs"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub enum Reply {
    Of {
        status: u16,
        headers: Vec<(&'static str, &'static str)>,
        body: String,
    },
    /// The request is read and nothing comes back.
    Silence,
}

/// A status with a body.
pub fn reply(status: u16, body: impl ToString) -> Reply {
    Reply::Of { status, headers: Vec::new(), body: body.to_string() }
}

/// The same with a header.
pub fn reply_with(status: u16, header: (&'static str, &'static str), body: impl ToString) -> Reply {
    Reply::Of { status, headers: vec![header], body: body.to_string() }
}

type Answer = Box<dyn FnMut(&Seen) -> Reply + Send>;

#[derive(Clone)]
struct Shared {
    answer: Arc<Mutex<Answer>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The server; it ends with the test.
pub struct Server {
    pub url: String,
    shared: Shared,
}

impl Server {
    /// Answers by a rule.
    pub async fn answering(answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let shared = Shared { answer: Arc::new(Mutex::new(Box::new(answer))), seen: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Answers one request after the other; a request too many gets a status that fits nothing.
    pub async fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: VecDeque<_> = replies.into_iter().collect();
        Self::answering(move |_| replies.pop_front().unwrap_or_else(|| reply(418, "a request too many"))).await
    }

    /// Answers everything from now on with this.
    pub fn now_replies(&self, with: Reply) {
        *self.shared.answer.lock().unwrap() = Box::new(move |_| with.clone());
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The request lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// A client of this server that makes every call once.
    pub fn client(&self) -> Client {
        self.client_with(|_| {})
    }

    /// A client of this server with other settings.
    pub fn client_with(&self, change: impl FnOnce(&mut Settings)) -> Client {
        let mut settings = settings(&self.url);
        change(&mut settings);
        Client::new(settings, Arc::new(ManualClock::at(NOW_MS)), Metrics::register(&Registry::new()).unwrap()).unwrap()
    }
}

/// Settings that make every call once and pause hardly at all after an outage.
pub fn settings(url: &str) -> Settings {
    let outage = Backoff { base: Duration::from_millis(1), cap: Duration::from_millis(1), jitter: 0.0 };
    Settings {
        base_url: url.into(),
        read_attempts_max: 1,
        names: Names::default(),
        budget: limit::Settings { outage, ..limit::Settings::default() },
        ..Settings::new(Secret::new("pat-na1-canary"))
    }
}

async fn take(State(shared): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let seen = Seen { line: format!("{method} {uri}"), headers, body };
    let reply = (shared.answer.lock().unwrap())(&seen);
    shared.seen.lock().unwrap().push(seen);
    match reply {
        Reply::Silence => std::future::pending().await,
        Reply::Of { status, headers, body } => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    }
}
