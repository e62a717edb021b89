//! Many connected accounts: how long each takes to connect, whether the quota stays exact when several come at once, and what
//! the dashboard and the webhooks of the last one cost.
//!
//! ```text
//! accounts --program target/release/kizuna
//! ```
//!
//! Prints a line of JSON for each block of accounts, and one for all that comes after them.

use anyhow::{Context, ensure};
use clap::Parser;
use kizuna_tests::bench::process::children_time;
use kizuna_tests::bench::webhooks::{Target, Times};
use line::signature::Key;
use sandbox::line::Channel;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Longer than anything takes that is measured here.
const PATIENCE: Duration = Duration::from_secs(180);
/// Accounts that want the last places at the same moment.
const CROWD: u32 = 8;
/// How often a page or a webhook is asked for.
const ROUNDS: u64 = 50;
/// The password of the console's administrator.
const PASSWORD: &str = "correct horse battery";

/// Measure an installation with many accounts.
#[derive(Parser)]
struct Arguments {
    /// The program.
    #[arg(long)]
    program: PathBuf,
    /// Accounts that the plan allows, all of which are connected.
    #[arg(long, default_value_t = 500)]
    accounts: u32,
    /// Accounts in a block.
    #[arg(long, default_value_t = 50)]
    block: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let stage = Stage::set(&arguments).await?;
    let mut up = stage.up().await?;
    let one_by_one = arguments.accounts.saturating_sub(CROWD / 2);
    let mut paths = Vec::new();
    let numbers: Vec<u32> = (1..=one_by_one).collect();
    for block in numbers.chunks(arguments.block as usize) {
        let (mut times, before) = (Times::default(), children_time(std::process::id())?);
        for number in block {
            let began = Instant::now();
            let added = stage.add(*number).await?;
            times.add(began.elapsed());
            let added = report(&added)?;
            ensure!(added["number"] == json!(number), "account {number} was not connected: {added}");
            paths.push(added["webhook_path"].as_str().context("no webhook_path")?.to_owned());
        }
        let (p50_ms, max_ms) = (times.quantile_ms(0.5), times.quantile_ms(1.0));
        let spent = children_time(std::process::id())? - before;
        let cpu_ms = spent.as_secs_f64() * 1_000.0 / block.len() as f64;
        let line =
            json!({ "measure": "connect", "to": block.last(), "p50_ms": p50_ms, "max_ms": max_ms, "cpu_ms": cpu_ms });
        println!("{line}");
    }
    println!("{}", stage.crowd(one_by_one, arguments.accounts).await?);
    println!("{}", stage.dashboard(&up).await?);
    for (place, number) in [("first", 1), ("last", one_by_one)] {
        println!("{}", stage.webhooks(&up, place, number, &paths[number as usize - 1]).await?);
    }
    up.child.start_kill()?;
    Ok(())
}

/// The sandboxes, with as many accounts as are wanted, and a data directory.
struct Stage {
    program: PathBuf,
    sandbox: Sandbox,
    channels: Vec<Channel>,
    accounts: String,
    data: TempDir,
}

/// A running `kizuna up`.
struct Up {
    child: Child,
    base_url: String,
    console: String,
    setup_path: String,
}

impl Stage {
    async fn set(arguments: &Arguments) -> anyhow::Result<Self> {
        let channels: Vec<_> =
            (1..=arguments.accounts + CROWD).map(|number| Channel::seeded(1, number, "provider")).collect();
        let mut options = Options { channels: channels.clone(), ..Options::default() };
        options.hubspot.history_limit = 1_000;
        options.hubspot.custom_property_limit = 7 * (arguments.accounts as usize + 1);
        let sandbox = sandbox::start(options).await?;
        let (program, accounts) = (arguments.program.clone(), arguments.accounts.to_string());
        Ok(Self { program, sandbox, channels, accounts, data: tempfile::tempdir()? })
    }

    fn kizuna(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .arg("--json")
            .env("KIZUNA_DATA_DIR", self.data.path())
            .env("KIZUNA_PLAN", "custom")
            .env("KIZUNA_MAX_CONNECTIONS", &self.accounts)
            .env("KIZUNA_LISTEN", "127.0.0.1:0")
            .env("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0")
            .env("KIZUNA_CONSOLE_LISTEN", "127.0.0.1:0")
            .env("KIZUNA_LINE_API_URL", &self.sandbox.line_api_url)
            .env("KIZUNA_HUBSPOT_API_URL", &self.sandbox.hubspot_api_url)
            .env("KIZUNA_HUBSPOT_TOKEN", &self.sandbox.hubspot_token)
            .env("KIZUNA_LOG", "warn")
            .kill_on_drop(true);
        command
    }

