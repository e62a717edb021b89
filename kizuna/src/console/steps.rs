//! The steps of connecting an account as a page tells them, in the reader's language.

use super::language::Language;
use crate::bilingual::Bilingual;
use crate::onboarding::step::{Outcome, Step};

/// A step for the page.
pub struct Told {
    /// What it was about.
    pub title: &'static str,
    /// How it ended, for the style sheet.
    pub class: &'static str,
    /// How it ended.
    pub result: &'static str,
    /// What was found or done.
    pub detail: String,
    /// What is to be done by hand.
    pub by_hand: Option<String>,
}

impl Told {
    /// Tells a step.
    pub fn of(step: &Step, language: Language) -> Self {
        let words = language.words();
        let (class, result) = match step.result {
            Outcome::Done => ("done", words.step_done),
            Outcome::Skipped => ("skipped", words.step_skipped),
            Outcome::Failed => ("failed", words.step_failed),
            Outcome::ByHand => ("by-hand", words.step_by_hand),
        };
        let is_known = |(name, _, _): &&(&str, &str, &str)| *name == step.name;
        let known = TITLES.iter().find(is_known);
        let title = known.map_or(step.name, |(_, english, japanese)| match language {
            Language::English => english,
            Language::Japanese => japanese,
        });
        let told = |sentence: &Bilingual| language.of_both(sentence).to_owned();
        Self { title, class, result, detail: told(&step.detail), by_hand: step.by_hand.as_ref().map(told) }
    }
}

/// The steps by name.
const TITLES: [(&str, &str, &str); 13] = [
    ("quota", "Room in the plan", "プランの空き"),
    ("credentials", "Channel ID, secret and account", "チャネルID・シークレット・アカウント"),
    ("name", "Name", "名前"),
    ("channel_secret", "Channel secret", "チャネルシークレット"),
    ("access_token", "Access token", "アクセストークン"),
    ("properties", "Seven properties in HubSpot", "HubSpotの7つのプロパティー"),
    ("webhook", "Webhook address in LINE", "LINEのWebhook URL"),
    ("webhook_test", "LINE reaches the webhook", "LINEからのWebhook接続テスト"),
    ("use_webhook", "Use webhook", "Webhookの利用"),
    ("redelivery", "Webhook redelivery", "Webhookの再送"),
    ("auto_reply", "Auto-response messages", "応答メッセージ"),
    ("greeting", "Greeting message", "あいさつメッセージ"),
    ("hubspot_companies", "Companies made by HubSpot", "HubSpotの会社の自動作成"),
];
