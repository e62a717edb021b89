//! One connected account: what it is, and what can be changed about it.

use super::dashboard::Card;
use crate::checkup::glance::{Taken, Webhooks};
use crate::console::Console;
use crate::console::deed::Deed;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page_as, plain};
use crate::console::path::Path;
use crate::console::words::Words;
use crate::onboarding::change::{Change, change, check_icon};
use crate::onboarding::rotation::older_secret_until_ms;
use crate::onboarding::webhook_path;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use connection::{Connection, State as Life};
use contact::ConnectionNumber;

#[derive(Template)]
#[template(path = "connection.html")]
struct Shown {
    frame: Frame,
    card: Card,
    channel_id: String,
    since: String,
    webhook_url: String,
    has_long_lived_token: bool,
    older_secret_until: Option<String>,
    /// What came since the process started, where it takes webhooks.
    webhooks: Option<Webhooks>,
    /// Label and internal name.
    properties: Vec<(String, String)>,
    fields: Fields,
    /// What stood in the fields when they were first shown.
    shown_fields: Fields,
    edit_problem: Option<&'static str>,
    /// What was typed to confirm a removal.
    confirmation: String,
    removal_problem: Option<&'static str>,
}

/// What can be edited.
struct Fields {
    name: String,
    description: String,
    icon: String,
    auto_create: bool,
}

impl Fields {
    fn of(connection: &Connection) -> Self {
        let Connection { name, description, icon, auto_create, .. } = connection.clone();
        Self { name, description, icon, auto_create }
    }

    /// The fields of a form with names that begin so.
    fn sent(form: &Form, beginning: &str) -> Self {
        let name = |rest| format!("{beginning}{rest}");
        let text = |rest| form.text(&name(rest)).to_owned();
        let auto_create = form.is_ticked(&name("auto_create"));
        Self { name: text("name"), description: text("description"), icon: text("icon"), auto_create }
    }

    fn typed(form: &Form) -> Self {
        Self::sent(form, "")
    }

    /// What stood there when the page was shown, if the page says so.
    fn shown(form: &Form) -> Option<Self> {
        form.is_ticked("shown_name").then(|| Self::sent(form, "shown_"))
    }

    /// What was changed on the page: the rest may have been changed by others since.
    fn changed(self, shown: Option<&Self>) -> Change {
        let is_new = |place: fn(&Self) -> &str| shown.is_none_or(|shown| place(shown) != place(&self));
        let (name, description, icon) = (is_new(|it| &it.name), is_new(|it| &it.description), is_new(|it| &it.icon));
        let auto_create = shown.is_none_or(|shown| shown.auto_create != self.auto_create);
        Change {
            name: name.then_some(self.name),
            description: description.then_some(self.description),
            icon: icon.then_some(self.icon),
            auto_create: auto_create.then_some(self.auto_create),
            is_paused: None,
        }
    }

    fn problem(&self, words: &Words) -> Option<&'static str> {
        if self.name.is_empty() {
            Some(words.no_name)
        } else if !self.icon.is_empty() && check_icon(&self.icon).is_err() {
            Some(words.bad_icon)
        } else {
            None
        }
    }
}

