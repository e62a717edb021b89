//! The connected accounts at a glance.

use crate::bilingual::Bilingual;
use crate::checkup::glance::Taken;
use crate::console::Console;
use crate::console::guard::Visitor;
use crate::console::headers::picture;
use crate::console::language::Language;
use crate::console::page::{Frame, page};
use crate::friends::census::{Count, Tally};
use crate::readiness::{Readiness, title};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use connection::{Connection, Snapshot, State as Life};

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    frame: Frame,
    tiles: Vec<Tile>,
    /// When friends were counted, for people; `None` while they are.
    counted: Option<String>,
    /// Partitions whose friends are kept elsewhere.
    elsewhere: u32,
    /// Numbers that somebody began to connect, with their channels.
    unfinished: Vec<(u32, String)>,
    in_use: usize,
    max: u32,
    plan: String,
    /// Does this process have parts that keep accounts working? `kizuna console` has none.
    has_parts: bool,
    /// Those that are not as they should be, and why.
    problems: Vec<(String, String)>,
    has_hubspot: bool,
}

impl Dashboard {
    /// Does this process do all that it should?
    fn is_in_order(&self) -> bool {
        self.has_parts && self.problems.is_empty() && self.has_hubspot
    }

    /// Accounts that something seems to be wrong with. A pause is somebody's wish.
    fn troubled(&self) -> usize {
        self.tiles.iter().filter(|tile| tile.card.is_active && tile.health.0 != "done").count()
    }
}

/// One account with how it is.
struct Tile {
    card: Card,
    /// Its friends; `None` while they are counted.
    friends: Option<Friends>,
    /// How it seems to be: style and text.
    health: (&'static str, &'static str),
}

/// An account's friends.
struct Friends {
    tally: Tally,
    last_seen: Option<String>,
}

/// One account.
pub struct Card {
    /// Its number.
    pub number: u32,
    /// What the team calls it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its picture, if it may be shown.
    pub picture: Option<String>,
    /// Are its friends kept in step?
    pub is_active: bool,
}

impl Card {
    /// What is shown of a connection.
    pub fn of(connection: &Connection) -> Self {
        Self {
            number: connection.number.get(),
            name: connection.name.clone(),
            description: connection.description.clone(),
            picture: picture(&connection.icon).map(str::to_owned),
            is_active: connection.state == Life::Active,
        }
    }

    /// Stands where there is no picture.
    pub fn initial(&self) -> char {
        self.name.chars().find(|character| character.is_alphanumeric()).unwrap_or('L')
    }
}

/// The page.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Response {
    let language = visitor.language;
    let inner = &console.0;
    let known = inner.view.snapshot();
    let (count, now_ms) = (inner.census.newest().await, inner.installation.clock.now_ms());
    let look = Look { count: count.as_deref(), taken: Taken::of(&inner.installation.metrics), now_ms, language };
    let tiles = look.tiles(&known);
    let unfinished: Vec<_> = known.unfinished().iter().map(|(number, id)| (number.get(), id.clone())).collect();
    let plan = inner.installation.settings.plan();
    page(&Dashboard {
        frame: Frame::new(visitor),
        in_use: tiles.len() + unfinished.len(),
        tiles,
        counted: count.as_ref().map(|count| language.ago(now_ms - count.at_ms)),
        elsewhere: count.as_ref().map_or(0, |count| count.elsewhere),
        unfinished,
        max: plan.connections_max(),
        plan: plan.to_string(),
        has_parts: inner.readiness.is_some(),
        problems: console.problems(language),
        has_hubspot: inner.installation.crm.is_some(),
    })
}

/// What the accounts are looked at with.
struct Look<'a> {
    count: Option<&'a Count>,
    taken: Taken,
    now_ms: i64,
    language: Language,
}

impl Look<'_> {
    fn tiles(&self, known: &Snapshot) -> Vec<Tile> {
        known.all().filter(|it| it.state != Life::Removed).map(|it| self.tile(it)).collect()
    }

    fn tile(&self, connection: &Connection) -> Tile {
        let tally = self.count.map(|count| count.of(connection.number));
        let friends = tally.map(|tally| Friends {
            tally,
            last_seen: tally.last_seen_ms.map(|ms| self.language.ago(self.now_ms - ms)),
        });
        Tile { card: Card::of(connection), friends, health: self.health(connection, tally) }
    }

    fn health(&self, connection: &Connection, tally: Option<Tally>) -> (&'static str, &'static str) {
        let words = self.language.words();
        if connection.state != Life::Active {
            return ("by-hand", words.paused);
        }
        // That nobody was ever seen here says nothing where others may be seen elsewhere.
        let is_elsewhere = self.count.is_some_and(|count| count.elsewhere > 0);
        let tally = tally.filter(|tally| tally.last_seen_ms.is_some() || !is_elsewhere);
        let found = self.taken.judge(connection.number, tally, self.now_ms);
        match found.map(|finding| finding.code) {
            Some("signatures_wrong") => ("failed", words.health_signatures_wrong),
            Some("destination_wrong") => ("failed", words.health_destination_wrong),
            Some("webhooks_not_stored") => ("by-hand", words.health_not_stored),
            Some("signatures_some_wrong") => ("by-hand", words.health_signatures_some_wrong),
            Some("events_none") => ("by-hand", words.health_events_none),
            Some("events_old") => ("by-hand", words.health_events_old),
            _ => ("done", words.health_good),
        }
    }
}

impl Console {
    /// What is not as it should be in this process.
    fn problems(&self, language: Language) -> Vec<(String, String)> {
        let parts = self.0.readiness.as_ref().map(Readiness::parts).unwrap_or_default();
        let told = |sentence: &Bilingual| language.of_both(sentence).to_owned();
        let problem = |(part, state)| match state {
            Ok(None) => None,
            Ok(Some(how)) | Err(how) => Some((told(&title(part)), told(&how))),
        };
        parts.into_iter().filter_map(problem).collect()
    }
}
