//! What a person has to do in LINE and HubSpot, with the menu names of both languages.

use super::step::Step;

/// Where webhook settings are.
const CONSOLE: &str =
    "LINE Developers console (LINE Developersコンソール) > the channel > Messaging API (Messaging API設定)";

/// Where answers are set.
const MANAGER: &str = "LINE Official Account Manager > Settings (設定) > Response settings (応答設定)";

/// How to enter the webhook address by hand.
pub fn enter_webhook(url: &str) -> String {
    format!("{CONSOLE} > Webhook settings (Webhook設定): enter {url} as Webhook URL")
}

/// "Use webhook", which no interface of LINE sets. LINE tells whether it is on once an address is set.
pub fn use_webhook(is_on: Option<bool>) -> Step {
    match is_on {
        Some(true) => Step::done("use_webhook", "\"Use webhook\" is on"),
        Some(false) => Step::by_hand("use_webhook", "\"Use webhook\" is off: LINE sends no events", turn_on_webhook()),
        None => Step::by_hand("use_webhook", "LINE sends events only with \"Use webhook\" on", turn_on_webhook()),
    }
}

/// How to turn "Use webhook" on.
pub fn turn_on_webhook() -> String {
    format!("{CONSOLE} > Webhook settings (Webhook設定): turn on Use webhook (Webhookの利用)")
}

/// What always has to be looked after by hand.
pub fn always() -> [Step; 4] {
    [
        Step::by_hand(
            "redelivery",
            "LINE sends an event again after an outage only if that is switched on",
            format!("{CONSOLE} > Webhook settings (Webhook設定): turn on Webhook redelivery (Webhookの再送)"),
        ),
        Step::by_hand(
            "auto_reply",
            "LINE's own automatic answers would go out beside yours",
            format!("{MANAGER}: turn off Auto-response messages (応答メッセージ)"),
        ),
        Step::by_hand(
            "greeting",
            "if a HubSpot workflow greets new friends, LINE's greeting would be a second one; it also goes out on unblocking",
            format!("{MANAGER}: turn off Greeting message (あいさつメッセージ)"),
        ),
        Step::by_hand(
            "hubspot_companies",
            "HubSpot may file every friend under a company \"line.me\", after the contacts' e-mail addresses",
            "HubSpot > Settings (設定) > Objects (オブジェクト) > Companies (会社): exclude line.me from creating and \
             associating companies with contacts (会社の自動作成と関連付け)",
        ),
    ]
}
