//! Do channel ID, channel secret and access token belong together, and whose are they?

use super::step::Step;
use crate::bilingual::{Bilingual, bilingual};
use line::Error;
use line::api::{Channel, Client};
use runtime::secret::Secret;

/// Where to look up what was entered.
fn compare() -> Bilingual {
    bilingual!(
        "compare with LINE Developers console (LINE Developersコンソール) > the channel: channel ID and channel secret stand \
         under Basic settings (チャネル基本設定), the access token under Messaging API (Messaging API設定)",
        "LINE Developersコンソール ＞ チャネルの内容と照合してください。チャネルIDとチャネルシークレットは「チャネル基本設定」、\
         アクセストークンは「Messaging API設定」にあります。"
    )
}

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
    pub fn describe(&self) -> Bilingual {
        let (chat, chat_japanese) = if self.has_chat {
            ("; operators can also chat by hand", "。手動のチャットも有効です。")
        } else {
            ("", "")
        };
        let Self { name, basic_id, .. } = self;
        Bilingual {
            english: format!("LINE knows them as {name} ({basic_id}){chat}"),
            japanese: format!("LINEで確認できました：{name}（{basic_id}）{chat_japanese}"),
        }
    }
}

/// LINE was not to be called.
pub fn unasked() -> Step {
    let detail =
        bilingual!("not checked: LINE was not to be called", "LINEを呼び出さない指定のため、確認していません。");
    Step::skipped("credentials", detail)
}

/// Asks LINE: the token's channel, then whether the secret is the channel's, then whose account it is.
///
/// # Errors
/// The step that failed, saying what is wrong.
pub async fn check(line: &Client, id: &str, secret: &Secret, access_token: Option<&Secret>) -> Result<Bot, Step> {
    if let Some(token) = access_token {
        let info = line
            .verify_token(id, token)
            .await
            .map_err(|error| failed(("the access token", "アクセストークン"), &error))?;
        if info.client_id != id {
            let detail = bilingual!(
                "the access token belongs to channel {0}, not to {id}",
                "アクセストークンはチャネル{id}ではなく、チャネル{0}のものです。",
                info.client_id
            );
            return Err(Step::failed("credentials", detail).with_by_hand(compare()));
        }
    }
    let pair = ("channel ID and channel secret", "チャネルIDとチャネルシークレット");
    line.check_secret(id, secret).await.map_err(|error| failed(pair, &error))?;
    let channel = Channel::new(id, access_token, secret);
    let info = line.bot_info(&channel).await.map_err(|error| failed(("the account", "アカウント"), &error))?;
    Ok(Bot {
        user_id: info.user_id,
        name: info.display_name,
        icon: info.picture_url,
        basic_id: info.basic_id,
        has_chat: info.chat_mode.as_deref() == Some("chat"),
    })
}

/// `what` was asked about, in both languages.
fn failed(what: (&str, &str), error: &Error) -> Step {
    let (english, japanese) = what;
    let detail = bilingual!("{english}", "{japanese}を確認できませんでした").because(error);
    let step = Step::failed("credentials", detail);
    if error.is_transient() {
        step.with_by_hand(bilingual!(
            "run the same command again later, or with --skip-line-checks to go on unchecked",
            "しばらくしてから、もう一度お試しください。"
        ))
    } else {
        step.with_by_hand(compare())
    }
}
