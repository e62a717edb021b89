//! Accepts connections, serves them, and lets work end at shutdown.

use crate::account::Accounts;
use crate::alarm::Alarm;
use crate::intake::Intake;
use crate::receiver::Receiver;
use crate::shutdown::Shutdown;
use crate::spool::{Spool, forward};
use crate::stream::{Phase, Progress, Stream};
use crate::telemetry::{Events, Metrics};
use crate::{Error, Settings};
use connection::View;
use eventlog::Log;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use runtime::clock::Clock;
use runtime::prometheus::IntGauge;
use schemas::Codec;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Pause after the system gave no connection, as when it has no file descriptor left: asking again at once would only
/// burn the processor that open connections need to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes that are read at a time at the most: a client that has just sent a large body would else be given ten times as much.
const READ_BYTES_MAX: usize = 32 * 1024;

/// What receiving talks to.
pub struct Outside {
    /// The log.
    pub log: Arc<dyn Log>,
    /// Where events wait while the log does not take them, to be forwarded later; `None` refuses them then.
    pub spool: Option<Arc<Spool>>,
    /// The form of the log's records.
    pub codec: Codec,
    /// The connections.
    pub view: Arc<View>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
}

/// Receives webhooks until `shutdown` completes, then lets open requests and appends end.
///
/// # Errors
/// [`Error::Unfinished`] when they did not end within [`Settings::drain_timeout`].
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    outside: Outside,
    metrics: Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let Outside { log, spool, codec, view, clock } = outside;
    let within = settings.drain_timeout;
    let places = settings.connections_max;
    metrics.begin();
    let receiver = Arc::new(Receiver {
        accounts: Accounts::new(metrics.clone()),
        intake: Intake::new(Arc::clone(&log), spool.clone(), &settings, metrics.clone()),
        room: Semaphore::new(settings.unverified_bytes_max as usize),
        events: Events::new(&metrics),
        settings,
        view,
        codec,
        clock,
        metrics,
    });
    let stopping = watch::Sender::new(false);
    let mut forwarding = spool.map(|spool| forward::begin(&spool, &log, &stopping)).unwrap_or_default();
    let free = Arc::new(Semaphore::new(places as usize));
    tokio::select! {
        biased;
        () = shutdown => {}
        () = accept(listener, &receiver, &free, &stopping) => {}
        () = show_accounts(&receiver) => {}
        Some(ended) = forwarding.join_next() => ended.expect("forwarding does not panic, and ends only after this"),
    }
    stopping.send_replace(true);
    let drained = async {
        drop(free.acquire_many(places).await);
        receiver.intake.settled().await;
        while forwarding.join_next().await.is_some() {}
    };
    timeout(within, drained).await.map_err(|_| Error::Unfinished { within })
}

/// Shows what may happen to the webhooks of each account as zeros before it happens, of those that are connected later too.
async fn show_accounts(receiver: &Receiver) {
    let mut changes = receiver.view.changed();
    loop {
        for known in receiver.view.snapshot().all() {
            receiver.metrics.begin_account(&known.number.to_string());
        }
        // The view is here, so that waiting cannot fail.
        let _ = changes.changed().await;
    }
}

/// Accepts connections for ever, as many at a time as there are free places.
async fn accept(
    listener: TcpListener,
    receiver: &Arc<Receiver>,
    free: &Arc<Semaphore>,
    stopping: &watch::Sender<bool>,
) {
    // Never closed, so acquiring cannot fail.
    while let Ok(place) = free.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((tcp, _)) => {
                let guest = Guest::new(receiver.metrics.open_connections.clone(), place);
                tokio::spawn(serve(tcp, receiver.clone(), Shutdown::new(stopping), guest));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end. `_guest` leaves with it.
async fn serve(tcp: TcpStream, receiver: Arc<Receiver>, shutdown: Shutdown, _guest: Guest) {
    // A small answer must not wait for more to send with it. It only costs time where the system refuses.
    let _ = tcp.set_nodelay(true);
    let (progress, alarm) = (Progress::new(), Alarm::default());
    let header_bytes_max = receiver.settings.header_bytes_max;
    let stream = Stream::new(tcp, progress.clone(), &receiver.settings);
    let service = service_fn(|request: Request<Incoming>| {
        progress.enter(Phase::Answer);
        // In its parts, and lent on: what an async function is given it keeps, beside what comes of it.
        let (mut head, body) = request.into_parts();
        let (receiver, alarm, progress) = (&receiver, &alarm, &progress);
        async move {
            let answer = receiver.answer(&mut head, body, alarm).await;
            // Who was refused gets no more time than a newcomer: else strangers could hold all places with a request now and then.
            progress.enter(if answer.status().is_client_error() { Phase::New } else { Phase::Idle });
            Ok::<_, Infallible>(answer)
        }
    });
    let mut http = http1::Builder::new();
    // An answer is one piece, for which the system has a quicker call than for a list of pieces.
    http.max_header_size(header_bytes_max).max_buf_size(READ_BYTES_MAX).header_read_timeout(None).writev(false);
    // A client that has said all is still answered, and one that has left is noticed then. To look for it before takes a new
    // read buffer for each request, because the request is in the last one.
    http.half_close(true);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        biased;
        ended = serving.as_mut() => ended,
        // Ends it at once where nothing of a request is there, else after the answer.
        () = shutdown => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A connection's place, and its mark in the metrics.
struct Guest {
    open: IntGauge,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    fn new(open: IntGauge, place: OwnedSemaphorePermit) -> Self {
        open.inc();
        Self { open, _place: place }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.open.dec();
    }
}
