//! `kizuna erase`: a person, erased everywhere.

use super::agreement::agreed;
use crate::cli::recovery::Erase;
use crate::output;
use crate::recovery::erasure::{Fate, Report, Request, erase, known_records};
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::bail;
use runtime::shutdown::Shutdown;
use serde_json::json;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Asks, and erases.
///
/// # Errors
/// When nobody agreed, and when a step could not be done; then the same command goes on.
pub async fn run(command: &Erase, settings: Settings, as_json: bool, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(settings).await?;
    if !command.yes && io::stdin().is_terminal() {
        let log = installation.log.clone();
        let user = command.user;
        let known = tokio::task::spawn_blocking(move || known_records(&*log, user)).await??;
        if !agreed(&question(command, known), shutdown).await? {
            bail!("nothing was erased");
        }
    }
    let request =
        Request { user: command.user, for_good: command.for_good, keep_in_recycle_bin: command.keep_in_recycle_bin };
    let report = erase(&installation, request).await?;
    tell(command, &report, as_json)?;
    let shared = report.contacts.values().any(|fate| *fate == Fate::Shared);
    Ok(if shared || report.spooled || !report.forgotten { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn question(command: &Erase, known: usize) -> String {
    let how = if command.keep_in_recycle_bin { "moved to the recycle bin" } else { "deleted for good" };
    format!(
        "The log holds {known} records of this person. They are erased, and the contact in HubSpot is {how}. This cannot be \
         undone."
    )
}

fn tell(command: &Erase, report: &Report, as_json: bool) -> io::Result<()> {
    let fate = |fate: Fate| match fate {
        Fate::Deleted => "deleted",
        Fate::Archived => "archived",
        Fate::Shared => "shared",
    };
    let since_ms = (report.since_ms != i64::MAX).then_some(report.since_ms);
    if as_json {
        let contacts: Vec<_> = report
            .contacts
            .iter()
            .map(|(id, it)| json!({ "contact_id": id.to_string(), "outcome": fate(*it) }))
            .collect();
        return output::json(&json!({
            "user_id": command.user.to_string(),
            "since_ms": since_ms,
            "records": report.records,
            "contacts": contacts,
            "compacted": report.compacted,
            "state_forgotten": report.forgotten,
            "spooled": report.spooled,
        }));
    }
    let records: usize = report.records.values().sum();
    let mut lines = vec![format!("{records} records erased from the log.")];
    for (id, it) in &report.contacts {
        lines.push(match it {
            Fate::Deleted => format!("Contact {id} is deleted for good."),
            Fate::Archived => format!("Contact {id} is in HubSpot's recycle bin, for 90 days."),
            Fate::Shared => format!(
                "Contact {id} also carries another LINE user and was left: clear this person's properties there by hand."
            ),
        });
    }
    if report.contacts.is_empty() {
        lines.push("HubSpot has no contact of this person.".to_owned());
    }
    if !report.compacted {
        lines.push(
            "Kafka removes the bytes when it compacts the topics, at the latest after max.compaction.lag.ms."
                .to_owned(),
        );
    }
    if !report.forgotten {
        lines.push("The running projector did not come to it within a minute: run this again later.".to_owned());
    }
    if report.spooled {
        lines.push("Events wait in the spool, perhaps of this person too: run this again when it is empty.".to_owned());
    }
    lines.push(match since_ms {
        None => "Whatever the person does, no contact is made again.".to_owned(),
        Some(_) => {
            "If the person writes or follows again, a new contact is made that knows nothing of before.".to_owned()
        }
    });
    output::line(&lines.join("\n"))
}
