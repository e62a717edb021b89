//! Existing friends of an official account, brought in through LINE's list of followers.
//!
//! An import is records like any other: for each friend whom the log does not know, one event `imported`. It makes a contact
//! of the friend, as a first action would, and nothing more: it is neither a follow nor a message, so that it brings no
//! deleted contact back. Who is in the log already is passed over. So an import that was stopped goes on when it is run
//! again, and nothing is doubled; and only somebody's first import counts, however often it is run.

mod followers;
mod known;

use crate::recovery::progress::Progress;
use crate::wiring::Installation;
use anyhow::{Context, ensure};
use connection::{Connection, State};
use contact::{ConnectionNumber, UserId};
use eventlog::{NewRecord, Topic};
use known::Known;
use projector::records::{Decoder, import_key, import_record};
use runtime::shutdown::Shutdown;
use std::sync::Arc;

/// Friends appended at a time.
const AT_A_TIME: usize = 1_000;

/// Contacts in one call to HubSpot.
const CONTACTS_PER_CALL: usize = 100;

/// What an import would do, or will.
#[derive(Debug)]
pub struct Plan {
    /// Whose friends they are.
    pub connection: ConnectionNumber,
    /// What the team calls it.
    pub name: String,
    /// Friends whom LINE lists.
    pub followers: usize,
    /// Of these, those whom the log knows already.
    pub known: usize,
    /// Of these, those who were erased and did not come back: they are left out.
    pub erased: usize,
    /// Friends to be imported.
    new: Vec<UserId>,
    /// Calls that it took to list the friends.
    pub listing_calls: usize,
    /// Are contacts looked for in HubSpot before they are made?
    looked_for: bool,
}

/// How far an import came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progressed {
    /// Friends imported.
    pub imported: usize,
    /// Was it stopped before the last one?
    pub is_stopped: bool,
}

impl Plan {
    /// Friends to be imported.
    pub fn friends(&self) -> usize {
        self.new.len()
    }

    /// Look-ups of name and picture in LINE: one for each new friend.
    pub fn line_calls(&self) -> usize {
        self.new.len()
    }

    /// Calls to HubSpot, if it takes every batch at once.
    pub fn hubspot_calls(&self) -> usize {
        let batches = self.new.len().div_ceil(CONTACTS_PER_CALL);
        if self.looked_for { 2 * batches } else { batches }
    }
}

/// Finds out whom an import of this connection would bring in. `None` when it was stopped.
///
/// # Errors
/// When the connection cannot import, when LINE does not list its friends, and when the log cannot be read.
pub async fn plan(
    installation: &Installation,
    number: ConnectionNumber,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Plan>> {
    let connection = importable(installation, number).await?;
    let channel = projector::sync::profiles::channel(&connection)
        .context("the connection has neither an access token nor a channel secret")?;
    let Some(listed) = followers::list(&installation.line, &channel, shutdown).await? else { return Ok(None) };
    let Some(known) = known(installation, number, shutdown).await? else { return Ok(None) };
    let mut plan = Plan {
        connection: number,
        name: connection.name.clone(),
        followers: listed.users.len(),
        known: 0,
        erased: 0,
        new: Vec::new(),
        listing_calls: listed.calls,
        looked_for: connection.properties_existed,
    };
    for user in listed.users {
        match known.get(user) {
            None => plan.new.push(user),
            Some(known::Standing::Acted) => plan.known += 1,
            Some(known::Standing::Erased) => plan.erased += 1,
        }
    }
    Ok(Some(plan))
}

/// Puts the friends of the plan into the log, some at a time, until all are in or it is told to stop.
///
/// # Errors
/// When the log does not take them: those appended before stay.
pub async fn carry_out(installation: &Installation, plan: &Plan, shutdown: &Shutdown) -> anyhow::Result<Progressed> {
    let mut progress = Progress::of("friends imported");
    let mut imported = 0;
    for users in plan.new.chunks(AT_A_TIME) {
        if shutdown.is_requested() {
            break;
        }
        let now_ms = installation.clock.now_ms();
        let records = users.iter().map(|user| record(installation, *user, plan.connection, now_ms)).collect();
        installation.log.append(records).await.context("the log does not take the friends")?;
        imported += users.len();
        progress.tell(imported as u64, Some(plan.new.len() as u64));
    }
    Ok(Progressed { imported, is_stopped: imported < plan.new.len() })
}

fn record(installation: &Installation, user: UserId, connection: ConnectionNumber, now_ms: i64) -> NewRecord {
    NewRecord {
        topic: Topic::LineEvents,
        key: import_key(user, connection),
        value: Some(installation.codec.encode(&import_record(user, connection, now_ms))),
    }
}

async fn importable(installation: &Installation, number: ConnectionNumber) -> anyhow::Result<Arc<Connection>> {
    let connection =
        installation.view().await?.snapshot().by_number(number).with_context(|| {
            format!("there is no connection {number}; `kizuna connection list` shows those there are")
        })?;
    ensure!(connection.state != State::Removed, "connection {number} is removed");
    ensure!(
        connection.auto_create,
        "connection {number} makes no contacts of new friends, so an import would change nothing: switch that on first"
    );
    Ok(connection)
}

async fn known(
    installation: &Installation,
    number: ConnectionNumber,
    shutdown: &Shutdown,
) -> anyhow::Result<Option<Known>> {
    let Installation { log, codec, settings, .. } = installation.clone();
    let decoder = Decoder::new(codec, settings.labels(), settings.property_prefix.0.clone());
    let shutdown = shutdown.clone();
    tokio::task::spawn_blocking(move || Known::read(&*log, &decoder, number, &shutdown)).await?
}
