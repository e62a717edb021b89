//! The client against the sandbox of HubSpot, which behaves as a whole: what one call wrote the next one reads.

#![allow(clippy::unwrap_used)]

use contact::{ConnectionNumber, ContactId, Names};
use hubspot::definition::of_connection;
use hubspot::{
    Client, Contact, ContactKey, CreateInput, CreateOutcome, Crm, Ensured, Error, Group, Metrics, Priority, Settings,
    UpdateInput, UpdateOutcome, limit,
};
use runtime::backoff::Backoff;
use runtime::clock::SystemClock;
use runtime::prometheus::Registry;
use runtime::secret::Secret;
use sandbox::hubspot::{Fault, FaultKind};
use sandbox::{Options, Sandbox};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const FRESH: Priority = Priority::Fresh;

/// Longer than search lags.
const SETTLED_MS: u32 = 10_000;

struct Rig {
    sandbox: Sandbox,
    client: Client,
}

impl Rig {
    /// A portal with the seven properties of connection 1.
    async fn provided() -> Self {
        let rig = Self::empty().await;
        rig.client.ensure_group(&Group::line(), FRESH).await.unwrap();
        let ensured = rig.ensure().await;
        assert!(ensured.values().all(|end| *end == Ensured::Created), "{ensured:?}");
        rig
    }

    async fn empty() -> Self {
        let mut options = Options::seeded(7);
        options.hubspot.property_delay_ms = 0;
        let sandbox = sandbox::start(options).await.unwrap();
        let moment = Backoff { base: Duration::from_millis(1), cap: Duration::from_millis(1), jitter: 0.0 };
        let settings = Settings {
            base_url: sandbox.hubspot_api_url.clone(),
            timeout: Duration::from_millis(500),
            budget: limit::Settings { outage: moment, ..limit::Settings::default() },
            ..Settings::new(Secret::new(&sandbox.hubspot_token))
        };
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let client = Client::new(settings, Arc::new(SystemClock), metrics).unwrap();
        Self { sandbox, client }
    }

    async fn ensure(&self) -> BTreeMap<String, Ensured> {
        let definitions = of_connection(&Names::default(), ConnectionNumber::new(1).unwrap());
        self.client.ensure_properties(&definitions, FRESH).await.unwrap().into_iter().collect()
    }

    fn portal<T>(&self, act: impl FnOnce(&mut sandbox::hubspot::Portal, i64) -> T) -> T {
        self.sandbox.handle().hubspot(act)
    }

    async fn create(&self, n: u64) -> Contact {
        match self.client.create(vec![create(n)], &|_| true, FRESH).await.unwrap().remove(0).1 {
            CreateOutcome::Created(contact) => contact,
            other => panic!("{other:?}"),
        }
    }

    async fn update(&self, id: ContactId, property: &str, value: &str) -> UpdateOutcome {
        self.client.update(vec![update(id, property, value)], &|_| true, FRESH).await.unwrap().remove(0).1
    }
}

fn create(n: u64) -> CreateInput {
    let properties = [
        ("email", email(n)),
        ("line_user_id_1", format!("U{n:032x}")),
        ("line_follow_1", "Yes".into()),
        ("line_id_sync_date_1", "1792458123632".into()),
    ];
    CreateInput { trace: n.to_string(), properties: properties.map(|(name, value)| (name.to_owned(), value)).into() }
}

fn email(n: u64) -> String {
    format!("u{n:032x}@line.me")
}

