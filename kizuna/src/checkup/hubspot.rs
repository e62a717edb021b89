//! HubSpot's side: the token and its scopes, the seven properties, room and calls.

use super::finding::{Finding, later};
use crate::bilingual::{Bilingual, bilingual, for_engineers, time_in_japan};
use crate::onboarding::provision::PROPERTIES;
use crate::output;
use crate::wiring::Installation;
use ::hubspot::definition::{self, Standing};
use ::hubspot::{Crm, DailyUsage, Error, Policy, Priority, Room};
use contact::{ConnectionNumber, Names};

/// From this share of the day's calls on somebody should know.
const USED_PERCENT_MAX: u64 = 90;

/// Asks HubSpot about everything that it tells.
pub async fn check(installation: &Installation, number: ConnectionNumber) -> Vec<Finding> {
    let Some(crm) = installation.crm.as_deref() else {
        return vec![Finding::broken(
            "hubspot_token_missing",
            bilingual!(
                "there is no HubSpot token: events are kept, and nothing is written to HubSpot",
                "HubSpotのトークンがありません。イベントは保存されますが、HubSpotには書き込まれません。"
            ),
            bilingual!(
                "set KIZUNA_HUBSPOT_TOKEN, here and where `kizuna up` runs",
                "KIZUNA_HUBSPOT_TOKENを設定し、kizuna upを再起動してください。"
            ),
        )];
    };
    let mut findings = vec![token(crm).await];
    if findings[0].severity != super::Severity::Good {
        return findings;
    }
    findings.extend(calls(crm.daily_usage(Priority::Fresh).await));
    findings.push(scopes(crm).await);
    findings.extend(properties(crm, &installation.settings.property_prefix.0, number).await);
    findings.extend(room(crm.custom_property_room(Priority::Fresh).await));
    findings
}

async fn token(crm: &dyn Crm) -> Finding {
    match crm.account(Priority::Fresh).await {
        Ok(account) => Finding::good(
            "hubspot_token",
            bilingual!(
                "HubSpot accepts the token; the portal is {0}",
                "HubSpotがトークンを受け付けました。ポータルは{0}です。",
                account.portal_id
            ),
        ),
        // Contacts and properties need no such scope.
        Err(Error::MissingScopes { .. } | Error::NotFound) => Finding::good(
            "hubspot_token",
            bilingual!(
                "HubSpot accepts the token, and does not tell it which portal it is of",
                "HubSpotがトークンを受け付けました（このトークンではポータルIDを取得できません）。"
            ),
        ),
        Err(error @ Error::Unauthorized) => Finding::broken(
            "hubspot_token_refused",
            Bilingual::from(&error),
            bilingual!(
                "put a valid token into KIZUNA_HUBSPOT_TOKEN and restart `kizuna up`",
                "有効なトークンをKIZUNA_HUBSPOT_TOKENに設定し、kizuna upを再起動してください。"
            ),
        ),
        Err(Error::RateLimited { policy: Policy::Daily, .. }) => used_up(None),
        Err(error) => Finding::unknown(
            "hubspot_unknown",
            bilingual!("HubSpot cannot be asked", "HubSpotに問い合わせできませんでした").because(&error),
            later(),
        ),
    }
}

fn used_up(resets_at_ms: Option<i64>) -> Finding {
    let sentence = match resets_at_ms.map(|ms| (output::time(ms), time_in_japan(ms))) {
        None => bilingual!(
            "the portal's calls of today are used up: nothing is written",
            "ポータルの本日分のAPI呼び出し回数を使い切ったため、書き込みを停止しています。"
        ),
        Some((utc, jst)) => bilingual!(
            "the portal's calls of today are used up: nothing is written until {utc}",
            "ポータルの本日分のAPI呼び出し回数を使い切ったため、{jst}まで書き込みを停止しています。"
        ),
    };
    Finding::broken(
        "hubspot_calls_used_up",
        sentence,
        bilingual!(
            "see what else uses them, or get a larger limit from HubSpot; Kizuna goes on by itself",
            "HubSpot APIの呼び出しを多く使っている他のアプリを確認するか、上限を引き上げてください。Kizunaは自動で再開します。"
        ),
    )
}

