//! The connected accounts at a glance.

use crate::console::Console;
use crate::console::guard::Visitor;
use crate::console::headers::picture;
use crate::console::page::{Frame, page};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use connection::{Connection, State as Life};

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    frame: Frame,
    cards: Vec<Card>,
    /// Numbers that somebody began to connect, with their channels.
    unfinished: Vec<(u32, String)>,
    in_use: usize,
    max: u32,
    plan: String,
    /// Does this process have parts that keep accounts working? `kizuna console` has none.
    has_parts: bool,
    /// Those that are not as they should be, and why.
    problems: Vec<(&'static str, String)>,
    has_hubspot: bool,
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
    let inner = &console.0;
    let known = inner.view.snapshot();
    let cards: Vec<_> = known.all().filter(|it| it.state != Life::Removed).map(|it| Card::of(it)).collect();
    let unfinished: Vec<_> = known.unfinished().iter().map(|(number, id)| (number.get(), id.clone())).collect();
    let plan = inner.installation.settings.plan();
    page(&Dashboard {
        frame: Frame::new(visitor),
        in_use: cards.len() + unfinished.len(),
        cards,
        unfinished,
        max: plan.connections_max(),
        plan: plan.to_string(),
        has_parts: inner.readiness.is_some(),
        problems: console.problems(),
        has_hubspot: inner.installation.crm.is_some(),
    })
}

impl Console {
    /// What is not as it should be in this process.
    fn problems(&self) -> Vec<(&'static str, String)> {
        let parts = self.0.readiness.as_ref().map(runtime::admin::Readiness::parts).unwrap_or_default();
        let problem = |(name, state)| match state {
            Ok(None) => None,
            Ok(Some(how)) | Err(how) => Some((name, how)),
        };
        parts.into_iter().filter_map(problem).collect()
    }
}
