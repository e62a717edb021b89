//! Friends found by name or LINE user ID.
//!
//! What is looked for stands in the query of the address, never in its path, so that a proxy can leave it out of its log.

use crate::console::Console;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::headers::picture;
use crate::console::language::Language;
use crate::console::page::{Fault, Frame, page};
use crate::friends::search::{Found, Known, Search};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use connection::{Snapshot, State as Life};
use contact::{ConnectionNumber, Link};
use std::collections::BTreeMap;

/// Characters of a message that a row shows.
const TEXT_MAX: usize = 80;

#[derive(Template)]
#[template(path = "friends.html")]
struct Listed {
    frame: Frame,
    text: String,
    is_waiting: bool,
    /// The connections with the chosen one marked.
    choices: Vec<Choice>,
    rows: Vec<Row>,
    looked_at: usize,
    /// The query of the next page.
    next: Option<String>,
    /// Is this not the first page?
    goes_on: bool,
    elsewhere: u32,
}

struct Choice {
    number: u32,
    name: String,
    is_chosen: bool,
}

struct Row {
    user: String,
    name: String,
    picture: Option<String>,
    connection: u32,
    connection_name: String,
    follows: bool,
    waits: bool,
    last_response: String,
    last_seen: String,
    /// Where the contact stands: style and text.
    link: (&'static str, String),
}

/// The form, and below it who was found.
pub async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Result<Response, Fault> {
    let asked = Form::new(asked);
    let known = console.0.view.snapshot();
    let existing = known.all().filter(|it| it.state != Life::Removed);
    let chosen = asked.text("connection").parse().ok().and_then(ConnectionNumber::new);
    let choice = |number: ConnectionNumber, name: &str| Choice {
        number: number.get(),
        name: name.to_owned(),
        is_chosen: chosen == Some(number),
    };
    let choices: Vec<_> = existing.map(|it| choice(it.number, &it.name)).collect();
    let is_looked_in = |number: &ConnectionNumber| chosen.is_none_or(|chosen| chosen == *number);
    let search = Search {
        text: asked.text("find").to_owned(),
        connections: choices.iter().filter_map(|it| ConnectionNumber::new(it.number)).filter(is_looked_in).collect(),
        is_waiting: asked.is_ticked("waiting"),
        after: asked.text("after").parse().ok(),
    };
    let (found, elsewhere, search) = console.search(search).await?;
    let now_ms = console.0.installation.clock.now_ms();
    let row = |it: &Known| Row::of(it, &known, visitor.language, now_ms);
    Ok(page(&Listed {
        rows: found.friends.iter().map(row).collect(),
        looked_at: found.looked_at,
        next: found.next.map(|next| query(&search, chosen, &next.to_string())),
        goes_on: search.after.is_some(),
        elsewhere,
        choices,
        text: search.text,
        is_waiting: search.is_waiting,
        frame: Frame::new(visitor),
    }))
}

impl Console {
    async fn search(&self, search: Search) -> anyhow::Result<(Found, u32, Search)> {
        let friends = self.0.friends.clone();
        let searching = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
            Ok((friends.search(&search)?, friends.partitions_elsewhere()?, search))
        });
        searching.await?
    }
}

impl Row {
    fn of(known: &Known, connections: &Snapshot, language: Language, now_ms: i64) -> Self {
        let Known { user, connection, friend, link } = known;
        let likeness = friend.likeness();
        let name = likeness.map(|it| it.name.to_string()).filter(|name| !name.trim().is_empty());
        let last_response = friend.last_response().unwrap_or_default();
        Self {
            user: user.to_string(),
            name: name.unwrap_or_else(|| language.words().nameless.to_owned()),
            picture: likeness.and_then(|it| picture(it.picture.as_deref()?)).map(str::to_owned),
            connection: connection.get(),
            connection_name: connections.by_number(*connection).map(|it| it.name.clone()).unwrap_or_default(),
            follows: friend.follows() == Some(true),
            waits: friend.unanswered(),
            last_response: shortened(last_response, TEXT_MAX),
            last_seen: friend.last_seen_ms().map(|ms| language.ago(now_ms - ms)).unwrap_or_default(),
            link: told(*link, language),
        }
    }
}

/// Where the contact stands, in few words; of a live one its ID.
pub fn told(link: Link, language: Language) -> (&'static str, String) {
    let words = language.words();
    match link {
        Link::Unknown => ("skipped", words.link_unknown.to_owned()),
        Link::Live(contact) => ("done", contact.to_string()),
        Link::Gone { .. } => ("failed", words.link_gone.to_owned()),
        Link::Erased { .. } => ("failed", words.link_erased.to_owned()),
        Link::Merged { .. } => ("failed", words.link_merged.to_owned()),
    }
}

/// At most so many characters of a text.
pub fn shortened(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The query of the page that goes on from a place.
fn query(search: &Search, chosen: Option<ConnectionNumber>, after: &str) -> String {
    let chosen = chosen.map(|number| number.to_string()).unwrap_or_default();
    let waiting = if search.is_waiting { "&waiting=on" } else { "" };
    format!("find={}&connection={chosen}{waiting}&after={after}", escaped(&search.text))
}

/// A text as a query carries it.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
