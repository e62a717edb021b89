//! Changes of an account and of its credentials, and the check of it, beside a sandbox of LINE.

use super::Place;
use crate::console::Console;
use crate::console::access::Role;
use axum::http::StatusCode;
use connection::{Connection, State, View, current};
use contact::ConnectionNumber;
use eventlog::embedded::{EmbeddedLog, Options};
use runtime::secret::Secret;
use sandbox::Sandbox;
use sandbox::line::Channel;
use std::sync::Arc;

fn number() -> ConnectionNumber {
    ConnectionNumber::new(1).unwrap()
}

/// A console with the sandbox's first account connected.
async fn beside_line() -> (Place, Sandbox) {
    let sandbox = sandbox::start(sandbox::Options::default()).await.unwrap();
    let variables = [("KIZUNA_LINE_API_URL", &*sandbox.line_api_url), ("KIZUNA_ADMIN_LISTEN", "127.0.0.1:1")];
    let place = Place::with(&variables).await;
    let channel = sandbox.line_channels().swap_remove(0);
    place.define(connection(&channel)).await;
    (place, sandbox)
}

fn connection(channel: &Channel) -> Connection {
    Connection {
        number: number(),
        name: "本店".into(),
        description: String::new(),
        icon: String::new(),
        channel_id: channel.id.clone(),
        channel_secrets: vec![Secret::new(&channel.secret)],
        older_secrets_until_ms: None,
        access_token: None,
        webhook_token: Secret::new("webhook-token"),
        bot_user_id: Some(channel.bot_user_id.clone()),
        auto_create: true,
        state: State::Active,
        properties_existed: false,
        created_at_ms: 0,
    }
}

async fn in_the_log(place: &Place) -> Connection {
    let installation = &place.console.0.installation;
    current(&installation.log, &installation.codec, &installation.sealer, number()).await.unwrap()
}

fn issue_secret(sandbox: &Sandbox, secret: &str) {
    let channel = Channel { secret: secret.to_owned(), ..sandbox.line_channels().swap_remove(0) };
    sandbox.handle().line(|platform, _| platform.put_channel(channel));
}

