//! The account's webhook address: set through LINE, tried by LINE.

use super::guide;
use super::step::Step;
use crate::bilingual::{Bilingual, bilingual};
use connection::Connection;
use line::api::{Channel, Client, WebhookTest};
use std::time::Duration;

/// Within this time a running `kizuna up` knows a new connection.
const KNOWN_AFTER: Duration = Duration::from_secs(2);

/// LINE was not to be called: the address has to be entered by hand.
pub fn unasked(url: &str) -> Vec<Step> {
    let detail = bilingual!(
        "not set in LINE, because it was not to be called",
        "LINEを呼び出さない指定のため、設定していません。"
    );
    let set = Step::skipped("webhook", detail);
    vec![set.with_by_hand(guide::enter_webhook(url)), guide::use_webhook(None)]
}

/// LINE could not reach the address.
pub fn unreachable(url: &str) -> Vec<Step> {
    let detail = bilingual!(
        "LINE calls https addresses only, and this one is {url}",
        "LINEが呼び出せるのはhttpsのURLだけです（現在のURL：{url}）。"
    );
    let set = Step::skipped("webhook", detail);
    vec![set.with_by_hand(set_https()), guide::use_webhook(None)]
}

fn set_https() -> Bilingual {
    bilingual!(
        "set KIZUNA_PUBLIC_URL to the https address under which LINE reaches this server, then run the same command again",
        "LINEからこのサーバーに届くhttpsのURLをKIZUNA_PUBLIC_URLに設定し、もう一度接続してください。"
    )
}

/// Has LINE use the address and try it.
pub async fn set_and_test(line: &Client, connection: &Connection, url: &str) -> Vec<Step> {
    let Some(channel) = projector::sync::profiles::channel(connection) else {
        return unasked(url);
    };
    if let Err(error) = line.set_webhook_endpoint(&channel, url).await {
        let detail = bilingual!("LINE did not take the address", "LINEにWebhook URLを設定できませんでした");
        let step = Step::failed("webhook", detail.because(&error));
        // LINE takes no such address from a person either.
        let what = if url.starts_with("https://") { guide::enter_webhook(url) } else { set_https() };
        return vec![step.with_by_hand(what), guide::use_webhook(None)];
    }
    let is_used = line.webhook_endpoint(&channel).await.ok().map(|endpoint| endpoint.active);
    let detail = bilingual!(
        "LINE has the address; it may take a minute until it uses it",
        "LINEにWebhook URLを設定しました。反映まで1分ほどかかることがあります。"
    );
    let set = Step::done("webhook", detail);
    vec![set, test(line, &channel, url).await, guide::use_webhook(is_used)]
}

async fn test(line: &Client, channel: &Channel, url: &str) -> Step {
    let mut tested = line.test_webhook_endpoint(channel, Some(url)).await;
    if tested.as_ref().is_ok_and(is_unknown_yet) {
        tokio::time::sleep(KNOWN_AFTER).await;
        tested = line.test_webhook_endpoint(channel, Some(url)).await;
    }
    match tested {
        Ok(WebhookTest { success: true, .. }) => {
            let detail =
                bilingual!("LINE called the address and got its answer", "LINEからの呼び出しに正しく応答しました。");
            Step::done("webhook_test", detail)
        }
        Ok(test) => Step::failed("webhook_test", unanswered(&test)).with_by_hand(bilingual!(
            "see that `kizuna up` runs and that KIZUNA_PUBLIC_URL leads to it, then run the same command again",
            "`kizuna up`が動いていて、KIZUNA_PUBLIC_URLがこのサーバーに届くことを確認し、もう一度接続してください。"
        )),
        Err(error) => Step::failed(
            "webhook_test",
            bilingual!("LINE did not try the address", "LINEが接続テストを行えませんでした").because(&error),
        ),
    }
}

/// Somebody answered who does not know the connection: most likely a `kizuna up` that has not seen it yet.
fn is_unknown_yet(test: &WebhookTest) -> bool {
    test.status_code == 401
}

fn unanswered(test: &WebhookTest) -> Bilingual {
    let status = match test.status_code {
        1.. => bilingual!("status {0}", "ステータス{0}", test.status_code),
        _ => bilingual!("no answer", "応答なし"),
    };
    Bilingual {
        english: format!("LINE called the address and got {}: {} {}", status.english, test.reason, test.detail),
        japanese: format!(
            "LINEからの呼び出しに失敗しました（{}、LINEの応答：「{} {}」）。",
            status.japanese, test.reason, test.detail
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_the_address_is_told_in_both_languages() {
        let steps = [unasked("https://a.example"), unreachable("http://a.example")].concat();
        for step in steps {
            assert!(step.detail.is_translated(), "{}", step.detail.japanese);
            assert!(step.by_hand.is_none_or(|what| what.is_translated()), "{}", step.name);
        }
    }
}
