//! Do channel ID, channel secret and access token belong together, and whose are they?

use super::step::Step;
use line::Error;
use line::api::{Channel, Client};
use runtime::secret::Secret;

/// Where to look up what was entered.
const COMPARE: &str = "compare with LINE Developers console (LINE Developersコンソール) > the channel: channel ID and channel \
                       secret stand under Basic settings (チャネル基本設定), the access token under Messaging API \
                       (Messaging API設定)";

/// The official account behind the credentials.
#[derive(Debug)]
pub struct Bot {
    /// What its webhooks name as `destination`.
    pub user_id: String,
    /// LINE's display name.
    pub name: String,
    /// LINE's picture.
    pub icon: Option<String>,
    basic_id: String,
    has_chat: bool,
}

impl Bot {
    /// For the report.
    pub fn describe(&self) -> String {
        let chat = if self.has_chat { "; operators can also chat by hand" } else { "" };
        format!("LINE knows them as {} ({}){chat}", self.name, self.basic_id)
    }
}

/// Asks LINE: the token's channel, then whether the secret is the channel's, then whose account it is.
///
/// # Errors
/// The step that failed, saying what is wrong.
pub async fn check(line: &Client, id: &str, secret: &Secret, access_token: Option<&Secret>) -> Result<Bot, Step> {
    if let Some(token) = access_token {
        let info = line.verify_token(id, token).await.map_err(|error| failed("the access token", &error))?;
        if info.client_id != id {
            let detail = format!("the access token belongs to channel {}, not to {id}", info.client_id);
            return Err(Step::failed("credentials", detail).with_by_hand(COMPARE));
        }
    }
    line.check_secret(id, secret).await.map_err(|error| failed("channel ID and channel secret", &error))?;
    let info =
        line.bot_info(&Channel::new(id, access_token, secret)).await.map_err(|error| failed("the account", &error))?;
    Ok(Bot {
        user_id: info.user_id,
        name: info.display_name,
        icon: info.picture_url,
        basic_id: info.basic_id,
        has_chat: info.chat_mode.as_deref() == Some("chat"),
    })
}

fn failed(what: &str, error: &Error) -> Step {
    let step = Step::failed("credentials", format!("{what}: {error}"));
    if error.is_transient() {
        step.with_by_hand("run the same command again later, or with --skip-line-checks to go on unchecked")
    } else {
        step.with_by_hand(COMPARE)
    }
}
