//! Many friends and many events through the embedded log into the HubSpot sandbox: is the end right, how many calls did it
//! take, how fast was it, how much memory.
//!
//! ```text
//! cargo run --release -p kizuna-tests --bin load -- --friends 100000 --events 1000000
//! ```

use anyhow::{Context, ensure};
use async_trait::async_trait;
use clap::Parser;
use connection::{Connection, Sealer, State, View};
use contact::{ConnectionNumber, Likeness, Names, UserId};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord, Topic};
use hubspot::{Crm, Priority};
use projector::store::RESTORE_MEMORY;
use projector::sync::profiles::{LookupError, ProfileSource};
use runtime::clock::{Clock, SystemClock};
use runtime::secret::Secret;
use schemas::{Codec, LineEvent};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Load a projector.
#[derive(Parser)]
struct Arguments {
    /// LINE users.
    #[arg(long, default_value_t = 100_000)]
    friends: u64,
    /// Webhook events of all users together: a follow each, then messages.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Where the data goes; a temporary directory unless given.
    #[arg(long)]
    directory: Option<std::path::PathBuf>,
}

/// LINE, as far as the projector asks it.
struct EverybodyHasAName;

#[async_trait]
impl ProfileSource for EverybodyHasAName {
    async fn profile(&self, _: &Connection, user: UserId) -> Result<Option<Likeness>, LookupError> {
        Ok(Some(Likeness { name: format!("friend {:x}", user.as_u128()).into(), picture: None }))
    }
}

/// What all phases share.
struct Stage {
    log: Arc<dyn Log>,
    view: Arc<View>,
    codec: Codec,
    crm: Arc<hubspot::Client>,
    sandbox: sandbox::Sandbox,
    directory: std::path::PathBuf,
    friends: u64,
    /// Calls made to set up the properties.
    provisioning_calls: u64,
}

struct Running {
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
    status: Arc<projector::status::Status>,
    metrics: projector::telemetry::Metrics,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir()?;
    let directory = arguments.directory.clone().unwrap_or_else(|| temporary.path().to_owned());
    let stage = Stage::set(directory, arguments.friends).await?;
    let per_friend = arguments.events / arguments.friends;
    println!(
        "{} friends, {} events each, embedded log, HubSpot sandbox over HTTP on this machine\n",
        arguments.friends, per_friend
    );
    println!("{:<34}{:>12}{:>14}{:>12}{:>14}", "phase", "seconds", "per second", "HubSpot", "per 100");
    println!("{:<34}{:>12}{:>14}{:>12}{:>14}", "", "", "", "calls", "contacts");

    let started = Instant::now();
    stage.append_history(per_friend).await?;
    report("append events to the log", started.elapsed(), arguments.events, None, 0);

    let started = Instant::now();
    let running = stage.start();
    stage.settle(&running, arguments.friends).await?;
    report(
        "fold, and create every contact",
        started.elapsed(),
        arguments.events,
        Some(stage.calls()),
        arguments.friends,
    );
    stage.check(|_| per_friend - 1)?;

    let before = stage.calls();
    let started = Instant::now();
    stage.append_round(per_friend).await?;
    stage.settle(&running, 2 * arguments.friends).await?;
    report(
        "a message from everybody",
        started.elapsed(),
        arguments.friends,
        Some(stage.calls() - before),
        arguments.friends,
    );
    stage.check(|_| per_friend)?;
    running.stop().await?;

    let before = stage.calls();
    std::fs::remove_dir_all(stage.directory.join("state"))?;
    let started = Instant::now();
    let running = stage.start();
    running.restored().await?;
    let records = arguments.events + 2 * arguments.friends;
    report(
        "rebuild the state from the log",
        started.elapsed(),
        records,
        Some(stage.calls() - before),
        arguments.friends,
    );
    running.stop().await?;
    ensure!(stage.calls() == before, "the rebuild called HubSpot");
    println!(
        "\nHubSpot equals the fold for all {} contacts; memory at most {} MiB",
        arguments.friends,
        peak_memory_mib()?
    );
    Ok(())
}

