//! What can happen to a friend, as a page calls it.

use super::language::Language;

/// What is shown of an event of this kind; LINE may invent kinds.
pub fn called(kind: &str, language: Language) -> &str {
    let known = KINDS.iter().find(|(name, _, _)| *name == kind);
    known.map_or(kind, |(_, english, japanese)| match language {
        Language::English => english,
        Language::Japanese => japanese,
    })
}

/// LINE's event types, and what else a history has.
const KINDS: [(&str, &str, &str); 21] = [
    ("follow", "Added as a friend, or unblocked", "友だち追加・ブロック解除"),
    ("unfollow", "Blocked the account", "ブロック"),
    ("message", "Message", "メッセージ受信"),
    ("messageEdited", "Message edited", "メッセージ編集"),
    ("unsend", "Message taken back", "送信取消"),
    ("postback", "Pressed a button", "ボタン操作（ポストバック）"),
    ("videoPlayComplete", "Watched a video", "動画の視聴完了"),
    ("beacon", "Met a beacon", "ビーコン"),
    ("accountLink", "Linked an account", "アカウント連携"),
    ("membership", "Membership", "メンバーシップ"),
    ("imported", "Imported as an earlier friend", "既存の友だちの取り込み"),
    ("answered", "Was answered", "返信"),
    ("profile", "Profile read from LINE", "LINEプロフィール取得"),
    ("no_profile", "LINE gave no profile", "LINEプロフィール取得不可"),
    ("erased", "Erased on request", "個人データの消去"),
    ("hubspot_asked", "HubSpot was asked to write", "HubSpotへ書き込み開始"),
    ("hubspot_unknown", "HubSpot has no contact", "HubSpotにコンタクトなし"),
    ("hubspot_shows", "HubSpot showed the contact", "HubSpotで反映を確認"),
    ("hubspot_gone", "The contact was deleted in HubSpot", "HubSpotでコンタクト削除"),
    ("hubspot_erased", "Erased in HubSpot", "HubSpotで消去"),
    ("hubspot_merged", "Merged into another contact in HubSpot", "HubSpotで別のコンタクトに統合"),
];
