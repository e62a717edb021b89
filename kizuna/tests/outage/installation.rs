//! An ingest and a projector as processes on the rig's brokers, beside the sandbox.

use crate::load::Endpoint;
use crate::place::{PATIENCE, Place, eventually};
use eventlog::kafka::{KafkaLog, Settings};
use eventlog::{Log, Reader, Topic};
use runtime::clock::SystemClock;
use sandbox::{Options, Sandbox};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PARTITIONS: u32 = 4;

/// The brokers of the rig.
pub struct Brokers;

impl Brokers {
    /// Does something with all three at once.
    pub async fn all(action: &str) {
        let rig = std::env::var("KIZUNA_TEST_KAFKA_RIG").expect("run me with tests/kafka/rig.sh");
        let one = async |node: &str| {
            let done = Command::new(&rig).args(["broker", action, node]).status().await.unwrap();
            assert!(done.success(), "broker {action} {node}");
        };
        tokio::join!(one("1"), one("2"), one("3"));
    }
}

/// Everything that runs.
pub struct Installation {
    pub endpoint: Endpoint,
    sandbox: Sandbox,
    brokers: String,
    prefix: String,
    ingest: Server,
    _projector: Server,
    _place: Place,
}

/// A process that serves. It is killed when dropped.
struct Server {
    child: Child,
    facts: Value,
}

impl Installation {
    pub async fn start() -> Self {
        let sandbox = sandbox::start(Options::default()).await.unwrap();
        let brokers = std::env::var("KIZUNA_TEST_KAFKA_BROKERS").expect("run me with tests/kafka/rig.sh");
        let prefix = format!("outage-{}.", std::process::id());
        let place = Place::beside(&sandbox)
            .with("KIZUNA_KAFKA_BROKERS", &brokers)
            .with("KIZUNA_KAFKA_TOPIC_PREFIX", &prefix)
            // So long after an outage a projector may wait for its group.
            .with("KIZUNA_KAFKA_SESSION_TIMEOUT_MS", "10000")
            .with("KIZUNA_KAFKA_PARTITIONS", &PARTITIONS.to_string())
            .with("KIZUNA_MASTER_KEY", &"5e".repeat(32));
        let made = place.run(&["topics", "create"]).await;
        assert_eq!(made.status, 0, "{made:?}");
        let ingest = serve(&place, "ingest").await;
        let secret = "8c570fa6dd201bb328f1c1eac23a96d8".to_owned();
        let flags = ["--channel-id", "2000000001", "--channel-secret", &secret, "--skip-line-checks"];
        let added = place.json(&[&["connection", "add", "--name", "本店"], &flags[..]].concat()).await;
        let base = ingest.facts["webhook_base_url"].as_str().unwrap();
        let endpoint = Endpoint { url: format!("{base}{}", added["webhook_path"].as_str().unwrap()), secret };
        let projector = serve(&place, "projector").await;
        eventually("ingest is ready", async || (ready(&ingest).await == 200).then_some(())).await;
        Self { endpoint, sandbox, brokers, prefix, ingest, _projector: projector, _place: place }
    }

    /// What ingest holds in memory.
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.ingest.child.id().unwrap())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What ingest's `/ready` answers.
    pub async fn ready(&self) -> u16 {
        ready(&self.ingest).await
    }

    /// A metric of ingest.
    pub async fn metric(&self, name: &str) -> u64 {
        let page = reqwest::get(format!("{}/metrics", admin(&self.ingest))).await.unwrap().text().await.unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name}")).parse().unwrap()
    }

    /// How many event records are in the log, and the IDs in them.
    pub async fn events(&self) -> (usize, BTreeSet<String>) {
        let settings =
            Settings { partitions: PARTITIONS, topic_prefix: self.prefix.clone(), ..Settings::new(&self.brokers) };
        let log = KafkaLog::connect(settings, Arc::new(SystemClock)).await.unwrap();
        tokio::task::spawn_blocking(move || {
            let keys: Vec<Vec<u8>> = (0..PARTITIONS).flat_map(|partition| keys(&log, partition)).collect();
            let id = |key: &Vec<u8>| String::from_utf8(key.rsplit(|byte| *byte == b'/').next().unwrap().to_vec());
            (keys.len(), keys.iter().map(|key| id(key).unwrap()).collect())
        })
        .await
        .unwrap()
    }

    /// Last Response of each contact, by the LINE user.
    pub fn last_responses(&self) -> BTreeMap<String, String> {
        self.sandbox.handle().hubspot(|portal, _| {
            let of = |name: &str, contact: &sandbox::hubspot::Contact| Some(contact.value(name)?.into_owned());
            let contacts = portal.contacts().iter().filter(|contact| contact.archived_ms.is_none());
            contacts.filter_map(|it| Some((of("line_user_id_1", it)?, of("line_last_response_1", it)?))).collect()
        })
    }
}

fn admin(server: &Server) -> &str {
    server.facts["admin_url"].as_str().unwrap()
}

async fn ready(server: &Server) -> u16 {
    reqwest::get(format!("{}/ready", admin(server))).await.unwrap().status().as_u16()
}

/// The keys of a partition of the events.
fn keys(log: &KafkaLog, partition: u32) -> Vec<Vec<u8>> {
    let end = log.span(Topic::LineEvents, partition).unwrap().next;
    let mut reader: Box<dyn Reader> = log.reader(Topic::LineEvents, partition, 0).unwrap();
    let mut keys = Vec::new();
    let mut next = 0;
    while next < end {
        let records = reader.next(1_000, PATIENCE).unwrap();
        next = records.last().expect("records up to the end").offset + 1;
        keys.extend(records.into_iter().map(|record| record.key));
    }
    keys
}

/// Starts a serving command on free ports, with a data directory of its own, and waits until it says where it is.
async fn serve(place: &Place, role: &str) -> Server {
    let mut command = place.program(&[role, "--json"]);
    command.env("KIZUNA_LISTEN", "127.0.0.1:0").env("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0").env("KIZUNA_DATA_DIR", role);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap();
    Server { child, facts: serde_json::from_str(&line.expect("it says where it is")).unwrap() }
}
