//! `kizuna import`: the friends whom an account has already.

use super::agreement::{agreed, is_watched};
use crate::cli::import::Import;
use crate::import::{self, Plan, Progressed};
use crate::output;
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::bail;
use runtime::shutdown::Shutdown;
use serde_json::json;
use std::io;
use std::process::ExitCode;

/// Calls to HubSpot in ten seconds that every portal allows, of which Kizuna uses four fifths.
const HUBSPOT_CALLS_PER_SECOND: f64 = 8.0;

/// Counts, asks, and imports.
///
/// # Errors
/// When the connection cannot import, when LINE or the log refuse, and when nobody agreed.
pub async fn run(command: &Import, settings: Settings, as_json: bool, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(settings).await?;
    let Some(plan) = import::plan(&installation, command.number, shutdown).await? else {
        bail!("stopped before anything was imported");
    };
    if !as_json {
        output::line(&in_words(&plan))?;
    }
    if command.dry_run {
        tell(&plan, None, as_json)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !command.yes && is_watched() && plan.friends() > 0 && !agreed(&question(&plan), shutdown).await? {
        bail!("nothing was imported");
    }
    let progressed = import::carry_out(&installation, &plan, shutdown).await?;
    tell(&plan, Some(progressed), as_json)?;
    Ok(if progressed.is_stopped { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn question(plan: &Plan) -> String {
    format!(
        "Make contacts of {} friends of connection {} ({})? A HubSpot workflow that greets new contacts would greet all of them.",
        plan.friends(),
        plan.connection,
        output::shown(&plan.name, 60)
    )
}

fn in_words(plan: &Plan) -> String {
    let mut lines = vec![
        format!("{:>9}  friends, as LINE lists them ({} calls)", plan.followers, plan.listing_calls),
        format!("{:>9}  of them known already", plan.known),
    ];
    if plan.erased > 0 {
        lines.push(format!("{:>9}  of them erased, and left out", plan.erased));
    }
    lines.push(format!("{:>9}  to be imported", plan.friends()));
    if plan.friends() > 0 {
        let (line, hubspot) = (plan.line_calls(), plan.hubspot_calls());
        lines.push(format!("{line:>9}  calls to LINE, for names and pictures"));
        lines.push(format!("{hubspot:>9}  calls to HubSpot, {} at the least", duration(seconds(plan))));
    }
    lines.join("\n")
}

fn tell(plan: &Plan, progressed: Option<Progressed>, as_json: bool) -> io::Result<()> {
    if as_json {
        return output::json(&json!({
            "followers": plan.followers,
            "known": plan.known,
            "erased": plan.erased,
            "new": plan.friends(),
            "imported": progressed.map_or(0, |progressed| progressed.imported),
            "stopped": progressed.is_some_and(|progressed| progressed.is_stopped),
            "calls": { "line": plan.line_calls(), "hubspot": plan.hubspot_calls(), "seconds": seconds(plan).ceil() },
        }));
    }
    output::line(&match progressed {
        None => "Nothing was imported.".to_owned(),
        Some(Progressed { imported, is_stopped: true }) => {
            format!("Stopped: {imported} friends are imported. Run the same command again to go on.")
        }
        Some(Progressed { imported: 0, .. }) => "Everybody is known already.".to_owned(),
        Some(Progressed { imported, .. }) => {
            format!("{imported} friends are imported. `kizuna up` looks them up in LINE and makes their contacts.")
        }
    })
}

/// The least time that the calls to HubSpot take.
fn seconds(plan: &Plan) -> f64 {
    plan.hubspot_calls() as f64 / HUBSPOT_CALLS_PER_SECOND
}

fn duration(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}
