//! The projector without a broker, without sockets: records in, HubSpot's table out.

#![allow(clippy::unwrap_used, dead_code)]

pub mod crm;
pub mod log;

use async_trait::async_trait;
use connection::{Connection, Sealer, State, View, new_webhook_token};
use contact::{ConnectionNumber, Likeness, Names, UserId};
use crm::TableCrm;
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord, Record, Topic};
use line::event::Labels;
use projector::status::Status;
use projector::store::RESTORE_MEMORY;
use projector::sync::profiles::{LookupError, ProfileSource};
use projector::telemetry::Metrics;
use projector::{Outside, Parts, Settings};
use runtime::clock::{Clock, SystemClock};
use runtime::secret::Secret;
use schemas::{Codec, HubspotContact, LineEvent, LineProfile};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn user(n: u32) -> UserId {
    UserId::from_u128(u128::from(n))
}

pub fn number(n: u32) -> ConnectionNumber {
    ConnectionNumber::new(n).unwrap()
}

fn sealer() -> Sealer {
    Sealer::from_master_key(&Secret::new(&"7".repeat(64))).unwrap()
}

/// LINE's profiles as a table.
#[derive(Default)]
pub struct TableProfiles {
    pub known: Mutex<HashMap<UserId, Likeness>>,
    pub away: Mutex<bool>,
    pub silent: Mutex<bool>,
    pub panics: AtomicBool,
    pub asked: AtomicUsize,
}

#[async_trait]
impl ProfileSource for TableProfiles {
    async fn profile(&self, _: &Connection, user: UserId) -> Result<Option<Likeness>, LookupError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics.load(Ordering::SeqCst), "as the test wants it");
        if *self.silent.lock().unwrap() {
            return std::future::pending().await;
        }
        if *self.away.lock().unwrap() {
            return Err(LookupError::Later);
        }
        Ok(self.known.lock().unwrap().get(&user).cloned())
    }
}

/// A log, two connections, and the doubles.
pub struct Driver {
    pub directory: tempfile::TempDir,
    pub log: Arc<dyn Log>,
    pub view: Arc<View>,
    pub codec: Codec,
    pub crm: Arc<TableCrm>,
    pub profiles: Arc<TableProfiles>,
    pub metrics: Metrics,
    events: AtomicU64,
}

/// A running projector.
pub struct Running {
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
    pub status: Arc<Status>,
}

impl Running {
    /// It ends by itself, with a panic.
    pub async fn until_it_panics(self) {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.task).await;
        assert!(ended.expect("it goes on").unwrap_err().is_panic());
        drop(self.stop);
    }

    /// Ends as when a program forgets it.
    pub fn forget(self) {
        self.task.abort();
    }

    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }
}

impl Driver {
    pub async fn new() -> Self {
        Self::with_connections(false).await
    }

    /// Two connections; `existed` as if their properties had been in HubSpot before.
    pub async fn with_connections(existed: bool) -> Self {
        Self::with(existed, Options::new(Arc::new(SystemClock))).await
    }

    /// With a log of so many partitions.
    pub async fn with_partitions(partitions: u32) -> Self {
        Self::with(false, Options { partitions: Some(partitions), ..Options::new(Arc::new(SystemClock)) }).await
    }

    async fn with(existed: bool, options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log: Arc<dyn Log> = EmbeddedLog::open(&directory.path().join("log"), options).unwrap();
        let codec = Codec::default();
        for n in [1, 2] {
            let connection = Connection {
                number: number(n),
                name: format!("account {n}"),
                description: String::new(),
                icon: String::new(),
                channel_id: format!("channel-{n}"),
                channel_secrets: vec![Secret::new("secret")],
                access_token: Some(Secret::new("token")),
                webhook_token: new_webhook_token(),
                bot_user_id: None,
                auto_create: true,
                state: State::Active,
                properties_existed: existed,
                created_at_ms: 0,
                older_secrets_until_ms: None,
            };
            let plan = contact::Plan::Trial;
            let claimed = connection::claim(&log, &codec, plan, &connection.channel_id, 0).await.unwrap();
            assert_eq!(claimed.number, connection.number);
            connection::define(&log, &codec, &sealer(), &connection).await.unwrap();
        }
        let view = View::open(Arc::clone(&log), codec.clone(), sealer()).unwrap();
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let (crm, profiles) = (Arc::default(), Arc::default());
        Self { directory, log, view, codec, crm, profiles, metrics, events: AtomicU64::new(0) }
    }

    /// Changes a connection, and waits until that is seen.
    pub async fn change(&self, n: u32, change: impl FnOnce(&mut Connection)) {
        let mut changes = self.view.changed();
        let mut connection = (*self.view.snapshot().by_number(number(n)).unwrap()).clone();
        change(&mut connection);
        connection::define(&self.log, &self.codec, &sealer(), &connection).await.unwrap();
        changes.changed().await.unwrap();
    }

    pub fn settings(&self) -> Settings {
        Settings {
            state_directory: self.directory.path().join("state"),
            group: "projector".to_owned(),
            restore_memory: RESTORE_MEMORY,
            takeover_grace: Duration::ZERO,
            labels: Labels::default(),
            names: Names::default(),
        }
    }

    pub fn outside(&self) -> Outside {
        Outside {
            log: Arc::clone(&self.log),
            codec: self.codec.clone(),
            view: Arc::clone(&self.view),
            crm: Some(Arc::clone(&self.crm) as Arc<dyn hubspot::Crm>),
            profiles: Arc::clone(&self.profiles) as Arc<dyn ProfileSource>,
            clock: Arc::new(SystemClock),
        }
    }

