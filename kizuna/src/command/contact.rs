//! `kizuna contact`: what the log knows of a person, and why each property is what it is.

use crate::cli::Contact as Command;
use crate::explain::{Cause, Explained, explain};
use crate::output;
use crate::person;
use crate::settings::Settings;
use crate::wiring::Installation;
use contact::{Field, Link, Names, Property, UserId};
use projector::decode::Decoder;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::Arc;

/// Runs one of the commands.
///
/// # Errors
/// When the log cannot be read or knows nothing of the person.
pub async fn run(command: &Command, settings: Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let Command::Show { user } = command;
    let user = *user;
    let installation = Installation::open(settings).await?;
    let names = installation.settings.property_prefix.0.clone();
    let known = {
        let (log, codec, names) = (Arc::clone(&installation.log), installation.codec.clone(), names.clone());
        let labels = installation.settings.labels();
        let decoder = Decoder::new(codec.clone(), labels, names);
        tokio::task::spawn_blocking(move || person::facts(&*log, &codec, &decoder, user)).await??
    };
    anyhow::ensure!(!known.is_empty(), "the log holds nothing of this person");
    let events = known.len();
    let explained = explain(user, known);
    if as_json {
        output::json(&as_value(user, &explained, &names, events))?;
    } else {
        output::line(&as_text(user, &explained, events))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_value(user: UserId, explained: &Explained, names: &Names, facts: usize) -> Value {
    let account = &explained.user.account;
    let is_live = matches!(account.link, Link::Live(_));
    let property = |(property, value): (&Property, &str)| {
        json!({
            "name": names.name(*property),
            "label": property.label(),
            "connection": property.connection.get(),
            "value": value,
            "in_hubspot": is_live.then(|| account.values.get(property)),
            "in_doubt": account.is_in_doubt(*property),
            "set_by": explained.causes.get(property).map(cause_value),
        })
    };
    json!({
        "user_id": user.to_string(),
        "email": user.dummy_email(),
        "link": link_value(account.link),
        "revision": account.revision(),
        "records": facts,
        "properties": values(explained).map(property).collect::<Vec<_>>(),
    })
}

/// A value as people read it.
fn readable(property: Property, value: &str) -> String {
    match value.parse() {
        Ok(ms) if property.field == Field::SyncDate => output::time(ms),
        _ => output::shown(value, 40),
    }
}

fn values(explained: &Explained) -> impl Iterator<Item = (&Property, &str)> {
    explained.values.iter().map(|(property, value)| (property, &**value))
}

fn cause_value(cause: &Cause) -> Value {
    json!({ "time": output::time(cause.time_ms), "time_ms": cause.time_ms, "event_id": cause.event_id, "kind": cause.kind })
}

fn link_value(link: Link) -> Value {
    match link {
        Link::Unknown => json!({ "state": "unknown" }),
        Link::Live(contact) => json!({ "state": "live", "contact_id": contact.to_string() }),
        Link::Gone { contact, since_ms } => {
            json!({ "state": "gone", "contact_id": contact.to_string(), "since_ms": since_ms })
        }
        Link::Erased { since_ms: i64::MAX } => json!({ "state": "erased", "since_ms": null }),
        Link::Erased { since_ms } => json!({ "state": "erased", "since_ms": since_ms }),
        Link::Merged { into } => json!({ "state": "merged", "into": into.to_string() }),
    }
}

fn as_text(user: UserId, explained: &Explained, facts: usize) -> String {
    let account = &explained.user.account;
    let link = match account.link {
        Link::Unknown => "none yet".to_owned(),
        Link::Live(contact) => format!("{contact}"),
        Link::Gone { contact, since_ms } => format!("{contact}, deleted in HubSpot {}", output::time(since_ms)),
        Link::Erased { since_ms: i64::MAX } => "erased for good".to_owned(),
        Link::Erased { since_ms } => format!("erased {}", output::time(since_ms)),
        Link::Merged { into } => format!("merged into {into}, which stays another person's"),
    };
    let row = |(property, value): (&Property, &str)| {
        let in_hubspot = match account.confirmed(*property) {
            None => "in doubt",
            Some(confirmed) if confirmed == value && matches!(account.link, Link::Live(_)) => "yes",
            Some(_) => "not yet",
        };
        let cause = explained.causes.get(property);
        [
            property.label(),
            readable(*property, value),
            in_hubspot.to_owned(),
            cause.map(|cause| output::time(cause.time_ms)).unwrap_or_default(),
            cause.map(|cause| cause.kind.clone()).unwrap_or_default(),
            cause.and_then(|cause| cause.event_id.clone()).unwrap_or_default(),
        ]
    };
    let rows: Vec<[String; 6]> = values(explained).map(row).collect();
    let table = output::table(["property", "value", "in HubSpot", "set at", "by", "event"], &rows);
    let head = [
        format!("LINE user  {user}"),
        format!("E-mail     {}", user.dummy_email()),
        format!("Contact    {link}"),
        format!("Records    {facts}"),
    ];
    format!("{}\n\n{table}", head.join("\n"))
}
