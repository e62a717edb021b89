//! What people do in the console, as the audit log stores it and as its page tells it.

use super::access::Role;
use super::language::Language;

macro_rules! deeds {
    ($($deed:ident: $name:literal, $english:literal, $japanese:literal;)+) => {
        /// Something that somebody did.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Deed {
            $(#[doc = $english] $deed,)+
        }

        impl Deed {
            /// All of them.
            const ALL: &[Self] = &[$(Self::$deed),+];

            /// As it is stored.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$deed => $name),+ }
            }

            /// As it is told.
            const fn told(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$deed, Language::English) => $english, (Self::$deed, Language::Japanese) => $japanese,)+
                }
            }
        }
    };
}

deeds! {
    SignedIn: "signed_in", "Signed in", "ログイン";
    PasswordSet: "password_set", "Set a password", "パスワードを設定";
    SecondFactorOn: "second_factor_on", "Switched two-factor authentication on", "2段階認証をオンに変更";
    SecondFactorOff: "second_factor_off", "Switched two-factor authentication off", "2段階認証をオフに変更";
    SecondFactorReset: "second_factor_reset", "Reset two-factor authentication", "2段階認証をリセット";
    SecondFactorRequired: "second_factor_required", "Required two-factor authentication of everybody", "2段階認証を全員に必須に変更";
    SecondFactorOptional: "second_factor_optional", "Left two-factor authentication to each person", "2段階認証を任意に変更";
    RecoveryCodeUsed: "recovery_code_used", "Used a recovery code", "リカバリーコードを使用";
    RecoveryCodesRenewed: "recovery_codes_renewed", "Issued new recovery codes", "リカバリーコードを再発行";
    PersonAdded: "person_added", "Added a person", "ユーザーを追加";
    PersonInvited: "person_invited", "Issued a new link", "リンクを再発行";
    PersonRemoved: "person_removed", "Removed a person", "ユーザーを削除";
    RoleChanged: "role_changed", "Changed a role", "権限を変更";
    Connected: "connected", "Connected an account", "アカウントを接続";
    ConnectionRefused: "connection_refused", "Failed to connect an account", "アカウントの接続に失敗";
    Edited: "edited", "Edited an account", "アカウントを編集";
    Paused: "paused", "Paused an account", "アカウントを一時停止";
    Resumed: "resumed", "Resumed an account", "アカウントを再開";
    Removed: "removed", "Removed an account", "アカウントを削除";
    Checked: "checked", "Checked an account", "接続チェックを実行";
    Rotated: "rotated", "Entered a new secret or token", "シークレット・トークンを更新";
    RotationRefused: "rotation_refused", "Failed to enter a new secret or token", "シークレット・トークンの更新に失敗";
    LetterRetried: "letter_retried", "Tried a dead letter again", "処理できなかったデータを再試行";
    LetterDropped: "letter_dropped", "Dropped a dead letter", "処理できなかったデータを破棄";
    ReplayLooked: "replay_looked", "Started a dry run of a replay", "リプレイのドライランを開始";
    ReplayBegun: "replay_begun", "Started to apply a replay", "リプレイの適用を開始";
    ReplayApplied: "replay_applied", "Applied a replay", "リプレイを適用";
}

/// A stored action and what it was done to, for the page. An action that another version stored is shown as it is.
pub fn told(action: &str, subject: &str, language: Language) -> (String, String) {
    let Some(deed) = Deed::ALL.iter().find(|deed| deed.name() == action) else {
        return (action.to_owned(), subject.to_owned());
    };
    (deed.told(language).to_owned(), told_subject(*deed, subject, language).unwrap_or_else(|| subject.to_owned()))
}

/// A name, a number or a key is the same in each language.
fn told_subject(deed: Deed, subject: &str, language: Language) -> Option<String> {
    match (deed, language) {
        (Deed::PersonAdded | Deed::RoleChanged, _) => {
            let (name, role) = subject.strip_suffix(')')?.rsplit_once(" (")?;
            let role = match Role::named(role)? {
                Role::Viewer => language.words().viewer,
                Role::Operator => language.words().operator,
                Role::Admin => language.words().administrator,
            };
            Some(match language {
                Language::English => format!("{name} ({role})"),
                Language::Japanese => format!("{name}（{role}）"),
            })
        }
        (Deed::RecoveryCodeUsed, Language::Japanese) => Some(format!("残り{}個", subject.strip_suffix(" left")?)),
        (Deed::ReplayApplied, Language::Japanese) => Some(format!("変更{}件", subject.strip_suffix(" changes")?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_deed_has_a_name_of_its_own_and_is_told_in_both_languages() {
        let names: BTreeSet<_> = Deed::ALL.iter().map(|deed| deed.name()).collect();
        assert_eq!(names.len(), Deed::ALL.len());
        for deed in Deed::ALL {
            let in_both = Language::ALL.map(|language| deed.told(language));
            assert!(!in_both[0].is_ascii() && in_both[1].is_ascii(), "{in_both:?}");
        }
    }

    #[test]
    fn what_it_was_done_to_is_told_in_the_language_of_the_reader() {
        for (action, subject, english, japanese) in [
            ("role_changed", "花子 (admin)", "花子 (Administrator)", "花子（管理者）"),
            ("person_added", "a (b) (viewer)", "a (b) (Viewer)", "a (b)（閲覧者）"),
            ("recovery_code_used", "9 left", "9 left", "残り9個"),
            ("replay_applied", "3 changes", "3 changes", "変更3件"),
            ("edited", "1", "1", "1"),
            ("role_changed", "odd", "odd", "odd"),
        ] {
            assert_eq!(told(action, subject, Language::English).1, english);
            assert_eq!(told(action, subject, Language::Japanese).1, japanese);
        }
        assert_eq!(told("of another version", "x", Language::Japanese), ("of another version".into(), "x".into()));
    }
}
