//! `kizuna up` beside the sandboxes of LINE and HubSpot: what it costs when nothing happens, how soon an event shows in
//! HubSpot, and how it catches up with a backlog under HubSpot's limits.
//!
//! ```text
//! whole --program target/release/kizuna
//! ```
//!
//! Prints a line of JSON for each.

use anyhow::{Context, bail, ensure};
use clap::Parser;
use kizuna_tests::bench::history::{self, Event};
use kizuna_tests::bench::process::{processor_time, resident_kib};
use kizuna_tests::bench::webhooks::{Sender, Target, Times};
use line::signature::Key;
use sandbox::line::Channel;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How often it is looked whether HubSpot shows something.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// Between two events that are timed: so seldom that the calls stay below what HubSpot allows, which is not what is measured.
const IDLE_PAUSE: Duration = Duration::from_millis(150);
/// Longer than anything takes that is measured here.
const PATIENCE: Duration = Duration::from_secs(180);
/// The part of HubSpot's limit that Kizuna allows itself.
const OWN_SHARE: f64 = 0.8;
/// Events that the backlog comes in at a time.
const EVENTS_PER_WEBHOOK: usize = 100;

/// Measure a whole installation.
#[derive(Parser)]
struct Arguments {
    /// The program.
    #[arg(long)]
    program: PathBuf,
    /// How long it is left alone.
    #[arg(long, default_value_t = 30)]
    idle_seconds: u64,
    /// Events whose way to HubSpot is timed, one after the other.
    #[arg(long, default_value_t = 100)]
    events: u64,
    /// Friends in the backlog.
    #[arg(long, default_value_t = 40_000)]
    backlog: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let stage = Stage::set(arguments.program.clone()).await?;
    println!("{}", idle(&stage, arguments.idle_seconds).await?);
    println!("{}", one_by_one(&stage, arguments.events).await?);
    println!("{}", catch_up(&stage, arguments.events, arguments.backlog).await?);
    Ok(())
}

/// The sandboxes, a data directory, and one connected account.
struct Stage {
    program: PathBuf,
    sandbox: Sandbox,
    channel: Channel,
    data: TempDir,
    webhook_path: String,
}

/// A running `kizuna up`.
struct Up {
    child: Child,
    pid: u32,
    target: Target,
}

/// Nothing happens: processor time and memory.
async fn idle(stage: &Stage, seconds: u64) -> anyhow::Result<Value> {
    let up = stage.up(true).await?;
    sleep(Duration::from_secs(5)).await;
    let (began, before) = (Instant::now(), processor_time(up.pid)?);
    sleep(Duration::from_secs(seconds)).await;
    let part = (processor_time(up.pid)? - before).as_secs_f64() / began.elapsed().as_secs_f64();
    let resident_mib = resident_kib(up.pid)? as f64 / 1024.0;
    up.stop().await?;
    Ok(json!({ "measure": "idle", "core_percent": 100.0 * part, "resident_mib": resident_mib }))
}

/// Each event comes a while after HubSpot shows the one before: of each friend a follow and a message.
async fn one_by_one(stage: &Stage, events: u64) -> anyhow::Result<Value> {
    let up = stage.up(true).await?;
    let mut sender = up.target.connect().await?;
    let mut times = Times::default();
    for event in 0..events {
        times.add(stage.until_shown(&up, &mut sender, event / 2, event % 2).await?);
        sleep(IDLE_PAUSE).await;
    }
    up.stop().await?;
    Ok(json!({
        "measure": "event to HubSpot",
        "events": times.count(),
        "p50_ms": times.quantile_ms(0.5),
        "p99_ms": times.quantile_ms(0.99),
    }))
}

/// Events are kept while there is no token; with one they are written as fast as HubSpot allows, and who writes meanwhile
/// does not wait for them.
async fn catch_up(stage: &Stage, known: u64, backlog: u64) -> anyhow::Result<Value> {
    let up = stage.up(false).await?;
    let mut sender = up.target.connect().await?;
    let friends: Vec<u64> = (known..known + backlog).collect();
    for some in friends.chunks(EVENTS_PER_WEBHOOK) {
        let events: Vec<String> = some.iter().map(|friend| history::event(*friend, 0).raw).collect();
        sender.send(&stage.request(&up, &events.join(","))).await?;
    }
    up.stop().await?;
    // All of it is in the state before the start: what the start has yet to read happened a moment ago and is no backlog.
    let replayed = stage.kizuna(&["replay", "--json"], false).output().await?;
    ensure!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    let up = stage.up(true).await?;
    let mut sender = up.target.connect().await?;
    let had = stage.contacts();
    let (began, calls) = (Instant::now(), stage.calls());
    let (mut fresh, mut middle) = (Times::default(), None);
    while stage.contacts() < had + backlog {
        ensure!(began.elapsed() < PATIENCE, "{} of {backlog} contacts after {PATIENCE:?}", stage.contacts() - had);
        let round = fresh.count() as u64 + 2;
        fresh.add(stage.until_shown(&up, &mut sender, round % known.div_ceil(2), round).await?);
        // The first window may be spent at once; the pace is that of the time after it.
        if middle.is_none() && began.elapsed() > Duration::from_secs(10) {
            middle = Some((Instant::now(), stage.calls(), stage.contacts()));
        }
        sleep(Duration::from_millis(500)).await;
    }
    let (since, calls_then, contacts_then) = middle.context("the backlog was too small to see a pace")?;
    let seconds = since.elapsed().as_secs_f64();
    let limit = stage.sandbox.handle().hubspot(|portal, _| portal.settings().burst).context("a limit is set")?;
    let allowed = f64::from(limit.max) * 1000.0 / limit.window_ms as f64 * OWN_SHARE;
    let pace = (stage.calls() - calls_then) as f64 / seconds;
    up.stop().await?;
    Ok(json!({
        "measure": "catch-up",
        "contacts": backlog,
        "calls": stage.calls() - calls,
        "seconds": began.elapsed().as_secs_f64(),
        "calls_per_second": pace,
        "of_allowed": pace / allowed,
        "contacts_per_call": (stage.contacts() - contacts_then) as f64 / (stage.calls() - calls_then) as f64,
        "fresh_events": fresh.count(),
        "fresh_p50_ms": fresh.quantile_ms(0.5),
        "fresh_max_ms": fresh.quantile_ms(1.0),
    }))
}

