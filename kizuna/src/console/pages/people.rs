//! The people who may sign in, managed by administrators.

use super::welcome::is_name;
use crate::console::Console;
use crate::console::access::Role;
use crate::console::accounts::{Accounts, Kept, Person};
use crate::console::deed::Deed;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page_as, plain};
use crate::console::path::Path;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use runtime::secret::Secret;

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    frame: Frame,
    people: Vec<Person>,
    problem: Option<&'static str>,
    /// Must everybody have a second factor?
    is_required: bool,
    /// Shown once: for whom, and where.
    link: Option<(String, String)>,
}

/// The list.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Fault> {
    console.people_page(visitor, None, None).await
}

/// Adds somebody, and shows the link at which they set a password.
pub async fn add(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let (name, words) = (form.text("name").to_owned(), visitor.language.words());
    let Some(role) = Role::named(form.text("role")).filter(|_| is_name(&name)) else {
        return console.people_page(visitor, Some(words.bad_name), None).await;
    };
    let added = name.clone();
    let Some(id) = console.0.accounts.ask(move |accounts| accounts.add(&added, role)).await? else {
        return console.people_page(visitor, Some(words.name_taken), None).await;
    };
    console.record(&visitor, Deed::PersonAdded, &format!("{name} ({role})")).await?;
    console.invite(visitor, id, &name).await
}

/// Gives somebody another role.
pub async fn set_role(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let Some(role) = Role::named(form.text("role")) else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    let subject = |name: &str| format!("{name} ({role})");
    console.change_person(visitor, id, Deed::RoleChanged, subject, move |accounts| accounts.set_role(id, role)).await
}

/// A new link for somebody who lost theirs, or the password.
pub async fn link(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    let Some(person) = console.0.accounts.ask(move |accounts| accounts.person(id)).await? else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    console.record(&visitor, Deed::PersonInvited, &person.name).await?;
    console.invite(visitor, id, &person.name).await
}

/// Removes somebody.
pub async fn remove(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    console.change_person(visitor, id, Deed::PersonRemoved, str::to_owned, move |accounts| accounts.remove(id)).await
}

/// Switches somebody's second factor off: they lost the app, and the recovery codes.
pub async fn reset_second_factor(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    let by = visitor.name().to_owned();
    let reset = move |accounts: &Accounts| {
        let Some(person) = accounts.person(id)? else { return anyhow::Ok(false) };
        accounts.reset_second_factor(&person, &by)?;
        Ok(true)
    };
    if !console.0.accounts.ask(reset).await? {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    }
    Ok(Redirect::to("/people").into_response())
}

/// Everybody must have a second factor, or no more.
pub async fn require_second_factor(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let (is_required, by) = (form.text("required") == "yes", visitor.name().to_owned());
    let deed = if is_required { Deed::SecondFactorRequired } else { Deed::SecondFactorOptional };
    let require = move |accounts: &Accounts| {
        accounts.require_second_factor(is_required)?;
        accounts.record(&by, deed, "")
    };
    console.0.accounts.ask(require).await?;
    Ok(Redirect::to("/people").into_response())
}

impl Console {
    /// Changes somebody, unless that left nobody to manage the others.
    async fn change_person(
        &self,
        visitor: Visitor,
        id: i64,
        deed: Deed,
        subject: impl FnOnce(&str) -> String,
        change: impl FnOnce(&Accounts) -> rusqlite::Result<Result<(), Kept>> + Send + 'static,
    ) -> Result<Response, Fault> {
        let Some(person) = self.0.accounts.ask(move |accounts| accounts.person(id)).await? else {
            return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
        };
        if self.0.accounts.ask(change).await?.is_err() {
            let words = visitor.language.words();
            return self.people_page(visitor, Some(words.last_administrator), None).await;
        }
        self.record(&visitor, deed, &subject(&person.name)).await?;
        Ok(Redirect::to("/people").into_response())
    }

    /// Shows, once, the link at which somebody sets a password.
    async fn invite(&self, visitor: Visitor, id: i64, name: &str) -> Result<Response, Fault> {
        let token = self.0.accounts.ask(move |accounts| accounts.invite(id)).await?;
        self.people_page(visitor, None, Some((name, &token))).await
    }

    async fn people_page(
        &self,
        visitor: Visitor,
        problem: Option<&'static str>,
        invited: Option<(&str, &Secret)>,
    ) -> Result<Response, Fault> {
        let link = invited.map(|(name, token)| (name.to_owned(), format!("{}/welcome/{}", self.url(), token.expose())));
        let read = |accounts: &Accounts| anyhow::Ok((accounts.people()?, accounts.requires_second_factor()?));
        let (people, is_required) = self.0.accounts.ask(read).await?;
        let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        Ok(page_as(status, &People { frame: Frame::at("/people", visitor), people, problem, is_required, link }))
    }
}
