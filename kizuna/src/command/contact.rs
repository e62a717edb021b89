//! `kizuna contact`: who is a friend, what the log knows of a person, and why each property is what it is.

use crate::cli::Contact as Command;
use crate::explain::{Cause, Explained, Shown, explain};
use crate::friends::Friends;
use crate::friends::search::{Known, Search};
use crate::output;
use crate::person;
use crate::recovery::listing::Listing;
use crate::settings::Settings;
use crate::wiring::Installation;
use ::connection::State;
use anyhow::ensure;
use contact::{Field, Friend, Link, Names, Property, UserId};
use projector::records::Decoder;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::Arc;

/// Runs one of the commands.
///
/// # Errors
/// When log or state cannot be read, or the log knows nothing of the person.
pub async fn run(command: &Command, settings: Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(settings).await?;
    match command {
        Command::Show { user } => show(&installation, *user, as_json).await,
        Command::Find { text, connection, waiting } => {
            let known = installation.view().await?.snapshot();
            if let Some(only) = connection {
                let is_there = known.by_number(*only).is_some_and(|it| it.state != State::Removed);
                ensure!(is_there, ::connection::Error::NotFound(*only));
            }
            let existing = known.all().filter(|it| it.state != State::Removed).map(|it| it.number);
            let search = Search {
                text: text.clone().unwrap_or_default(),
                connections: existing.filter(|number| connection.is_none_or(|only| only == *number)).collect(),
                is_waiting: *waiting,
                after: None,
            };
            let (friends, is_alone) = (Friends::of(&installation)?, installation.embedded.is_some());
            tokio::task::spawn_blocking(move || find(&friends, search, is_alone, as_json)).await??;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Lists whoever is found, as they are found.
fn find(friends: &Friends, mut search: Search, is_alone: bool, as_json: bool) -> anyhow::Result<()> {
    let mut listing = Listing::begin(as_json)?;
    let (mut found, mut looked_at) = (0, 0);
    let mut head = Some(output::spread(&HEAD.map(str::to_owned), &WIDTHS));
    loop {
        let some = friends.search(&search)?;
        looked_at += some.looked_at;
        found += some.friends.len();
        for known in &some.friends {
            listing.row(&known_value(known), || match head.take() {
                Some(head) => format!("{head}\n{}", known_text(known)),
                None => known_text(known),
            })?;
        }
        search.after = some.next;
        if search.after.is_none() {
            break;
        }
    }
    let elsewhere = friends.partitions_elsewhere()?;
    let summary = json!({ "found": found, "looked_at": looked_at, "partitions_elsewhere": elsewhere });
    listing.end(&summary, &in_words(found, looked_at, elsewhere, is_alone))?;
    Ok(())
}

/// What a search comes to. Somebody who is a friend of two accounts is two friends and one person.
fn in_words(found: usize, looked_at: usize, elsewhere: u32, is_alone: bool) -> String {
    let of = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let told = format!("Found {}; looked at {}.", of(found, "friend", "friends"), of(looked_at, "person", "people"));
    let remedy = if is_alone { ": start `kizuna up`, or run `kizuna replay`" } else { "" };
    match elsewhere {
        0 => told,
        1 => format!("{told} 1 partition has no state on this machine{remedy}."),
        _ => format!("{told} {elsewhere} partitions have no state on this machine{remedy}."),
    }
}

const HEAD: [&str; 6] = ["LINE user", "account", "follows", "waits", "name", "last response"];

/// As wide as most cells are: rows are told as they are found, before the widest is known.
const WIDTHS: [usize; 6] = [33, 7, 7, 5, 20, 40];

fn known_value(known: &Known) -> Value {
    let Known { user, connection, friend, link } = known;
    json!({
        "user_id": user.to_string(),
        "connection": connection.get(),
        "name": friend.likeness().map(|likeness| &likeness.name),
        "follows": friend.follows(),
        "blocks": friend.blocks(),
        "unanswered": friend.unanswered(),
        "last_response": friend.last_response(),
        "last_seen_ms": friend.last_seen_ms(),
        "link": link_value(*link),
    })
}

/// Who wrote after an unfollow, without following again, does not block the account any more.
fn follows(friend: &Friend) -> &'static str {
    match friend.follows() {
        Some(true) => "yes",
        _ if friend.blocks() => "blocked",
        _ => "no",
    }
}

fn known_text(known: &Known) -> String {
    let Known { user, connection, friend, .. } = known;
    let name = friend.likeness().map_or("", |likeness| &likeness.name);
    let row = [
        user.to_string(),
        connection.to_string(),
        follows(friend).to_owned(),
        if friend.unanswered() { "yes" } else { "" }.to_owned(),
        output::shown(name, 30),
        output::shown(friend.last_response().unwrap_or_default(), 40),
    ];
    output::spread(&row, &WIDTHS)
}

async fn show(installation: &Installation, user: UserId, as_json: bool) -> anyhow::Result<ExitCode> {
    let names = installation.settings.property_prefix.0.clone();
    let known = {
        let (log, codec, names) = (Arc::clone(&installation.log), installation.codec.clone(), names.clone());
        let labels = installation.settings.labels();
        let decoder = Decoder::new(codec.clone(), labels, names);
        tokio::task::spawn_blocking(move || person::facts(&*log, &codec, &decoder, user)).await??
    };
    ensure!(!known.is_empty(), "the log holds nothing of this person");
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
    // Where there is no contact to write to, nothing of this is going to be written.
    let is_written = matches!(account.link, Link::Unknown | Link::Live(_));
    let row = |(property, value): (&Property, &str)| {
        let in_hubspot = match explained.shown(*property) {
            _ if !is_written => "no",
            Shown::Yes => "yes",
            Shown::NotYet => "not yet",
            Shown::InDoubt => "in doubt",
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

#[cfg(test)]
mod tests {
    use super::*;
    use contact::{ConnectionNumber, Event, EventId, Kind, Moment, User};

    #[test]
    fn who_writes_after_an_unfollow_is_not_called_blocked() {
        let number = ConnectionNumber::new(1).expect("not 0");
        let mut user = User::default();
        let mut after = |time_ms, kind| {
            let at = Moment { time_ms, id: EventId(0) };
            user.apply(Event { user: UserId::from_u128(7), connection: number, at, kind });
            user.friend(number).map(follows)
        };
        assert_eq!(after(1, Kind::Followed), Some("yes"));
        assert_eq!(after(2, Kind::Unfollowed), Some("blocked"));
        assert_eq!(after(3, Kind::Messaged { message: "1".into(), text: "a".into() }), Some("no"));
    }

    #[test]
    fn a_search_tells_friends_from_people_and_what_brings_a_lost_state_back() {
        assert_eq!(in_words(1, 1, 0, true), "Found 1 friend; looked at 1 person.");
        assert_eq!(in_words(3, 2, 0, true), "Found 3 friends; looked at 2 people.");
        let lost = in_words(0, 0, 1, true);
        assert!(lost.ends_with("1 partition has no state on this machine: start `kizuna up`, or run `kizuna replay`."));
        assert!(in_words(0, 0, 4, false).ends_with("4 partitions have no state on this machine."));
    }
}
