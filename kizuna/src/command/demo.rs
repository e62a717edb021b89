//! `kizuna demo`: the story, then the addresses and how to go on.

use crate::cli::Demo as Flags;
use crate::demo::narrator::Narrator;
use crate::demo::stage::Stage;
use crate::demo::story;
use crate::output;
use runtime::shutdown::Shutdown;
use serde_json::json;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Plays the story; stays up afterwards on a terminal or when asked to.
///
/// # Errors
/// When the stage cannot be set, or HubSpot did not come to show what the story tells.
pub async fn run(flags: &Flags, as_json: bool, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    let serves = flags.serve || (!as_json && std::io::stdout().is_terminal());
    let narrator = Narrator::new(!as_json);
    narrator.opening()?;
    let stage = Stage::set(flags.keep.as_deref()).await?;
    tokio::select! {
        told = story::tell(&stage, &narrator) => told?,
        () = shutdown.clone().requested() => return stage.strike().await,
    }
    if as_json {
        output::json(&json!({ "contacts": stage.contacts(), "addresses": stage.addresses() }))?;
    } else {
        narrator.closing(&stage, serves)?;
    }
    if serves {
        shutdown.requested().await;
    }
    stage.strike().await
}
