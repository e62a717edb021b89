//! `kizuna console`: serves the console alone, gives a link to become administrator, or switches somebody's second factor off.

use crate::cli;
use crate::console::Console;
use crate::output;
use crate::server::{Listeners, console_address};
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::{Context, ensure};
use runtime::shutdown::Shutdown;
use serde_json::json;
use std::process::ExitCode;

/// Under this name the audit log has what a command did.
const ACTOR: &str = "kizuna console";

/// Serves, or does the one thing that it is asked for.
///
/// # Errors
/// When the console is switched off, when its address or its files cannot be used, and when nobody has the given name.
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
    if let Some(name) = &command.reset_second_factor {
        let installation = Installation::open(settings).await?;
        let view = installation.view().await?;
        let console = Console::open(installation, view, None, address)?;
        ensure!(console.reset_second_factor(name, ACTOR).await?, "nobody is called {name:?} in the console");
        let told = format!("{name} signs in with the password alone, until a second factor is set up again");
        if as_json { output::json(&json!({ "reset": name })) } else { output::line(&told) }?;
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
    console.serve(listener, shutdown).await;
    Ok(ExitCode::SUCCESS)
}