#[tokio::test]
async fn new_credentials_count_once_line_accepts_them_and_the_secret_before_counts_on() {
    let (place, sandbox) = beside_line().await;
    let cookie = place.somebody(Role::Admin).await;
    let before = in_the_log(&place).await;
    let post = async |fields: &[(&str, &str)]| place.post("/connections/1/rotation", &cookie, fields).await;
    let refused = post(&[("channel_secret", "canary-secret")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("Nothing was changed") && !refused.text.contains("canary"), "{}", refused.text);
    assert_eq!(in_the_log(&place).await, before);

    issue_secret(&sandbox, "the-second");
    let token = sandbox.line_channels()[0].access_token.clone().unwrap();
    let rotated = post(&[("channel_secret", "the-second"), ("access_token", &token)]).await;
    assert_eq!(rotated.status, StatusCode::OK);
    assert!(rotated.text.contains("in force") && !rotated.text.contains(&token), "{}", rotated.text);
    let now = in_the_log(&place).await;
    assert_eq!(now.channel_secrets, [Secret::new("the-second"), before.channel_secrets[0].clone()]);
    assert_eq!(now.access_token, Some(Secret::new(&token)));
    assert!(now.older_secrets_until_ms.is_some());

    assert_eq!(post(&[("stateless", "on")]).await.status, StatusCode::OK);
    assert_eq!(in_the_log(&place).await, Connection { access_token: None, ..now });
    assert_eq!(place.recorded(), ["rotated", "rotated", "rotation_refused"]);
}

#[tokio::test]
async fn a_rotation_with_nothing_new_asks_nobody() {
    let (place, _sandbox) = beside_line().await;
    let cookie = place.somebody(Role::Admin).await;
    for (fields, told) in [(&[][..], "Enter a channel secret"), (&[("channel_secret", "ひみつ")], "as LINE shows it")]
    {
        let answer = place.post("/connections/1/rotation", &cookie, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text.contains(told), "{}", answer.text);
    }
    assert!(place.recorded().is_empty());
}

#[tokio::test]
async fn a_check_names_what_is_wrong_and_what_to_do_in_the_language_of_the_reader() {
    let (place, sandbox) = beside_line().await;
    let cookie = place.somebody(Role::Operator).await;
    let shown = place.get("/connections/1/check", &cookie).await;
    assert!(!shown.text.contains("line_secret"), "nobody asked for it yet: {}", shown.text);
    issue_secret(&sandbox, "the-second");
    for (language, title, remedy) in [
        ("en", "Wrong channel secret", "kizuna connection rotate 1"),
        ("ja", "チャネルシークレットが違います", "「シークレット・トークンの更新」で入力してください"),
    ] {
        let cookie = format!("{cookie}; kizuna_language={language}");
        let checked = place.check(&cookie).await;
        for part in ["line_secret_refused", title, remedy, "hubspot_token_missing", "events_none"] {
            assert!(checked.contains(part), "{part}: {checked}");
        }
    }
    assert_eq!(place.recorded(), ["checked", "checked"]);
}

#[tokio::test]
async fn in_a_rotation_a_check_looks_at_both_secrets() {
    let (place, sandbox) = beside_line().await;
    let cookie = place.somebody(Role::Operator).await;
    let first = sandbox.line_channels()[0].secret.clone();
    let mut rotated = in_the_log(&place).await;
    rotated.renew_secret(Secret::new("the-second"), place.console.0.installation.clock.now_ms());
    place.console.renew(rotated).await;
    assert!(place.check(&cookie).await.contains("line_secret_premature"), "LINE still has the first");
    issue_secret(&sandbox, "the-second");
    assert!(place.check(&cookie).await.contains("the secret before it counts until"));
    issue_secret(&sandbox, "the-third");
    assert!(place.check(&cookie).await.contains("line_secret_refused"));
    issue_secret(&sandbox, &first);
    place.clock.advance(25 * 60 * 60_000);
    let cookie = place.somebody(Role::Admin).await;
    assert!(place.check(&cookie).await.contains("line_secret_refused"), "the first counts no more");
}

#[tokio::test]
async fn an_edit_keeps_what_others_changed_before_the_console_saw_it() {
    let mut place = Place::new().await;
    place.connect(1, "本店", "").await;
    let before = in_the_log(&place).await;
    // A view that stays behind.
    let elsewhere = tempfile::tempdir().unwrap();
    let clock = Arc::new(place.clock.clone());
    let old: Arc<dyn eventlog::Log> = EmbeddedLog::open(elsewhere.path(), Options::new(clock)).unwrap();
    let installation = place.console.0.installation.clone();
    connection::define(&old, &installation.codec, &installation.sealer, &before).await.unwrap();
    let view = View::open(old, installation.codec.clone(), installation.sealer.clone()).unwrap();
    let cookie = place.somebody(Role::Operator).await;
    place.console = Console::open(installation, view, None, super::HOST.parse().unwrap()).unwrap();

    let mut rotated = before.clone();
    rotated.renew_secret(Secret::new("the-second"), 0);
    place.console.renew(rotated.clone()).await;
    place.post("/connections/1", &cookie, &[("name", "新宿店"), ("auto_create", "on")]).await;
    place.post("/connections/1/state", &cookie, &[("state", "paused")]).await;
    let expected = Connection { name: "新宿店".into(), description: String::new(), state: State::Paused, ..rotated };
    assert_eq!(in_the_log(&place).await, expected);
}

impl Place {
    async fn check(&self, cookie: &str) -> String {
        let checked = self.post("/connections/1/check", cookie, &[]).await;
        assert_eq!(checked.status, StatusCode::OK);
        checked.text
    }
}

impl Console {
    /// Writes a connection over what there is, unseen by the view.
    async fn renew(&self, connection: Connection) {
        let installation = &self.0.installation;
        connection::define(&installation.log, &installation.codec, &installation.sealer, &connection).await.unwrap();
    }
}
