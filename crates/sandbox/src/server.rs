//! Puts the models behind HTTP.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use http::HeaderValue;
use http::header::HeaderName;
use hyper::body::Frame;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::exchange::{Fate, Request, Response};
use crate::fields::Fields;

/// The largest body that is read; a model decides what is too large for its platform.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// How long an answer that never comes keeps its connection.
const SILENCE: Duration = Duration::from_secs(300);

/// Serves `answer` on a bound listener until told to stop.
pub(crate) fn spawn<A, F>(listener: TcpListener, stop: watch::Receiver<bool>, answer: A) -> JoinHandle<()>
where
    A: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send,
{
    let stopped = stop.clone();
    let router = Router::new().fallback(move |request: axum::extract::Request| {
        let (answer, stop) = (answer.clone(), stop.clone());
        async move {
            let response = match receive(request).await {
                Some(request) => answer(request).await,
                None => Response::empty(413),
            };
            send(response, stop).await
        }
    });
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(told(stopped)).await {
            tracing::error!(%error, "a sandbox server ended");
        }
    })
}

async fn told(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means the same as a told stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn receive(request: axum::extract::Request) -> Option<Request> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_LIMIT).await.ok()?;
    Some(Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: Fields::parse(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body,
    })
}

async fn send(response: Response, stop: watch::Receiver<bool>) -> axum::response::Response {
    let wait = match response.fate {
        Fate::Prompt | Fate::Cut => None,
        Fate::Late(by_ms) => Some(Duration::from_millis(by_ms)),
        Fate::Never => Some(SILENCE),
    };
    if let Some(wait) = wait {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = told(stop) => {}
        }
    }
    let status = http::StatusCode::from_u16(response.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let body = if response.fate == Fate::Cut { Body::new(Torn::of(response.body)) } else { Body::from(response.body) };
    let mut answer = axum::response::Response::new(body);
    *answer.status_mut() = status;
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            answer.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    answer
}

/// A body that breaks off in the middle, and its connection with it.
struct Torn {
    half: Option<Bytes>,
    /// Whether the server had the time to send what it got so far.
    paused: bool,
}

impl Torn {
    fn of(body: Vec<u8>) -> Self {
        let half = body.len() / 2;
        Self { half: Some(Bytes::from(body).slice(..half)), paused: false }
    }
}

impl HttpBody for Torn {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(half) = self.half.take().filter(|half| !half.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.paused {
            // The server flushes head and half only when there is nothing more to be had for the moment.
            self.paused = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}