    /// The projector in its halves; nothing runs.
    pub fn parts(&self, status: &Arc<Status>) -> Parts {
        let settings = self.settings();
        let stores = Arc::new(settings.stores());
        Parts::new(&settings, self.outside(), stores, self.metrics.clone(), Arc::clone(status))
    }

    pub fn start(&self) -> Running {
        let (settings, outside) = (self.settings(), self.outside());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (metrics, status) = (self.metrics.clone(), Arc::new(Status::default()));
        let shutdown = async move { drop(stopped.await) };
        let run = projector::run(settings, outside, metrics, Arc::clone(&status), shutdown);
        let task = tokio::spawn(async move { run.await.unwrap() });
        Running { stop, task, status }
    }

    pub fn delete_state(&self) {
        std::fs::remove_dir_all(self.directory.path().join("state")).unwrap();
    }

    /// Appends a webhook event of this user of connection `n` at this time. `body` is the rest of LINE's JSON.
    pub async fn event(&self, n: u32, who: UserId, event_type: &str, at_ms: i64, body: &str) {
        self.append(vec![self.record(n, who, event_type, at_ms, body)]).await;
    }

    pub async fn append(&self, records: Vec<NewRecord>) {
        self.log.append(records).await.unwrap();
    }

    pub fn record(&self, n: u32, who: UserId, event_type: &str, at_ms: i64, body: &str) -> NewRecord {
        self.record_received(n, who, event_type, at_ms, body, SystemClock.now_ms())
    }

    /// As if ingest had taken it then.
    pub fn record_received(
        &self,
        n: u32,
        who: UserId,
        event_type: &str,
        at_ms: i64,
        body: &str,
        received_at_ms: i64,
    ) -> NewRecord {
        let id = format!("{:026}", self.events.fetch_add(1, Ordering::SeqCst));
        let comma = if body.is_empty() { "" } else { "," };
        let raw = format!(
            r#"{{"type":"{event_type}","mode":"active","timestamp":{at_ms},"source":{{"type":"user","userId":"{who}"}},"webhookEventId":"{id}","deliveryContext":{{"isRedelivery":false}}{comma}{body}}}"#
        );
        let event = LineEvent {
            connection: n,
            webhook_event_id: id.as_str().into(),
            event_type: event_type.into(),
            user_id: Some(who.to_string().into()),
            occurred_at_ms: at_ms,
            received_at_ms,
            redelivery: false,
            raw: raw.as_bytes().into(),
        };
        let key = schemas::key::line_event(&who.to_string(), n, &id);
        NewRecord { topic: Topic::LineEvents, key, value: Some(self.codec.encode(&event)) }
    }

    /// An answer of LINE that covers everything until this time, and tells nothing.
    pub fn profile(&self, n: u32, who: UserId, covers_ms: i64) -> NewRecord {
        let user_id = who.to_string();
        let key = schemas::key::line_profile(&user_id, n);
        let profile = LineProfile { user_id, connection: n, covers_ms, fetched_at_ms: covers_ms, found: None };
        NewRecord { topic: Topic::LineProfiles, key, value: Some(self.codec.encode(&profile)) }
    }

    pub async fn follow(&self, n: u32, who: UserId, at_ms: i64) {
        self.event(n, who, "follow", at_ms, r#""replyToken":"r","follow":{"isUnblocked":false}"#).await;
    }

    pub async fn message(&self, n: u32, who: UserId, at_ms: i64, text: &str) {
        let body = format!(r#""replyToken":"r","message":{{"id":"{at_ms}","type":"text","text":"{text}"}}"#);
        self.event(n, who, "message", at_ms, &body).await;
    }

    pub async fn postback(&self, n: u32, who: UserId, at_ms: i64) {
        self.event(n, who, "postback", at_ms, r#""postback":{"data":"x"}"#).await;
    }

    /// The contact that carries this user.
    pub async fn contact_with(&self, who: UserId, property: &str, value: &str) -> u64 {
        let holds =
            |row: &crm::Row, name: &str, value: &str| row.properties.get(name).is_some_and(|held| held == value);
        let found = |rows: &std::collections::BTreeMap<u64, crm::Row>| {
            let live = rows.iter().filter(|(_, row)| row.archived_at_ms.is_none() && row.merged_into.is_none());
            let of_user = |row: &crm::Row| (1..=2).any(|n| holds(row, &format!("line_user_id_{n}"), &who.to_string()));
            live.filter(|(_, row)| of_user(row)).find(|(_, row)| holds(row, property, value)).map(|(id, _)| *id)
        };
        self.crm.until(&format!("{property}={value}"), found).await
    }

    /// What the log has of contacts, once there are `at_least` records.
    pub async fn contacts(&self, at_least: usize) -> Vec<HubspotContact> {
        let records = self.records(Topic::HubspotContacts, at_least).await;
        records.iter().map(|record| self.codec.decode(record.value.as_deref().unwrap()).unwrap()).collect()
    }

    /// Reason and detail of the first dead letter, once there is one.
    pub async fn first_letter(&self) -> (String, String) {
        let letters = self.records(Topic::DeadLetters, 1).await;
        let letter: schemas::DeadLetter = self.codec.decode(letters[0].value.as_deref().unwrap()).unwrap();
        (letter.reason.as_str().to_owned(), letter.detail)
    }

    /// The records of a topic, once there are `at_least`.
    pub async fn records(&self, topic: Topic, at_least: usize) -> Vec<Record> {
        let mut reader = self.log.reader(topic, 0, 0).unwrap();
        let read = move || {
            let mut records = Vec::new();
            while records.len() < at_least {
                let more = reader.next(1000, Duration::from_secs(20)).unwrap();
                assert!(!more.is_empty(), "{topic} has only {} records", records.len());
                records.extend(more);
            }
            records
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }
}
