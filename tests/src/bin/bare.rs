//! The limits for a receiver of webhooks on this stack: an HTTP server that checks the signature and keeps nothing; or one that
//! hands each body to Kafka as it is, and answers when that has confirmed it.
//!
//! ```text
//! bare --secret SECRET
//! bare --secret SECRET --kafka BROKERS --topic TOPIC
//! ```
//!
//! Prints its address and serves until it is ended.

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use line::signature::{HEADER, Key};
use mimalloc::MiMalloc;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::sync::Arc;
use std::time::Duration;
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
    /// The brokers that have to confirm what is answered.
    #[arg(long, requires = "topic")]
    kafka: Option<String>,
    /// Where bodies go.
    #[arg(long)]
    topic: Option<String>,
}

/// Checks signatures; keeps bodies where it has somewhere to.
struct Server {
    key: Key,
    log: Option<(FutureProducer, String)>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { secret, kafka, topic } = Arguments::parse();
    let log = kafka.zip(topic).map(|(brokers, topic)| producer(&brokers).map(|producer| (producer, topic)));
    let server = Arc::new(Server { key: Key::new(&secret), log: log.transpose()? });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/webhook", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let server = Arc::clone(&server);
        let service = service_fn(move |request| answer(Arc::clone(&server), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
    }
}

/// With what decides about safety and speed set as Kizuna has it.
fn producer(brokers: &str) -> anyhow::Result<FutureProducer> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "5");
    Ok(config.create()?)
}

async fn answer(server: Arc<Server>, request: Request<Incoming>) -> hyper::Result<Response<Empty<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let signature = head.headers.get(HEADER).map(HeaderValue::as_bytes);
    let mut answer = Response::new(Empty::new());
    if !server.key.verifies(&body, signature) {
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
    } else if let Some((producer, topic)) = &server.log {
        // Spread over the partitions as people are: a signature is as good as any key for that.
        let record = FutureRecord::to(topic).payload(&body[..]).key(signature.unwrap_or_default());
        if producer.send(record, Duration::from_secs(2)).await.is_err() {
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
    }
    Ok(answer)
}
