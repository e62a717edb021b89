//! HubSpot's side: the token and its scopes, the seven properties, room and calls.

use super::Finding;
use crate::onboarding::provision::PROPERTIES;
use crate::output;
use crate::wiring::Installation;
use ::hubspot::definition::{self, Standing};
use ::hubspot::{Crm, DailyUsage, Error, Policy, Priority, Room};
use contact::{ConnectionNumber, Names};

/// From this share of the day's calls on somebody should know.
const USED_PERCENT_MAX: u64 = 90;

/// What to do where HubSpot did not answer.
const LATER: &str = "check again later";

/// Where scopes are granted.
const GRANT: &str = "grant them where the token was made: HubSpot > Settings (設定) > Integrations (連携)";

/// Asks HubSpot about everything that it tells.
pub async fn check(installation: &Installation, number: ConnectionNumber) -> Vec<Finding> {
    let Some(crm) = installation.crm.as_deref() else {
        return vec![Finding::broken(
            "hubspot_token_missing",
            "there is no HubSpot token: events are kept, and nothing is written to HubSpot",
            "set KIZUNA_HUBSPOT_TOKEN, here and where `kizuna up` runs",
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
        Ok(account) => {
            Finding::good("hubspot_token", format!("HubSpot accepts the token; the portal is {}", account.portal_id))
        }
        Err(error @ Error::Unauthorized) => Finding::broken(
            "hubspot_token_refused",
            error.to_string(),
            "put a valid token into KIZUNA_HUBSPOT_TOKEN and restart `kizuna up`",
        ),
        Err(Error::RateLimited { policy: Policy::Daily, .. }) => used_up(None),
        Err(error) => Finding::unknown("hubspot_unknown", format!("HubSpot cannot be asked: {error}"), LATER),
    }
}

fn used_up(resets_at_ms: Option<i64>) -> Finding {
    let until = resets_at_ms.map(|at_ms| format!(" until {}", output::time(at_ms))).unwrap_or_default();
    Finding::broken(
        "hubspot_calls_used_up",
        format!("the portal's calls of today are used up: nothing is written{until}"),
        "see what else uses them, or get a larger limit from HubSpot; Kizuna goes on by itself",
    )
}

/// Nothing where HubSpot does not tell.
fn calls(usage: Result<Option<DailyUsage>, Error>) -> Option<Finding> {
    let usage = match usage {
        Ok(usage) => usage?,
        Err(Error::RateLimited { policy: Policy::Daily, .. }) => return Some(used_up(None)),
        Err(error) => {
            let sentence = format!("HubSpot did not tell how many calls are left: {error}");
            return Some(Finding::unknown("hubspot_calls_unknown", sentence, LATER));
        }
    };
    let DailyUsage { limit, used, resets_at_ms } = usage;
    let sentence = format!("{used} of the {limit} calls of today are used, by all apps of the portal");
    Some(if used >= limit {
        used_up(resets_at_ms)
    } else if used.saturating_mul(100) >= limit.saturating_mul(USED_PERCENT_MAX) {
        Finding::warning("hubspot_calls_short", sentence, "see what else uses them, or get a larger limit from HubSpot")
    } else {
        Finding::good("hubspot_calls", sentence)
    })
}

async fn scopes(crm: &dyn Crm) -> Finding {
    match crm.missing_scopes(Priority::Fresh).await {
        Ok(missing) if missing.is_empty() => {
            Finding::good("hubspot_scopes", "the token may read and write contacts and their properties")
        }
        Ok(missing) => {
            Finding::broken("hubspot_scopes_missing", format!("the token lacks {}", missing.join(", ")), GRANT)
        }
        Err(error) => {
            let sentence = format!("HubSpot did not tell what the token may do: {error}");
            Finding::unknown("hubspot_scopes_unknown", sentence, LATER)
        }
    }
}

async fn properties(crm: &dyn Crm, names: &Names, number: ConnectionNumber) -> Vec<Finding> {
    let definitions = definition::of_connection(names, number);
    match crm.inspect_properties(&definitions, Priority::Fresh).await {
        Ok(standings) => judge(&standings),
        Err(error) => {
            let sentence = format!("HubSpot did not show the properties: {error}");
            vec![Finding::unknown("properties_unknown", sentence, LATER)]
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
        let sentence = format!("HubSpot does not have {names}");
        Finding::broken(
            "properties_missing",
            sentence,
            "restart `kizuna up`, or run `kizuna connection add` again: it makes them",
        )
    });
    let archived = named(|it| *it == Standing::Archived).map(|names| {
        let remedy =
            "restart `kizuna up`: it brings them back. Do not archive them (アーカイブ) while the account is connected";
        Finding::broken("properties_archived", format!("somebody archived {names} in HubSpot"), remedy)
    });
    let short_of_options = named(|it| *it == Standing::ShortOfOptions).map(|names| {
        let sentence = format!("{names} lack the options Yes and No, or one of them");
        Finding::broken("properties_options_missing", sentence, "restart `kizuna up`: it adds them")
    });
    let reasons: Vec<_> = standings.iter().filter_map(|(_, standing)| standing.conflict()).collect();
    let changed = (!reasons.is_empty()).then(|| {
        let remedy = "HubSpot > Settings (設定) > Properties (プロパティー): give them back the type they had, or delete them and restart `kizuna up`";
        Finding::broken("properties_changed", reasons.join("; "), remedy)
    });
    let wrong: Vec<_> = [missing, archived, short_of_options, changed].into_iter().flatten().collect();
    if wrong.is_empty() {
        return vec![Finding::good("properties", format!("all {} properties are as they should be", standings.len()))];
    }
    wrong
}

/// Nothing where HubSpot does not tell. A connection that has its properties needs no room: the next one does.
fn room(room: Result<Option<Room>, Error>) -> Option<Finding> {
    match room {
        Ok(None) => None,
        Ok(Some(room)) if room.left() < PROPERTIES => Some(Finding::warning(
            "hubspot_room_short",
            format!(
                "HubSpot has {} of {} custom contact properties: no further account can be connected",
                room.usage, room.limit
            ),
            "delete unused properties in HubSpot or get a larger HubSpot plan",
        )),
        Ok(Some(room)) => Some(Finding::good(
            "hubspot_room",
            format!("HubSpot has room for {} more custom contact properties", room.left()),
        )),
        Err(error) => {
            let sentence = format!("HubSpot did not tell how many properties fit: {error}");
            Some(Finding::unknown("hubspot_room_unknown", sentence, LATER))
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
