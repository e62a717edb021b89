//! LINE's side: the credentials, the account behind them, and where LINE sends its events.

use super::finding::{Finding, later};
use crate::bilingual::{Bilingual, bilingual, time_in_japan};
use crate::onboarding::rotation::older_secret_until_ms;
use crate::onboarding::{guide, webhook_path};
use crate::output;
use crate::wiring::Installation;
use ::connection::Connection;
use ::line::Error;
use ::line::api::{BotInfo, Channel, Client, TokenInfo, WebhookTest};
use projector::sync::profiles;

/// Where the credentials stand.
const CONSOLE: &str = "LINE Developers console (LINE Developersコンソール) > the channel";

/// The same for whoever reads Japanese.
const CONSOLE_JAPANESE: &str = "LINE Developersコンソール ＞ チャネル";

/// A token that ends sooner has to be replaced now.
const TOKEN_SECONDS_MIN: u64 = 7 * 24 * 3_600;

/// Asks LINE about everything that it tells.
pub async fn check(installation: &Installation, connection: &Connection) -> Vec<Finding> {
    let line = &installation.line;
    let now_ms = installation.clock.now_ms();
    let mut findings = vec![secret(line, connection, now_ms).await, token(line, connection).await];
    let Some(channel) = profiles::channel(connection) else { return findings };
    match line.bot_info(&channel).await {
        Ok(bot) => findings.extend([account(connection, &bot), chat(&bot)]),
        Err(error) => {
            findings.push(Finding::unknown(
                "line_account_unknown",
                bilingual!("LINE did not name the account", "LINEからアカウント情報を取得できませんでした")
                    .because(&error),
                later(),
            ));
        }
    }
    let url = installation.settings.webhook_url(&webhook_path(connection));
    findings.extend(webhook(line, connection, &channel, &url).await);
    findings
}

/// LINE knows one secret of a channel. During a rotation it should be the newest; the one before counts for what is on its way.
async fn secret(line: &Client, connection: &Connection, now_ms: i64) -> Finding {
    let rotate = rotate(connection);
    let enter = bilingual!(
        "enter the channel secret that stands at {CONSOLE} > Basic settings (チャネル基本設定): {rotate}",
        "{CONSOLE_JAPANESE} ＞ チャネル基本設定のチャネルシークレットを、「シークレット・トークンの更新」で入力してください。"
    );
    let Some(newest) = connection.channel_secrets.first() else {
        return Finding::broken(
            "line_secret_missing",
            bilingual!("the connection has no channel secret", "チャネルシークレットが登録されていません。"),
            enter,
        );
    };
    let older = connection.channel_secrets.get(1).filter(|_| connection.older_secrets_count(now_ms));
    match line.check_secret(&connection.channel_id, newest).await {
        Ok(()) => Finding::good("line_secret", accepted(connection, now_ms)),
        Err(error @ Error::Unauthorized { .. }) => {
            let is_older = match older {
                Some(older) => line.check_secret(&connection.channel_id, older).await.is_ok(),
                None => false,
            };
            if is_older {
                let sentence = bilingual!(
                    "LINE accepts the channel secret before the newest, and not the newest: once the one before counts no more, \
                     webhooks are refused",
                    "LINEは以前のチャネルシークレットを受け付け、最新のものを受け付けません。以前のものの有効期限が切れると、Webhookは\
                     拒否されます。"
                );
                return Finding::broken("line_secret_premature", sentence, enter);
            }
            Finding::broken(
                "line_secret_refused",
                bilingual!(
                    "channel ID and channel secret do not belong together, so webhooks are refused",
                    "チャネルIDとチャネルシークレットの組み合わせが正しくないため、Webhookは拒否されます"
                )
                .because(&error),
                enter,
            )
        }
        Err(error) => Finding::unknown(
            "line_secret_unknown",
            bilingual!("LINE did not check the secret", "LINEでシークレットを確認できませんでした").because(&error),
            later(),
        ),
    }
}

fn accepted(connection: &Connection, now_ms: i64) -> Bilingual {
    match older_secret_until_ms(connection, now_ms).map(|ms| (output::time(ms), time_in_japan(ms))) {
        None => bilingual!(
            "LINE accepts channel ID and channel secret",
            "LINEがチャネルIDとチャネルシークレットを受け付けました。"
        ),
        Some((utc, jst)) => bilingual!(
            "LINE accepts channel ID and channel secret; the secret before it counts until {utc}",
            "LINEがチャネルIDとチャネルシークレットを受け付けました。以前のシークレットは{jst}まで有効です。"
        ),
    }
}

