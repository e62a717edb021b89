//! One friend: what HubSpot shows of the person by connection, and the events that made it so.

use super::friends::{shortened, told};
use crate::console::Console;
use crate::console::events::called;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::headers::picture;
use crate::console::language::Language;
use crate::console::page::{Fault, Frame, page, plain};
use crate::explain::{Explained, Happened, Shown, explain};
use crate::person;
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use connection::{Snapshot, State as Life};
use contact::{ConnectionNumber, Field, Likeness, Link, Property, UserId};
use projector::records::Decoder;
use std::collections::BTreeMap;

/// Up to so many records of the log are read for a page without being asked: well under a second.
const READ_UNASKED: u64 = 200_000;

/// Characters of a value on the page; HubSpot has all.
const VALUE_MAX: usize = 2_000;

/// Lines of the history on the page.
const HISTORY_MAX: usize = 300;

#[derive(Template)]
#[template(path = "friend.html")]
struct Friend {
    frame: Frame,
    user: String,
    email: String,
    name: String,
    picture: Option<String>,
    /// Where the contact stands: style and text.
    link: (&'static str, String),
    /// The contact's page in HubSpot.
    contact_url: Option<String>,
    sections: Vec<Section>,
    history: Vec<Line>,
    /// Older lines that are not on the page.
    rest: usize,
    /// So many records have to be read to give reasons; `None` where they were.
    unread: Option<u64>,
}

/// What one connection knows of the person.
struct Section {
    number: u32,
    name: String,
    is_removed: bool,
    rows: Vec<Row>,
}

/// One property.
struct Row {
    label: String,
    value: String,
    /// Does HubSpot show it: style and text.
    shown: (&'static str, &'static str),
    what: String,
    when: String,
    event_id: String,
}

/// One thing that happened.
struct Line {
    when: String,
    connection: String,
    what: String,
    event_id: String,
    decides: Vec<String>,
}

/// The page.
pub async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Result<Response, Fault> {
    let (asked, language) = (Form::new(asked), visitor.language);
    let known = match UserId::parse(asked.text("user")) {
        Some(user) => console.explained(user, asked.text("history") == "read").await?.map(|known| (user, known)),
        None => None,
    };
    let Some((user, (explained, unread))) = known else {
        return Ok(plain(StatusCode::NOT_FOUND, language));
    };
    let link = explained.user.account.link;
    let contact_url = match link {
        Link::Live(contact) => console.0.contact_links.of(contact).await,
        _ => None,
    };
    let likeness = explained.user.friends().find_map(|(_, friend)| friend.likeness());
    let name = likeness.map(|it| it.name.to_string()).filter(|name| !name.trim().is_empty());
    let teller = Teller { connections: &console.0.view.snapshot(), explained: &explained, language };
    Ok(page(&Friend {
        user: user.to_string(),
        email: user.dummy_email(),
        name: name.unwrap_or_else(|| language.words().nameless.to_owned()),
        picture: likeness.and_then(shown_picture),
        link: told(link, language),
        contact_url,
        sections: teller.sections(),
        history: explained.history.iter().rev().take(HISTORY_MAX).map(|it| teller.line(it)).collect(),
        rest: explained.history.len().saturating_sub(HISTORY_MAX),
        unread,
        frame: Frame::new(visitor),
    }))
}

fn shown_picture(likeness: &Likeness) -> Option<String> {
    picture(likeness.picture.as_deref()?).map(str::to_owned)
}

impl Console {
    /// A person's state. With reasons, unless the log is so long that somebody should ask for them: then with how many records
    /// they are in. `None` of somebody unknown.
    async fn explained(&self, user: UserId, is_asked: bool) -> Result<Option<(Explained, Option<u64>)>, Fault> {
        let _turn = self.0.log_turns.acquire().await?;
        let (installation, friends) = (self.0.installation.clone(), self.0.friends.clone());
        let reading = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
            let (log, codec) = (&*installation.log, &installation.codec);
            let records = person::records_to_read(log, user)?;
            if records > READ_UNASKED && !is_asked {
                let state = friends.user(user)?;
                return Ok(state.map(|state| (Explained::unread(user, state), Some(records))));
            }
            let (labels, names) = (installation.settings.labels(), installation.settings.property_prefix.0.clone());
            let facts = person::facts(log, codec, &Decoder::new(codec.clone(), labels, names), user)?;
            Ok((!facts.is_empty()).then(|| (explain(user, facts), None)))
        });
        Ok(reading.await??)
    }
}

/// Tells what is known in the reader's language.
struct Teller<'a> {
    connections: &'a Snapshot,
    explained: &'a Explained,
    language: Language,
}

impl Teller<'_> {
    fn sections(&self) -> Vec<Section> {
        let mut rows: BTreeMap<ConnectionNumber, Vec<Row>> = BTreeMap::new();
        for (property, value) in &self.explained.values {
            rows.entry(property.connection).or_default().push(self.row(*property, value));
        }
        let section = |(number, rows): (ConnectionNumber, Vec<Row>)| {
            let connection = self.connections.by_number(number);
            let is_removed = connection.as_ref().is_none_or(|it| it.state == Life::Removed);
            let name = connection.map(|it| it.name.clone()).unwrap_or_default();
            Section { number: number.get(), name, is_removed, rows }
        };
        rows.into_iter().map(section).collect()
    }

    fn row(&self, property: Property, value: &str) -> Row {
        let (words, cause) = (self.language.words(), self.explained.causes.get(&property));
        Row {
            label: property.label(),
            value: match value.parse() {
                Ok(ms) if property.field == Field::SyncDate => self.language.time(ms),
                _ => shortened(value, VALUE_MAX),
            },
            shown: match self.explained.shown(property) {
                Shown::Yes => ("done", words.shown_yes),
                Shown::NotYet => ("skipped", words.shown_not_yet),
                Shown::InDoubt => ("skipped", words.shown_in_doubt),
            },
            what: cause.map(|it| called(&it.kind, self.language).to_owned()).unwrap_or_default(),
            when: cause.map(|it| self.language.time(it.time_ms)).unwrap_or_default(),
            event_id: cause.and_then(|it| it.event_id.clone()).unwrap_or_default(),
        }
    }

    fn line(&self, happened: &Happened) -> Line {
        let Happened { cause, connection, decides } = happened;
        let name = |number: ConnectionNumber| match self.connections.by_number(number) {
            Some(connection) => connection.name.clone(),
            None => number.to_string(),
        };
        Line {
            when: self.language.time(cause.time_ms),
            connection: connection.map(name).unwrap_or_default(),
            what: called(&cause.kind, self.language).to_owned(),
            event_id: cause.event_id.clone().unwrap_or_default(),
            decides: decides.iter().map(|property| property.label()).collect(),
        }
    }
}
