//! `kizuna replay`: the state made again from the log, and what that would change in HubSpot.

use crate::cli::recovery::Replay;
use crate::output;
use crate::recovery::beside::{Beside, Stopped};
use crate::recovery::listing::Listing;
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::bail;
use connection::Snapshot;
use contact::{Action, Names};
use projector::sync::answers::{connections, sent};
use projector::sync::queue::Work;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Users looked at at a time.
const PAGE: usize = 1_000;

/// Contacts in one call to HubSpot.
const BATCH: u64 = 100;

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
    let mut beside = Beside::build(&installation, &view).await?;
    let names = installation.settings.property_prefix.0.clone();
    let (listing, tally) = list(&mut beside, &view.snapshot(), &names, as_json)?;
    let (records, unusable) = (beside.rebuilt.records, beside.rebuilt.unusable);
    let replaced = match &stopped {
        Some(stopped) => beside.replace_live(stopped).map(|()| true)?,
        None => false,
    };
    let summary = json!({
        "changes": tally.changes,
        "contacts": tally.creates + tally.updates,
        "calls": tally.calls(),
        "creates": tally.creates,
        "updates": tally.updates,
        "checks": tally.checks,
        "records": records,
        "unusable": unusable,
        "replaced": replaced,
    });
    listing.end(&summary, &in_words(&tally, records, replaced))?;
    Ok(ExitCode::SUCCESS)
}

/// What the projector would do.
#[derive(Debug, Default)]
struct Tally {
    changes: u64,
    creates: u64,
    updates: u64,
    /// Contacts that are looked at, because somebody wrote or followed since HubSpot last showed them.
    checks: u64,
    /// Of the creations, those for which a contact is looked for first.
    looked_for: u64,
}

impl Tally {
    fn calls(&self) -> u64 {
        [self.creates, self.updates, self.checks, self.looked_for].iter().map(|contacts| contacts.div_ceil(BATCH)).sum()
    }

    fn count(&mut self, work: &Work, connected: &Snapshot) {
        self.changes += sent(work).len() as u64;
        match work.action {
            Action::Create(_) => {
                let existed = |number| connected.by_number(number).is_some_and(|it| it.properties_existed);
                self.creates += 1;
                self.looked_for += u64::from(connections(work).into_iter().any(existed));
            }
            Action::Update(..) => self.updates += 1,
            Action::Check(_) => self.checks += 1,
            Action::Nothing => {}
        }
    }
}

fn list(beside: &mut Beside, connected: &Snapshot, names: &Names, as_json: bool) -> anyhow::Result<(Listing, Tally)> {
    let (mut listing, mut tally) = (Listing::begin(as_json)?, Tally::default());
    for partition in &mut beside.rebuilt.partitions {
        let mut after = None;
        loop {
            let page = partition.backlog(after, PAGE, &beside.rules)?;
            for work in &page.work {
                tally.count(work, connected);
                if sent(work).is_empty() {
                    continue;
                }
                listing.row(&as_value(work, names), || as_text(work, names))?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok((listing, tally))
}

fn action(work: &Work) -> (&'static str, Option<String>) {
    match &work.action {
        Action::Create(_) => ("create", None),
        Action::Update(contact, _) => ("update", Some(contact.to_string())),
        Action::Check(contact) => ("check", Some(contact.to_string())),
        Action::Nothing => ("nothing", None),
    }
}

/// The properties that change: name, what HubSpot last showed (`None` where a write of it was begun, and HubSpot's answer is not
/// in the log), what it is to show.
fn changes<'a>(work: &'a Work, names: &'a Names) -> impl Iterator<Item = (String, Option<&'a str>, &'a str)> {
    let is_update = matches!(work.action, Action::Update(..));
    sent(work).iter().map(move |(property, value)| {
        let before = if is_update { work.account.confirmed(*property) } else { Some("") };
        (names.name(*property), before, &**value)
    })
}

fn as_value(work: &Work, names: &Names) -> Value {
    let (action, contact) = action(work);
    let property = |(name, from, to)| json!({ "name": name, "from": from, "to": to });
    json!({
        "user_id": work.user.to_string(),
        "action": action,
        "contact_id": contact,
        "properties": changes(work, names).map(property).collect::<Vec<_>>(),
    })
}

fn as_text(work: &Work, names: &Names) -> String {
    let (action, contact) = action(work);
    let mut lines = vec![format!("{action} {}", contact.unwrap_or_else(|| work.user.to_string()))];
    lines.extend(changes(work, names).map(|(name, from, to)| {
        let from = from.map_or_else(|| "in doubt".to_owned(), |from| format!("\"{}\"", output::shown(from, 40)));
        format!("  {name}: {from} -> \"{}\"", output::shown(to, 40))
    }));
    lines.join("\n")
}

fn in_words(tally: &Tally, records: u64, replaced: bool) -> String {
    let contacts = tally.creates + tally.updates;
    let found = match contacts {
        0 => format!("{records} records read. HubSpot is in step with the log: 0 changes."),
        _ => format!(
            "{records} records read. {} changes on {contacts} contacts ({} to create, {} to update): {} calls to HubSpot.",
            tally.changes,
            tally.creates,
            tally.updates,
            tally.calls()
        ),
    };
    let found = match tally.checks {
        0 => found,
        checks => format!("{found} {checks} contacts to look at, whether they are still there."),
    };
    match (replaced, contacts) {
        (true, 0) => format!("{found}\nThe state is new."),
        (true, _) => format!("{found}\nThe state is new. `kizuna up` writes these changes when it starts."),
        (false, _) => format!("{found}\nNothing was sent and nothing was changed."),
    }
}
