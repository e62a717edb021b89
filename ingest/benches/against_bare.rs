//! How much of a bare server's rate is left: webhooks per second of processor time, against a server on the same stack
//! that only checks the signature. One thread serves, another one sends. The log takes everything at once, or confirms every few
//! milliseconds what came, as Kafka does: then each request is left and taken up again, when the caches have forgotten it. What
//! of that nobody who waits could avoid shows a bare server that keeps its answers back for as long.
//!
//! `cargo bench -p ingest`

#![allow(clippy::unwrap_used, missing_docs)]

use async_trait::async_trait;
use bytes::Bytes;
use connection::{Connection, Sealer, State, View, define};
use contact::ConnectionNumber;
use eventlog::{Consumer, Error, Log, NewRecord, Position, Reader, Record, Span, StartOffset, Topic};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ingest::{Metrics, Outside, Settings};
use line::signature::{HEADER, Key};
use mimalloc::MiMalloc;
use prometheus::Registry;
use runtime::clock::SystemClock;
use runtime::secret::Secret;
use schemas::Codec;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::time::interval;

const SECRET: &str = "8c570fa6dd201bb328f1c1eac23a96d8";
const TOKEN: &str = "00112233445566778899aabbccddeeff";
const CLIENTS: usize = 256;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
/// A text message as LINE sends it.
const BODY: &[u8] = concat!(
    r#"{"destination":"Uc7472b39e21dab71c2347e02714630d6","events":[{"type":"message","message":{"type":"te"#,
    r#"xt","id":"468789577898262530","quoteToken":"q3Plxr4AgKdGW4xVVzfw0Ow3pR2rbyBvYWGvdDWxRrfnMbgNsq4dLlJR"#,
    r#"0wNVdYFZwu0rSpHB1wzFCsbOCLX8XqBOIaGqqWh2aMZvCLbPnYwIhgWQp1JgRAKT0sGs0pQbmAcMEg9d7yLsIwZIQCPV2g","tex"#,
    r#"t":"Hello, I would like to know the opening hours"},"webhookEventId":"01H810YECXQQZ37VAXPF6H9E6T","d"#,
    r#"eliveryContext":{"isRedelivery":false},"timestamp":1692251666727,"source":{"type":"user","userId":"U"#,
    r#"8e742f61d673b39c7fff3cecb7536ef0"},"replyToken":"38ef843bde154d9b91c21320ffd17a0f","mode":"active"}]"#,
    r#"}"#,
)
.as_bytes();

/// How long a log that confirms in waves lets them come.
const WAVE: Duration = Duration::from_millis(4);

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A log that keeps the connections only.
#[derive(Default)]
struct Nowhere {
    connections: Mutex<Vec<Record>>,
    /// Rings when a wave is confirmed; a log without waves confirms at once.
    waves: Option<Arc<Notify>>,
}

#[async_trait]
impl Log for Nowhere {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        for NewRecord { topic, key, value } in records.iter().filter(|it| it.topic == Topic::Connections).cloned() {
            let record = Record { topic, partition: 0, offset: 0, appended_at_ms: 0, key, value };
            self.connections.lock().unwrap().push(record);
        }
        if let Some(waves) = self.waves.as_ref().filter(|_| records.iter().all(|it| it.topic != Topic::Connections)) {
            waves.notified().await;
        }
        Ok(vec![Position { partition: 0, offset: 0 }])
    }

    fn partitions(&self, _: Topic) -> u32 {
        1
    }

    fn span(&self, _: Topic, _: u32) -> Result<Span, Error> {
        Ok(Span { first: 0, next: self.connections.lock().unwrap().len() as u64 })
    }

    fn reader(&self, _: Topic, _: u32, _: u64) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(Once(self.connections.lock().unwrap().clone())))
    }

    fn subscribe(&self, _: &str, _: &[Topic], _: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
        Err(Error::Unfit("nobody consumes here".into()))
    }

    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn describe(&self) -> String {
        "nowhere".into()
    }
}

struct Once(Vec<Record>);

impl Reader for Once {
    fn next(&mut self, _: usize, wait: Duration) -> Result<Vec<Record>, Error> {
        if self.0.is_empty() {
            std::thread::park_timeout(wait);
        }
        Ok(std::mem::take(&mut self.0))
    }

    fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

/// Serves until told to stop; answers at once, or what came since when the waves ring.
async fn check(listener: TcpListener, stopped: oneshot::Receiver<()>, waves: Option<Arc<Notify>>) {
    let key = Arc::new(Key::new(SECRET));
    let accept = async {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tcp.set_nodelay(true).unwrap();
            let (key, waves) = (key.clone(), waves.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let (key, waves) = (key.clone(), waves.clone());
                async move {
                    let signature = request.headers().get(HEADER).cloned();
                    let body = request.into_body().collect().await?.to_bytes();
                    let signed = key.verifies(&body, signature.as_ref().map(|value| value.as_bytes()));
                    let status = if signed { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
                    if let Some(waves) = waves {
                        waves.notified().await;
                    }
                    Ok::<_, hyper::Error>(Response::builder().status(status).body(Empty::<Bytes>::new()).unwrap())
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stopped => {}
    }
}

async fn bare(listener: TcpListener, stopped: oneshot::Receiver<()>) {
    check(listener, stopped, None).await;
}

async fn bare_in_waves(listener: TcpListener, stopped: oneshot::Receiver<()>) {
    let waves = Arc::new(Notify::new());
    tokio::select! {
        () = ring(&waves) => {}
        () = check(listener, stopped, Some(waves.clone())) => {}
    }
}

/// Confirms what came, wave by wave, for ever.
async fn ring(waves: &Notify) {
    let mut wave = interval(WAVE);
    loop {
        wave.tick().await;
        waves.notify_waiters();
    }
}

async fn at_once(listener: TcpListener, stopped: oneshot::Receiver<()>) {
    receive(listener, stopped, Arc::new(Nowhere::default())).await;
}

async fn in_waves(listener: TcpListener, stopped: oneshot::Receiver<()>) {
    let waves = Arc::new(Notify::new());
    let log = Nowhere { waves: Some(waves.clone()), ..Nowhere::default() };
    tokio::select! {
        () = ring(&waves) => {}
        () = receive(listener, stopped, Arc::new(log)) => {}
    }
}

async fn receive(listener: TcpListener, stopped: oneshot::Receiver<()>, log: Arc<dyn Log>) {
    let sealer = || Sealer::from_master_key(&Secret::new(&"ab".repeat(32))).unwrap();
    let connection = Connection {
        number: ConnectionNumber::new(1).unwrap(),
        name: String::new(),
        description: String::new(),
        icon: String::new(),
        channel_id: String::new(),
        channel_secrets: vec![Secret::new(SECRET)],
        access_token: None,
        webhook_token: Secret::new(TOKEN),
        bot_user_id: Some("Uc7472b39e21dab71c2347e02714630d6".into()),
        auto_create: true,
        state: State::Active,
        properties_existed: false,
        created_at_ms: 0,
        older_secrets_until_ms: None,
    };
    define(&log, &Codec::default(), &sealer(), &connection).await.unwrap();
    let view = View::open(log.clone(), Codec::default(), sealer()).unwrap();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let (settings, clock) = (Settings::default(), Arc::new(SystemClock));
    let shutdown = async {
        let _ = stopped.await;
    };
    let outside = Outside { log, spool: None, view, codec: Codec::default(), clock };
    ingest::run(listener, settings, outside, metrics, shutdown).await.unwrap();
}

/// Posts the webhook again and again until the time is over; counts the answers.
async fn post(address: SocketAddr, until: Instant) -> u64 {
    let signature = Key::new(SECRET).sign(BODY);
    let mut request = format!(
        "POST /line/webhook/{TOKEN} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json; charset=utf-8\r\n\
        user-agent: LineBotWebhook/2.0\r\nx-line-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    )
    .into_bytes();
    request.extend_from_slice(BODY);
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let (mut answers, mut buffer) = (0, [0; 1024]);
    while Instant::now() < until {
        tcp.write_all(&request).await.unwrap();
        let received = tcp.read(&mut buffer).await.unwrap();
        assert!(buffer[..received].starts_with(b"HTTP/1.1 200") && buffer[..received].ends_with(b"\r\n\r\n"));
        answers += 1;
    }
    answers
}

/// Processor time of this thread so far.
fn processor_time() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(statistics.split(' ').next().unwrap().parse().unwrap())
}

/// Answers per second of the serving thread's processor time.
fn rate<F: Future<Output = ()>>(serve: impl FnOnce(TcpListener, oneshot::Receiver<()>) -> F + Send) -> f64 {
    let current_thread = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            current_thread().block_on(async { serve(TcpListener::from_std(listener).unwrap(), stopped).await });
            processor_time()
        });
        let answers: u64 = current_thread().block_on(async {
            let until = Instant::now() + ROUND;
            let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(post(address, until))).collect();
            let mut answers = 0;
            for client in clients {
                answers += client.await.unwrap();
            }
            answers
        });
        stop.send(()).unwrap();
        answers as f64 / server.join().unwrap().as_secs_f64()
    })
}

const MEASURED: [&str; 3] = ["ingest", "ingest in waves", "bare in waves"];

fn main() {
    let mut ratios = [const { Vec::new() }; MEASURED.len()];
    for _ in 0..ROUNDS {
        let bare = rate(bare);
        let now = [rate(at_once), rate(in_waves), rate(bare_in_waves)].map(|rate| (rate, rate / bare));
        print!("bare {bare:.0}/s");
        for (name, (rate, ratio)) in MEASURED.iter().zip(now) {
            print!("; {name} {rate:.0}/s, {ratio:.2}");
        }
        println!();
        ratios.iter_mut().zip(now).for_each(|(ratios, (_, ratio))| ratios.push(ratio));
    }
    for (ratios, name) in ratios.iter_mut().zip(MEASURED) {
        ratios.sort_by(f64::total_cmp);
        println!("{name} leaves, median of {ROUNDS}: {:.2}", ratios[ROUNDS / 2]);
    }
}