impl Stage {
    async fn set(program: PathBuf) -> anyhow::Result<Self> {
        let mut options = Options::default();
        options.hubspot.history_limit = 1_000;
        let sandbox = sandbox::start(options).await?;
        let channel = sandbox.line_channels().swap_remove(0);
        let stage = Self { program, sandbox, channel, data: tempfile::tempdir()?, webhook_path: String::new() };
        let (id, secret) = (&stage.channel.id, &stage.channel.secret);
        let mut add =
            stage.kizuna(&["connection", "add", "--json", "--channel-id", id, "--channel-secret", secret], true);
        let added = add.output().await?;
        ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stdout));
        let added: Value = serde_json::from_slice(&added.stdout)?;
        let webhook_path = added["webhook_path"].as_str().context("no webhook_path")?.to_owned();
        Ok(Self { webhook_path, ..stage })
    }

    /// The program, with or without a token for HubSpot.
    fn kizuna(&self, arguments: &[&str], with_token: bool) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env("KIZUNA_DATA_DIR", self.data.path())
            .env("KIZUNA_LISTEN", "127.0.0.1:0")
            .env("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0")
            .env("KIZUNA_LINE_API_URL", &self.sandbox.line_api_url)
            .env("KIZUNA_HUBSPOT_API_URL", &self.sandbox.hubspot_api_url)
            .env("KIZUNA_LOG", "warn")
            .kill_on_drop(true);
        if with_token {
            command.env("KIZUNA_HUBSPOT_TOKEN", &self.sandbox.hubspot_token);
        }
        command
    }

    async fn up(&self, with_token: bool) -> anyhow::Result<Up> {
        let mut child = self.kizuna(&["up", "--json"], with_token).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        let said = timeout(PATIENCE, lines.next_line()).await??.context("`kizuna up` ended")?;
        let said: Value = serde_json::from_str(&said)?;
        let base_url = said["webhook_base_url"].as_str().context("no webhook_base_url")?;
        let target = Target::parse(&format!("{base_url}{}", self.webhook_path))?;
        Ok(Up { pid: child.id().context("it runs")?, child, target })
    }

    fn request(&self, up: &Up, events: &str) -> Vec<u8> {
        up.target.request(&Key::new(&self.channel.secret), &self.channel.bot_user_id, events)
    }

    /// Sends what the friend does in this round, a follow at first and then a text, and waits until HubSpot shows it.
    async fn until_shown(&self, up: &Up, sender: &mut Sender, friend: u64, round: u64) -> anyhow::Result<Duration> {
        let event = if round == 0 { history::event(friend, 0) } else { history::text(friend, round) };
        let began = Instant::now();
        sender.send(&self.request(up, &event.raw)).await?;
        while !self.shows(&event, round) {
            ensure!(began.elapsed() < PATIENCE, "HubSpot does not show what friend {friend} did in round {round}");
            sleep(LOOK_INTERVAL).await;
        }
        Ok(began.elapsed())
    }

    fn shows(&self, event: &Event, round: u64) -> bool {
        self.sandbox.handle().hubspot(|portal, _| {
            let contacts = portal.contacts();
            let contact = contacts.by_email(&event.user.dummy_email()).and_then(|id| contacts.live(id));
            contact.is_some_and(|contact| {
                round == 0 || contact.value("line_last_response_1").is_some_and(|shown| shown == history::words(round))
            })
        })
    }

    fn contacts(&self) -> u64 {
        self.sandbox.handle().hubspot(|portal, _| portal.contacts().live_count() as u64)
    }

    fn calls(&self) -> u64 {
        self.sandbox.handle().hubspot(|portal, _| portal.calls().total())
    }
}

impl Up {
    async fn stop(mut self) -> anyhow::Result<()> {
        let told = Command::new("kill").args(["-TERM", &self.pid.to_string()]).status().await?;
        ensure!(told.success(), "it had ended before");
        let ended = timeout(PATIENCE, self.child.wait()).await??;
        if !ended.success() {
            bail!("`kizuna up` ended with {ended}");
        }
        Ok(())
    }
}
