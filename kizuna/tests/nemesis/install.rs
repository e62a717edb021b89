//! Two ingests and two projectors, each with a directory of its own, kept running as a service manager would; the sandbox; and a
//! balancer before the ingests.

use crate::place::{PATIENCE, Place, eventually};
use crate::tally::Tally;
use eventlog::Log;
use eventlog::kafka::KafkaLog;
use sandbox::line::{Channel, Fact};
use sandbox::{Options, Sandbox};
use serde_json::Value;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout};

/// After which silence the group takes a projector for dead, in milliseconds: the least that the brokers allow.
pub const SESSION_MS: u64 = 6_000;

/// LINE sends again after so many milliseconds, and for so often that no webhook is given up.
const REDELIVERY_MS: i64 = 1_000;
const REDELIVERIES: usize = 3_600;

/// Webhook events of a hundred that LINE sends twice by itself.
const DUPLICATE_PERCENT: u8 = 5;

/// How often the balancer looks which ingest answers.
const BALANCE_EVERY: Duration = Duration::from_millis(200);

const PARTITIONS: u32 = 6;

/// Everything that runs, but the brokers.
pub struct Installation {
    pub sandbox: Sandbox,
    pub ingests: [Service; 2],
    pub projectors: [Service; 2],
    pub tally: Arc<Tally>,
    place: Place,
    log: Arc<dyn Log>,
    webhook_paths: Vec<(String, String)>,
}

/// A process that is started again whenever it ends.
pub struct Service {
    command: &'static str,
    directory: String,
    running: Mutex<Option<Running>>,
}

/// A process, and where it takes webhooks.
struct Running {
    child: Child,
    webhook_base_url: Option<String>,
}

impl Service {
    fn new(command: &'static str, number: usize) -> Self {
        Self { command, directory: format!("{command}-{number}"), running: Mutex::default() }
    }

    /// Its name in reports.
    pub fn command(&self) -> &'static str {
        self.command
    }

    /// Sends a signal, if the process runs.
    pub async fn signal(&self, name: &str) {
        if let Some(pid) = self.running().await.as_ref().and_then(|running| running.child.id()) {
            drop(tokio::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().await);
        }
    }

    /// Kills it, as the kernel does when memory runs out.
    pub async fn kill(&self) {
        if let Some(mut running) = self.running().await.take() {
            running.child.kill().await.unwrap();
        }
    }

    /// Asks it to stop, as a deployment does, and waits.
    pub async fn stop(&self) {
        self.signal("TERM").await;
        if let Some(mut running) = self.running().await.take()
            && timeout(PATIENCE, running.child.wait()).await.is_err()
        {
            running.child.kill().await.unwrap();
        }
    }

    async fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().await
    }

    async fn webhook_base_url(&self) -> Option<String> {
        self.running().await.as_ref()?.webhook_base_url.clone()
    }
}

impl Installation {
    /// Starts everything with two connected accounts of one provider.
    pub async fn start(seed: u64, tally: Arc<Tally>) -> Self {
        let mut options = Options::seeded(seed);
        options.line.redelivery_ms = vec![REDELIVERY_MS; REDELIVERIES];
        options.line.duplicate_percent = DUPLICATE_PERCENT;
        options.line.rate_limits = false;
        options.channels.iter_mut().for_each(|channel| channel.redelivery = true);
        let sandbox = sandbox::start(options).await.unwrap();
        let (place, log) = on_kafka(Place::beside(&sandbox)).await;
        let mut webhook_paths = Vec::new();
        for channel in sandbox.line_channels() {
            let flags = ["--channel-id", &channel.id, "--channel-secret", &channel.secret];
            let added = place.json(&[&["connection", "add"], &flags[..]].concat()).await;
            webhook_paths.push((channel.id, added["webhook_path"].as_str().unwrap().to_owned()));
        }
        let ingests = [Service::new("ingest", 1), Service::new("ingest", 2)];
        let projectors = [Service::new("projector", 1), Service::new("projector", 2)];
        let installation = Self { sandbox, ingests, projectors, tally, place, log, webhook_paths };
        for service in installation.services() {
            installation.ensure(service).await;
        }
        installation.aim().await;
        installation
    }