/// Nothing where HubSpot does not tell.
fn calls(usage: Result<Option<DailyUsage>, Error>) -> Option<Finding> {
    let usage = match usage {
        Ok(usage) => usage?,
        Err(Error::RateLimited { policy: Policy::Daily, .. }) => return Some(used_up(None)),
        Err(error) => {
            let sentence = bilingual!(
                "HubSpot did not tell how many calls are left",
                "HubSpotからAPIの残り呼び出し回数を取得できませんでした"
            );
            return Some(Finding::unknown("hubspot_calls_unknown", sentence.because(&error), later()));
        }
    };
    let DailyUsage { limit, used, resets_at_ms } = usage;
    let sentence = bilingual!(
        "{used} of the {limit} calls of today are used, by all apps of the portal",
        "ポータルのすべてのアプリで、本日分{limit}回のうち{used}回を使用しました。"
    );
    Some(if used >= limit {
        used_up(resets_at_ms)
    } else if used.saturating_mul(100) >= limit.saturating_mul(USED_PERCENT_MAX) {
        let remedy = bilingual!(
            "see what else uses them, or get a larger limit from HubSpot",
            "HubSpot APIの呼び出しを多く使っている他のアプリを確認するか、上限を引き上げてください。"
        );
        Finding::warning("hubspot_calls_short", sentence, remedy)
    } else {
        Finding::good("hubspot_calls", sentence)
    })
}

async fn scopes(crm: &dyn Crm) -> Finding {
    match crm.missing_scopes(Priority::Fresh).await {
        Ok(missing) if missing.is_empty() => {
            let sentence = bilingual!(
                "the token may read and write contacts and their properties",
                "トークンでコンタクトとプロパティーの読み書きができます。"
            );
            Finding::good("hubspot_scopes", sentence)
        }
        Ok(missing) => {
            let sentence =
                bilingual!("the token lacks {0}", "トークンに次のスコープがありません：{0}", missing.join(", "));
            let remedy = bilingual!(
                "grant them where the token was made: HubSpot > Settings (設定) > Integrations (連携)",
                "HubSpot ＞ 設定 ＞ 連携で、トークンに不足しているスコープを追加してください。"
            );
            Finding::broken("hubspot_scopes_missing", sentence, remedy)
        }
        Err(error) => {
            let sentence = bilingual!(
                "HubSpot did not tell what the token may do",
                "HubSpotからトークンのスコープを取得できませんでした"
            );
            Finding::unknown("hubspot_scopes_unknown", sentence.because(&error), later())
        }
    }
}

async fn properties(crm: &dyn Crm, names: &Names, number: ConnectionNumber) -> Vec<Finding> {
    let definitions = definition::of_connection(names, number);
    match crm.inspect_properties(&definitions, Priority::Fresh).await {
        Ok(standings) => judge(&standings),
        Err(error) => {
            let sentence =
                bilingual!("HubSpot did not show the properties", "HubSpotからプロパティーを取得できませんでした");
            vec![Finding::unknown("properties_unknown", sentence.because(&error), later())]
        }
    }
}

