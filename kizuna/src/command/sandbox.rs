//! `kizuna sandbox`: LINE and HubSpot on this machine, for trying flows offline.

use crate::cli::Sandbox as Flags;
use crate::output;
use ::sandbox::Options;
use runtime::shutdown::Shutdown;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

/// Says in one line where everything is, and serves until told to stop.
///
/// # Errors
/// When a port cannot be had.
pub async fn run(flags: &Flags, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let sandbox = ::sandbox::start(Options {
        line_addr: at(flags.line_port),
        hubspot_addr: at(flags.hubspot_port),
        control_addr: at(flags.control_port),
        ..Options::seeded(flags.seed)
    })
    .await?;
    output::json(&sandbox.announcement())?;
    shutdown.requested().await;
    sandbox.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