    /// All processes.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.ingests.iter().chain(&self.projectors)
    }

    /// The log, to read it back.
    pub fn log(&self) -> Arc<dyn Log> {
        Arc::clone(&self.log)
    }

    /// Starts a process that does not run, and waits until it says where it is.
    pub async fn ensure(&self, service: &Service) {
        let mut running = service.running().await;
        let ended = running.as_mut().and_then(|running| running.child.try_wait().unwrap());
        if let Some(status) = ended {
            self.tally.count(format!("{} ended by itself, {status}", service.command));
            *running = None;
        }
        while running.is_none() {
            *running = self.spawn(service).await;
        }
    }

    /// Starts a process; none when it ended before it served, as it may while brokers are away.
    async fn spawn(&self, service: &Service) -> Option<Running> {
        let mut program = self.place.program(&[service.command, "--json"]);
        program.env("KIZUNA_LISTEN", "127.0.0.1:0").env("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0");
        program.env("KIZUNA_DATA_DIR", &service.directory);
        let log = self.place.directory.path().join(format!("{}.log", service.directory));
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut child = program.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.ok()?.unwrap()?;
        let facts: Value = serde_json::from_str(&line).unwrap();
        let webhook_base_url = facts["webhook_base_url"].as_str().map(str::to_owned);
        Some(Running { child, webhook_base_url })
    }

    /// Keeps processes running and sends each account's webhooks to an ingest that is there, until `until`.
    pub async fn balance(&self, until: Instant) {
        while Instant::now() < until {
            self.aim().await;
            sleep(BALANCE_EVERY).await;
        }
    }

    /// One account's webhooks go to the first ingest, the other's to the second; to the other one where it is not there.
    async fn aim(&self) {
        let first = self.ingests[0].webhook_base_url().await;
        let second = self.ingests[1].webhook_base_url().await;
        let targets = [first.clone().or(second.clone()), second.or(first)];
        for ((id, path), target) in self.webhook_paths.iter().zip(targets) {
            let Some(base) = target else { continue };
            self.sandbox.handle().line(|platform, _| {
                let channel = platform.channel(id).cloned().expect("it was connected");
                platform.put_channel(Channel { endpoint: Some(format!("{base}{path}")), ..channel });
            });
        }
    }

    /// Undoes whatever is still wrong.
    pub async fn heal(&self) {
        self.sandbox.handle().hubspot(|portal, _| portal.clear_faults());
        self.sandbox.handle().line(|platform, _| platform.clear_faults());
        for service in self.services() {
            service.signal("CONT").await;
            self.ensure(service).await;
        }
        self.aim().await;
    }

    /// How many deliveries were not answered with 200.
    pub fn refused(&self) -> u64 {
        self.sandbox.handle().line(|platform, _| {
            let refused = |fact: &Fact| matches!(fact, Fact::Webhook { reaction, .. } if !reaction.accepted());
            platform.history().entries().filter(|entry| refused(&entry.fact)).count() as u64
        })
    }

    /// Counts the calls that were answered badly on order.
    pub fn count_bad_answers(&self) {
        let name = |kind: Value| kind.as_str().map(str::to_owned).unwrap();
        self.sandbox.handle().hubspot(|portal, _| {
            for entry in portal.history().entries() {
                if let sandbox::hubspot::Fact::Call { fault: Some(kind), .. } = &entry.fact {
                    self.tally.count(format!("HubSpot: {}", name(serde_json::json!(kind))));
                }
            }
        });
        self.sandbox.handle().line(|platform, _| {
            for entry in platform.history().entries() {
                if let Fact::Call { fault: Some(kind), .. } = &entry.fact {
                    self.tally.count(format!("LINE: {}", name(serde_json::json!(kind))));
                }
            }
        });
    }

    /// How many calls HubSpot got.
    pub fn calls(&self) -> u64 {
        self.sandbox.handle().hubspot(|portal, _| portal.calls().total())
    }

    /// Keeps what the processes logged, for whoever looks into a violation.
    pub fn keep_logs(&self) -> PathBuf {
        let kept = tempfile::tempdir().unwrap().keep();
        for service in self.services() {
            let name = format!("{}.log", service.directory);
            std::fs::copy(self.place.directory.path().join(&name), kept.join(&name)).unwrap();
        }
        kept
    }
}

/// On the brokers of the rig, with topics of its own.
async fn on_kafka(place: Place) -> (Place, Arc<dyn Log>) {
    let brokers = std::env::var("KIZUNA_TEST_KAFKA_BROKERS").expect("run me with tests/kafka/rig.sh");
    let topic_prefix = format!("nemesis-{}.", std::process::id());
    let place = place
        .with("KIZUNA_KAFKA_BROKERS", &brokers)
        .with("KIZUNA_KAFKA_TOPIC_PREFIX", &topic_prefix)
        .with("KIZUNA_KAFKA_PARTITIONS", &PARTITIONS.to_string())
        .with("KIZUNA_KAFKA_SESSION_TIMEOUT_MS", &SESSION_MS.to_string())
        .with("KIZUNA_MASTER_KEY", &"5e".repeat(32));
    let made = place.run(&["topics", "create"]).await;
    assert_eq!(made.status, 0, "{made:?}");
    let settings =
        eventlog::kafka::Settings { topic_prefix, partitions: PARTITIONS, ..eventlog::kafka::Settings::new(&brokers) };
    let clock = Arc::new(runtime::clock::SystemClock);
    let log =
        eventually("the topics are there", async || KafkaLog::connect(settings.clone(), clock.clone()).await.ok())
            .await;
    (place, Arc::new(log))
}