fn update(id: ContactId, property: &str, value: &str) -> UpdateInput {
    UpdateInput { trace: id.to_string(), id, properties: [(property.to_owned(), value.to_owned())].into() }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn what_is_written_is_read_back_the_same() {
    let rig = Rig::provided().await;
    let created = rig.create(1).await;
    assert_eq!(created.properties, create(1).properties);
    let text = "二行\nのメッセージ \"quoted\" 🎉";
    let UpdateOutcome::Updated(updated) = rig.update(created.id, "line_last_response_1", text).await else { panic!() };
    assert_eq!((updated.id, &*updated.properties["line_last_response_1"]), (created.id, text));
    let asked = names(&["line_id_sync_date_1", "line_last_response_1", "line_unanswered_1"]);
    let read = rig.client.read_one(created.id, &asked, FRESH).await.unwrap().unwrap();
    assert_eq!(read.properties.keys().collect::<Vec<_>>(), ["line_id_sync_date_1", "line_last_response_1"]);
    assert_eq!(read.properties["line_id_sync_date_1"], "1792458123632");
    let by_email = rig.client.read_by_email(&[email(1), email(2)], &asked, FRESH).await.unwrap();
    assert_eq!(by_email, [(email(1), read.clone())]);
    assert_eq!(rig.client.read_many(&[created.id, ContactId(5)], &asked, FRESH).await, Ok(vec![(created.id, read)]));
}

#[tokio::test]
async fn an_empty_text_clears_a_property() {
    let rig = Rig::provided().await;
    let contact = rig.create(1).await;
    let UpdateOutcome::Updated(cleared) = rig.update(contact.id, "line_follow_1", "").await else { panic!() };
    assert_eq!(cleared.properties.get("line_follow_1"), None);
    let stored = rig.portal(|portal, _| portal.contacts().live(contact.id.0).unwrap().value("line_follow_1").is_some());
    assert!(!stored);
}

#[tokio::test]
async fn creating_twice_gives_the_contact_that_is_there() {
    let rig = Rig::provided().await;
    let contact = rig.create(1).await;
    let outcomes = rig.client.create(vec![create(1), create(2)], &|_| true, FRESH).await.unwrap();
    assert_eq!(outcomes[0].1, CreateOutcome::Exists(contact.id));
    assert_eq!(outcomes[1].1.as_str(), "created");
}

#[tokio::test]
async fn a_deleted_contact_is_missing_lies_in_the_recycle_bin_and_can_be_created_again() {
    let rig = Rig::provided().await;
    let contact = rig.create(1).await;
    let deleted_ms = rig.portal(|portal, now_ms| portal.delete(now_ms, contact.id.0).map(|()| now_ms)).unwrap();
    assert_eq!(rig.update(contact.id, "line_follow_1", "No").await, UpdateOutcome::Missing);
    assert_eq!(rig.client.read_one(contact.id, &[], FRESH).await, Ok(None));
    assert_eq!(rig.client.read_by_email(&[email(1)], &[], FRESH).await, Ok(Vec::new()));
    let archived = rig.client.read_archived(&[contact.id], FRESH).await.unwrap();
    assert_eq!(archived[0].1.archived_at_ms, Some(deleted_ms));
    assert_ne!(rig.create(1).await.id, contact.id);
}

#[tokio::test]
async fn a_merged_contact_is_never_taken_for_written_and_is_found_under_its_new_id() {
    let rig = Rig::provided().await;
    let (one, other) = (rig.create(1).await.id, rig.create(2).await.id);
    let merged = rig.portal(|portal, now_ms| portal.merge(now_ms, one.0, other.0)).unwrap();
    assert_eq!(rig.update(one, "line_follow_1", "No").await, UpdateOutcome::Unknown);
    let read = rig.client.read_one(one, &[], FRESH).await.unwrap().unwrap();
    assert_eq!(read.id, ContactId(merged));
    let found = rig.client.read_by_email(&[email(1), email(2)], &[], FRESH).await.unwrap();
    let found: BTreeMap<_, _> = found.into_iter().map(|(email, contact)| (email, contact.id.0)).collect();
    assert_eq!(found, BTreeMap::from([(email(1), merged), (email(2), merged)]));
    let many = rig.client.read_many(&[one, other], &[], FRESH).await.unwrap();
    assert!(many.iter().all(|(_, contact)| contact.id.0 == merged) && many.len() == 2, "{many:?}");
    let deleted_ms = rig.portal(|portal, now_ms| portal.delete(now_ms, merged).map(|()| now_ms)).unwrap();
    let archived = rig.client.read_archived(&[one, other], FRESH).await.unwrap();
    let archived: Vec<_> =
        archived.into_iter().map(|(asked, contact)| (asked, contact.id.0, contact.archived_at_ms)).collect();
    assert_eq!(archived, [(one, merged, Some(deleted_ms)), (other, merged, Some(deleted_ms))]);
}

#[tokio::test]
async fn a_contact_whose_address_a_person_replaced_is_found_by_search_once_search_knows() {
    let rig = Rig::provided().await;
    let contact = rig.create(1).await;
    let address = BTreeMap::from([("email".to_owned(), "taro@example.com".to_owned())]);
    rig.portal(|portal, now_ms| portal.edit(now_ms, contact.id.0, &address)).unwrap();
    assert_eq!(rig.client.read_by_email(&[email(1)], &[], FRESH).await, Ok(Vec::new()));
    rig.sandbox.handle().advance(SETTLED_MS);
    let ids = [format!("U{:032x}", 1), format!("U{:032x}", 2)];
    let found = rig.client.search_in("line_user_id_1", &ids, &names(&["line_user_id_1"]), FRESH).await.unwrap();
    assert_eq!(found.iter().map(|contact| contact.id).collect::<Vec<_>>(), [contact.id]);
    assert_eq!(found[0].properties["line_user_id_1"], ids[0]);
}

#[tokio::test]
async fn erasing_and_deleting_take_the_contact_away() {
    let rig = Rig::provided().await;
    let (one, other) = (rig.create(1).await.id, rig.create(2).await.id);
    assert_eq!(rig.client.gdpr_delete(ContactKey::Email(&email(1)), FRESH).await, Ok(()));
    assert_eq!(rig.client.archive(other, FRESH).await, Ok(()));
    assert_eq!(rig.client.read_many(&[one, other], &[], FRESH).await, Ok(Vec::new()));
    let archived = rig.client.read_archived(&[one, other], FRESH).await.unwrap();
    assert_eq!(archived.iter().map(|(asked, _)| *asked).collect::<Vec<_>>(), [other]);
}

#[tokio::test]
async fn properties_are_provided_once_and_restored_when_archived() {
    let rig = Rig::provided().await;
    rig.portal(|portal, now_ms| portal.adjust(now_ms, |settings| settings.property_delay_ms = 500));
    assert!(rig.ensure().await.values().all(|end| *end == Ensured::Existed));
    assert!(rig.portal(|portal, now_ms| portal.archive_property(now_ms, "line_follow_1")));
    let refused = rig.client.create(vec![create(1)], &|_| true, FRESH).await.unwrap().remove(0).1;
    let CreateOutcome::Refused(refusal) = &refused else { panic!("{refused:?}") };
    assert_eq!(refusal.broken_property(), Some("line_follow_1"));
    let ensured = rig.ensure().await;
    assert_eq!((&ensured["line_follow_1"], &ensured["line_user_id_1"]), (&Ensured::Restored, &Ensured::Existed));
    rig.create(1).await;
}

#[tokio::test]
async fn a_rule_of_the_portal_and_a_refused_value_are_told_for_their_contact_alone() {
    let rig = Rig::provided().await;
    rig.portal(|portal, now_ms| portal.adjust(now_ms, |settings| settings.refused_texts = vec!["poison".into()]));
    let contacts = [rig.create(1).await.id, rig.create(2).await.id];
    let inputs = [update(contacts[0], "line_user_name_1", "poison"), update(contacts[1], "line_user_name_1", "Taro")];
    let outcomes = rig.client.update(inputs.into(), &|_| true, FRESH).await.unwrap();
    let UpdateOutcome::Refused(refusal) = &outcomes[0].1 else { panic!("{outcomes:?}") };
    assert!(!refusal.reason.contains("poison"), "{refusal}");
    assert_eq!(outcomes[1].1.as_str(), "updated");
    rig.portal(|portal, now_ms| {
        portal.adjust(now_ms, |settings| settings.required_on_create = vec!["firstname".into()])
    });
    let refused = rig.client.create(vec![create(3)], &|_| true, FRESH).await.unwrap().remove(0).1;
    let CreateOutcome::Refused(refusal) = &refused else { panic!("{refused:?}") };
    assert_eq!(refusal.broken_property(), None, "no property of ours is to blame");
}

#[tokio::test]
async fn the_portal_is_described() {
    let rig = Rig::provided().await;
    assert_eq!(rig.client.account(FRESH).await.unwrap().utc_offset_ms, Some(32_400_000));
    let room = rig.client.custom_property_room(FRESH).await.unwrap().unwrap();
    assert_eq!((room.limit, room.usage), (1_000, 7));
    assert_eq!(rig.client.daily_usage(FRESH).await.unwrap().map(|usage| usage.limit), Some(250_000));
}

#[tokio::test]
async fn a_wrong_token_is_told() {
    let rig = Rig::empty().await;
    rig.portal(|portal, _| portal.revoke_token(&rig.sandbox.hubspot_token));
    assert_eq!(rig.client.account(FRESH).await, Err(Error::Unauthorized));
}

/// Everything that can go wrong with a call to the sandbox.
const FAULTS: [FaultKind; 20] = [
    FaultKind::Burst,
    FaultKind::Daily,
    FaultKind::Search,
    FaultKind::Locked,
    FaultKind::Migrating,
    FaultKind::Unauthenticated,
    FaultKind::Forbidden,
    FaultKind::Internal,
    FaultKind::BadGateway,
    FaultKind::Unavailable,
    FaultKind::GatewayTimeout,
    FaultKind::TimeoutAnswerAfterWrite,
    FaultKind::TimeoutAfterWrite,
    FaultKind::Timeout,
    FaultKind::CutAfterWrite,
    FaultKind::InternalAfterWrite,
    FaultKind::Empty,
    FaultKind::ItemRefused,
    FaultKind::ItemSkipped,
    FaultKind::ItemUnmentioned,
];

#[tokio::test]
async fn whatever_goes_wrong_no_creation_is_called_done_or_not_done_that_is_not() {
    for kind in FAULTS {
        let rig = Rig::provided().await;
        rig.portal(|portal, _| portal.inject(Fault::next(kind).at("contacts/batch/create")));
        let outcomes = rig.client.create((1..=5).map(create).collect(), &|_| true, FRESH).await;
        let exists = |n: u64| rig.portal(|portal, _| portal.contacts().by_email(&email(n)).is_some());
        match outcomes {
            Err(error) => {
                assert!(
                    error.may_be_sent_again() || matches!(error, Error::Unauthorized | Error::MissingScopes { .. })
                );
                assert!((1..=5).all(|n| !exists(n)), "{kind:?}: {error}");
            }
            Ok(outcomes) => {
                for (n, (_, outcome)) in (1..).zip(&outcomes) {
                    match outcome {
                        CreateOutcome::Created(_) => assert!(exists(n), "{kind:?}"),
                        CreateOutcome::Refused(_) | CreateOutcome::NotSent => assert!(!exists(n), "{kind:?}"),
                        CreateOutcome::Unknown => {}
                        CreateOutcome::Exists(_) => panic!("{kind:?}: nobody was there"),
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn whatever_goes_wrong_no_update_is_called_done_or_not_done_that_is_not() {
    for kind in FAULTS {
        let rig = Rig::provided().await;
        let created = rig.client.create((1..=5).map(create).collect(), &|_| true, FRESH).await.unwrap();
        let ids = created.into_iter().map(|(_, outcome)| match outcome {
            CreateOutcome::Created(contact) => contact.id,
            other => panic!("{other:?}"),
        });
        let ids: Vec<_> = ids.collect();
        rig.portal(|portal, _| portal.inject(Fault::next(kind).at("contacts/batch/update")));
        let inputs = ids.iter().map(|id| update(*id, "line_follow_1", "No")).collect();
        let outcomes = rig.client.update(inputs, &|_| true, FRESH).await;
        let written = |id: ContactId| {
            rig.portal(|portal, _| {
                portal.contacts().live(id.0).unwrap().value("line_follow_1").as_deref() == Some("No")
            })
        };
        match outcomes {
            Err(_) => assert!(ids.iter().all(|id| !written(*id)), "{kind:?}"),
            Ok(outcomes) => {
                for (id, (_, outcome)) in ids.iter().zip(&outcomes) {
                    match outcome {
                        UpdateOutcome::Updated(_) => assert!(written(*id), "{kind:?}"),
                        UpdateOutcome::Refused(_) | UpdateOutcome::NotSent => assert!(!written(*id), "{kind:?}"),
                        UpdateOutcome::Unknown => {}
                        UpdateOutcome::Missing => panic!("{kind:?}: nobody was deleted"),
                    }
                }
            }
        }
    }
}
