//! A directory of its own for each test, the program run in it, and the sandboxes beside it.

use sandbox::line::{Act, Manner};
use sandbox::{Options, Sandbox, Told};
use serde_json::Value;
use std::fs::File;
use std::future::Future;
use std::process::{Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longer than anything takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Where one test runs the program.
pub struct Place {
    pub directory: TempDir,
    variables: Vec<(String, String)>,
}

/// A `kizuna up` that runs. It is killed when dropped.
pub struct Up {
    child: Child,
    /// What it writes beside what it answers.
    log: File,
    pub webhook_base_url: String,
    pub admin_url: String,
    /// Where there is a console.
    pub console_url: Option<String>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// With LINE and HubSpot at the sandbox.
    pub fn beside(sandbox: &Sandbox) -> Self {
        Self::new()
            .with("KIZUNA_LINE_API_URL", &sandbox.line_api_url)
            .with("KIZUNA_HUBSPOT_API_URL", &sandbox.hubspot_api_url)
            .with("KIZUNA_HUBSPOT_TOKEN", &sandbox.hubspot_token)
    }

    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// The value that a variable was given last.
    pub fn value(&self, variable: &str) -> &str {
        let given = self.variables.iter().rev().find(|(name, _)| name == variable);
        given.map_or_else(|| panic!("{variable} was not given"), |(_, value)| value)
    }

    pub fn without(mut self, variable: &str) -> Self {
        self.variables.retain(|(name, _)| name != variable);
        self
    }

    /// The program with these arguments, and none of the settings of whoever runs the tests.
    pub fn program(&self, arguments: &[&str]) -> Command {
        self.set(Command::new(env!("CARGO_BIN_EXE_kizuna")), arguments)
    }

    /// The same, to be given a terminal as standard input, on which Ctrl-C then is a signal.
    pub fn program_in_session(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command.args(["--ctty", env!("CARGO_BIN_EXE_kizuna")]);
        self.set(command, arguments)
    }

    /// The same, which may have no more than so many files open.
    pub fn program_with_files(&self, files_max: u32, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files_max} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_kizuna")]);
        self.set(command, arguments)
    }

    fn set(&self, mut command: Command, arguments: &[&str]) -> Command {
        let inherited = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("KIZUNA_"));
        command.env_clear().envs(inherited).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.program(arguments).output()).await
    }

    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.program(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        ended(child.wait_with_output()).await
    }

    /// Runs a command that must succeed, and gives the JSON it prints.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let ended = self.run(&arguments).await;
        assert_eq!(ended.status, 0, "{ended:?}");
        ended.json()
    }

    /// Connects a channel without any call to LINE.
    pub async fn add_unchecked(&self, channel: &str) -> Value {
        let flags = ["--channel-id", channel, "--channel-secret", "a-secret", "--skip-line-checks"];
        self.json(&[&["connection", "add", "--name", "本店"], &flags[..]].concat()).await
    }

    /// Connects the sandbox's account `place` and sends its webhooks to `up`.
    pub async fn connect(&self, sandbox: &Sandbox, place: usize, up: &Up) -> Value {
        let channel = sandbox.line_channels().swap_remove(place);
        let added =
            self.json(&["connection", "add", "--channel-id", &channel.id, "--channel-secret", &channel.secret]).await;
        let endpoint = format!("{}{}", up.webhook_base_url, added["webhook_path"].as_str().unwrap());
        let channel = sandbox::line::Channel { endpoint: Some(endpoint), ..channel };
        sandbox.handle().line(|platform, _| platform.put_channel(channel));
        added
    }

    /// Starts `kizuna up` on free ports and waits until it says where it is.
    pub async fn up(&self) -> Up {
        self.up_by(self.program(&["up", "--json"])).await
    }

    /// The same with this command.
    pub async fn up_by(&self, mut command: Command) -> Up {
        command.env("KIZUNA_LISTEN", "127.0.0.1:0").env("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0");
        // A file, which takes whatever is said over hours: nobody reads meanwhile.
        let log = self.directory.path().join("up.log");
        let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut log = File::open(&log).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        let Some(line) = line else { panic!("`kizuna up` ended: {}", std::io::read_to_string(&mut log).unwrap()) };
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| said[name].as_str().unwrap().to_owned();
        let console_url = said["console_url"].as_str().map(str::to_owned);
        let (webhook_base_url, admin_url) = (address("webhook_base_url"), address("admin_url"));
        let up = Up { webhook_base_url, admin_url, console_url, log, child };
        eventually("`kizuna up` is ready", async || (up.get("/ready").await.0 == 200).then_some(())).await;
        up
    }
}

impl Up {
    /// Status and body of a page of the admin server.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = reqwest::get(format!("{}{path}", self.admin_url)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// A metric, summed over its labels.
    pub async fn metric(&self, name: &str) -> u64 {
        let page = self.get("/metrics").await.1;
        let values = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        values.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>() as u64
    }

    /// Asks it to stop, as a service manager does.
    pub fn signal(&self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Asks it to stop, waits, and gives what it said.
    pub async fn stop(mut self) -> Ended {
        self.signal();
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        let stderr = std::io::read_to_string(&mut self.log).unwrap();
        Ended { status: status.code().unwrap(), stdout: String::new(), stderr }
    }
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

async fn ended(output: impl Future<Output = std::io::Result<Output>>) -> Ended {
    let output = timeout(PATIENCE, output).await.expect("the command ends").unwrap();
    Ended {
        status: output.status.code().expect("no signal ended it"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub async fn sandbox() -> Sandbox {
    sandbox::start(Options::default()).await.unwrap()
}

/// Lets a person do something at the sandbox's account `place`.
pub async fn play(sandbox: &Sandbox, place: usize, person: &str, act: &Act) -> Told {
    let channel = sandbox.line_channels().swap_remove(place);
    sandbox.handle().play(&channel.id, person, act, &Manner::default()).await.unwrap()
}

/// Waits until something holds; fails when it does not come to hold.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let watch = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, watch).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// One step of what `connection add` prints.
pub fn step<'a>(added: &'a Value, name: &str) -> &'a Value {
    let steps = added["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}: {added}"))
}
