//! One's own account: the second factor, set up, renewed and switched off by the person whose it is.

use crate::console::Console;
use crate::console::access::Role;
use crate::console::accounts::{Accounts, Person, SecondFactor, Session, Standing};
use crate::console::deed::Deed;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page_as, plain};
use crate::console::qr::{self, Drawing};
use crate::console::totp;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use runtime::secret::Secret;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    problem: Option<&'static str>,
    person: Person,
    /// Must they set one up before anything else?
    must_set_up: bool,
    shown: Shown,
}

/// What there is to see of the second factor.
enum Shown {
    Off,
    /// To be taken into an app.
    Begun {
        secret: Secret,
        uri: Secret,
        drawing: Drawing,
    },
    On {
        codes_left: u32,
    },
    /// Shown once.
    Codes(Vec<Secret>),
}

/// The page.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Fault> {
    console.account_page(visitor, StatusCode::OK, None).await
}

/// Makes a secret for an app.
pub async fn begin(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Fault> {
    if let Some(id) = visitor.person().map(|person| person.id) {
        console.0.accounts.ask(move |accounts| accounts.begin_second_factor(id)).await?;
    }
    Ok(Redirect::to("/account").into_response())
}

/// Switches it on, once the app shows the right code.
pub async fn confirm(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let Some(Session { person, token, .. }) = visitor.session.clone() else {
        return Ok(plain(StatusCode::FORBIDDEN, visitor.language));
    };
    let (code, confirmed) = (Secret::new(form.text("code")), person.clone());
    let confirm = move |accounts: &Accounts| {
        let codes = accounts.confirm_second_factor(confirmed.id, &token, &code)?;
        if codes.is_some() {
            accounts.record(&confirmed.name, Deed::SecondFactorOn, "")?;
        }
        anyhow::Ok(codes)
    };
    let Some(codes) = console.0.accounts.ask(confirm).await? else {
        let problem = Some(visitor.language.words().wrong_code);
        return console.account_page(visitor, StatusCode::UNPROCESSABLE_ENTITY, problem).await;
    };
    Ok(account(visitor, StatusCode::OK, None, person, Shown::Codes(codes)))
}

/// New recovery codes, for somebody who has the second factor.
pub async fn renew(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let renew = |accounts: &Accounts, person: &Person| {
        accounts.record(&person.name, Deed::RecoveryCodesRenewed, "")?;
        Ok((person.clone(), accounts.renew_recovery_codes(person.id)?))
    };
    match console.with_code(&visitor, &form, renew).await? {
        Ok((person, codes)) => Ok(account(visitor, StatusCode::OK, None, person, Shown::Codes(codes))),
        Err((status, problem)) => console.account_page(visitor, status, Some(problem)).await,
    }
}

/// Switches it off, for somebody who has it.
pub async fn switch_off(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let switch_off = |accounts: &Accounts, person: &Person| {
        accounts.record(&person.name, Deed::SecondFactorOff, "")?;
        accounts.remove_second_factor(person.id)
    };
    match console.with_code(&visitor, &form, switch_off).await? {
        Ok(()) => Ok(Redirect::to("/account").into_response()),
        Err((status, problem)) => console.account_page(visitor, status, Some(problem)).await,
    }
}

/// With which status, and why not.
type Refusal = (StatusCode, &'static str);

impl Console {
    /// Does something for somebody who shows a code.
    async fn with_code<T: Send + 'static>(
        &self,
        visitor: &Visitor,
        form: &Form,
        work: impl FnOnce(&Accounts, &Person) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Result<T, Refusal>, Fault> {
        let words = visitor.language.words();
        let Some(person) = visitor.person().cloned() else {
            return Ok(Err((StatusCode::FORBIDDEN, words.forbidden)));
        };
        let name = person.name.clone();
        if !self.0.code_throttle.admit(&name) {
            return Ok(Err((StatusCode::TOO_MANY_REQUESTS, words.throttled)));
        }
        let code = Secret::new(form.text("code"));
        let proven = move |accounts: &Accounts| match accounts.prove(person.id, &code)? {
            Some(_) => Ok(Some(work(accounts, &person)?)),
            None => anyhow::Ok(None),
        };
        let Some(done) = self.0.accounts.ask(proven).await? else {
            return Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, words.wrong_code)));
        };
        self.0.code_throttle.forget(&name);
        Ok(Ok(done))
    }

    async fn account_page(
        &self,
        visitor: Visitor,
        status: StatusCode,
        problem: Option<&'static str>,
    ) -> Result<Response, Fault> {
        let Some(person) = visitor.person().cloned() else {
            return Ok(plain(StatusCode::FORBIDDEN, visitor.language));
        };
        let id = person.id;
        let shown = match self.0.accounts.ask(move |accounts| accounts.second_factor(id)).await? {
            SecondFactor::Off => Shown::Off,
            SecondFactor::On { codes_left } => Shown::On { codes_left },
            SecondFactor::Begun(secret) => begun(secret, &person.name),
        };
        Ok(account(visitor, status, problem, person, shown))
    }
}

fn account(
    visitor: Visitor,
    status: StatusCode,
    problem: Option<&'static str>,
    person: Person,
    shown: Shown,
) -> Response {
    let must_set_up = visitor.session.as_ref().is_some_and(|session| session.standing == Standing::SetUp);
    page_as(status, &Account { frame: Frame::at("/account", visitor), problem, person, must_set_up, shown })
}

/// The secret as text, as an address and as a picture.
fn begun(secret: Secret, name: &str) -> Shown {
    let uri = totp::uri(&secret, name);
    let drawn = uri.and_then(|uri| qr::draw(uri.expose()).map(|drawing| (uri, drawing)));
    drawn.map_or(Shown::Off, |(uri, drawing)| Shown::Begun { secret, uri, drawing })
}
