//! `kizuna connection rotate` and `set`.

use super::{print_steps, secret, summary};
use crate::cli::connection::{RotateConnection, SetConnection};
use crate::onboarding::change::{Change, change};
use crate::onboarding::rotation::{self, AccessToken, Rotation};
use crate::output;
use crate::wiring::Installation;
use std::io::BufRead;
use std::process::ExitCode;

/// What was typed, with the secrets fetched from where they are.
pub fn rotation(typed: &RotateConnection, input: &mut dyn BufRead) -> anyhow::Result<Rotation> {
    let (text, file) = (typed.channel_secret.as_ref(), typed.channel_secret_file.as_deref());
    let channel_secret = secret("the channel secret", text, file, input)?;
    let (text, file) = (typed.token.access_token.as_ref(), typed.token.access_token_file.as_deref());
    let access_token = match secret("the access token", text, file, input)? {
        Some(token) => AccessToken::LongLived(token),
        None if typed.stateless => AccessToken::Stateless,
        None => AccessToken::Unchanged,
    };
    Ok(Rotation { channel_secret, access_token, skip_line_checks: typed.skip_line_checks })
}

/// Puts new credentials in force.
pub async fn rotate(
    installation: &Installation,
    typed: &RotateConnection,
    rotation: Rotation,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let report = rotation::rotate(installation, typed.number, rotation).await?;
    if as_json {
        output::json(&report)?;
    } else {
        let outcome = if report.is_good() { "has new credentials" } else { "stays as it was" };
        output::line(&format!("Connection {} {outcome}.\n", report.number))?;
        print_steps(&report.steps)?;
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Changes what was typed.
pub async fn set(installation: &Installation, typed: &SetConnection, as_json: bool) -> anyhow::Result<ExitCode> {
    let switched = |on: bool, off: bool| (on || off).then_some(on);
    let wanted = Change {
        name: typed.name.clone(),
        description: typed.description.clone(),
        icon: typed.icon.clone(),
        auto_create: switched(typed.auto_create, typed.no_auto_create),
        is_paused: switched(typed.pause, typed.resume),
    };
    let changed = change(installation, typed.number, wanted).await?;
    if as_json {
        output::json(&summary(&changed))?;
    } else {
        output::line(&format!("Connection {} is changed. `kizuna connection show {0}` shows it.", changed.number))?;
    }
    Ok(ExitCode::SUCCESS)
}
