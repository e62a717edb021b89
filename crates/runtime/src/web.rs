//! Serves pages and figures to a few clients, beside the work of the same process, from which they can take no more than their
//! places: each connection costs a file, and the log needs files too.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// The bounds of what clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at a time. More wait until one ends.
    pub connections_max: usize,
    /// Time for a request's head to arrive, the rest between two requests included. Longer than Prometheus and browsers usually
    /// rest.
    pub head_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections_max: 128, head_timeout: Duration::from_secs(30) }
    }
}

/// Pause after the system gave no connection, as when it has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` ends, then until requests under way are answered.
pub async fn serve(listener: TcpListener, bounds: Bounds, router: Router, shutdown: impl Future<Output = ()>) {
    let free = Arc::new(Semaphore::new(bounds.connections_max));
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head_timeout);
    let open = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (tcp, place) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &free) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let connection = open.watch(http.serve_connection(TokioIo::new(tcp), service.clone()));
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, free: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(free).acquire_owned().await.map_err(io::Error::other)?;
    let (tcp, _) = listener.accept().await?;
    Ok((tcp, place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";

    struct Served {
        address: SocketAddr,
        stop: crate::shutdown::Trigger,
        server: JoinHandle<()>,
    }

    async fn serving(bounds: Bounds, router: Router) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopping) = crate::shutdown::manual();
        let server = tokio::spawn(async move { serve(listener, bounds, router, stopping.requested()).await });
        Served { address, stop, server }
    }

    fn pages() -> Router {
        Router::new().route("/", get(|| async { "here" }))
    }

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.expect("it listens")
    }

    async fn all_of(mut client: TcpStream) -> String {
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("an answer to its end");
        answer
    }

    #[tokio::test]
    async fn more_clients_than_places_wait_until_one_leaves() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let free = Arc::new(Semaphore::new(1));
        let _clients = [connect(address).await, connect(address).await];
        let (_first, place) = accept(&listener, &free).await.expect("a place");
        let mut second = pin!(accept(&listener, &free));
        tokio::select! {
            biased;
            _ = &mut second => panic!("there is one place"),
            () = std::future::ready(()) => drop(place),
        }
        let (_second, _place) = second.await.expect("the place is free");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_end_a_head_loses_the_place() {
        let bounds = Bounds { connections_max: 1, head_timeout: Duration::from_secs(30) };
        let served = serving(bounds, pages()).await;
        let mut silent = connect(served.address).await;
        silent.write_all(&REQUEST[..10]).await.expect("sent");
        let mut next = connect(served.address).await;
        next.write_all(REQUEST).await.expect("sent");
        assert!(all_of(next).await.ends_with("here"));
    }

    #[tokio::test]
    async fn a_request_under_way_is_answered_before_serving_ends_and_the_address_is_free() {
        let (asked, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (ask, wait) = (Arc::clone(&asked), Arc::clone(&gate));
        let page = get(async move || {
            ask.add_permits(1);
            let _through = wait.acquire().await;
            "late"
        });
        let mut served = serving(Bounds::default(), Router::new().route("/", page)).await;
        let mut client = connect(served.address).await;
        client.write_all(REQUEST).await.expect("sent");
        drop(asked.acquire().await);
        served.stop.request();
        let ends_with_its_answer = async {
            // The address is free from the moment at which nothing but answers is left to do.
            while TcpStream::connect(served.address).await.is_ok() {}
            assert!(!served.server.is_finished(), "a request is under way");
            gate.add_permits(1);
            (&mut served.server).await.expect("no panic");
            all_of(client).await
        };
        assert!(ends_with_its_answer.await.ends_with("late"));
    }
}
