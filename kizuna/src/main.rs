//! The program `kizuna`: reads the command line and the settings, runs one command, and exits.

mod answers;
mod bilingual;
mod checkup;
mod cli;
mod command;
mod console;
mod demo;
mod descriptors;
mod explain;
mod friends;
mod import;
mod onboarding;
mod output;
mod person;
mod portal;
mod readiness;
mod recovery;
mod server;
mod settings;
mod telemetry;
mod wiring;

use clap::Parser;
use cli::{Cli, Command};
use mimalloc::MiMalloc;
use runtime::logging::{self, Filter};
use runtime::settings::{Environment, File, Reader};
use settings::Settings;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The command line or the settings are wrong.
const USAGE: u8 = 2;

/// The operator would not wait for the work to end, or let it begin: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// The settings file that is read when it exists and no other is named.
const FILE: &str = "kizuna.toml";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = match load(&cli, &Environment) {
        Ok(settings) => settings,
        Err(error) => return complain(&cli, None, &error, ExitCode::from(USAGE)),
    };
    logging::start(settings.log_format, &filter(&cli.command, &settings));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&cli, None, &error.into(), ExitCode::FAILURE),
    };
    let notice = command::notice(&cli.command, &settings);
    if let Some(notice) = notice.as_deref().filter(|_| !cli.json) {
        eprintln!("note: {notice}");
    }
    let ended = runtime.block_on(run(&cli, settings));
    runtime.shutdown_background();
    match ended {
        Ok(status) => {
            if let Some(notice) = notice.filter(|_| cli.json) {
                eprintln!("{}", serde_json::json!({ "note": notice }));
            }
            status
        }
        Err(error) => {
            let was_interrupted = cause(&error) == Some(ErrorKind::Interrupted);
            let status = if was_interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::FAILURE };
            complain(&cli, notice, &error, status)
        }
    }
}

/// What went wrong with the input or the output, if an error comes of that.
fn cause(error: &anyhow::Error) -> Option<ErrorKind> {
    error.root_cause().downcast_ref().map(std::io::Error::kind)
}

/// Runs the command until it ends, or until the operator insists.
async fn run(cli: &Cli, settings: Settings) -> anyhow::Result<ExitCode> {
    let (_trigger, shutdown) = runtime::shutdown::on_signals()?;
    tokio::select! {
        ended = command::run(cli, settings, shutdown.clone()) => ended,
        () = shutdown.forced() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

fn load(cli: &Cli, reader: &dyn Reader) -> anyhow::Result<Settings> {
    if matches!(cli.command, Command::Demo(_) | Command::Sandbox(_)) {
        return Ok(Settings::load(&OnlyLogging(reader), None)?);
    }
    let path = cli.config.as_deref().unwrap_or(Path::new(FILE));
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound && cli.config.is_none() => None,
        Err(error) => anyhow::bail!("cannot read the settings file {name}: {error}"),
    };
    let file = text.as_deref().map(|text| File { name: &name, text });
    Ok(Settings::load_for(command::needs_kafka(&cli.command), reader, file)?)
}

/// The settings of the log's lines alone, for commands that bring all others themselves and are to run whatever is set.
struct OnlyLogging<'a>(&'a dyn Reader);

impl Reader for OnlyLogging<'_> {
    fn variables(&self) -> BTreeMap<String, OsString> {
        let mut variables = self.0.variables();
        variables.retain(|name, _| ["KIZUNA_LOG", "KIZUNA_LOG_FORMAT"].contains(&name.as_str()));
        variables
    }
}

/// What is logged where nothing is set: servers tell what they do, other commands only what is wrong.
fn filter(command: &Command, settings: &Settings) -> Filter {
    let level = match command {
        Command::Up | Command::Ingest | Command::Projector | Command::Console(_) => "info",
        _ => "warn",
    };
    settings.log.clone().unwrap_or_else(|| Filter::parse(level).expect("a level is a filter"))
}

/// Says what went wrong, on standard error. Nothing did when the reader of the output has seen enough of it.
/// A program that reads JSON there gets one object.
fn complain(cli: &Cli, notice: Option<String>, error: &anyhow::Error, status: ExitCode) -> ExitCode {
    if cause(error) == Some(ErrorKind::BrokenPipe) {
        return status;
    }
    if cli.json {
        let mut said = serde_json::json!({ "error": output::chain(error) });
        if let Some(notice) = notice {
            said["note"] = notice.into();
        }
        eprintln!("{said}");
    } else {
        eprintln!("error: {}", output::chain(error));
    }
    status
}