/// One finding for each way to be wrong, with the names of the properties.
fn judge(standings: &[(String, Standing)]) -> Vec<Finding> {
    let named = |is_so: fn(&Standing) -> bool| {
        let names: Vec<_> = standings.iter().filter(|(_, it)| is_so(it)).map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let missing = named(|it| *it == Standing::Missing).map(|names| {
        let sentence = bilingual!("HubSpot does not have {names}", "HubSpotに次のプロパティーがありません：{names}");
        let remedy = bilingual!(
            "restart `kizuna up`, or run `kizuna connection add` again: it makes them",
            "kizuna upを再起動するか、同じチャネルをもう一度接続すると、自動で作成されます。"
        );
        Finding::broken("properties_missing", sentence, remedy)
    });
    let archived = named(|it| *it == Standing::Archived).map(|names| {
        let remedy = bilingual!(
            "restart `kizuna up`: it brings them back. Do not archive them (アーカイブ) while the account is connected",
            "kizuna upを再起動すると自動で元に戻ります。接続中はプロパティーをアーカイブしないでください。"
        );
        let sentence = bilingual!(
            "somebody archived {names} in HubSpot",
            "HubSpotで次のプロパティーがアーカイブされています：{names}"
        );
        Finding::broken("properties_archived", sentence, remedy)
    });
    let short_of_options = named(|it| *it == Standing::ShortOfOptions).map(|names| {
        let sentence = bilingual!(
            "{names} lack the options Yes and No, or one of them",
            "次のプロパティーに選択肢「Yes」「No」の両方または一方がありません：{names}"
        );
        let remedy = bilingual!("restart `kizuna up`: it adds them", "kizuna upを再起動すると自動で追加されます。");
        Finding::broken("properties_options_missing", sentence, remedy)
    });
    let reasons: Vec<_> = standings.iter().filter_map(|(_, standing)| standing.conflict()).collect();
    let changed = (!reasons.is_empty()).then(|| {
        let remedy = bilingual!(
            "HubSpot > Settings (設定) > Properties (プロパティー): give them back the type they had, or delete them and restart \
             `kizuna up`",
            "HubSpot ＞ 設定 ＞ プロパティーで元の型に戻すか、削除してkizuna upを再起動してください。"
        );
        let reasons = reasons.join("; ");
        let detail = for_engineers(&reasons);
        let sentence = bilingual!("{reasons}", "プロパティーの定義が変更されています{detail}。");
        Finding::broken("properties_changed", sentence, remedy)
    });
    let wrong: Vec<_> = [missing, archived, short_of_options, changed].into_iter().flatten().collect();
    if wrong.is_empty() {
        let sentence = bilingual!(
            "all {0} properties are as they should be",
            "{0}つのプロパティーはすべて正しく設定されています。",
            standings.len()
        );
        return vec![Finding::good("properties", sentence)];
    }
    wrong
}

/// Nothing where HubSpot does not tell. A connection that has its properties needs no room: the next one does.
fn room(room: Result<Option<Room>, Error>) -> Option<Finding> {
    match room {
        Ok(None) => None,
        Ok(Some(room)) if room.left() < PROPERTIES => Some(Finding::warning(
            "hubspot_room_short",
            bilingual!(
                "HubSpot has {0} of {1} custom contact properties: no further account can be connected",
                "HubSpotのカスタムコンタクトプロパティーは{1}個中{0}個が使用済みで、これ以上アカウントを接続できません。",
                room.usage,
                room.limit
            ),
            bilingual!(
                "delete unused properties in HubSpot or get a larger HubSpot plan",
                "HubSpotで使っていないプロパティーを削除するか、HubSpotのプランを上げてください。"
            ),
        )),
        Ok(Some(room)) => Some(Finding::good(
            "hubspot_room",
            bilingual!(
                "HubSpot has room for {0} more custom contact properties",
                "HubSpotにはカスタムコンタクトプロパティーをあと{0}個追加できます。",
                room.left()
            ),
        )),
        Err(error) => {
            let sentence = bilingual!(
                "HubSpot did not tell how many properties fit",
                "HubSpotからプロパティーの空きを取得できませんでした"
            );
            Some(Finding::unknown("hubspot_room_unknown", sentence.because(&error), later()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_worth_a_warning_before_they_are_used_up() {
        let with = |used| calls(Ok(Some(DailyUsage { limit: 100, used, resets_at_ms: Some(0) }))).map(|it| it.code);
        assert_eq!(with(89), Some("hubspot_calls"));
        assert_eq!(with(90), Some("hubspot_calls_short"));
        assert_eq!(with(100), Some("hubspot_calls_used_up"));
    }
}
