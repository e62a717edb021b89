//! The account's webhook address: set through LINE, tried by LINE.

use super::guide;
use super::step::Step;
use connection::Connection;
use line::api::{Channel, Client, WebhookTest};
use std::time::Duration;

/// Within this time a running `kizuna up` knows a new connection.
const KNOWN_AFTER: Duration = Duration::from_secs(2);

/// LINE was not to be called: the address has to be entered by hand.
pub fn unasked(url: &str) -> Vec<Step> {
    let set = Step::skipped("webhook", "not set in LINE, because it was not to be called");
    vec![set.with_by_hand(guide::enter_webhook(url)), guide::use_webhook(None)]
}

/// LINE could not reach the address.
pub fn unreachable(url: &str) -> Vec<Step> {
    let set = Step::skipped("webhook", format!("LINE calls https addresses only, and this one is {url}"));
    let what = "set KIZUNA_PUBLIC_URL to the https address under which LINE reaches this server, then run the same command again";
    vec![set.with_by_hand(what), guide::use_webhook(None)]
}

/// Has LINE use the address and try it.
pub async fn set_and_test(line: &Client, connection: &Connection, url: &str) -> Vec<Step> {
    let Some(channel) = projector::sync::profiles::channel(connection) else {
        return unasked(url);
    };
    if let Err(error) = line.set_webhook_endpoint(&channel, url).await {
        let step = Step::failed("webhook", format!("LINE did not take the address: {error}"));
        return vec![step.with_by_hand(guide::enter_webhook(url)), guide::use_webhook(None)];
    }
    let is_used = line.webhook_endpoint(&channel).await.ok().map(|endpoint| endpoint.active);
    let set = Step::done("webhook", "LINE has the address; it may take a minute until it uses it");
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
            Step::done("webhook_test", "LINE called the address and got its answer")
        }
        Ok(test) => Step::failed("webhook_test", unanswered(&test)).with_by_hand(
            "see that `kizuna up` runs and that KIZUNA_PUBLIC_URL leads to it, then run the same command again",
        ),
        Err(error) => Step::failed("webhook_test", format!("LINE did not try the address: {error}")),
    }
}

/// Somebody answered who does not know the connection: most likely a `kizuna up` that has not seen it yet.
fn is_unknown_yet(test: &WebhookTest) -> bool {
    test.status_code == 401
}

fn unanswered(test: &WebhookTest) -> String {
    let status = if test.status_code > 0 { format!("status {}", test.status_code) } else { "no answer".to_owned() };
    format!("LINE called the address and got {status}: {} {}", test.reason, test.detail)
}