    async fn up(&self) -> anyhow::Result<Up> {
        let mut child = self.kizuna(&["up"]).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        let said = timeout(PATIENCE, lines.next_line()).await??.context("`kizuna up` ended")?;
        let said: Value = serde_json::from_str(&said)?;
        let text = |name: &str| said[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        let (console, setup_url) = (text("console_url")?, text("setup_url")?);
        let setup_path = setup_url.strip_prefix(&console).context("a link into the console")?.to_owned();
        let console = console.trim_start_matches("http://").to_owned();
        Ok(Up { child, base_url: text("webhook_base_url")?, console, setup_path })
    }

    async fn add(&self, number: u32) -> anyhow::Result<Output> {
        let channel = &self.channels[number as usize - 1];
        let mut add = self.kizuna(&["connection", "add", "--channel-id", &channel.id]);
        Ok(timeout(PATIENCE, add.args(["--channel-secret", &channel.secret]).output()).await??)
    }

    /// More accounts at once than there are places left.
    async fn crowd(&self, connected: u32, max: u32) -> anyhow::Result<Value> {
        let mut adding = JoinSet::new();
        for number in connected + 1..=connected + CROWD {
            let channel = &self.channels[number as usize - 1];
            let mut add = self.kizuna(&["connection", "add", "--channel-id", &channel.id]);
            add.args(["--channel-secret", &channel.secret]);
            adding.spawn(async move { timeout(PATIENCE, add.output()).await });
        }
        let mut numbers = Vec::new();
        for output in adding.join_all().await {
            numbers.extend(report(&output??)?["number"].as_u64());
        }
        numbers.sort_unstable();
        let expected: Vec<u64> = (u64::from(connected) + 1..=u64::from(max)).collect();
        ensure!(numbers == expected, "of {CROWD} at once these got a number: {numbers:?}, not {expected:?}");
        let list = self.kizuna(&["connection", "list"]).output().await?;
        let in_use = report(&list)?["in_use"].clone();
        ensure!(in_use == json!(max), "{in_use} of {max} are in use");
        Ok(json!({ "measure": "quota", "at_once": CROWD, "accepted": numbers.len(), "in_use": in_use }))
    }

    /// The start page of the console, with all accounts on it.
    async fn dashboard(&self, up: &Up) -> anyhow::Result<Value> {
        let password = PASSWORD.replace(' ', "+");
        let form = format!("name=admin&password={password}&again={password}");
        let accepted = up.ask(&format!("POST {}", up.setup_path), "", &form).await?;
        let cookie = accepted.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie: "));
        let cookie = cookie.and_then(|line| line[12..].split(';').next()).context("no session")?;
        let mut times = Times::default();
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let page = up.ask("GET /", cookie, "").await?;
            times.add(began.elapsed());
            ensure!(page.contains(&format!("/connections/{}\"", self.accounts)), "the last account is not shown");
            bytes = page.len();
        }
        let (p50_ms, max_ms) = (times.quantile_ms(0.5), times.quantile_ms(1.0));
        Ok(json!({ "measure": "dashboard", "bytes": bytes, "p50_ms": p50_ms, "max_ms": max_ms }))
    }

    async fn webhooks(&self, up: &Up, place: &str, number: u32, path: &str) -> anyhow::Result<Value> {
        let channel = &self.channels[number as usize - 1];
        let target = Target::parse(&format!("{}{path}", up.base_url))?;
        let mut sender = target.connect().await?;
        let requests = target.requests(&Key::new(&channel.secret), &channel.bot_user_id, ROUNDS, 0);
        let mut times = Times::default();
        for request in requests {
            let began = Instant::now();
            sender.send(&request).await?;
            times.add(began.elapsed());
        }
        let (p50_ms, max_ms) = (times.quantile_ms(0.5), times.quantile_ms(1.0));
        Ok(json!({ "measure": "webhook", "account": place, "p50_ms": p50_ms, "max_ms": max_ms }))
    }
}

impl Up {
    /// One exchange with the console in HTTP/1.0.
    async fn ask(&self, what: &str, cookie: &str, form: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.console).await?;
        let head = format!(
            "{what} HTTP/1.0\r\nhost: {host}\r\norigin: http://{host}\r\ncookie: {cookie}\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n",
            form.len(),
            host = self.console
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(form.as_bytes()).await?;
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await??;
        Ok(answer)
    }
}

fn report(output: &Output) -> anyhow::Result<Value> {
    serde_json::from_slice(&output.stdout).with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}
