//! What a person has to do in LINE and HubSpot, with the menu names of both languages.

use super::step::Step;
use crate::bilingual::{Bilingual, bilingual};

/// Where webhook settings are.
const CONSOLE: &str =
    "LINE Developers console (LINE Developersコンソール) > the channel > Messaging API (Messaging API設定)";

/// The same for whoever reads Japanese.
const CONSOLE_JAPANESE: &str = "LINE Developersコンソール ＞ チャネル ＞ Messaging API設定";

/// Where answers are set.
const MANAGER: &str = "LINE Official Account Manager > Settings (設定) > Response settings (応答設定)";

/// The same for whoever reads Japanese.
const MANAGER_JAPANESE: &str = "LINE Official Account Manager ＞ 設定 ＞ 応答設定";

/// How to enter the webhook address by hand.
pub fn enter_webhook(url: &str) -> Bilingual {
    bilingual!(
        "{CONSOLE} > Webhook settings (Webhook設定): enter {url} as Webhook URL",
        "{CONSOLE_JAPANESE} ＞ Webhook設定：Webhook URLに {url} を入力してください。"
    )
}

/// "Use webhook", which no interface of LINE sets. LINE tells whether it is on once an address is set.
pub fn use_webhook(is_on: Option<bool>) -> Step {
    let name = "use_webhook";
    match is_on {
        Some(true) => Step::done(name, bilingual!("\"Use webhook\" is on", "「Webhookの利用」はオンです。")),
        Some(false) => {
            let detail = bilingual!(
                "\"Use webhook\" is off: LINE sends no events",
                "「Webhookの利用」がオフのため、LINEからイベントが届きません。"
            );
            Step::by_hand(name, detail, turn_on_webhook())
        }
        None => {
            let detail = bilingual!(
                "LINE sends events only with \"Use webhook\" on",
                "「Webhookの利用」がオンのときだけ、LINEからイベントが届きます。"
            );
            Step::by_hand(name, detail, turn_on_webhook())
        }
    }
}

/// How to turn "Use webhook" on.
pub fn turn_on_webhook() -> Bilingual {
    bilingual!(
        "{CONSOLE} > Webhook settings (Webhook設定): turn on Use webhook (Webhookの利用)",
        "{CONSOLE_JAPANESE} ＞ Webhook設定：「Webhookの利用」をオンにしてください。"
    )
}

/// What always has to be looked after by hand.
pub fn always() -> [Step; 4] {
    [redelivery(), auto_reply(), greeting(), companies()]
}

fn redelivery() -> Step {
    let detail = bilingual!(
        "LINE sends an event again after an outage only if that is switched on",
        "障害のあとにLINEがイベントを再送するのは、この設定がオンのときだけです。"
    );
    let what = bilingual!(
        "{CONSOLE} > Webhook settings (Webhook設定): turn on Webhook redelivery (Webhookの再送)",
        "{CONSOLE_JAPANESE} ＞ Webhook設定：「Webhookの再送」をオンにしてください。"
    );
    Step::by_hand("redelivery", detail, what)
}

fn auto_reply() -> Step {
    let detail = bilingual!(
        "LINE's own automatic answers would go out beside yours",
        "LINEの自動応答が、担当者の返信と重なって送信されます。"
    );
    let what = bilingual!(
        "{MANAGER}: turn off Auto-response messages (応答メッセージ)",
        "{MANAGER_JAPANESE}：「応答メッセージ」をオフにしてください。"
    );
    Step::by_hand("auto_reply", detail, what)
}

fn greeting() -> Step {
    let detail = bilingual!(
        "if a HubSpot workflow greets new friends, LINE's greeting would be a second one; it also goes out on unblocking",
        "HubSpotのワークフローで友だち追加時にあいさつを送る場合、LINEのあいさつと二重になります。\
         ブロック解除のときにも送信されます。"
    );
    let what = bilingual!(
        "{MANAGER}: turn off Greeting message (あいさつメッセージ)",
        "{MANAGER_JAPANESE}：「あいさつメッセージ」をオフにしてください。"
    );
    Step::by_hand("greeting", detail, what)
}

fn companies() -> Step {
    let detail = bilingual!(
        "HubSpot may file every friend under a company \"line.me\", after the contacts' e-mail addresses",
        "コンタクトのEメールアドレスをもとに、HubSpotがすべての友だちを会社「line.me」に関連付けることがあります。"
    );
    let what = bilingual!(
        "HubSpot > Settings (設定) > Objects (オブジェクト) > Companies (会社): exclude line.me from creating and \
         associating companies with contacts (会社の自動作成と関連付け)",
        "HubSpot ＞ 設定 ＞ オブジェクト ＞ 会社：「会社の自動作成と関連付け」の対象からline.meを除外してください。"
    );
    Step::by_hand("hubspot_companies", detail, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_by_hand_is_told_in_both_languages() {
        for step in always().into_iter().chain([None, Some(true), Some(false)].map(use_webhook)) {
            assert!(step.detail.is_translated(), "{}: {}", step.name, step.detail.japanese);
            assert!(step.by_hand.is_none_or(|what| what.is_translated()), "{}", step.name);
        }
        assert!(enter_webhook("https://a.example").japanese.contains("https://a.example"));
    }
}
