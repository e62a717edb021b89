//! An installation that dies and comes back: its processes, its sandbox, its log to read back.

use crate::evidence::{self, Logged, Verdict};
use crate::place::{PATIENCE, Place, eventually};
use crate::steps::{Death, Role, Step};
use eventlog::Log;
use sandbox::line::Channel;
use sandbox::{Options, Sandbox};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

/// LINE's patience with a receiver that is down, in milliseconds.
const REDELIVERY_MS: i64 = 200;
const REDELIVERIES: usize = 1_000;

/// One serving process, and the file that arms it.
pub struct Process {
    child: Child,
    facts: Value,
}

impl Process {
    /// Waits until its state is up to date with the log.
    async fn until_ready(&self) {
        let url = format!("{}/ready", self.facts["admin_url"].as_str().unwrap());
        let is_ready = async || reqwest::get(&url).await.unwrap().status().is_success().then_some(());
        eventually("the process is ready", is_ready).await;
    }
}

/// Where the log is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Embedded,
    Kafka,
}

/// An installation.
pub struct Rig {
    pub sandbox: Sandbox,
    place: Place,
    backend: Backend,
    log: Option<Arc<dyn Log>>,
    /// By role; on the embedded log one process has both.
    processes: BTreeMap<&'static str, Process>,
    webhook_path: String,
    logged: (BTreeMap<u32, u64>, Logged),
}

impl Rig {
    /// Sets it up with one connected account and nothing running.
    pub async fn new(backend: Backend, name: &str) -> Self {
        let mut options = Options::default();
        options.line.redelivery_ms = vec![REDELIVERY_MS; REDELIVERIES];
        options.hubspot.burst = None;
        options.channels.truncate(1);
        options.channels.iter_mut().for_each(|channel| channel.redelivery = true);
        let sandbox = sandbox::start(options).await.unwrap();
        let mut place = Place::beside(&sandbox).with("KIZUNA_MASTER_KEY", &"5e".repeat(32));
        if backend == Backend::Kafka {
            place = on_kafka(place, name);
            let made = place.run(&["topics", "create"]).await;
            assert_eq!(made.status, 0, "{made:?}");
        }
        let channel = sandbox.line_channels().swap_remove(0);
        let flags = ["--channel-id", &channel.id, "--channel-secret", &channel.secret];
        let added = place.json(&[&["connection", "add"], &flags[..]].concat()).await;
        let webhook_path = added["webhook_path"].as_str().unwrap().to_owned();
        let (processes, logged) = (BTreeMap::new(), Default::default());
        let mut rig = Self { sandbox, place, backend, log: None, processes, webhook_path, logged };
        rig.log = Some(rig.open_log().await);
        rig
    }

    async fn open_log(&self) -> Arc<dyn Log> {
        let clock = Arc::new(runtime::clock::SystemClock);
        match self.backend {
            Backend::Embedded => {
                let directory = self.place.directory.path().join("data").join("log");
                eventlog::embedded::EmbeddedLog::open(&directory, eventlog::embedded::Options::new(clock)).unwrap()
            }
            Backend::Kafka => {
                let brokers = self.place.value("KIZUNA_KAFKA_BROKERS");
                let mut settings = eventlog::kafka::Settings::new(brokers);
                settings.partitions = self.place.value("KIZUNA_KAFKA_PARTITIONS").parse().unwrap();
                settings.topic_prefix = self.place.value("KIZUNA_KAFKA_TOPIC_PREFIX").to_owned();
                Arc::new(eventlog::kafka::KafkaLog::connect(settings, clock).await.unwrap())
            }
        }
    }

