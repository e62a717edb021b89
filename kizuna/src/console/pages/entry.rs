//! Signing in and out, and the choice of the language.

use super::welcome::is_name;
use crate::console::Console;
use crate::console::accounts::{Accounts, Proof};
use crate::console::deed::Deed;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::language::{COOKIE, Language};
use crate::console::page::{Fault, Frame, page, page_as, plain};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use runtime::secret::Secret;

/// How long the choice of a language is kept, seconds.
const LANGUAGE_KEPT: u32 = 365 * 24 * 60 * 60;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    problem: Option<&'static str>,
    name: String,
}

#[derive(Template)]
#[template(path = "code.html")]
struct Code {
    frame: Frame,
    problem: Option<&'static str>,
}

/// The form.
pub async fn show(Extension(visitor): Extension<Visitor>) -> Response {
    page(&Login { frame: Frame::new(visitor), problem: None, name: String::new() })
}

/// Admits somebody who knows a name and its password. What nobody can be called is no attempt, and is not kept in memory.
pub async fn sign_in(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let (frame, name) = (Frame::new(visitor), form.text("name").to_owned());
    if !is_name(&name) {
        let problem = Some(frame.words.wrong_password);
        return Ok(page_as(StatusCode::UNAUTHORIZED, &Login { frame, problem, name }));
    }
    let inner = &console.0;
    let device = console.known_device(&headers, &name);
    let (throttle, who) = match &device {
        Some(device) => (&inner.device_throttle, device.expose()),
        None => (&inner.throttle, &*name),
    };
    if !throttle.admit(who) {
        let problem = Some(frame.words.throttled);
        return Ok(page_as(StatusCode::TOO_MANY_REQUESTS, &Login { frame, problem, name }));
    }
    let asked = name.clone();
    let known = inner.accounts.ask(move |accounts| accounts.credentials(&asked)).await?;
    let (person, stored) = known.map_or((None, None), |(person, stored)| (Some(person), Some(stored)));
    let is_right = inner.passwords.verify(Secret::new(form.raw("password")), stored).await?;
    let Some(person) = person.filter(|_| is_right) else {
        let problem = Some(frame.words.wrong_password);
        return Ok(page_as(StatusCode::UNAUTHORIZED, &Login { frame, problem, name }));
    };
    throttle.forget(who);
    let token = inner.accounts.ask(move |accounts| accounts.admit(&person)).await?;
    let known = AppendHeaders([(header::SET_COOKIE, console.device_cookie(&name))]);
    Ok((known, enter(&console, &token)).into_response())
}

/// The way in for somebody who has a session now, or a challenge: then the start page leads on to the code.
pub fn enter(console: &Console, token: &Secret) -> Response {
    let cookie = console.session_cookie(Some(token));
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to("/")).into_response()
}

/// The form for the code.
pub async fn ask_code(Extension(visitor): Extension<Visitor>) -> Response {
    page(&Code { frame: Frame::new(visitor), problem: None })
}

/// Signs somebody in whose password was right, and who has the second factor.
pub async fn take_code(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let Some(challenge) = visitor.session.clone() else {
        return Ok(plain(StatusCode::FORBIDDEN, visitor.language));
    };
    let (inner, words, name) = (&console.0, visitor.language.words(), challenge.person.name.clone());
    let refuse = |status, problem| page_as(status, &Code { frame: Frame::new(visitor), problem: Some(problem) });
    if !inner.code_throttle.admit(&name) {
        return Ok(refuse(StatusCode::TOO_MANY_REQUESTS, words.throttled));
    }
    let code = Secret::new(form.text("code"));
    let prove = move |accounts: &Accounts| {
        let person = &challenge.person;
        let Some(proof) = accounts.prove(person.id, &code)? else { return anyhow::Ok(None) };
        if let Proof::RecoveryCode { left } = proof {
            accounts.record(&person.name, Deed::RecoveryCodeUsed, &format!("{left} left"))?;
        }
        accounts.record(&person.name, Deed::SignedIn, "")?;
        accounts.end_session(&challenge.token)?;
        Ok(Some(accounts.begin_session(person.id)?))
    };
    let Some(token) = inner.accounts.ask(prove).await? else {
        return Ok(refuse(StatusCode::UNAUTHORIZED, words.wrong_code));
    };
    inner.code_throttle.forget(&name);
    Ok(enter(&console, &token))
}

/// Ends the session.
pub async fn sign_out(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Fault> {
    if let Some(session) = visitor.session {
        console.0.accounts.ask(move |accounts| accounts.end_session(&session.token)).await?;
    }
    let cookie = console.session_cookie(None);
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to("/login")).into_response())
}

/// Keeps the choice, and goes back to the page.
pub async fn choose_language(Extension(form): Extension<Form>) -> Response {
    let language = Language::coded(form.text("language")).unwrap_or(Language::English);
    let is_path = |back: &&str| back.starts_with('/') && !back.starts_with("//") && !back.contains('\\');
    // Browsers leave control characters out of an address, too: only what is left tells where it leads.
    let back: String = form.text("back").chars().filter(char::is_ascii_graphic).collect();
    let back = Some(&*back).filter(is_path).unwrap_or("/");
    let cookie = format!("{COOKIE}={}; Path=/; SameSite=Lax; Max-Age={LANGUAGE_KEPT}", language.code());
    (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(back)).into_response()
}
