//! Over the embedded log: what was answered 200 is there when the log is opened again.

use crate::client::Client;
use crate::world::{NOW_MS, SECRET, TOKEN, body, connection, event, message, sealer};
use connection::{View, define};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, Topic};
use ingest::{Metrics, Outside, Settings};
use line::signature::Key;
use prometheus::Registry;
use runtime::clock::ManualClock;
use schemas::Codec;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

fn open(folder: &Path) -> Arc<dyn Log> {
    EmbeddedLog::open(folder, Options::new(Arc::new(ManualClock::at(NOW_MS)))).unwrap()
}

/// The bytes of all events in the log.
fn stored(log: &dyn Log) -> Vec<Vec<u8>> {
    let read =
        |partition| log.reader(Topic::LineEvents, partition, 0).unwrap().next(usize::MAX, Duration::ZERO).unwrap();
    let records = (0..log.partitions(Topic::LineEvents)).flat_map(read);
    records.map(|record| event(&record.value.unwrap()).raw.into_owned()).collect()
}

#[tokio::test]
async fn what_was_answered_200_is_in_the_log_when_it_is_opened_again() {
    let folder = TempDir::new().unwrap();
    let events: Vec<String> = (0..20).map(|number| message(&format!("{number:02}"))).collect();
    {
        let log = open(folder.path());
        define(&log, &Codec::default(), &sealer(), &connection()).await.unwrap();
        let view = View::open(log.clone(), Codec::default(), sealer()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let outside = Outside { log, spool: None, view, codec: Codec::default(), clock };
        let server = tokio::spawn(ingest::run(listener, Settings::default(), outside, metrics, shutdown));
        let mut client = Client::connect(address).await;
        for pair in events.chunks(2) {
            let body = body(&[&pair[0], &pair[1]]);
            client.post(TOKEN, &[("x-line-signature", &Key::new(SECRET).sign(&body))], &body).await;
            assert_eq!(client.answer().await.status, 200);
        }
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    }
    let log = open(folder.path());
    let mut stored = stored(&*log);
    stored.sort();
    assert_eq!(stored, events.into_iter().map(String::into_bytes).collect::<Vec<_>>());
}