/// What was sent and is not done, and why.
enum Refused {
    /// With what stood in the fields when they were shown.
    Edit(Fields, Option<Fields>, &'static str),
    Removal(String, &'static str),
}

/// The page.
pub async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
) -> Response {
    console.connection_page(visitor, number, None)
}

/// Changes what was changed on the page of name, description, picture, and whether friends become contacts.
pub async fn edit(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let (fields, shown) = (Fields::typed(&form), Fields::shown(&form));
    if let Some(problem) = fields.problem(visitor.language.words()) {
        return Ok(console.connection_page(visitor, number, Some(Refused::Edit(fields, shown, problem))));
    }
    let wanted = fields.changed(shown.as_ref());
    console.change(visitor, number, wanted, Deed::Edited).await
}

/// Pauses it, or lets it go on.
pub async fn set_state(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let is_paused = form.text("state") == "paused";
    let wanted = Change { is_paused: Some(is_paused), ..Change::default() };
    console.change(visitor, number, wanted, if is_paused { Deed::Paused } else { Deed::Resumed }).await
}

/// Removes it for good, if its number was typed; or one that was begun, which takes a place of the plan, if nobody finished it meanwhile.
pub async fn remove(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let connected = || console.connection(number).map(|connection| connection.number);
    let found = if form.is_ticked("unfinished") { console.unfinished(number) } else { connected() };
    let Some(known) = found else { return Ok(plain(StatusCode::NOT_FOUND, visitor.language)) };
    let typed = form.text("confirmation");
    if typed != number.to_string() {
        let refused = Refused::Removal(typed.to_owned(), visitor.language.words().wrong_confirmation);
        return Ok(console.connection_page(visitor, number, Some(refused)));
    }
    let installation = &console.0.installation;
    connection::remove(&installation.log, &installation.codec, known, installation.clock.now_ms()).await?;
    console.record(&visitor, Deed::Removed, &number.to_string()).await?;
    console.wait_until(|| connected().or_else(|| console.unfinished(number)).is_none()).await;
    Ok(Redirect::to("/").into_response())
}

impl Console {
    /// The connection of this number, unless it was removed.
    pub(super) fn connection(&self, number: u32) -> Option<Connection> {
        let connection = self.0.view.snapshot().by_number(ConnectionNumber::new(number)?)?;
        (connection.state != Life::Removed).then(|| connection.as_ref().clone())
    }

    /// This number, if somebody began to connect an account under it and did not finish.
    fn unfinished(&self, number: u32) -> Option<ConnectionNumber> {
        self.0.view.snapshot().unfinished().iter().map(|(begun, _)| *begun).find(|begun| begun.get() == number)
    }

    fn connection_page(&self, visitor: Visitor, number: u32, refused: Option<Refused>) -> Response {
        let Some(connection) = self.connection(number) else {
            return plain(StatusCode::NOT_FOUND, visitor.language);
        };
        let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let mut shown = self.shown(visitor, &connection);
        match refused {
            Some(Refused::Edit(typed, before, problem)) => {
                shown.shown_fields = before.unwrap_or(shown.shown_fields);
                (shown.fields, shown.edit_problem) = (typed, Some(problem));
            }
            Some(Refused::Removal(typed, problem)) => {
                (shown.confirmation, shown.removal_problem) = (typed, Some(problem));
            }
            None => {}
        }
        page_as(status, &shown)
    }

    fn shown(&self, visitor: Visitor, connection: &Connection) -> Shown {
        let installation = &self.0.installation;
        let settings = &installation.settings;
        let names = settings.property_prefix.0.of_connection(connection.number);
        let older_secret_until_ms = older_secret_until_ms(connection, installation.clock.now_ms());
        Shown {
            card: Card::of(connection),
            channel_id: connection.channel_id.clone(),
            since: visitor.language.time(connection.created_at_ms),
            // Whoever knows the address can send, but not sign; still it is for those who set things up.
            webhook_url: settings.webhook_url(&webhook_path(connection)),
            has_long_lived_token: connection.access_token.is_some(),
            older_secret_until: older_secret_until_ms.map(|ms| visitor.language.time(ms)),
            webhooks: Taken::of(&installation.metrics).webhooks(connection.number),
            properties: names.into_iter().map(|(property, name)| (property.label(), name)).collect(),
            fields: Fields::of(connection),
            shown_fields: Fields::of(connection),
            edit_problem: None,
            confirmation: String::new(),
            removal_problem: None,
            frame: Frame::at(&format!("/connections/{}", connection.number), visitor),
        }
    }

    async fn change(&self, visitor: Visitor, number: u32, wanted: Change, deed: Deed) -> Result<Response, Fault> {
        let Some(connection) = self.connection(number) else {
            return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
        };
        let changed = change(&self.0.installation, connection.number, wanted).await?;
        self.wait_until(|| self.0.view.snapshot().by_number(changed.number).as_deref() == Some(&changed)).await;
        self.record(&visitor, deed, &number.to_string()).await?;
        Ok(Redirect::to(&format!("/connections/{number}")).into_response())
    }

    /// The page that comes next should show a change. Where the view is behind, it shows it later.
    async fn wait_until(&self, is_shown: impl Fn() -> bool) {
        let mut changes = self.0.view.changed();
        drop(tokio::time::timeout(VIEW_WAIT, changes.wait_for(|_| is_shown())).await);
    }
}

/// Within this time the view has a change.
const VIEW_WAIT: std::time::Duration = std::time::Duration::from_secs(2);