/// The command that enters credentials.
fn rotate(connection: &Connection) -> String {
    format!("`kizuna connection rotate {}`", connection.number)
}

async fn token(line: &Client, connection: &Connection) -> Finding {
    let Some(token) = &connection.access_token else {
        return Finding::good(
            "line_token",
            bilingual!(
                "short-lived access tokens are made from channel ID and channel secret",
                "チャネルIDとチャネルシークレットから短期トークンを発行しています。"
            ),
        );
    };
    let rotate = rotate(connection);
    let replace = bilingual!(
        "issue a channel access token at {CONSOLE} > Messaging API (Messaging API設定) and enter it, or go on without one, with \
         --stateless: {rotate}",
        "{CONSOLE_JAPANESE} ＞ Messaging API設定でチャネルアクセストークンを発行し、「シークレット・トークンの更新」で入力するか、\
         短期トークンに切り替えてください。"
    );
    match line.verify_token(&connection.channel_id, token).await {
        Ok(TokenInfo { client_id, .. }) if client_id != connection.channel_id => Finding::broken(
            "line_token_foreign",
            bilingual!(
                "the access token belongs to channel {client_id}, not to {0}",
                "アクセストークンはチャネル{0}ではなく、チャネル{client_id}のものです。",
                connection.channel_id
            ),
            replace,
        ),
        Ok(TokenInfo { expires_in, .. }) if expires_in < TOKEN_SECONDS_MIN => {
            let sentence = bilingual!(
                "the access token ends in {0} hours",
                "アクセストークンはあと{0}時間で失効します。",
                expires_in / 3_600
            );
            Finding::warning("line_token_ends", sentence, replace)
        }
        Ok(_) => Finding::good(
            "line_token",
            bilingual!("LINE accepts the long-lived access token", "LINEが長期のアクセストークンを受け付けました。"),
        ),
        Err(error @ Error::Unauthorized { .. }) => Finding::broken(
            "line_token_refused",
            bilingual!("the access token is not valid", "アクセストークンが無効です").because(&error),
            replace,
        ),
        Err(error) => Finding::unknown(
            "line_token_unknown",
            bilingual!("LINE did not check the token", "LINEでトークンを確認できませんでした").because(&error),
            later(),
        ),
    }
}

fn account(connection: &Connection, bot: &BotInfo) -> Finding {
    let rotate = rotate(connection);
    match &connection.bot_user_id {
        Some(known) if *known == bot.user_id => Finding::good(
            "line_account",
            bilingual!("the account is {0} ({1})", "アカウントは{0}（{1}）です。", bot.display_name, bot.basic_id),
        ),
        Some(_) => Finding::broken(
            "line_account_other",
            bilingual!(
                "the credentials are those of another account, {0} ({1}); its webhooks are refused",
                "別のアカウント{0}（{1}）の認証情報です。そのWebhookは拒否されます。",
                bot.display_name,
                bot.basic_id
            ),
            bilingual!(
                "enter the credentials of this connection's own channel: {rotate}; another account needs a connection of its own",
                "このアカウントのチャネルの認証情報を「シークレット・トークンの更新」で入力してください。別のアカウントは新しく\
                 接続してください。"
            ),
        ),
        None => Finding::warning(
            "line_account_unnoted",
            bilingual!(
                "the connection was made without asking LINE whose account it is, so webhooks of another one are not noticed",
                "どのアカウントかをLINEに確認せずに接続したため、別のアカウントのWebhookが届いても検出できません。"
            ),
            bilingual!(
                "run `kizuna connection add` again with the same channel, without --skip-line-checks",
                "同じチャネルをもう一度接続してください。"
            ),
        ),
    }
}

/// LINE makes no demand here: chat and webhooks can be on together.
fn chat(bot: &BotInfo) -> Finding {
    let sentence = match bot.chat_mode.as_deref() {
        Some("chat") => bilingual!(
            "chat is on (chatMode chat): what operators answer by hand there, LINE tells nobody",
            "チャットはオンです（chatMode chat）。担当者がチャットで手動返信した内容は、LINEから通知されません。"
        ),
        Some("bot") => bilingual!(
            "chat is off (chatMode bot): nobody answers by hand",
            "チャットはオフです（chatMode bot）。手動返信はありません。"
        ),
        _ => bilingual!(
            "LINE does not say whether chat is on",
            "チャットがオンかどうかは、LINEから取得できませんでした。"
        ),
    };
    Finding::good("line_chat", sentence)
}

