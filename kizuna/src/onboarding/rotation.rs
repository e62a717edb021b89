//! New credentials for a connected account. A running `kizuna up` takes them over within two seconds, without a restart.
//!
//! LINE ends a channel secret at the moment it issues another one, but webhooks that it signed before may still be on their
//! way: the one before therefore counts for another day. When that day ends stands in the log, so no restart forgets it.

use super::credentials;
use super::step::{Outcome, Step};
use crate::bilingual::{bilingual, time_in_japan};
use crate::output;
use crate::wiring::Installation;
use anyhow::ensure;
use connection::Connection;
use contact::ConnectionNumber;
use runtime::secret::Secret;
use serde::Serialize;

/// What is new.
#[derive(Debug)]
pub struct Rotation {
    /// The channel secret that LINE issued anew; the one there is stays if left out.
    pub channel_secret: Option<Secret>,
    /// Where access tokens come from now.
    pub access_token: AccessToken,
    /// Make no call to LINE.
    pub skip_line_checks: bool,
}

/// Where access tokens come from after a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessToken {
    /// As before.
    Unchanged,
    /// This long-lived one.
    LongLived(Secret),
    /// Short-lived ones, made from channel ID and channel secret.
    Stateless,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The connection's number.
    pub number: u32,
    /// Until when the channel secret before the newest counts, milliseconds since 1970; `None` if there is only one.
    pub older_secret_until_ms: Option<i64>,
    /// Each step with its result.
    pub steps: Vec<Step>,
}

impl Report {
    /// Are the new credentials in force? If not, those before are.
    pub fn is_good(&self) -> bool {
        !self.steps.iter().any(|step| step.result == Outcome::Failed)
    }
}

/// Proves the new credentials with LINE, together with those that stay, and puts them in force. The same once more changes
/// nothing.
///
/// # Errors
/// Where nothing is new or there is no such connection, and what is wrong with this installation; what LINE refuses stands
/// in the report.
pub async fn rotate(
    installation: &Installation,
    number: ConnectionNumber,
    rotation: Rotation,
) -> anyhow::Result<Report> {
    ensure!(
        rotation.is_new(),
        "nothing is new: give a channel secret or an access token, or go back to short-lived tokens"
    );
    let Installation { log, codec, sealer, clock, .. } = installation;
    let mut candidate = connection::current(log, codec, sealer, number).await?;
    let now_ms = clock.now_ms();
    rotation.apply(&mut candidate, now_ms);
    let proved = proof(installation, &candidate, rotation.skip_line_checks).await;
    if proved.result == Outcome::Failed {
        return Ok(Report { number: number.get(), older_secret_until_ms: None, steps: vec![proved] });
    }
    let rotated = connection::amend(log, codec, sealer, number, |it| rotation.apply(it, now_ms)).await?;
    let older_secret_until_ms = older_secret_until_ms(&rotated, now_ms);
    let secret = rotation.channel_secret.map(|_| secret_step(older_secret_until_ms));
    let token = token_step(&rotation.access_token);
    let steps = [Some(proved), secret, token].into_iter().flatten().collect();
    Ok(Report { number: number.get(), older_secret_until_ms, steps })
}

/// Until when a channel secret before the newest counts; `None` if none does.
pub fn older_secret_until_ms(connection: &Connection, now_ms: i64) -> Option<i64> {
    let counts = connection.channel_secrets.len() > 1 && connection.older_secrets_count(now_ms);
    connection.older_secrets_until_ms.filter(|_| counts)
}

impl Rotation {
    /// Is there anything new in it?
    pub fn is_new(&self) -> bool {
        self.channel_secret.is_some() || self.access_token != AccessToken::Unchanged
    }

    fn apply(&self, connection: &mut Connection, now_ms: i64) {
        if let Some(secret) = &self.channel_secret {
            connection.renew_secret(secret.clone(), now_ms);
        }
        match &self.access_token {
            AccessToken::Unchanged => {}
            AccessToken::LongLived(token) => connection.access_token = Some(token.clone()),
            AccessToken::Stateless => connection.access_token = None,
        }
    }
}

async fn proof(installation: &Installation, candidate: &Connection, skip: bool) -> Step {
    if skip {
        return credentials::unasked();
    }
    let Some(secret) = candidate.channel_secrets.first() else {
        let detail =
            bilingual!("the connection has no channel secret", "この接続にはチャネルシークレットがありません。");
        let what = bilingual!("give it one", "チャネルシークレットを入力してください。");
        return Step::failed("credentials", detail).with_by_hand(what);
    };
    let checked =
        credentials::check(&installation.line, &candidate.channel_id, secret, candidate.access_token.as_ref()).await;
    checked.map_or_else(|refused| refused, |bot| Step::done("credentials", bot.describe()))
}

fn secret_step(older_until_ms: Option<i64>) -> Step {
    let detail = match older_until_ms.map(|ms| (output::time(ms), time_in_japan(ms))) {
        None => bilingual!("the new one counts", "新しいシークレットが有効になりました。"),
        Some((utc, jst)) => bilingual!(
            "the new one counts; the one before counts until {utc}",
            "新しいシークレットが有効になりました。以前のシークレットも{jst}まで有効です。"
        ),
    };
    Step::done("channel_secret", detail)
}

fn token_step(token: &AccessToken) -> Option<Step> {
    let detail = match token {
        AccessToken::Unchanged => return None,
        AccessToken::LongLived(_) => {
            bilingual!("the new long-lived one is used", "新しい長期のアクセストークンを使います。")
        }
        AccessToken::Stateless => bilingual!(
            "short-lived ones are used, made from channel ID and channel secret",
            "チャネルIDとチャネルシークレットから発行する短期のアクセストークンを使います。"
        ),
    };
    Some(Step::done("access_token", detail))
}
