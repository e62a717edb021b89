//! `kizuna replay`: the state made again from the log, and what that would change in HubSpot.

use crate::cli::recovery::Replay;
use crate::output;
use crate::recovery::beside::{Beside, Stopped};
use crate::recovery::listing::Listing;
use crate::recovery::plan::{Change, Plan, Row};
use crate::recovery::progress::Progress;
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::bail;
use serde_json::json;
use std::process::ExitCode;

/// Rebuilds, tells, and puts the new state in the place of the old one unless told not to.
///
/// # Errors
/// When the log cannot be read, or a running projector has the state.
pub async fn run(replay: &Replay, settings: Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(settings).await?;
    let stopped = if replay.dry_run { None } else { Stopped::find(&installation)? };
    if stopped.is_none() && !replay.dry_run {
        bail!(
            "a projector works with the state in {}: stop `kizuna up` first, then run this again. To see what a replay \
             would change, while it runs: kizuna replay --dry-run",
            installation.directory("state")?.display()
        );
    }
    let view = installation.view().await?;
    let mut beside = Beside::build(&installation, &view, Progress::of_records()).await?;
    let names = installation.settings.property_prefix.0.clone();
    let mut listing = Listing::begin(as_json)?;
    let tell = |row: &Row| Ok(listing.row(&json!(row), || as_text(row))?);
    let plan = Plan::of(&mut beside, &view.snapshot(), &names, tell)?;
    let replaced = match &stopped {
        Some(stopped) => beside.replace_live(stopped).map(|()| true)?,
        None => false,
    };
    let summary = json!({
        "changes": plan.changes,
        "contacts": plan.contacts(),
        "calls": plan.calls(),
        "creates": plan.creates,
        "updates": plan.updates,
        "checks": plan.checks,
        "records": plan.records,
        "unusable": plan.unusable,
        "replaced": replaced,
    });
    listing.end(&summary, &in_words(&plan, replaced))?;
    Ok(ExitCode::SUCCESS)
}

fn as_text(row: &Row) -> String {
    let mut lines = vec![format!("{} {}", row.action, row.contact_id.as_ref().unwrap_or(&row.user_id))];
    lines.extend(row.properties.iter().map(|Change { name, from, to }| {
        let from =
            from.as_ref().map_or_else(|| "in doubt".to_owned(), |from| format!("\"{}\"", output::shown(from, 40)));
        format!("  {name}: {from} -> \"{}\"", output::shown(to, 40))
    }));
    lines.join("\n")
}

fn in_words(plan: &Plan, replaced: bool) -> String {
    let (records, contacts) = (plan.records, plan.contacts());
    let found = match contacts {
        0 => format!("{records} records read. HubSpot is in step with the log: 0 changes."),
        _ => format!(
            "{records} records read. {} changes on {contacts} contacts ({} to create, {} to update): {} calls to HubSpot.",
            plan.changes,
            plan.creates,
            plan.updates,
            plan.calls()
        ),
    };
    let found = match plan.checks {
        0 => found,
        checks => format!("{found} {checks} contacts to look at, whether they are still there."),
    };
    match (replaced, contacts) {
        (true, 0) => format!("{found}\nThe state is new."),
        (true, _) => format!("{found}\nThe state is new. `kizuna up` writes these changes when it starts."),
        (false, _) => format!("{found}\nNothing was sent and nothing was changed."),
    }
}
