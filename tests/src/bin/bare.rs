//! The limit for a receiver of webhooks on this stack: an HTTP server that checks the signature and keeps nothing.
//!
//! ```text
//! bare --secret SECRET
//! ```
//!
//! Prints its address and serves until it is ended.

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use line::signature::{HEADER, Key};
use mimalloc::MiMalloc;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The product's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Check signatures.
#[derive(Parser)]
struct Arguments {
    /// The channel secret.
    #[arg(long)]
    secret: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let key = Arc::new(Key::new(&Arguments::parse().secret));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/webhook", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let key = Arc::clone(&key);
        let service = service_fn(move |request| answer(Arc::clone(&key), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
    }
}

async fn answer(key: Arc<Key>, request: Request<Incoming>) -> hyper::Result<Response<Empty<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let is_signed = key.verifies(&body, head.headers.get(HEADER).map(|signature| signature.as_bytes()));
    let mut answer = Response::new(Empty::new());
    if !is_signed {
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(answer)
}
