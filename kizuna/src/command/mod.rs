//! The commands, one module each.

mod agreement;
mod connection;
mod console;
mod contact;
mod dead_letters;
mod demo;
mod erase;
mod import;
mod replay;
mod sandbox;
mod serve;
mod topics;
mod verify;

use crate::cli::recovery::DeadLetters;
use crate::cli::{Cli, Command, Connection};
use crate::server::Roles;
use crate::settings::Settings;
use anyhow::bail;
use eventlog::embedded::EmbeddedLog;
use runtime::shutdown::Shutdown;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a command cannot do without Kafka, to be read after the word "because"; `None` for those that can.
pub const fn needs_kafka(command: &Command) -> Option<&'static str> {
    match command {
        Command::Ingest | Command::Projector => {
            Some("a process with one role shares its log with others; `kizuna up` does not")
        }
        Command::Topics(_) => Some("the embedded log makes its own topics"),
        _ => None,
    }
}

/// What to say before a command looks into a log that does not exist: most likely it was typed in another directory than
/// `kizuna up` runs in. Commands that begin an installation find none, as they should.
pub fn notice(command: &Command, settings: &Settings) -> Option<String> {
    let begins = matches!(
        command,
        Command::Demo(_)
            | Command::Up
            | Command::Ingest
            | Command::Projector
            | Command::Sandbox(_)
            | Command::Topics(_)
            | Command::Connection(Connection::Add(_))
    );
    let directory = missing_log(settings).filter(|_| !begins && !acts_on_log(command))?;
    Some(format!("there is no log in {} (KIZUNA_DATA_DIR): a new, empty one is made there", directory.display()))
}

/// Does the command change or prove what is in the log? On a new, empty one it would find nothing to do, and call that done.
const fn acts_on_log(command: &Command) -> bool {
    match command {
        Command::Replay(replay) => !replay.dry_run,
        Command::DeadLetters(DeadLetters::Retry { .. } | DeadLetters::Drop { .. }) => true,
        Command::Erase(_) | Command::Verify(_) => true,
        _ => false,
    }
}

/// Where the embedded log ought to be and is not.
fn missing_log(settings: &Settings) -> Option<PathBuf> {
    let directory = settings.data_dir.join("log");
    (settings.kafka_brokers.is_none() && !EmbeddedLog::exists(&directory)).then_some(directory)
}

/// Runs the command that was typed.
///
/// # Errors
/// When it could not be done; the message is for the operator.
pub async fn run(cli: &Cli, settings: Settings, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    if let Some(directory) = missing_log(&settings).filter(|_| acts_on_log(&cli.command)) {
        bail!("there is no log in {}: set KIZUNA_DATA_DIR to the directory of `kizuna up`", directory.display());
    }
    match &cli.command {
        Command::Demo(demo) => demo::run(demo, cli.json, shutdown).await,
        Command::Console(command) => console::run(command, settings, cli.json, shutdown).await,
        Command::Sandbox(sandbox) => sandbox::run(sandbox, shutdown).await,
        Command::Up => serve::run(Roles::ALL, settings, cli.json, shutdown).await,
        Command::Ingest => serve::run(Roles::INGEST, settings, cli.json, shutdown).await,
        Command::Projector => serve::run(Roles::PROJECTOR, settings, cli.json, shutdown).await,
        Command::Connection(command) => connection::run(command, settings, cli.json, &shutdown).await,
        Command::Import(import) => import::run(import, settings, cli.json, &shutdown).await,
        Command::Contact(command) => contact::run(command, settings, cli.json).await,
        Command::Replay(replay) => replay::run(replay, settings, cli.json).await,
        Command::Verify(verify) => verify::run(verify, settings, cli.json).await,
        Command::DeadLetters(command) => dead_letters::run(command, settings, cli.json).await,
        Command::Erase(erase) => erase::run(erase, settings, cli.json, &shutdown).await,
        Command::Topics(command) => topics::run(command, &settings, cli.json).await,
    }
}
