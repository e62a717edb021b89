//! What every request passes before anybody acts on it: whose host, whose page, whose session, which role.

use super::Console;
use super::access::{Needs, Role};
use super::accounts::{Person, Session, Standing};
use super::form::Form;
use super::language::{self, Language};
use super::page::{Failed, Fault, plain};
use super::token;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use runtime::secret::Secret;
use runtime::settings::WebOrigin;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Largest form.
const FORM_BYTES_MAX: usize = 64 << 10;

/// How long a form may take to arrive.
const FORM_WAIT: Duration = Duration::from_secs(10);

/// What the browser carries over plain http, which is for this machine alone.
const COOKIE_PLAIN: &str = "kizuna_session";

/// What the browser carries over https, and gives to this host alone.
const COOKIE_SECURE: &str = "__Host-kizuna_session";

/// A guarded route.
#[derive(Clone)]
pub struct Gate {
    /// The console.
    pub console: Console,
    /// What the route asks for.
    pub needs: Needs,
}

/// Whoever sent a request that passed.
#[derive(Clone)]
pub struct Visitor {
    /// Somebody, if signed in.
    pub session: Option<Session>,
    /// Their language.
    pub language: Language,
    /// The path they asked for.
    pub path: String,
    /// The same with what was asked about.
    pub address: String,
}

impl Visitor {
    /// The person who is signed in. Whoever owes a code is not yet.
    pub fn person(&self) -> Option<&Person> {
        let signed_in = self.session.as_ref().filter(|session| session.standing != Standing::Code);
        signed_in.map(|session| &session.person)
    }

    /// The name under which a change is recorded.
    pub fn name(&self) -> &str {
        self.person().map_or("", |person| &person.name)
    }

    /// May they do what this role may?
    pub fn may(&self, role: Role) -> bool {
        let full = self.session.as_ref().filter(|session| session.standing == Standing::Full);
        full.is_some_and(|session| session.person.role >= role)
    }

    /// What each form of a page for them carries.
    pub fn proof(&self) -> String {
        self.session.as_ref().map(|session| token::form_proof(&session.token)).unwrap_or_default()
    }
}

/// Lets a request through to its route, with a [`Visitor`] and, where something is sent, a [`Form`]. Refuses all others.
pub async fn guard(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let language = language_of(request.headers());
    let response = match admitted(&gate, request, language).await {
        // It goes on when the browser is closed meanwhile: what was changed is also recorded.
        Ok(request) if is_change(&request) => {
            tokio::spawn(next.run(request)).await.unwrap_or_else(|error| Fault::from(error).into_response())
        }
        Ok(request) => next.run(request).await,
        Err(refused) => refused,
    };
    if response.extensions().get::<Failed>().is_some() {
        return plain(response.status(), language);
    }
    response
}

/// The language that was chosen, or that the browser prefers.
pub fn language_of(headers: &HeaderMap) -> Language {
    Language::of(headers, cookie(headers, language::COOKIE))
}

fn is_change(request: &Request) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD)
}

async fn admitted(gate: &Gate, request: Request, language: Language) -> Result<Request, Response> {
    let (console, needs) = (&gate.console, gate.needs);
    let refuse = |status| plain(status, language);
    if !console.is_called(host(request.headers())) {
        return Err(refuse(StatusCode::MISDIRECTED_REQUEST));
    }
    let is_change = is_change(&request);
    if is_change && !console.is_own_origin(request.headers()) {
        return Err(refuse(StatusCode::FORBIDDEN));
    }
    let session = match cookie(request.headers(), console.cookie_name()) {
        Some(token) => {
            let token = Secret::new(token);
            let found = console.0.accounts.ask(move |accounts| accounts.session(&token)).await;
            found.map_err(|error| Fault::from(error).into_response())?
        }
        None => None,
    };
    if let Some(way) = detour(needs, session.as_ref()) {
        return Err(Redirect::to(way).into_response());
    }
    if matches!((needs, &session), (Needs::Role(role), Some(session)) if session.person.role < role) {
        return Err(refuse(StatusCode::FORBIDDEN));
    }
    let path = request.uri().path().to_owned();
    let address = request.uri().path_and_query().map_or_else(|| path.clone(), ToString::to_string);
    let visitor = Visitor { session, language, path, address };
    let mut request = request;
    if is_change {
        let form = read_form(&mut request).await.map_err(refuse)?;
        let is_proven = token::digest(form.raw("proof")) == token::digest(&visitor.proof());
        if needs != Needs::Nothing && !is_proven {
            return Err(refuse(StatusCode::FORBIDDEN));
        }
        request.extensions_mut().insert(form);
    }
    request.extensions_mut().insert(visitor);
    Ok(request)
}

/// Where somebody has to go first.
fn detour(needs: Needs, session: Option<&Session>) -> Option<&'static str> {
    match (needs, session.map(|session| session.standing)) {
        (Needs::Nothing, _) | (Needs::Password, Some(Standing::Code)) => None,
        (_, None) => Some("/login"),
        (_, Some(Standing::Code)) => Some("/login/code"),
        (Needs::Password, Some(_)) => Some("/"),
        (Needs::Role(_), Some(Standing::SetUp)) => Some("/account"),
        (Needs::Person | Needs::Role(_), Some(_)) => None,
    }
}

async fn read_form(request: &mut Request) -> Result<Form, StatusCode> {
    let taken = std::mem::take(request);
    let (parts, body) = taken.into_parts();
    let bytes = timeout(FORM_WAIT, to_bytes(body, FORM_BYTES_MAX)).await.map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
    let bytes = bytes.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let whole = Request::from_parts(parts.clone(), bytes.into());
    let fields: Vec<(String, String)> =
        axum::Form::from_request(whole, &()).await.map_err(|_| StatusCode::BAD_REQUEST)?.0;
    *request = Request::from_parts(parts, axum::body::Body::empty());
    Ok(Form::new(fields.into_iter().collect()))
}

impl Console {
    /// Is the console meant? A name that somebody pointed at this machine is not its name; a number cannot be.
    fn is_called(&self, host: Option<&str>) -> bool {
        let Some(host) = host else { return false };
        let public = self.0.installation.settings.console_url.as_ref().map(WebOrigin::authority);
        let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse::<IpAddr>().is_ok() || public == Some(host)
    }

    /// Was the form on a page of ours? Behind a proxy, the page's address is the public one.
    fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
        let public = self.0.installation.settings.console_url.as_ref().map(WebOrigin::as_str);
        let direct = host(headers).map(|host| format!("http://{host}"));
        public.is_some_and(|url| origin == url) || (!self.is_secure() && direct.as_deref() == Some(origin))
    }

    /// Do people reach the console over https?
    pub fn is_secure(&self) -> bool {
        self.0.installation.settings.console_url.as_ref().is_some_and(WebOrigin::is_https)
    }

    fn cookie_name(&self) -> &'static str {
        if self.is_secure() { COOKIE_SECURE } else { COOKIE_PLAIN }
    }

    /// The header that makes the browser carry a session; without one, forget it.
    pub fn session_cookie(&self, token: Option<&Secret>) -> String {
        let name = self.cookie_name();
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let (value, ends) = token.map_or(("", "; Max-Age=0"), |token| (token.expose(), ""));
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{ends}")
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

/// The value of a cookie that was sent.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}
