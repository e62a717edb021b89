//! The page behind a one-time link: somebody sets a password.

use super::entry::enter;
use crate::console::Console;
use crate::console::accounts::{Accounts, Invitation};
use crate::console::deed::Deed;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page_as, plain};
use crate::console::password::is_acceptable;
use crate::console::path::Path;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use runtime::secret::Secret;

/// Most characters of a name.
pub const NAME_MAX: usize = 80;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    frame: Frame,
    problem: Option<&'static str>,
    /// `None`: they choose it.
    name: Option<String>,
}

/// The form, as long as the link works.
pub async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    let token = Secret::new(&token);
    let Some(invitation) = console.0.accounts.ask(move |accounts| accounts.invitation(&token)).await? else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    Ok(form_page(StatusCode::OK, visitor, &invitation, None))
}

/// Sets the password, uses the link up and admits the person, as signing in would.
pub async fn accept(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(token): Path<String>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let (accounts, token) = (&console.0.accounts, Secret::new(&token));
    let asked = token.clone();
    let Some(invitation) = accounts.ask(move |accounts| accounts.invitation(&asked)).await? else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    let words = visitor.language.words();
    let name = match &invitation {
        Invitation::Administrator => form.text("name").to_owned(),
        Invitation::Person(person) => person.name.clone(),
    };
    let password = form.raw("password");
    let problem = if !is_name(&name) {
        Some(words.bad_name)
    } else if !is_acceptable(password) {
        Some(words.short_password)
    } else if password != form.raw("again") {
        Some(words.passwords_differ)
    } else {
        None
    };
    if problem.is_some() {
        return Ok(form_page(StatusCode::UNPROCESSABLE_ENTITY, visitor, &invitation, problem));
    }
    let hash = console.0.passwords.hash(Secret::new(password)).await?;
    let accepted = name.clone();
    let accept = move |accounts: &Accounts| {
        let Some(person) = accounts.accept(&token, &accepted, &hash)? else { return Ok(None) };
        accounts.record(&accepted, Deed::PasswordSet, &accepted)?;
        accounts.admit(&person).map(Some)
    };
    let Some(session) = accounts.ask(accept).await? else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    console.0.throttle.forget(&name);
    Ok(enter(&console, &session))
}

/// Is it fit to sign in with?
pub fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

fn form_page(status: StatusCode, visitor: Visitor, invitation: &Invitation, problem: Option<&'static str>) -> Response {
    let name = match invitation {
        Invitation::Administrator => None,
        Invitation::Person(person) => Some(person.name.clone()),
    };
    page_as(status, &Welcome { frame: Frame::new(visitor), problem, name })
}
