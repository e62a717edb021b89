//! Is a connection as it has to be? Asks LINE, HubSpot, the log and a running `kizuna up`, and changes nothing anywhere.
//!
//! Each finding has a code, which is stable for programs, and except where all is well a remedy: what a person does about it.

mod finding;
pub mod glance;
mod hubspot;
mod line;
mod reception;
mod running;

pub use finding::{Finding, Severity};

use crate::bilingual::bilingual;
use crate::wiring::Installation;
use ::connection::{Connection, State};
use anyhow::{Context, ensure};
use contact::ConnectionNumber;
use serde::Serialize;

/// What was found about one connection.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Its number.
    pub number: u32,
    /// What the team calls it.
    pub name: String,
    /// When it was looked at, milliseconds since 1970.
    pub checked_at_ms: i64,
    /// From LINE's side to HubSpot's.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Does anything keep the connection from working?
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Broken)
    }
}

/// Looks at a connection from all sides at once.
///
/// # Errors
/// When there is no such connection, it was removed, or the log cannot be read; what LINE or HubSpot refuse is a finding.
pub async fn check(installation: &Installation, number: ConnectionNumber) -> anyhow::Result<Report> {
    let known = installation.view().await?.snapshot();
    let connection = known
        .by_number(number)
        .with_context(|| format!("there is no connection {number}; `kizuna connection list` shows those there are"))?;
    ensure!(connection.state != State::Removed, "connection {number} was removed: there is nothing left to check");
    let (line, hubspot, reception) = tokio::join!(
        line::check(installation, &connection),
        hubspot::check(installation, number),
        reception::check(installation, &connection),
    );
    let findings = [vec![state(&connection)], new_friends(&connection), line, reception?, hubspot].concat();
    Ok(Report {
        number: number.get(),
        name: connection.name.clone(),
        checked_at_ms: installation.clock.now_ms(),
        findings,
    })
}

fn state(connection: &Connection) -> Finding {
    match connection.state {
        State::Active => Finding::good("connection", bilingual!("it is active", "有効です。")),
        State::Paused | State::Removed => {
            let number = connection.number;
            Finding::warning(
                "connection_paused",
                bilingual!(
                    "it is paused: its events are stored, and nothing is written to HubSpot for it",
                    "一時停止中です。イベントは保存されますが、HubSpotには書き込まれません。"
                ),
                bilingual!(
                    "`kizuna connection set {number} --resume` when HubSpot is to follow again; nothing was lost meanwhile",
                    "HubSpotへの反映を再開するには、アカウントのページで「再開」を押してください。停止中のイベントは失われません。"
                ),
            )
        }
    }
}

/// Somebody chose this, so nothing is wrong; but whoever misses a contact is to see why there is none.
fn new_friends(connection: &Connection) -> Vec<Finding> {
    let number = connection.number;
    let off = || {
        Finding::good(
            "auto_create_off",
            bilingual!(
                "new friends become no contacts by themselves, and contacts that exist are kept in step; \
                 `kizuna connection set {number} --auto-create` switches it on",
                "新しい友だちは自動ではコンタクトになりません。既存のコンタクトは更新されます。アカウントのページで変更できます。"
            ),
        )
    };
    (!connection.auto_create).then(off).into_iter().collect()
}