    fn name(&self, role: Role) -> &'static str {
        match (self.backend, role) {
            (Backend::Embedded, _) => "up",
            (Backend::Kafka, Role::Ingest) => "ingest",
            (Backend::Kafka, Role::Projector) => "projector",
        }
    }

    /// Starts what does not run; the process that `step` kills is made ready to die there.
    pub async fn start(&mut self, step: &Step) {
        self.disarm();
        for role in [Role::Ingest, Role::Projector] {
            let name = self.name(role);
            let dies = self.name(step.role) == name;
            if dies && let Some(running) = self.processes.remove(name) {
                stop(running).await;
            }
            if !self.processes.contains_key(name) {
                let started = self.spawn(name, name, dies.then(|| step.point()).flatten()).await;
                let process = started.expect("it does not die at its start");
                // What comes during a restore becomes durable with it, without passing this step.
                if dies && step.id == "P3" {
                    process.until_ready().await;
                }
                self.processes.insert(name, process);
            }
        }
    }

    /// Starts a process and waits until it says where it is; none when it died before.
    async fn spawn(&self, command: &str, data: &str, point: Option<&str>) -> Option<Process> {
        let data = if self.backend == Backend::Embedded { "data" } else { data };
        let mut program = self.place.program(&[command, "--json"]);
        program.env("KIZUNA_LISTEN", "127.0.0.1:0").env("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0");
        program.env("KIZUNA_DATA_DIR", data).env("KIZUNA_CRASH_WHEN", self.trigger()).env("KIZUNA_LOG", "error");
        if self.backend == Backend::Kafka {
            program.env("KIZUNA_KAFKA_GROUP_INSTANCE_ID", data);
        }
        if let Some(point) = point {
            program.env("KIZUNA_CRASH_AT", point);
        }
        let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let Some(line) = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() else {
            died(&mut child, SIGABRT).await;
            return None;
        };
        let process = Process { child, facts: serde_json::from_str(&line).unwrap() };
        if let Some(base) = process.facts["webhook_base_url"].as_str() {
            self.send_webhooks_to(base);
        }
        Some(process)
    }

    fn send_webhooks_to(&self, base: &str) {
        let endpoint = Some(format!("{base}{}", self.webhook_path));
        let channel = self.sandbox.line_channels().swap_remove(0);
        self.sandbox.handle().line(|platform, _| platform.put_channel(Channel { endpoint, ..channel }));
    }

    fn trigger(&self) -> std::path::PathBuf {
        self.place.directory.path().join("now")
    }

    fn disarm(&self) {
        // It may not be there.
        drop(std::fs::remove_file(self.trigger()));
    }

    /// Lets `act` happen and the process die at the step.
    pub async fn die(&mut self, step: &Step, act: impl FnOnce(&Sandbox) -> Vec<String>) {
        let name = self.name(step.role);
        if matches!(step.death, Death::At(_)) {
            std::fs::write(self.trigger(), "").unwrap();
        }
        let events = act(&self.sandbox);
        if !matches!(step.death, Death::At(_)) {
            eventually("LINE has its answer", async || self.is_taken(&events).then_some(())).await;
        }
        std::fs::write(self.trigger(), "").unwrap();
        let mut process = self.processes.remove(name).expect("it runs");
        match step.death {
            Death::At(_) => died(&mut process.child, SIGABRT).await,
            Death::Answered => {
                process.child.start_kill().unwrap();
                died(&mut process.child, SIGKILL).await;
            }
            Death::Stopping(_) => {
                terminate(&process.child);
                died(&mut process.child, SIGABRT).await;
            }
            Death::Rebalancing(_) => {
                let second = self.spawn(name, "second", None).await.unwrap();
                self.processes.insert("second", second);
                died(&mut process.child, SIGABRT).await;
            }
            Death::Restoring(point) => {
                process.child.kill().await.unwrap();
                let data = if self.backend == Backend::Embedded { "data" } else { name };
                std::fs::remove_dir_all(self.place.directory.path().join(data).join("state")).unwrap();
                if let Some(mut restoring) = self.spawn(name, name, Some(point)).await {
                    died(&mut restoring.child, SIGABRT).await;
                }
            }
        }
        self.disarm();
    }

    /// Lets all work end.
    pub async fn stop(&mut self) {
        for (_, process) in std::mem::take(&mut self.processes) {
            stop(process).await;
        }
    }

    /// Waits until every event that LINE told of is in the log and HubSpot shows what it must.
    pub async fn settle(&mut self) -> Verdict {
        let mut verdict = Verdict::default();
        for _ in 0..PATIENCE.as_millis() / 50 {
            verdict = self.judge().await;
            if verdict.is_clean() && evidence::undelivered(&self.sandbox) == 0 {
                return verdict;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!(
            "events not taken: {}; HubSpot never showed what it must:\n{}",
            evidence::undelivered(&self.sandbox),
            verdict.complaint()
        );
    }

    async fn judge(&mut self) -> Verdict {
        let log = Arc::clone(self.log.as_ref().expect("it was opened"));
        let (mut from, mut logged) = std::mem::take(&mut self.logged);
        let read = move || {
            evidence::read(&*log, &mut from, &mut logged).unwrap();
            (from, logged)
        };
        self.logged = tokio::task::spawn_blocking(read).await.unwrap();
        evidence::judge(&self.sandbox, &self.logged.1)
    }

    /// Were all these events answered with 200?
    fn is_taken(&self, events: &[String]) -> bool {
        self.sandbox.handle().line(|platform, _| {
            let taken: std::collections::HashSet<&String> = platform
                .history()
                .entries()
                .filter_map(|entry| match &entry.fact {
                    sandbox::line::Fact::Webhook { webhook_event_ids, reaction, .. } if reaction.accepted() => {
                        Some(webhook_event_ids)
                    }
                    _ => None,
                })
                .flatten()
                .collect();
            events.iter().all(|id| taken.contains(id))
        })
    }
}

/// On the brokers of the rig, with topics of its own, and a projector that gets its partitions back at once after a restart.
fn on_kafka(place: Place, name: &str) -> Place {
    let brokers = std::env::var("KIZUNA_TEST_KAFKA_BROKERS").expect("run me with tests/kafka/rig.sh");
    place
        .with("KIZUNA_KAFKA_BROKERS", &brokers)
        .with("KIZUNA_KAFKA_TOPIC_PREFIX", &format!("{name}-{}.", std::process::id()))
        .with("KIZUNA_KAFKA_PARTITIONS", "2")
        .with("KIZUNA_KAFKA_SESSION_TIMEOUT_MS", "10000")
}

async fn stop(mut process: Process) {
    terminate(&process.child);
    let status = timeout(PATIENCE, process.child.wait()).await.expect("it ends").unwrap();
    assert!(status.success(), "{status}");
}

fn terminate(child: &Child) {
    let pid = child.id().expect("it runs").to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
}

/// Waits until the process has died, and of this signal.
async fn died(child: &mut Child, signal: i32) {
    let status: ExitStatus = timeout(PATIENCE, child.wait()).await.expect("the process comes to the step").unwrap();
    assert_eq!(status.signal(), Some(signal), "{status}");
}
