//! The group and the seven properties of a connection in HubSpot. Asked twice it does nothing twice, so `connection add` and
//! a running `up` may both do it.

use super::step::Step;
use crate::bilingual::{Bilingual, bilingual, for_engineers};
use contact::{ConnectionNumber, Names};
use hubspot::{Crm, Ensured, Error, Group, Priority, definition};
use std::collections::BTreeMap;

/// How many properties a connection needs.
pub const PROPERTIES: u32 = 7;

/// What became of the properties.
#[derive(Debug)]
pub struct Provisioned {
    /// The report.
    pub step: Step,
    /// Had HubSpot any of them before? `None` if they could not all be made.
    pub existed: Option<bool>,
}

/// Makes what is missing, for any number of connections in a few calls.
pub async fn provision(
    crm: &dyn Crm,
    names: &Names,
    connections: &[ConnectionNumber],
) -> BTreeMap<ConnectionNumber, Provisioned> {
    let ensured = ensure(crm, names, connections).await;
    let of_connection = |number: &ConnectionNumber| {
        let provisioned = match &ensured {
            Ok(outcomes) => judge(&outcomes_of(*number, names, outcomes)),
            Err(error) => Provisioned { step: refused(error), existed: None },
        };
        (*number, provisioned)
    };
    connections.iter().map(of_connection).collect()
}

fn outcomes_of(number: ConnectionNumber, names: &Names, outcomes: &[(String, Ensured)]) -> Vec<(String, Ensured)> {
    let is_its = |name: &str| names.property(name).is_some_and(|property| property.connection == number);
    outcomes.iter().filter(|(name, _)| is_its(name)).cloned().collect()
}

/// Why there is no room for another seven properties; `None` if there is, or if HubSpot does not tell.
///
/// # Errors
/// When HubSpot could not be asked.
pub async fn lack_of_room(crm: &dyn Crm) -> Result<Option<Bilingual>, Error> {
    let room = crm.custom_property_room(Priority::Fresh).await?;
    Ok(room.filter(|room| room.left() < PROPERTIES).map(|room| {
        bilingual!(
            "HubSpot allows {0} custom contact properties and has {1}: a connection needs {PROPERTIES} more. Delete unused \
             properties in HubSpot or get a larger HubSpot plan",
            "HubSpotのコンタクトのカスタムプロパティーは上限{0}個のうち{1}個を使用中で、接続に必要な{PROPERTIES}個の空きが\
             ありません。不要なプロパティーを削除するか、HubSpotのプランを変更してください。",
            room.limit,
            room.usage
        )
    }))
}

async fn ensure(
    crm: &dyn Crm,
    names: &Names,
    connections: &[ConnectionNumber],
) -> Result<Vec<(String, Ensured)>, Error> {
    let definitions: Vec<_> = connections.iter().flat_map(|number| definition::of_connection(names, *number)).collect();
    crm.ensure_group(&Group::line(), Priority::Fresh).await?;
    crm.ensure_properties(&definitions, Priority::Fresh).await
}

fn judge(outcomes: &[(String, Ensured)]) -> Provisioned {
    let unusable: Vec<Bilingual> = outcomes
        .iter()
        .filter(|(_, outcome)| !outcome.is_usable())
        .map(|(name, outcome)| match outcome {
            Ensured::Conflicting { reason } => {
                let detail = for_engineers(reason);
                bilingual!("{name} is something else already ({reason})", "{name}は別の定義ですでに存在します{detail}")
            }
            Ensured::Refused(refusal) => {
                let why = Bilingual::from(refusal).japanese;
                bilingual!("HubSpot refuses {name} ({refusal})", "HubSpotが{name}を受け付けません（{why}）")
            }
            _ => bilingual!("{name} has not appeared yet", "{name}がまだ作成されていません"),
        })
        .collect();
    if !unusable.is_empty() {
        let join = |text: fn(&Bilingual) -> &str, between| unusable.iter().map(text).collect::<Vec<_>>().join(between);
        let detail = Bilingual { english: join(|it| &it.english, "; "), japanese: join(|it| &it.japanese, "、") };
        let step = Step::failed("properties", detail).with_by_hand(bilingual!(
            "put the properties right in HubSpot, then run the same command again",
            "HubSpotでプロパティーを修正してから、もう一度接続してください。"
        ));
        return Provisioned { step, existed: None };
    }
    let created = outcomes.iter().filter(|(_, outcome)| *outcome == Ensured::Created).count();
    let total = outcomes.len();
    let detail = if created == total {
        bilingual!("all {total} properties made", "{total}個のプロパティーをすべて作成しました。")
    } else {
        bilingual!(
            "{created} of {total} properties made; the rest existed already",
            "{total}個のうち{created}個を新しく作成しました。"
        )
    };
    Provisioned { step: Step::done("properties", detail), existed: Some(created < outcomes.len()) }
}

