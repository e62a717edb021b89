//! What a check of an account found as a page tells it, in the reader's language.

use super::language::Language;
use crate::bilingual::Bilingual;
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
        let known = TITLES.iter().find(|(code, _, _)| *code == finding.code);
        let title = known.map_or(finding.code, |(_, english, japanese)| match language {
            Language::English => english,
            Language::Japanese => japanese,
        });
        let told = |sentence: &Bilingual| language.of_both(sentence).to_owned();
        let (sentence, remedy) = (told(&finding.sentence), finding.remedy.as_ref().map(told));
        Self { code: finding.code, title, class, result, sentence, remedy }
    }
}

/// The findings by name, in the order of a check.
const TITLES: [(&str, &str, &str); 60] = [
    ("connection", "State", "状態"),
    ("connection_paused", "Paused", "一時停止中"),
    ("auto_create_off", "New friends", "新しい友だち"),
    ("line_secret", "Channel secret", "チャネルシークレット"),
    ("line_secret_missing", "No channel secret", "チャネルシークレットがありません"),
    ("line_secret_refused", "Wrong channel secret", "チャネルシークレットが違います"),
    ("line_secret_premature", "The new channel secret is not LINE's", "新しいチャネルシークレットがLINEと一致しません"),
    ("line_secret_unknown", "Channel secret", "チャネルシークレット"),
    ("line_token", "Access token", "アクセストークン"),
    ("line_token_foreign", "Access token of another channel", "別のチャネルのアクセストークンです"),
    ("line_token_ends", "The access token ends soon", "アクセストークンの期限が近づいています"),
    ("line_token_refused", "Wrong access token", "アクセストークンが無効です"),
    ("line_token_unknown", "Access token", "アクセストークン"),
    ("line_account", "Official account", "公式アカウント"),
    ("line_account_other", "Another official account", "別の公式アカウントです"),
    ("line_account_unnoted", "Whose account it is was not asked", "アカウントの確認が省略されています"),
    ("line_account_unknown", "Official account", "公式アカウント"),
    ("line_chat", "Chat", "チャット"),
    ("webhook_url", "Webhook address in LINE", "LINEのWebhook URL"),
    ("webhook_url_missing", "LINE has no webhook address", "LINEにWebhook URLがありません"),
    ("webhook_url_host", "Webhook address with another host", "Webhook URLのホストが異なります"),
    ("webhook_url_other", "LINE sends the events elsewhere", "Webhook URLが別のサーバーを指しています"),
    ("webhook_url_unknown", "Webhook address in LINE", "LINEのWebhook URL"),
    ("use_webhook", "Use webhook", "Webhookの利用"),
    ("use_webhook_off", "\"Use webhook\" is off", "「Webhookの利用」がオフです"),
    ("webhook_test", "LINE reaches the webhook", "LINEからのWebhook接続テスト"),
    ("webhook_test_unknown", "LINE reaches the webhook", "LINEからのWebhook接続テスト"),
    ("webhook_unreachable", "LINE cannot connect", "LINEから接続できません"),
    ("webhook_slow", "The webhook answers too late", "Webhookの応答が間に合いません"),
    ("webhook_refused", "The webhook refuses LINE", "LINEからのWebhookが拒否されています（401）"),
    ("webhook_fails", "The webhook answers with an error", "Webhookがエラーを返します"),
    ("events", "Events", "イベント"),
    ("events_none", "No event ever came", "イベントが一度も届いていません"),
    ("events_old", "No event for a week", "1週間以上イベントが届いていません"),
    ("signatures", "Signatures", "署名"),
    ("signatures_wrong", "All signatures are wrong", "すべての署名が正しくありません"),
    ("signatures_some_wrong", "Some signatures were wrong", "一部の署名が正しくありません"),
    ("signatures_unknown", "Signatures", "署名"),
    ("destination_wrong", "Webhooks of another account", "別のアカウントのWebhookが届いています"),
    ("webhooks_not_stored", "Webhooks could not be stored", "保存できなかったWebhookがあります"),
    ("hubspot_token", "HubSpot token", "HubSpotのトークン"),
    ("hubspot_token_missing", "No HubSpot token", "HubSpotのトークンがありません"),
    ("hubspot_token_refused", "Wrong HubSpot token", "HubSpotのトークンが無効です"),
    ("hubspot_unknown", "HubSpot", "HubSpot"),
    ("hubspot_calls", "Calls to HubSpot", "HubSpot APIの呼び出し回数"),
    ("hubspot_calls_short", "Few calls to HubSpot are left", "HubSpot APIの呼び出し回数の残りがわずかです"),
    ("hubspot_calls_used_up", "The calls to HubSpot are used up", "HubSpot APIの呼び出し回数の上限に達しました"),
    ("hubspot_calls_unknown", "Calls to HubSpot", "HubSpot APIの呼び出し回数"),
    ("hubspot_scopes", "Scopes of the token", "トークンのスコープ"),
    ("hubspot_scopes_missing", "The token lacks scopes", "トークンのスコープが不足しています"),
    ("hubspot_scopes_unknown", "Scopes of the token", "トークンのスコープ"),
    ("properties", "Seven properties in HubSpot", "HubSpotの7つのプロパティー"),
    ("properties_missing", "Properties are missing", "プロパティーがありません"),
    ("properties_archived", "Properties are archived", "プロパティーがアーカイブされています"),
    ("properties_options_missing", "Options are missing", "プロパティーの選択肢が不足しています"),
    ("properties_changed", "Properties were changed", "プロパティーが変更されています"),
    ("properties_unknown", "Seven properties in HubSpot", "HubSpotの7つのプロパティー"),
    ("hubspot_room", "Room for further properties", "プロパティーの空き"),
    ("hubspot_room_short", "No room for a further account", "次のアカウントのための空きがありません"),
    ("hubspot_room_unknown", "Room for further properties", "プロパティーの空き"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bilingual::bilingual;
    use std::collections::BTreeSet;

    /// The codes that the check gives, read from where it gives them.
    fn given() -> BTreeSet<&'static str> {
        let sources = [
            include_str!("../checkup/mod.rs"),
            include_str!("../checkup/line.rs"),
            include_str!("../checkup/hubspot.rs"),
            include_str!("../checkup/reception.rs"),
        ];
        let mut codes = BTreeSet::new();
        for severity in ["good", "warning", "broken", "unknown"] {
            let call = format!("Finding::{severity}(");
            let calls = sources.iter().flat_map(|source| source.split(&call).skip(1));
            codes.extend(calls.filter_map(|rest| rest.split('"').nth(1)));
        }
        codes
    }

    #[test]
    fn every_finding_has_a_title_and_no_title_is_left_over() {
        let titled: BTreeSet<_> = TITLES.iter().map(|(code, _, _)| *code).collect();
        assert_eq!(titled, given());
        assert_eq!(titled.len(), TITLES.len());
    }

    #[test]
    fn each_language_has_its_title_its_sentence_and_its_remedy() {
        let told = |language| {
            let remedy = bilingual!("write", "送ってください");
            let told = Told::of(Finding::warning("events_none", bilingual!("none", "ありません"), remedy), language);
            (told.title, told.sentence, told.remedy)
        };
        assert_eq!(told(Language::English), ("No event ever came", "none".to_owned(), Some("write".to_owned())));
        assert_eq!(
            told(Language::Japanese),
            ("イベントが一度も届いていません", "ありません".to_owned(), Some("送ってください".to_owned()))
        );
    }
}
