//! A server on a port of its own, with a log in memory and connections to call.

use crate::client::{Answer, Client, PATIENCE};
use crate::lines;
use crate::log::Memory;
use connection::{Connection, Sealer, State, View, define};
use contact::ConnectionNumber;
use eventlog::{Log, Topic};
use ingest::spool::{Options, Report, Spool};
use ingest::{Error, Metrics, Outside, Settings};
use line::signature::Key;
use prometheus::Registry;
use runtime::clock::ManualClock;
use runtime::secret::Secret;
use schemas::{Codec, LineEvent};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Weak};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub const SECRET: &str = "8c570fa6dd201bb328f1c1eac23a96d8";
pub const TOKEN: &str = "00112233445566778899aabbccddeeff";
pub const USER: &str = "U8e742f61d673b39c7fff3cecb7536ef0";
pub const NOW_MS: i64 = 1_790_000_000_000;

pub struct World {
    pub address: SocketAddr,
    pub log: Arc<Memory>,
    pub metrics: Metrics,
    pub clock: ManualClock,
    view: Arc<View>,
    spool: Option<Weak<Spool>>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), Error>>,
}

/// Connection 1, as most tests want it.
pub fn connection() -> Connection {
    Connection {
        number: ConnectionNumber::new(1).unwrap(),
        name: "本店".into(),
        description: String::new(),
        icon: String::new(),
        channel_id: "2000000001".into(),
        channel_secrets: vec![Secret::new(SECRET)],
        access_token: None,
        webhook_token: Secret::new(TOKEN),
        bot_user_id: None,
        auto_create: true,
        state: State::Active,
        properties_existed: false,
        created_at_ms: 0,
        older_secrets_until_ms: None,
    }
}

pub fn sealer() -> Sealer {
    Sealer::from_master_key(&Secret::new(&"ab".repeat(32))).unwrap()
}

/// The body of a webhook with these events.
pub fn body(events: &[&str]) -> Vec<u8> {
    format!(r#"{{"destination":"Uc7472b39e21dab71c2347e02714630d6","events":[{}]}}"#, events.join(",")).into_bytes()
}

/// A text message.
pub fn message(id: &str) -> String {
    message_of(USER, id)
}

/// A text message of this user.
pub fn message_of(user: &str, id: &str) -> String {
    format!(
        r#"{{"type":"message","mode":"active","timestamp":1462629479859,"source":{{"type":"user","userId":"{user}"}},
        "webhookEventId":"{id}","deliveryContext":{{"isRedelivery":false}},
        "message":{{"type":"text","id":"9","text":"very private words"}}}}"#
    )
}

impl World {
    /// With connection 1 and default settings.
    pub async fn new() -> Self {
        Self::with(Settings::default(), &[connection()]).await
    }

    pub async fn bounded(settings: Settings) -> Self {
        Self::with(settings, &[connection()]).await
    }

    pub async fn with(settings: Settings, connections: &[Connection]) -> Self {
        Self::start(Memory::new(), settings, connections, None).await
    }

    /// With connection 1, this log, and a spool in a directory.
    pub async fn spooling(memory: Arc<Memory>, settings: Settings, directory: &Path, options: Options) -> Self {
        Self::start(memory, settings, &[connection()], Some((directory, options))).await
    }

    async fn start(
        memory: Arc<Memory>,
        settings: Settings,
        connections: &[Connection],
        spool: Option<(&Path, Options)>,
    ) -> Self {
        lines::keep();
        let log: Arc<dyn Log> = memory.clone();
        for connection in connections {
            define(&log, &Codec::default(), &sealer(), connection).await.unwrap();
        }
        let view = View::open(log.clone(), Codec::default(), sealer()).unwrap();
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let clock = ManualClock::at(NOW_MS);
        let open = |(path, options)| Spool::open(path, options, Arc::new(clock.clone()), metrics.clone()).unwrap();
        let spool = spool.map(open);
        let held = spool.as_ref().map(Arc::downgrade);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let outside =
            Outside { log, spool, view: view.clone(), codec: Codec::default(), clock: Arc::new(clock.clone()) };
        let run = ingest::run(listener, settings, outside, metrics.clone(), async {
            let _ = stopped.await;
        });
        Self { address, log: memory, metrics, clock, view, spool: held, stop, server: tokio::spawn(run) }
    }

    /// How the spool is.
    pub fn spool(&self) -> Report {
        self.spool.as_ref().and_then(Weak::upgrade).expect("it has one, and runs").report()
    }

    /// Defines a connection while the server runs, and waits until it is in force.
    pub async fn define(&self, connection: &Connection) {
        let mut changed = self.view.changed();
        let log: Arc<dyn Log> = self.log.clone();
        define(&log, &Codec::default(), &sealer(), connection).await.unwrap();
        timeout(PATIENCE, changed.changed()).await.unwrap().unwrap();
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends bytes on a connection of their own and reads one answer.
    pub async fn exchange(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = self.client().await;
        client.send(request).await;
        client.answer().await
    }

    /// Posts a body with the signature of `secret` to the address with `token`.
    pub async fn post(&self, token: &str, secret: &str, body: &[u8]) -> Answer {
        let signature = Key::new(secret).sign(body);
        let mut client = self.client().await;
        client.post(token, &[("x-line-signature", &signature)], body).await;
        client.answer().await
    }

    /// Posts a body as LINE would to connection 1.
    pub async fn receives(&self, body: &[u8]) -> u16 {
        self.post(TOKEN, SECRET, body).await.status
    }

    /// The values of the events in the log.
    pub fn values(&self) -> Vec<Vec<u8>> {
        self.log.records(Topic::LineEvents).into_iter().map(|record| record.value.unwrap()).collect()
    }

    /// Webhooks counted with this connection and outcome.
    pub fn counted(&self, connection: &str, outcome: &str) -> u64 {
        self.metrics.webhooks.with_label_values(&[connection, outcome]).get()
    }

    /// Waits, without a clock, until the server has noticed what it cannot report otherwise.
    pub async fn until(&self, noticed: impl Fn(&Metrics) -> bool) {
        let noticing = async {
            while !noticed(&self.metrics) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, noticing).await.expect("noticed in time");
    }

    /// Begins the shutdown.
    pub fn stop(self) -> JoinHandle<Result<(), Error>> {
        self.stop.send(()).unwrap();
        self.server
    }
}

/// How the server ended.
pub async fn ended(server: JoinHandle<Result<(), Error>>) -> Result<(), Error> {
    timeout(PATIENCE, server).await.expect("the end in time").unwrap()
}

pub fn event(value: &[u8]) -> LineEvent<'_> {
    Codec::default().decode(value).unwrap()
}