impl Stage {
    async fn set(directory: std::path::PathBuf, friends: u64) -> anyhow::Result<Self> {
        let mut options = sandbox::Options::default();
        options.hubspot.burst = None;
        options.hubspot.search = None;
        options.hubspot.daily_limit = u64::from(u32::MAX);
        options.hubspot.property_delay_ms = 0;
        options.hubspot.history_limit = 1000;
        let sandbox = sandbox::start(options).await?;
        let log: Arc<dyn Log> = EmbeddedLog::open(&directory.join("log"), Options::new(Arc::new(SystemClock)))?;
        let (codec, sealer) = (Codec::default(), || Sealer::from_master_key(&Secret::new(&"1".repeat(64))));
        let registry = prometheus::Registry::new();
        let mut settings = hubspot::client::Settings::new(Secret::new(&sandbox.hubspot_token));
        settings.base_url = sandbox.hubspot_api_url.clone();
        settings.budget.burst_max = 1_000_000;
        let metrics = hubspot::telemetry::Metrics::register(&registry)?;
        let crm = Arc::new(hubspot::Client::new(settings, Arc::new(SystemClock), metrics)?);
        let number = ConnectionNumber::new(1).context("one")?;
        crm.ensure_group(&hubspot::Group::line(), Priority::Fresh).await?;
        let properties = hubspot::definition::of_connection(&Names::default(), number);
        crm.ensure_properties(&properties, Priority::Fresh).await?;
        connection::claim(&log, &codec, contact::Plan::Trial, "channel", 0).await?;
        connection::define(&log, &codec, &sealer()?, &account(number)).await?;
        let view = View::open(Arc::clone(&log), codec.clone(), sealer()?)?;
        let provisioning_calls = sandbox.handle().hubspot(|portal, _| portal.calls().total());
        Ok(Self { log, view, codec, crm, sandbox, directory, friends, provisioning_calls })
    }

    /// A follow of everybody, then messages in rounds.
    async fn append_history(&self, per_friend: u64) -> anyhow::Result<()> {
        for round in 0..per_friend {
            self.append_round(round).await?;
        }
        Ok(())
    }

    async fn append_round(&self, round: u64) -> anyhow::Result<()> {
        let friends: Vec<u64> = (0..self.friends).collect();
        for some in friends.chunks(2_000) {
            self.log.append(some.iter().map(|friend| self.event(*friend, round)).collect()).await?;
        }
        Ok(())
    }

