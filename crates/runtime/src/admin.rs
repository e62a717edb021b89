//! The admin server: `/metrics` for Prometheus, `/live` and `/ready` for whoever starts and routes to this process.
//!
//! It carries no personal data and no secret, and it belongs on an address that the internet does not reach.

use crate::web;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TextEncoder};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

type States<S> = Arc<Mutex<BTreeMap<&'static str, State<S>>>>;

/// How a part is: it can do its work, perhaps with something that operators should know; or it cannot, and why.
pub type State<S> = Result<Option<S>, S>;

/// Whether this process can do its work now: it can when each of its named parts can. `S` is a sentence, whose `Display` is what
/// `/ready` says.
#[derive(Clone, Debug)]
pub struct Readiness<S>(States<S>);

/// One part of a process. It is not ready until it says so.
#[derive(Clone, Debug)]
pub struct Part<S> {
    name: &'static str,
    states: States<S>,
}

/// Without parts, ready.
impl<S> Default for Readiness<S> {
    fn default() -> Self {
        Self(States::default())
    }
}

impl<S: Clone> Readiness<S> {
    /// Adds a part, which is not ready at first, and why.
    pub fn part(&self, name: &'static str, why: S) -> Part<S> {
        let part = Part { name, states: Arc::clone(&self.0) };
        part.not_ready(why);
        part
    }

    /// The process takes nothing in any more, as `why` says, whatever its parts say. Nothing undoes this.
    pub fn stopping(&self, why: S) {
        Part { name: "process", states: Arc::clone(&self.0) }.not_ready(why);
    }

    /// How each part is.
    pub fn parts(&self) -> BTreeMap<&'static str, State<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S> Part<S> {
    /// The part can do its work.
    pub fn ready(&self) {
        self.set(Ok(None));
    }

    /// The part can do its work, but not as it should: `how` is for operators, without secrets and personal data.
    pub fn degraded(&self, how: S) {
        self.set(Ok(Some(how)));
    }

    /// The part cannot do its work, and why: for operators, without secrets and personal data.
    pub fn not_ready(&self, why: S) {
        self.set(Err(why));
    }

    fn set(&self, state: State<S>) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).insert(self.name, state);
    }
}

/// Serves until `shutdown` ends.
pub async fn serve<S: Clone + Display + Send + Sync + 'static>(
    listener: TcpListener,
    registry: Registry,
    readiness: Readiness<S>,
    shutdown: impl Future<Output = ()>,
) {
    web::serve(listener, web::Bounds::default(), routes(registry, readiness), shutdown).await;
}

fn routes<S: Clone + Display + Send + Sync + 'static>(registry: Registry, readiness: Readiness<S>) -> Router {
    Router::new()
        .route("/metrics", get(async move || metrics(&registry)))
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(async move || ready(&readiness.parts())))
}

fn metrics(registry: &Registry) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

fn ready<S: Display>(parts: &BTreeMap<&'static str, State<S>>) -> Response {
    let is_ready = parts.values().all(Result::is_ok);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said = |state: &State<S>| match state {
        Ok(None) => "ready".to_owned(),
        Ok(Some(how)) | Err(how) => how.to_string(),
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
        let readiness = Readiness::default();
        let (log, projector) = (readiness.part("log", "starting"), readiness.part("projector", "starting"));
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
        let readiness = Readiness::default();
        readiness.part("log", "starting").degraded("away: events wait in the spool");
        let (status, body) = answer(routes(Registry::new(), readiness), "/ready").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body, r#"{"parts":{"log":"away: events wait in the spool"},"ready":true}"#);
    }

    #[tokio::test]
    async fn a_process_that_stops_is_not_ready_whatever_its_parts_say() {
        let readiness = Readiness::default();
        let log = readiness.part("log", "starting");
        readiness.stopping("shutting down");
        log.ready();
        let (status, body) = answer(routes(Registry::new(), readiness), "/ready").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, r#"{"parts":{"log":"ready","process":"shutting down"},"ready":false}"#);
    }

    #[tokio::test]
    async fn live_does_not_ask_the_parts() {
        let readiness = Readiness::default();
        readiness.part("log", "away");
        assert_eq!(answer(routes(Registry::new(), readiness), "/live").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn metrics_are_those_of_the_registry() {
        let registry = Registry::new();
        let counter = prometheus::IntCounter::new("kizuna_sample_total", "A sample.").expect("valid");
        registry.register(Box::new(counter.clone())).expect("new");
        counter.inc_by(3);
        let (status, body) = answer(routes(registry, Readiness::<String>::default()), "/metrics").await;
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
        let readiness = Readiness::<String>::default();
        let server =
            tokio::spawn(async move { serve(listener, Registry::new(), readiness, shutdown.requested()).await });
        tokio::net::TcpStream::connect(address).await.expect("it listens");
        trigger.request();
        server.await.expect("no panic");
        tokio::net::TcpStream::connect(address).await.expect_err("it has ended");
    }
}
