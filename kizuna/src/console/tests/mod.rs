//! The console as a browser sees it, without a network: requests into its router, answers out of it.

#![allow(clippy::unwrap_used)]

mod access;
mod credentials;
mod entry;
mod friends;
mod pages;
mod replays;
mod second_factor;

use super::access::Role;
use super::accounts::Accounts;
use super::{Console, routes};
use crate::settings::Settings;
use crate::wiring::Installation;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use connection::{Connection, State};
use contact::ConnectionNumber;
use runtime::clock::ManualClock;
use runtime::secret::Secret;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

const HOST: &str = "127.0.0.1:8090";
const ORIGIN: &str = "http://127.0.0.1:8090";
const PASSWORD: &str = "correct horse battery";

/// A console with a data directory and a clock of its own.
struct Place {
    console: Console,
    clock: ManualClock,
    directory: TempDir,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie that the browser carries from now on.
    fn cookie(&self) -> String {
        self.cookie_of("")
    }

    /// The first cookie with a name that begins so.
    fn cookie_of(&self, name: &str) -> String {
        let set = self.headers.get_all(header::SET_COOKIE).iter().map(|set| set.to_str().unwrap());
        set.map(|set| set.split(';').next().unwrap()).find(|cookie| cookie.starts_with(name)).unwrap().to_owned()
    }
}

impl Place {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut given: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        given.insert("KIZUNA_DATA_DIR".to_owned(), directory.path().display().to_string());
        let clock = ManualClock::at(1_750_000_000_000);
        let mut installation = Installation::open(Settings::load(&given, None).unwrap()).await.unwrap();
        installation.clock = Arc::new(clock.clone());
        let view = installation.view().await.unwrap();
        let console = Console::open(installation, view, None, HOST.parse().unwrap()).unwrap();
        Self { console, clock, directory }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = routes::router(self.console.clone()).oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 8 << 20).await.unwrap();
        Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(request(Method::GET, path, cookie).body(Body::empty()).unwrap()).await
    }

    /// Sends a form as the page of the session that the cookie carries would.
    async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let session = cookie.split(';').next().unwrap_or_default();
        let token = session.split_once('=').map_or("", |(_, token)| token);
        let proof = super::token::form_proof(&Secret::new(token));
        let fields: Vec<_> = fields.iter().copied().chain([("proof", proof.as_str())]).collect();
        self.send(form(path, cookie).header(header::ORIGIN, ORIGIN).body(body(&fields)).unwrap()).await
    }

    /// Its accounts.
    fn accounts(&self) -> &Accounts {
        self.console.0.accounts.at_once()
    }

    /// What was recorded of changes, the newest first.
    fn recorded(&self) -> Vec<String> {
        self.accounts().changes(10).unwrap().into_iter().map(|it| it.action).collect()
    }

    /// Adds somebody of this role who is signed in; gives the cookie.
    async fn somebody(&self, role: Role) -> String {
        let accounts = self.accounts();
        let id = accounts.add(role.name(), role).unwrap().unwrap();
        let link = accounts.invite(id).unwrap();
        let hash = self.console.0.passwords.hash(Secret::new(PASSWORD)).await.unwrap();
        accounts.accept(&link, "", &hash).unwrap().unwrap();
        format!("kizuna_session={}", accounts.begin_session(id).unwrap().expose())
    }

    /// Connects an account without asking LINE.
    async fn connect(&self, number: u32, name: &str, icon: &str) {
        self.define(Connection {
            number: ConnectionNumber::new(number).unwrap(),
            name: name.to_owned(),
            description: name.to_owned(),
            icon: icon.to_owned(),
            channel_id: format!("165000000{number}"),
            channel_secrets: vec![Secret::new("canary-channel-secret")],
            older_secrets_until_ms: None,
            access_token: Some(Secret::new("canary-access-token")),
            webhook_token: Secret::new(&format!("webhook-token-{number}")),
            bot_user_id: None,
            auto_create: true,
            state: State::Active,
            properties_existed: false,
            created_at_ms: 0,
        })
        .await;
    }

    /// Writes a connection, and waits until the console knows it.
    async fn define(&self, connection: Connection) {
        let installation = &self.console.0.installation;
        let mut changed = self.console.0.view.changed();
        connection::define(&installation.log, &installation.codec, &installation.sealer, &connection).await.unwrap();
        changed.wait_for(|_| self.console.0.view.snapshot().by_number(connection.number).is_some()).await.unwrap();
    }
}

fn request(method: Method, path: &str, cookie: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, HOST).header(header::COOKIE, cookie)
}

fn form(path: &str, cookie: &str) -> axum::http::request::Builder {
    request(Method::POST, path, cookie).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

fn body(fields: &[(&str, &str)]) -> Body {
    let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    Body::from(pairs.join("&"))
}
