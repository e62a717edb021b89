//! Why a call to LINE or HubSpot gave nothing to use, in both languages. What they said themselves stays in their words, quoted.

use crate::bilingual::{Bilingual, for_engineers};
use hubspot::{Policy, Refusal};
use line::error::Unavailable;

impl From<&line::Error> for Bilingual {
    fn from(error: &line::Error) -> Self {
        use line::Error;
        let japanese = match error {
            Error::Unauthorized { said } => format!("LINEが認証情報を受け付けません{}", in_line_s_words(said)),
            Error::NotAllowed { said } => {
                format!("このアカウントには許可されていない操作です{}", in_line_s_words(said))
            }
            Error::NotFound { said } => format!("LINEに見つかりません{}", in_line_s_words(said)),
            Error::Invalid { status, said } => {
                format!("LINEがリクエストを受け付けません（ステータス{status}）{}", in_line_s_words(said))
            }
            Error::RateLimited { .. } => "LINEの呼び出し回数の上限に達しました".to_owned(),
            Error::Unavailable(Unavailable::Status(status)) => format!("LINEを利用できません（ステータス{status}）"),
            Error::Unavailable(Unavailable::Timeout) => "LINEが時間内に応答しません".to_owned(),
            Error::Unavailable(Unavailable::Unreachable) => "LINEに接続できません".to_owned(),
            Error::Unavailable(Unavailable::Broken) => "LINEとの接続が切れました".to_owned(),
            Error::Garbage(detail) => format!("LINEの応答を読み取れません{}", for_engineers(detail)),
            Error::Misconfigured(detail) => format!("LINEへの接続の設定に誤りがあります{}", for_engineers(detail)),
        };
        Self { english: error.to_string(), japanese }
    }
}

fn in_line_s_words(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!("（LINEの応答：「{said}」）") }
}

impl From<&hubspot::Error> for Bilingual {
    fn from(error: &hubspot::Error) -> Self {
        use hubspot::Error;
        let japanese = match error {
            Error::RateLimited { policy, wait } => {
                format!("HubSpotの{}に達しました。{}秒後に再開します", limit(*policy), wait.as_secs())
            }
            Error::Locked { wait } => {
                format!("HubSpotがデータをロックしています。{}秒後に再開します", wait.as_secs())
            }
            Error::Migrating { wait } => {
                format!("HubSpotがポータルを別のデータセンターに移行中です。{}秒後に再開します", wait.as_secs())
            }
            Error::Unavailable { detail } => format!("HubSpotを利用できません{}", for_engineers(detail)),
            Error::Unknown { detail } => {
                format!("HubSpotで処理されたかどうかを確認できません{}", for_engineers(detail))
            }
            Error::Unauthorized => "HubSpotがアクセストークンを受け付けません".to_owned(),
            Error::MissingScopes { scopes } if scopes.is_empty() => {
                "HubSpotのアクセストークンのスコープが不足しています".to_owned()
            }
            Error::MissingScopes { scopes } => {
                format!("HubSpotのアクセストークンにスコープ「{}」がありません", scopes.join("」「"))
            }
            Error::NotFound => "HubSpotに見つかりません".to_owned(),
            Error::Rejected(refusal) => Self::from(refusal).japanese,
            Error::Garbage { detail } => format!("HubSpotのものではない応答です{}", for_engineers(detail)),
            Error::Unfit(detail) => format!("HubSpotへの接続の設定に誤りがあります{}", for_engineers(detail)),
        };
        Self { english: error.to_string(), japanese }
    }
}

const fn limit(policy: Policy) -> &'static str {
    match policy {
        Policy::Burst => "10秒あたりの呼び出し回数の上限",
        Policy::Daily => "1日の呼び出し回数の上限",
        Policy::Search => "検索回数の上限",
        Policy::Unknown => "呼び出し回数の上限",
    }
}