    fn event(&self, friend: u64, round: u64) -> NewRecord {
        let user = user(friend).to_string();
        let (id, at_ms) = (format!("{:026}", round * self.friends + friend), event_ms(round));
        let (event_type, body) = match round {
            0 => ("follow", r#""follow":{"isUnblocked":false}"#.to_owned()),
            round => {
                ("message", format!(r#""message":{{"id":"{id}","type":"text","text":"{}"}}"#, text(friend, round)))
            }
        };
        let raw = format!(
            r#"{{"type":"{event_type}","mode":"active","timestamp":{at_ms},"source":{{"type":"user","userId":"{user}"}},"webhookEventId":"{id}","deliveryContext":{{"isRedelivery":false}},"replyToken":"38ef843bde154d9b91c21320ffd17a0f",{body}}}"#
        );
        let event = LineEvent {
            connection: 1,
            webhook_event_id: id.as_str().into(),
            event_type: event_type.into(),
            user_id: Some(user.as_str().into()),
            occurred_at_ms: at_ms,
            received_at_ms: SystemClock.now_ms(),
            redelivery: false,
            raw: raw.as_bytes().into(),
        };
        let key = schemas::key::line_event(&user, 1, &id);
        NewRecord { topic: Topic::LineEvents, key, value: Some(self.codec.encode(&event)) }
    }

    fn start(&self) -> Running {
        let settings = projector::Settings {
            state_directory: self.directory.join("state"),
            group: "projector".to_owned(),
            restore_memory: RESTORE_MEMORY,
            takeover_grace: Duration::ZERO,
            labels: line::event::Labels::default(),
            names: Names::default(),
        };
        let outside = projector::Outside {
            log: Arc::clone(&self.log),
            codec: self.codec.clone(),
            view: Arc::clone(&self.view),
            crm: Some(Arc::clone(&self.crm) as Arc<dyn Crm>),
            profiles: Arc::new(EverybodyHasAName),
            clock: Arc::new(SystemClock),
        };
        let metrics = projector::telemetry::Metrics::register(&prometheus::Registry::new()).expect("a new registry");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let status = Arc::new(projector::status::Status::default());
        let shutdown = async move { drop(stopped.await) };
        let run = projector::run(settings, outside, metrics.clone(), Arc::clone(&status), shutdown);
        Running { stop, task: tokio::spawn(async move { Ok(run.await?) }), status, metrics }
    }

    /// Until HubSpot's answers for that many contacts are in the log.
    async fn settle(&self, running: &Running, answers: u64) -> anyhow::Result<()> {
        let mut last = (0, Instant::now());
        loop {
            let done = self.log.span(Topic::HubspotContacts, 0)?.next;
            if done >= answers && running.metrics.backlog_users.get() == 0 {
                return Ok(());
            }
            if done != last.0 {
                last = (done, Instant::now());
            }
            ensure!(last.1.elapsed() < Duration::from_secs(60), "stuck at {done} of {answers} answers");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Every contact shows the message of this round.
    fn check(&self, round: impl Fn(u64) -> u64) -> anyhow::Result<()> {
        self.sandbox.handle().hubspot(|portal, _| {
            let contacts = portal.contacts();
            ensure!(contacts.live_count() as u64 == self.friends, "{} contacts", contacts.live_count());
            for friend in 0..self.friends {
                let id = contacts.by_email(&user(friend).dummy_email()).context("no contact with the dummy e-mail")?;
                let contact = contacts.live(id).context("not live")?;
                let value = |name: &str| contact.value(name).map(|value| value.into_owned()).unwrap_or_default();
                let shown = [value("line_last_response_1"), value("line_follow_1"), value("line_unanswered_1")];
                let wanted = [text(friend, round(friend)), "Yes".to_owned(), "Yes".to_owned()];
                ensure!(shown == wanted, "contact {id} shows {shown:?}, not {wanted:?}");
                ensure!(value("line_user_name_1") == format!("friend {:x}", user(friend).as_u128()), "name of {id}");
            }
            Ok(())
        })
    }

    /// Calls about contacts; what sets up the properties is not counted.
    fn calls(&self) -> u64 {
        self.sandbox.handle().hubspot(|portal, _| portal.calls().total() - self.provisioning_calls)
    }
}

impl Running {
    async fn restored(&self) -> anyhow::Result<()> {
        while !self.status.is_ready() {
            ensure!(!self.task.is_finished(), "the projector ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.task.await?
    }
}

fn account(number: ConnectionNumber) -> Connection {
    Connection {
        number,
        name: "load".to_owned(),
        description: String::new(),
        icon: String::new(),
        channel_id: "channel".to_owned(),
        channel_secrets: vec![Secret::new("secret")],
        access_token: Some(Secret::new("token")),
        webhook_token: connection::new_webhook_token(),
        bot_user_id: None,
        auto_create: true,
        state: State::Active,
        properties_existed: false,
        created_at_ms: 0,
        older_secrets_until_ms: None,
    }
}

/// Spread over the whole range, as real IDs are.
fn user(friend: u64) -> UserId {
    let spread = friend.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    UserId::from_u128((u128::from(spread) << 64) | u128::from(spread.rotate_left(17)))
}

fn event_ms(round: u64) -> i64 {
    1_780_000_000_000 + i64::try_from(round).unwrap_or(i64::MAX) * 60_000
}

fn text(friend: u64, round: u64) -> String {
    format!("message {round} of friend {friend}")
}

fn report(phase: &str, time: Duration, items: u64, calls: Option<u64>, contacts: u64) {
    let per_second = items as f64 / time.as_secs_f64();
    let per_hundred = |calls: u64| format!("{:.3}", calls as f64 * 100.0 / contacts as f64);
    let (calls, ratio) = calls.map_or_else(Default::default, |calls| (calls.to_string(), per_hundred(calls)));
    println!("{phase:<34}{:>12.2}{per_second:>14.0}{calls:>12}{ratio:>14}", time.as_secs_f64());
}

fn peak_memory_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("only Linux tells")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).context("no VmHWM")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kib / 1024)
}