fn refused(error: &Error) -> Step {
    let what = match error {
        Error::Unauthorized => bilingual!(
            "put a valid token into KIZUNA_HUBSPOT_TOKEN, then run the same command again",
            "有効なトークンをKIZUNA_HUBSPOT_TOKENに設定し、もう一度接続してください。"
        ),
        Error::MissingScopes { .. } => bilingual!(
            "give the token the scopes crm.objects.contacts.read, crm.objects.contacts.write, crm.schemas.contacts.read and \
             crm.schemas.contacts.write, then run the same command again",
            "トークンにスコープcrm.objects.contacts.read、crm.objects.contacts.write、crm.schemas.contacts.read、\
             crm.schemas.contacts.writeを追加し、もう一度接続してください。"
        ),
        _ => bilingual!(
            "run the same command again later; a running `kizuna up` makes the properties by itself",
            "しばらくしてからもう一度接続してください。`kizuna up`の実行中は、プロパティーは自動で作成されます。"
        ),
    };
    Step::failed("properties", error).with_by_hand(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onboarding::step::Outcome;

    fn judged(outcomes: &[(&str, Ensured)]) -> Provisioned {
        let named: Vec<_> = outcomes.iter().map(|(name, outcome)| ((*name).to_owned(), outcome.clone())).collect();
        judge(&named)
    }

    #[test]
    fn properties_are_new_only_if_all_of_them_were_made_now() {
        let new = judged(&[("line_follow_1", Ensured::Created), ("line_user_id_1", Ensured::Created)]);
        assert_eq!((new.step.result, new.existed), (Outcome::Done, Some(false)));
        assert_eq!(new.step.detail.english, "all 2 properties made");
        for before in [Ensured::Existed, Ensured::Restored, Ensured::Repaired] {
            let some_before = judged(&[("line_follow_1", Ensured::Created), ("line_user_id_1", before)]);
            assert_eq!((some_before.step.result, some_before.existed), (Outcome::Done, Some(true)));
            assert!(some_before.step.detail.english.ends_with("; the rest existed already"));
            assert!(some_before.step.detail.is_translated());
        }
    }

    #[test]
    fn a_property_that_cannot_be_used_fails_the_step_and_is_named_with_the_reason() {
        let reason = "a number".to_owned();
        let provisioned =
            judged(&[("line_follow_1", Ensured::Conflicting { reason }), ("line_user_id_1", Ensured::Created)]);
        assert_eq!((provisioned.step.result, provisioned.existed), (Outcome::Failed, None));
        assert_eq!(provisioned.step.detail.english, "line_follow_1 is something else already (a number)");
        assert!(provisioned.step.by_hand.is_some_and(|what| what.is_translated()));
        assert!(provisioned.step.detail.is_translated());
    }

    #[test]
    fn each_connection_is_judged_by_its_own_properties() {
        let number = |number| ConnectionNumber::new(number).expect("not 0");
        let outcomes = [("line_follow_1", Ensured::Created), ("line_follow_12", Ensured::Unseen)]
            .map(|(name, outcome)| (name.to_owned(), outcome));
        let of = |connection| outcomes_of(number(connection), &Names::default(), &outcomes);
        assert_eq!(of(1), [("line_follow_1".to_owned(), Ensured::Created)]);
        assert_eq!(of(12), [("line_follow_12".to_owned(), Ensured::Unseen)]);
    }

    #[test]
    fn what_to_do_depends_on_what_hubspot_said() {
        let advice = |error| refused(&error).by_hand.expect("there is always something to do").english;
        assert!(advice(Error::Unauthorized).contains("KIZUNA_HUBSPOT_TOKEN"));
        assert!(advice(Error::MissingScopes { scopes: Vec::new() }).contains("crm.schemas.contacts.write"));
        assert!(advice(Error::Unavailable { detail: String::new() }).contains("later"));
    }
}