/// The words for the codes that are known are ours; the others are HubSpot's.
impl From<&Refusal> for Bilingual {
    fn from(refusal: &Refusal) -> Self {
        let property =
            refusal.property.as_deref().map_or_else(|| "プロパティー".to_owned(), |name| format!("「{name}」"));
        let japanese = match refusal.code.as_deref() {
            Some("PROPERTY_DOESNT_EXIST") => format!("HubSpotに{property}がありません"),
            Some("INVALID_OPTION") => format!("{property}の選択肢にない値です"),
            Some("READ_ONLY_VALUE") => format!("{property}は読み取り専用です"),
            Some("INVALID_EMAIL") => "HubSpotがEメールアドレスを受け付けません".to_owned(),
            Some("MISSING_REQUIRED_PROPERTY" | "MISSING_CONDITIONAL_REQUIRED_PROPERTY") => {
                format!("ポータルのルールで{property}の値が必須です")
            }
            Some("CONFLICT") => "同じEメールアドレスのコンタクトがすでにあります".to_owned(),
            _ => format!("HubSpotが受け付けません（HubSpotの応答：「{}」）", refusal.reason),
        };
        Self { english: refusal.to_string(), japanese }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn check(told: &Bilingual, english: &str) {
        assert_eq!(told.english, english);
        assert!(told.is_all_japanese(), "{}", told.japanese);
    }

    #[test]
    fn what_line_refuses_is_said_in_japanese_but_for_lines_own_words() {
        use line::Error;
        let said = || "invalid token".to_owned();
        let errors = [
            Error::Unauthorized { said: said() },
            Error::NotAllowed { said: said() },
            Error::NotFound { said: String::new() },
            Error::Invalid { status: 400, said: said() },
            Error::RateLimited { wait: None },
            Error::Unavailable(Unavailable::Status(503)),
            Error::Unavailable(Unavailable::Timeout),
            Error::Unavailable(Unavailable::Unreachable),
            Error::Unavailable(Unavailable::Broken),
            Error::Garbage("no JSON"),
            Error::Misconfigured("no address".to_owned()),
        ];
        for error in errors {
            check(&Bilingual::from(&error), &error.to_string());
        }
        assert!(Bilingual::from(&Error::Unauthorized { said: said() }).japanese.contains("「invalid token」"));
    }

    #[test]
    fn what_hubspot_refuses_is_said_in_japanese_but_for_hubspots_own_words() {
        use hubspot::Error;
        let (wait, detail) = (Duration::from_secs(7), || "status 503".to_owned());
        let limits = [Policy::Burst, Policy::Daily, Policy::Search, Policy::Unknown];
        let limited = limits.map(|policy| Error::RateLimited { policy, wait });
        let codes = [
            "PROPERTY_DOESNT_EXIST",
            "INVALID_OPTION",
            "READ_ONLY_VALUE",
            "INVALID_EMAIL",
            "MISSING_REQUIRED_PROPERTY",
            "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
            "CONFLICT",
            "SOMETHING_ELSE",
        ];
        let refused = codes.map(|code| {
            let property = Some("line_follow_1".to_owned());
            Error::Rejected(Refusal { reason: "it is so".to_owned(), code: Some(code.to_owned()), property })
        });
        let others = [
            Error::Locked { wait },
            Error::Migrating { wait },
            Error::Unavailable { detail: detail() },
            Error::Unknown { detail: detail() },
            Error::Unauthorized,
            Error::MissingScopes { scopes: Vec::new() },
            Error::MissingScopes { scopes: vec!["crm.objects.contacts.read".to_owned()] },
            Error::NotFound,
            Error::Rejected(Refusal { reason: "it is so".to_owned(), code: None, property: None }),
            Error::Garbage { detail: detail() },
            Error::Unfit(detail()),
        ];
        for error in limited.into_iter().chain(refused).chain(others) {
            check(&Bilingual::from(&error), &error.to_string());
        }
    }
}