async fn webhook(line: &Client, connection: &Connection, channel: &Channel, url: &str) -> Vec<Finding> {
    let endpoint = match line.webhook_endpoint(channel).await {
        Ok(endpoint) => endpoint,
        Err(Error::NotFound { .. }) => {
            let sentence = bilingual!(
                "LINE has no webhook address, so it sends no events",
                "LINEにWebhook URLが設定されていないため、イベントが送信されません。"
            );
            return vec![Finding::broken("webhook_url_missing", sentence, guide::enter_webhook(url))];
        }
        Err(error) => {
            let sentence =
                bilingual!("LINE did not tell the webhook address", "LINEからWebhook URLを取得できませんでした");
            return vec![Finding::unknown("webhook_url_unknown", sentence.because(&error), later())];
        }
    };
    vec![
        address(&endpoint.endpoint, url),
        switch(endpoint.active),
        answer(line.test_webhook_endpoint(channel, None).await, &rotate(connection)),
    ]
}

/// What follows the host is what decides whose connection is called; the address itself may hold others' secrets.
fn address(set: &str, ours: &str) -> Finding {
    if set == ours {
        let sentence = bilingual!(
            "LINE sends its events to this connection's address",
            "LINEはこのアカウントのWebhook URLにイベントを送信しています。"
        );
        return Finding::good("webhook_url", sentence);
    }
    if path(set) == path(ours) {
        return Finding::warning(
            "webhook_url_host",
            bilingual!(
                "LINE sends its events to this connection, by the host {0}, not {1}",
                "LINEはこのアカウントにイベントを送信していますが、ホストは{1}ではなく{0}です。",
                host(set),
                host(ours)
            ),
            bilingual!(
                "set KIZUNA_PUBLIC_URL to the address that LINE uses, or have LINE use the other one",
                "KIZUNA_PUBLIC_URLをLINEで使うアドレスに合わせるか、LINEのWebhook URLを変更してください。"
            ),
        );
    }
    let sentence = bilingual!(
        "LINE sends the account's events elsewhere, to {0}",
        "LINEはイベントを別の宛先（{0}）に送信しています。",
        host(set)
    );
    Finding::broken("webhook_url_other", sentence, guide::enter_webhook(ours))
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

fn path(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split_once('/').map(|(_, path)| path)
}

fn switch(is_on: bool) -> Finding {
    if is_on {
        return Finding::good("use_webhook", bilingual!("\"Use webhook\" is on", "「Webhookの利用」はオンです。"));
    }
    let sentence = bilingual!(
        "\"Use webhook\" is off: LINE sends no events",
        "「Webhookの利用」がオフのため、LINEからイベントが送信されません。"
    );
    Finding::broken("use_webhook_off", sentence, guide::turn_on_webhook())
}

fn answer(test: Result<WebhookTest, Error>, rotate: &str) -> Finding {
    match test {
        Ok(test) if test.success => {
            let sentence = bilingual!(
                "LINE called the address and got its answer",
                "LINEからWebhook URLを呼び出し、応答を受け取れました。"
            );
            Finding::good("webhook_test", sentence)
        }
        Ok(test) => unanswered(&test, rotate),
        Err(error) => {
            let sentence = bilingual!("LINE did not try the address", "LINEからの接続テストを実行できませんでした");
            Finding::unknown(
                "webhook_test_unknown",
                sentence.because(&error),
                bilingual!(
                    "check again in an hour: LINE allows 60 tests an hour",
                    "1時間ほどおいてもう一度チェックしてください。LINEの接続テストは1時間に60回までです。"
                ),
            )
        }
    }
}

/// LINE's words for a failed test are those of its error statistics.
fn unanswered(test: &WebhookTest, rotate: &str) -> Finding {
    let WebhookTest { status_code, reason, detail, .. } = test;
    match (&**reason, *status_code) {
        ("COULD_NOT_CONNECT", _) => Finding::broken(
            "webhook_unreachable",
            bilingual!(
                "LINE cannot connect to the address: {detail}",
                "LINEからWebhook URLに接続できません（LINEの応答：「{detail}」）"
            ),
            bilingual!(
                "see that the host's name, its certificate and its proxy are good, and that `kizuna up` runs behind it",
                "ホスト名、証明書、プロキシーの設定と、kizuna upの稼働を確認してください。"
            ),
        ),
        ("REQUEST_TIMEOUT", _) => Finding::broken(
            "webhook_slow",
            bilingual!(
                "the address did not answer LINE in time: {detail}",
                "Webhook URLからの応答が時間内にありませんでした（LINEの応答：「{detail}」）"
            ),
            bilingual!(
                "see whether the proxy reaches `kizuna up`, and how long the log takes (docs/operations.md, KizunaIngestSlow)",
                "プロキシーからkizuna upに届くか、ログの書き込みに時間がかかっていないかを確認してください\
                 （docs/operations.md、KizunaIngestSlow）。"
            ),
        ),
        (_, 401) => Finding::broken(
            "webhook_refused",
            bilingual!(
                "the address answered 401: it does not know this connection, or its channel secret is another one",
                "Webhook URLが401を返しました。このアカウントが登録されていないか、チャネルシークレットが異なります。"
            ),
            bilingual!(
                "see that the address leads to a `kizuna up` of this installation, and that the channel secret is right \
                 ({rotate} enters another)",
                "Webhook URLがこのシステムのkizuna upを指しているか、チャネルシークレットが正しいかを確認してください。"
            ),
        ),
        _ => Finding::broken(
            "webhook_fails",
            bilingual!(
                "the address answered LINE with status {status_code}: {reason} {detail}",
                "Webhook URLがステータス{status_code}を返しました（LINEの応答：「{reason} {detail}」）"
            ),
            bilingual!(
                "see what answers there: LINE needs the status 200, without a redirect",
                "Webhook URLの先で何が応答しているかを確認してください。リダイレクトなしで200を返す必要があります。"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contact::ConnectionNumber;

    #[test]
    fn an_address_of_others_is_named_by_its_host_alone() {
        let found = address("https://other.example.jp/hook?key=hunter2", "https://line.example.jp/line/webhook/0a");
        assert_eq!(found.code, "webhook_url_other");
        assert!(found.sentence.english.ends_with("to other.example.jp"), "{}", found.sentence);
    }

    #[test]
    fn another_host_in_front_of_the_same_connection_is_only_worth_a_warning() {
        let found = address("https://proxy.example.jp/line/webhook/0a", "https://line.example.jp/line/webhook/0a");
        assert_eq!(found.code, "webhook_url_host");
    }

    #[test]
    fn each_way_in_which_the_address_fails_line_has_a_finding_of_its_own() {
        let failed = |status_code, reason: &str| {
            let test = WebhookTest { success: false, status_code, reason: reason.into(), detail: String::new() };
            answer(Ok(test), "").code
        };
        assert_eq!(failed(0, "COULD_NOT_CONNECT"), "webhook_unreachable");
        assert_eq!(failed(0, "REQUEST_TIMEOUT"), "webhook_slow");
        assert_eq!(failed(401, "ERROR_STATUS_CODE"), "webhook_refused");
        assert_eq!(failed(302, "ERROR_STATUS_CODE"), "webhook_fails");
    }

    #[tokio::test]
    async fn a_connection_without_a_secret_is_found_and_line_is_not_asked() {
        let connection = Connection {
            number: ConnectionNumber::new(3).expect("not 0"),
            name: String::new(),
            description: String::new(),
            icon: String::new(),
            channel_id: "1".into(),
            channel_secrets: Vec::new(),
            access_token: None,
            webhook_token: runtime::secret::Secret::new("token"),
            bot_user_id: None,
            auto_create: true,
            state: ::connection::State::Active,
            properties_existed: true,
            created_at_ms: 0,
            older_secrets_until_ms: None,
        };
        let settings = ::line::api::Settings { base_url: "http://127.0.0.1:1".into(), ..Default::default() };
        let metrics = ::line::telemetry::Metrics::register(&prometheus::Registry::new()).expect("registered");
        let line = Client::new(&settings, metrics).expect("a client");
        let found = secret(&line, &connection, 0).await;
        assert_eq!(found.code, "line_secret_missing");
        assert!(found.remedy.expect("a remedy").english.contains("`kizuna connection rotate 3`"));
    }
}
