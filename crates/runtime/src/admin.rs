//! The admin server: `/metrics` for Prometheus, `/live` and `/ready` for whoever starts and routes to this process.
//!
//! It carries no personal data and no secret, and it belongs on an address that the internet does not reach.

use axum::Router;
use axum::extract;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

type States = Arc<Mutex<BTreeMap<&'static str, State>>>;

/// How a part is: it can do its work, perhaps with something that operators should know; or it cannot, and why.
pub type State = Result<Option<String>, String>;

/// Whether this process can do its work now: it can when each of its named parts can.
#[derive(Clone, Debug, Default)]
pub struct Readiness(States);

/// One part of a process. It is not ready until it says so.
#[derive(Clone, Debug)]
pub struct Part {
    name: &'static str,
    states: States,
}

impl Readiness {
    /// Without parts, ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part, which is not ready at first.
    pub fn part(&self, name: &'static str) -> Part {
        let part = Part { name, states: Arc::clone(&self.0) };
        part.not_ready("starting");
        part
    }

    /// How each part is.
    pub fn parts(&self) -> BTreeMap<&'static str, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Part {
    /// The part can do its work.
    pub fn ready(&self) {
        self.set(Ok(None));
    }

    /// The part can do its work, but not as it should: `how` is for operators, without secrets and personal data.
    pub fn degraded(&self, how: impl Into<String>) {
        self.set(Ok(Some(how.into())));
    }

    /// The part cannot do its work, and why: for operators, without secrets and personal data.
    pub fn not_ready(&self, why: impl Into<String>) {
        self.set(Err(why.into()));
    }

    fn set(&self, state: State) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name, state);
    }
}

#[derive(Clone)]
struct Reported {
    registry: Registry,
    readiness: Readiness,
}

/// Serves until `shutdown` ends.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    registry: Registry,
    readiness: Readiness,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, routes(registry, readiness)).with_graceful_shutdown(shutdown).await
}

fn routes(registry: Registry, readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(ready))
        .with_state(Reported { registry, readiness })
}

async fn metrics(extract::State(reported): extract::State<Reported>) -> Response {
    match TextEncoder::new().encode_to_string(&reported.registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn ready(extract::State(reported): extract::State<Reported>) -> Response {
    let parts = reported.readiness.parts();
    let is_ready = parts.values().all(Result::is_ok);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said = |state: &State| match state {
        Ok(None) => "ready".to_owned(),
        Ok(Some(how)) | Err(how) => how.clone(),
    };
    let parts: BTreeMap<_, _> = parts.iter().map(|(name, state)| (*name, said(state))).collect();
    (status, axum::Json(serde_json::json!({ "ready": is_ready, "parts": parts }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    async fn answer(router: Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("infallible");
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn ready_only_when_every_part_is_and_says_which_is_not() {
        let readiness = Readiness::new();
        let (log, projector) = (readiness.part("log"), readiness.part("projector"));
        log.ready();
        let (status, body) = answer(routes(Registry::new(), readiness.clone()), "/ready").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, r#"{"parts":{"log":"ready","projector":"starting"},"ready":false}"#);

        projector.ready();
        assert_eq!(answer(routes(Registry::new(), readiness.clone()), "/ready").await.0, StatusCode::OK);

        log.not_ready("the broker is away");
        let (status, body) = answer(routes(Registry::new(), readiness), "/ready").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("the broker is away"), "{body}");
    }

    #[tokio::test]
    async fn a_degraded_part_is_ready_and_says_how_it_is() {
        let readiness = Readiness::new();
        readiness.part("log").degraded("away: events wait in the spool");
        let (status, body) = answer(routes(Registry::new(), readiness), "/ready").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body, r#"{"parts":{"log":"away: events wait in the spool"},"ready":true}"#);
    }

    #[tokio::test]
    async fn live_does_not_ask_the_parts() {
        let readiness = Readiness::new();
        readiness.part("log").not_ready("away");
        assert_eq!(answer(routes(Registry::new(), readiness), "/live").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_are_those_of_the_registry() {
        let registry = Registry::new();
        let counter = prometheus::IntCounter::new("kizuna_sample_total", "A sample.").expect("valid");
        registry.register(Box::new(counter.clone())).expect("new");
        counter.inc_by(3);
        let (status, body) = answer(routes(registry, Readiness::new()), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            body.contains("# HELP kizuna_sample_total A sample.") && body.contains("kizuna_sample_total 3"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn serves_on_the_given_listener_until_shut_down() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (trigger, shutdown) = crate::shutdown::manual();
        let server = tokio::spawn(serve(listener, Registry::new(), Readiness::new(), shutdown.requested()));
        tokio::net::TcpStream::connect(address).await.expect("it listens");
        trigger.request();
        server.await.expect("no panic").expect("a clean end");
        tokio::net::TcpStream::connect(address).await.expect_err("it has ended");
    }
}
