//! `kizuna up`, `kizuna ingest`, `kizuna projector`: serve until told to stop.

use crate::console::Console;
use crate::output;
use crate::readiness::Readiness;
use crate::server::{self, Listeners, Roles};
use crate::settings::Settings;
use crate::wiring::Installation;
use connection::{Snapshot, State, View};
use runtime::shutdown::Shutdown;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

/// Serves.
///
/// # Errors
/// When it cannot begin, and when a part of it ended that should not have ended.
pub async fn run(roles: Roles, settings: Settings, as_json: bool, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    // Addresses first: a second server on the same machine should not touch the log of the first.
    let listeners = Listeners::bind(roles, &settings).await?;
    let installation = Installation::open(settings).await?;
    let view = installation.view().await?;
    let readiness = Readiness::default();
    let opened = match &listeners.console {
        Some(listener) => opened(&installation, &view, &readiness, listener.local_addr()?).await,
        None => None,
    };
    let mut facts = facts(&installation, &listeners, &view.snapshot())?;
    if let Some((console, link)) = &opened {
        facts["console_url"] = json!(console.url());
        facts["setup_url"] = json!(link);
    }
    announce(&facts, as_json)?;
    let console = opened.map(|(console, _)| console);
    server::run(installation, roles, listeners, view, readiness, console, shutdown).await?;
    Ok(ExitCode::SUCCESS)
}

/// The console with the link that sets it up, if that is still to be done. Without its files there is none: webhooks and
/// HubSpot do not need it.
async fn opened(
    installation: &Installation,
    view: &Arc<View>,
    readiness: &Readiness,
    address: SocketAddr,
) -> Option<(Console, Option<String>)> {
    let (installation, view) = (installation.clone(), Arc::clone(view));
    let opened = async {
        let console = Console::open(installation, view, Some(readiness.clone()), address)?;
        let link = console.first_link().await?;
        anyhow::Ok((console, link))
    };
    let told = |error| tracing::warn!(error = format!("{error:#}"), "there is no console");
    opened.await.map_err(told).ok()
}

/// Where everything is.
fn facts(installation: &Installation, listeners: &Listeners, known: &Snapshot) -> anyhow::Result<Value> {
    let settings = &installation.settings;
    let webhooks = listeners.webhooks.as_ref().map(|listener| listener.local_addr()).transpose()?;
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "webhook_base_url": webhooks.map(|address| format!("http://{address}")),
        "public_url": settings.public_url.as_ref().map(runtime::settings::BaseUrl::as_str),
        "admin_url": format!("http://{}", listeners.admin.local_addr()?),
        "log": installation.log.describe(),
        "hubspot_api_url": installation.crm.as_ref().map(|_| settings.hubspot_api_url.as_str()),
        "connections": known.all().filter(|it| it.state != State::Removed).count(),
        "connections_max": settings.plan().connections_max(),
        "plan": settings.plan().to_string(),
    }))
}

fn announce(facts: &Value, as_json: bool) -> std::io::Result<()> {
    if as_json {
        return output::json(facts);
    }
    let text = |name: &str| facts[name].as_str().map(str::to_owned);
    let mut lines = vec![format!("Kizuna {}", text("version").unwrap_or_default())];
    lines.extend(text("webhook_base_url").map(|url| format!("  webhooks  {url}/line/webhook/...")));
    lines.extend(text("public_url").map(|url| format!("  public    {url}/line/webhook/...")));
    lines.extend(text("admin_url").map(|url| format!("  admin     {url}/metrics, /live, /ready")));
    lines.extend(text("console_url").map(|url| format!("  console   {url}")));
    lines.extend(text("setup_url").map(|url| format!("            set it up, once: {url}")));
    lines.extend(text("log").map(|log| format!("  log       {log}")));
    lines.push(match text("hubspot_api_url") {
        Some(url) => format!("  HubSpot   {url}"),
        None => "  HubSpot   KIZUNA_HUBSPOT_TOKEN is not set: events are kept, nothing is sent".to_owned(),
    });
    let plan = text("plan").unwrap_or_default();
    lines.push(format!("  accounts  {} of {} (plan {plan})", facts["connections"], facts["connections_max"]));
    if facts["connections"] == 0 {
        lines.push("            connect the first one with: kizuna connection add --help".to_owned());
    }
    output::line(&lines.join("\n"))
}
