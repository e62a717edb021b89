//! One connected account: what it is, and what can be changed about it.

use super::dashboard::Card;
use crate::console::Console;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page, plain};
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
    page(&Shown {
        card: Card::of(&connection),
        since: visitor.language.time(connection.created_at_ms),
        // Whoever knows the address can send, but not sign; still it is for those who set things up.
        webhook_url: settings.webhook_url(&webhook_path(&connection)),
        auto_create: connection.auto_create,
        has_long_lived_token: connection.access_token.is_some(),
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
    let Some(connection) = console.connection(number) else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    let icon = form.text("icon");
    let edited = Connection {
        name: form.given("name").unwrap_or(connection.name),
        description: form.text("description").to_owned(),
        icon: if icon.is_empty() || icon.starts_with("https://") { icon.to_owned() } else { connection.icon },
        auto_create: form.is_ticked("auto_create"),
        ..connection
    };
    console.define(&edited).await?;
    console.record(&visitor, "edited", &number.to_string())?;
    Ok(back_to(number))
}

/// Pauses it, or lets it go on.
pub async fn set_state(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let Some(connection) = console.connection(number) else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    let (state, action) = match form.text("state") {
        "paused" => (Life::Paused, "paused"),
        _ => (Life::Active, "resumed"),
    };
    console.define(&Connection { state, ..connection }).await?;
    console.record(&visitor, action, &number.to_string())?;
    Ok(back_to(number))
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
    console.record(&visitor, "removed", &number.to_string())?;
    Ok(Redirect::to("/").into_response())
}

fn back_to(number: u32) -> Response {
    Redirect::to(&format!("/connections/{number}")).into_response()
}

impl Console {
    /// The connection of this number, unless it was removed.
    fn connection(&self, number: u32) -> Option<Connection> {
        let connection = self.0.view.snapshot().by_number(ConnectionNumber::new(number)?)?;
        (connection.state != Life::Removed).then(|| connection.as_ref().clone())
    }

    async fn define(&self, connection: &Connection) -> Result<(), Fault> {
        let installation = &self.0.installation;
        let mut changed = self.0.view.changed();
        changed.borrow_and_update();
        connection::define(&installation.log, &installation.codec, &installation.sealer, connection).await?;
        // The page that comes next should show it. Where the view is behind, it shows it later.
        drop(tokio::time::timeout(VIEW_WAIT, changed.changed()).await);
        Ok(())
    }
}

/// Within this time the view has a change.
const VIEW_WAIT: std::time::Duration = std::time::Duration::from_secs(2);
