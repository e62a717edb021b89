//! What a check of an account found as a page tells it, in the reader's language.

use super::language::Language;
use crate::checkup::{Finding, Severity};

/// A finding for the page.
pub struct Told {
    /// Its name, as the command line and the documents say it.
    pub code: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// How it is, for the style sheet.
    pub class: &'static str,
    /// How it is.
    pub result: &'static str,
    /// What was found.
    pub sentence: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Told {
    /// Tells a finding.
    pub fn of(finding: Finding, language: Language) -> Self {
        let words = language.words();
        let (class, result) = match finding.severity {
            Severity::Good => ("done", words.finding_good),
            Severity::Warning => ("by-hand", words.finding_warning),
            Severity::Broken => ("failed", words.finding_broken),
            Severity::Unknown => ("skipped", words.finding_unknown),
        };
        let known = KNOWN.iter().find(|known| known.code == finding.code);
        let title = known.map_or(finding.code, |known| match language {
            Language::English => known.english,
            Language::Japanese => known.japanese,
        });
        let in_japanese = known.map(|known| known.remedy).filter(|_| language == Language::Japanese);
        let remedy = finding.remedy.map(|english| in_japanese.map_or(english, str::to_owned));
        let sentence = language.of_both(&finding.sentence).to_owned();
        Self { code: finding.code, title, class, result, sentence, remedy }
    }
}

/// What is said of a finding.
struct Known {
    code: &'static str,
    english: &'static str,
    japanese: &'static str,
    /// What to do about it, in Japanese.
    remedy: &'static str,
}

const fn known(code: &'static str, english: &'static str, japanese: &'static str, remedy: &'static str) -> Known {
    Known { code, english, japanese, remedy }
}

/// What is as it should be asks for nothing.
const NOTHING: &str = "";

const LATER: &str = "時間をおいてもう一度チェックしてください。";

const ROTATE_SECRET: &str = "LINE Developersコンソール ＞ チャネル ＞ チャネル基本設定のチャネルシークレットを、「シークレット・トークンの更新」で入力してください。";

const ROTATE_TOKEN: &str = "LINE Developersコンソール ＞ チャネル ＞ Messaging API設定でチャネルアクセストークンを発行し、「シークレット・トークンの更新」で入力するか、短期トークンに切り替えてください。";

const ROTATE_BOTH: &str = "このアカウントのチャネルの認証情報を「シークレット・トークンの更新」で入力してください。別のアカウントは新しく接続してください。";

const ENTER_WEBHOOK: &str = "LINE Developersコンソール ＞ チャネル ＞ Messaging API設定 ＞ Webhook設定で、アカウントのページに表示されるWebhook URLを入力してください。";

const ASK_FOR_ONE: &str =
    "スマートフォンからアカウントにメッセージを送ってください。届かない場合は、Webhookの項目で原因を確認してください。";

const START_AGAIN: &str =
    "kizuna upを再起動すると自動で直ります。接続中はプロパティーを変更・アーカイブしないでください。";

const RUN_BESIDE: &str =
    "kizuna upまたはkizuna ingestと同じサーバーで、同じKIZUNA_ADMIN_LISTENを設定して実行してください。";

const CALLS: &str = "HubSpot APIの呼び出しを多く使っている他のアプリを確認するか、上限を引き上げてください。";

/// The findings, in the order of a check.
const KNOWN: &[Known] = &[
    known("connection", "State", "状態", NOTHING),
    known(
        "connection_paused",
        "Paused",
        "一時停止中",
        "HubSpotへの反映を再開するには、アカウントのページで「再開」を押してください。停止中のイベントは失われません。",
    ),
    known("line_secret", "Channel secret", "チャネルシークレット", NOTHING),
    known("line_secret_missing", "No channel secret", "チャネルシークレットがありません", ROTATE_SECRET),
    known("line_secret_refused", "Wrong channel secret", "チャネルシークレットが違います", ROTATE_SECRET),
    known(
        "line_secret_premature",
        "The new channel secret is not LINE's",
        "新しいチャネルシークレットがLINEと一致しません",
        ROTATE_SECRET,
    ),
    known("line_secret_unknown", "Channel secret", "チャネルシークレット", LATER),
    known("line_token", "Access token", "アクセストークン", NOTHING),
    known("line_token_foreign", "Access token of another channel", "別のチャネルのアクセストークンです", ROTATE_TOKEN),
    known("line_token_ends", "The access token ends soon", "アクセストークンの期限が近づいています", ROTATE_TOKEN),
    known("line_token_refused", "Wrong access token", "アクセストークンが無効です", ROTATE_TOKEN),
    known("line_token_unknown", "Access token", "アクセストークン", LATER),
    known("line_account", "Official account", "公式アカウント", NOTHING),
    known("line_account_other", "Another official account", "別の公式アカウントです", ROTATE_BOTH),
    known(
        "line_account_unnoted",
        "Whose account it is was not asked",
        "アカウントの確認が省略されています",
        "同じチャネルをもう一度接続してください。",
    ),
    known("line_account_unknown", "Official account", "公式アカウント", LATER),
    known("line_chat", "Chat", "チャット", NOTHING),
    known("webhook_url", "Webhook address in LINE", "LINEのWebhook URL", NOTHING),
    known("webhook_url_missing", "LINE has no webhook address", "LINEにWebhook URLがありません", ENTER_WEBHOOK),
    known(
        "webhook_url_host",
        "Webhook address with another host",
        "Webhook URLのホストが異なります",
        "KIZUNA_PUBLIC_URLをLINEで使うアドレスに合わせるか、LINEのWebhook URLを変更してください。",
    ),
    known(
        "webhook_url_other",
        "LINE sends the events elsewhere",
        "Webhook URLが別のサーバーを指しています",
        ENTER_WEBHOOK,
    ),
    known("webhook_url_unknown", "Webhook address in LINE", "LINEのWebhook URL", LATER),
    known("use_webhook", "Use webhook", "Webhookの利用", NOTHING),
    known(
        "use_webhook_off",
        "\"Use webhook\" is off",
        "「Webhookの利用」がオフです",
        "LINE Developersコンソール ＞ チャネル ＞ Messaging API設定 ＞ Webhook設定で「Webhookの利用」をオンにしてください。",
    ),
    known("webhook_test", "LINE reaches the webhook", "LINEからのWebhook接続テスト", NOTHING),
    known("webhook_test_unknown", "LINE reaches the webhook", "LINEからのWebhook接続テスト", LATER),
    known(
        "webhook_unreachable",
        "LINE cannot connect",
        "LINEから接続できません",
        "ホスト名、証明書、プロキシーの設定と、kizuna upの稼働を確認してください。",
    ),
    known(
        "webhook_slow",
        "The webhook answers too late",
        "Webhookの応答が間に合いません",
        "プロキシーからkizuna upに届くか、ログの書き込みに時間がかかっていないかを確認してください（docs/operations.md、KizunaIngestSlow）。",
    ),
    known(
        "webhook_refused",
        "The webhook refuses LINE",
        "LINEからのWebhookが拒否されています（401）",
        "Webhook URLがこのシステムのkizuna upを指しているか、チャネルシークレットが正しいかを確認してください。",
    ),
    known(
        "webhook_fails",
        "The webhook answers with an error",
        "Webhookがエラーを返します",
        "Webhook URLの先で何が応答しているかを確認してください。リダイレクトなしで200を返す必要があります。",
    ),
    known("events", "Events", "イベント", NOTHING),
    known("events_none", "No event ever came", "イベントが一度も届いていません", ASK_FOR_ONE),
    known("events_old", "No event for a week", "1週間以上イベントが届いていません", ASK_FOR_ONE),
    known("signatures", "Signatures", "署名", NOTHING),
    known("signatures_wrong", "All signatures are wrong", "すべての署名が正しくありません", ROTATE_SECRET),
    known("signatures_some_wrong", "Some signatures were wrong", "一部の署名が正しくありません", ROTATE_SECRET),
    known("signatures_unknown", "Signatures", "署名", RUN_BESIDE),
    known("destination_wrong", "Webhooks of another account", "別のアカウントのWebhookが届いています", ROTATE_BOTH),
    known(
        "webhooks_not_stored",
        "Webhooks could not be stored",
        "保存できなかったWebhookがあります",
        "LINE Developersコンソール ＞ チャネル ＞ Messaging API設定で「Webhookの再送」をオンにし、docs/operations.mdのKizunaWebhooksNotStoredを確認してください。",
    ),
    known("hubspot_token", "HubSpot token", "HubSpotのトークン", NOTHING),
    known(
        "hubspot_token_missing",
        "No HubSpot token",
        "HubSpotのトークンがありません",
        "KIZUNA_HUBSPOT_TOKENを設定し、kizuna upを再起動してください。",
    ),
    known(
        "hubspot_token_refused",
        "Wrong HubSpot token",
        "HubSpotのトークンが無効です",
        "有効なトークンをKIZUNA_HUBSPOT_TOKENに設定し、kizuna upを再起動してください。",
    ),
    known("hubspot_unknown", "HubSpot", "HubSpot", LATER),
    known("hubspot_calls", "Calls to HubSpot", "HubSpot APIの呼び出し回数", NOTHING),
    known("hubspot_calls_short", "Few calls to HubSpot are left", "HubSpot APIの呼び出し回数の残りがわずかです", CALLS),
    known(
        "hubspot_calls_used_up",
        "The calls to HubSpot are used up",
        "HubSpot APIの呼び出し回数の上限に達しました",
        CALLS,
    ),
    known("hubspot_calls_unknown", "Calls to HubSpot", "HubSpot APIの呼び出し回数", LATER),
    known("hubspot_scopes", "Scopes of the token", "トークンのスコープ", NOTHING),
    known(
        "hubspot_scopes_missing",
        "The token lacks scopes",
        "トークンのスコープが不足しています",
        "HubSpot ＞ 設定 ＞ 連携で、トークンに不足しているスコープを追加してください。",
    ),
    known("hubspot_scopes_unknown", "Scopes of the token", "トークンのスコープ", LATER),
    known("properties", "Seven properties in HubSpot", "HubSpotの7つのプロパティー", NOTHING),
    known("properties_missing", "Properties are missing", "プロパティーがありません", START_AGAIN),
    known("properties_archived", "Properties are archived", "プロパティーがアーカイブされています", START_AGAIN),
    known("properties_options_missing", "Options are missing", "プロパティーの選択肢が不足しています", START_AGAIN),
    known(
        "properties_changed",
        "Properties were changed",
        "プロパティーが変更されています",
        "HubSpot ＞ 設定 ＞ プロパティーで元の型に戻すか、削除してkizuna upを再起動してください。",
    ),
    known("properties_unknown", "Seven properties in HubSpot", "HubSpotの7つのプロパティー", LATER),
    known("hubspot_room", "Room for further properties", "プロパティーの空き", NOTHING),
    known(
        "hubspot_room_short",
        "No room for a further account",
        "次のアカウントのための空きがありません",
        "HubSpotで使っていないプロパティーを削除するか、HubSpotのプランを上げてください。",
    ),
    known("hubspot_room_unknown", "Room for further properties", "プロパティーの空き", LATER),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bilingual::bilingual;
    use std::collections::BTreeSet;

    /// The codes that the check gives with one of these severities, read from where it gives them.
    fn given(severities: &[&str]) -> BTreeSet<&'static str> {
        let sources = [
            include_str!("../checkup/mod.rs"),
            include_str!("../checkup/line.rs"),
            include_str!("../checkup/hubspot.rs"),
            include_str!("../checkup/reception.rs"),
        ];
        let mut codes = BTreeSet::new();
        for severity in severities {
            let call = format!("Finding::{severity}(");
            let calls = sources.iter().flat_map(|source| source.split(&call).skip(1));
            codes.extend(calls.filter_map(|rest| rest.split('"').nth(1)));
        }
        codes
    }

    #[test]
    fn every_finding_is_known_and_no_other() {
        let known: BTreeSet<_> = KNOWN.iter().map(|known| known.code).collect();
        assert_eq!(known, given(&["good", "warning", "broken", "unknown"]));
        assert_eq!(known.len(), KNOWN.len());
    }

    #[test]
    fn what_can_be_wrong_has_a_remedy_in_japanese() {
        let wrong = given(&["warning", "broken", "unknown"]);
        for known in KNOWN {
            assert_eq!(!known.remedy.is_ascii(), wrong.contains(known.code), "{}", known.code);
        }
    }

    #[test]
    fn each_language_has_its_title_its_sentence_and_its_remedy() {
        let told = |language| {
            let told = Told::of(Finding::warning("events_none", bilingual!("none", "ありません"), "write"), language);
            (told.title, told.sentence, told.remedy)
        };
        assert_eq!(told(Language::English), ("No event ever came", "none".to_owned(), Some("write".to_owned())));
        assert_eq!(
            told(Language::Japanese),
            ("イベントが一度も届いていません", "ありません".to_owned(), Some(ASK_FOR_ONE.to_owned()))
        );
    }
}
