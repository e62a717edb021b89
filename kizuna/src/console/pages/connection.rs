//! One connected account: what it is, and what can be changed about it.

use super::dashboard::Card;
use crate::checkup::glance::{Taken, Webhooks};
use crate::console::Console;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page, plain};
use crate::onboarding::change::{Change, change, check_icon};
use crate::onboarding::rotation::older_secret_until_ms;
use crate::onboarding::webhook_path;
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
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
    icon: String,
    webhook_url: String,
    auto_create: bool,
    has_long_lived_token: bool,
    older_secret_until: Option<String>,
    /// What came since the process started, where it takes webhooks.
    webhooks: Option<Webhooks>,
    /// Label and internal name.
    properties: Vec<(String, String)>,
}

/// The page.
pub async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
) -> Response {
    let Some(connection) = console.connection(number) else {
        return plain(StatusCode::NOT_FOUND, visitor.language);
    };
    let settings = &console.0.installation.settings;
    let names = settings.property_prefix.0.of_connection(connection.number);
    let older_secret_until_ms = older_secret_until_ms(&connection, console.0.installation.clock.now_ms());
    page(&Shown {
        card: Card::of(&connection),
        since: visitor.language.time(connection.created_at_ms),
        // Whoever knows the address can send, but not sign; still it is for those who set things up.
        webhook_url: settings.webhook_url(&webhook_path(&connection)),
        auto_create: connection.auto_create,
        older_secret_until: older_secret_until_ms.map(|ms| visitor.language.time(ms)),
        has_long_lived_token: connection.access_token.is_some(),
        webhooks: Taken::of(&console.0.installation.metrics).webhooks(connection.number),
        properties: names.into_iter().map(|(property, name)| (property.label(), name)).collect(),
        channel_id: connection.channel_id,
        icon: connection.icon,
        frame: Frame::new(visitor),
    })
}

/// Changes name, description, picture, and whether friends become contacts.
pub async fn edit(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let wanted = Change {
        name: form.given("name"),
        description: Some(form.text("description").to_owned()),
        icon: Some(form.text("icon").to_owned()).filter(|icon| icon.is_empty() || check_icon(icon).is_ok()),
        auto_create: Some(form.is_ticked("auto_create")),
        is_paused: None,
    };
    console.change(visitor, number, wanted, "edited").await
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
    console.change(visitor, number, wanted, if is_paused { "paused" } else { "resumed" }).await
}

/// Removes it for good, if its number was typed.
pub async fn remove(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let Some(known) = ConnectionNumber::new(number) else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    if form.text("confirmation") != number.to_string() {
        return Ok(back_to(number));
    }
    let installation = &console.0.installation;
    connection::remove(&installation.log, &installation.codec, known, installation.clock.now_ms()).await?;
    console.record(&visitor, "removed", &number.to_string()).await?;
    Ok(Redirect::to("/").into_response())
}

fn back_to(number: u32) -> Response {
    Redirect::to(&format!("/connections/{number}")).into_response()
}

impl Console {
    /// The connection of this number, unless it was removed.
    pub(super) fn connection(&self, number: u32) -> Option<Connection> {
        let connection = self.0.view.snapshot().by_number(ConnectionNumber::new(number)?)?;
        (connection.state != Life::Removed).then(|| connection.as_ref().clone())
    }

    async fn change(
        &self,
        visitor: Visitor,
        number: u32,
        wanted: Change,
        action: &'static str,
    ) -> Result<Response, Fault> {
        let Some(connection) = self.connection(number) else {
            return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
        };
        let changed = change(&self.0.installation, connection.number, wanted).await?;
        self.wait_until_shown(&changed).await;
        self.record(&visitor, action, &number.to_string()).await?;
        Ok(back_to(number))
    }

    /// The page that comes next should show a change. Where the view is behind, it shows it later.
    async fn wait_until_shown(&self, changed: &Connection) {
        let mut changes = self.0.view.changed();
        let shown = || self.0.view.snapshot().by_number(changed.number).as_deref() == Some(changed);
        drop(tokio::time::timeout(VIEW_WAIT, changes.wait_for(|_| shown())).await);
    }
}

/// Within this time the view has a change.
const VIEW_WAIT: std::time::Duration = std::time::Duration::from_secs(2);
