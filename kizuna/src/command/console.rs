//! `kizuna console`: serves the console alone, or gives a link to become administrator.

use crate::cli;
use crate::console::Console;
use crate::output;
use crate::server::{Listeners, console_address};
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::Context;
use runtime::shutdown::Shutdown;
use serde_json::json;
use std::process::ExitCode;

/// Serves, or prints a link.
///
/// # Errors
/// When the console is switched off, and when its address or its files cannot be used.
pub async fn run(
    command: &cli::Console,
    settings: Settings,
    as_json: bool,
    shutdown: Shutdown,
) -> anyhow::Result<ExitCode> {
    let address = console_address(&settings).context("KIZUNA_CONSOLE_LISTEN is off")?;
    if command.link {
        let installation = Installation::open(settings).await?;
        let view = installation.view().await?;
        let link = Console::open(installation, view, None, address)?.link().await?;
        if as_json { output::json(&json!({ "setup_url": link })) } else { output::line(&link) }?;
        return Ok(ExitCode::SUCCESS);
    }
    let listener = Listeners::bind_console(address).await?;
    let installation = Installation::open(settings).await?;
    let view = installation.view().await?;
    let console = Console::open(installation, view, None, listener.local_addr()?)?;
    let link = console.first_link().await?;
    if as_json {
        output::json(&json!({ "console_url": console.url(), "setup_url": link }))?;
    } else {
        output::line(&format!("Kizuna console  {}", console.url()))?;
        link.iter().try_for_each(|link| output::line(&format!("  set up once    {link}")))?;
    }
    console.serve(listener, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}
