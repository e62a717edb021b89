//! HubSpot's webhooks.

use super::*;
use sandbox::delivery::{Caller, Delivery, Reaction};
use sandbox::hubspot::Subscriber;

const GATHERED_MS: i64 = 200;

/// An account whose webhooks go somewhere; no event comes twice.
fn subscribed() -> Account {
    let mut account = Account::new();
    let subscriber =
        Subscriber { duplicate_percent: 0, ..Subscriber::new("https://connector.example.com/hubspot", "secret") };
    account.portal.subscribe(Some(subscriber));
    account
}

/// What is delivered once everything is gathered.
fn due(account: &mut Account) -> Vec<Delivery> {
    account.now_ms += GATHERED_MS;
    account.portal.take_due(account.now_ms)
}

fn events(delivery: &Delivery) -> Vec<Value> {
    serde_json::from_slice::<Value>(&delivery.body).unwrap().as_array().unwrap().clone()
}

fn kinds(deliveries: &[Delivery]) -> Vec<String> {
    let events = deliveries.iter().flat_map(events);
    let mut kinds: Vec<String> = events.map(|event| event["subscriptionType"].as_str().unwrap().to_owned()).collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn a_person_who_deletes_a_contact_causes_a_webhook() {
    let mut account = subscribed();
    let id: u64 = account.contact(&dummy(1)).parse().unwrap();
    account.portal.delete(account.now_ms, id).unwrap();
    let deliveries = due(&mut account);
    let mut event = events(&deliveries[0]).remove(0);
    assert!(event["eventId"].is_u64());
    event["eventId"] = json!(1);
    let expected = json!({
        "eventId": 1, "subscriptionId": 22, "portalId": 12_345_678, "appId": 1_160_452, "occurredAt": NOW_MS,
        "subscriptionType": "contact.deletion", "attemptNumber": 0, "objectId": id, "changeSource": "CRM_UI",
        "changeFlag": "DELETED", "sourceId": "userId:864745280",
    });
    assert_eq!(event, expected);
}

#[test]
fn every_turn_of_a_contact_is_told() {
    let mut account = subscribed();
    let ids: Vec<u64> = (1..=3).map(|number| account.contact(&dummy(number)).parse().unwrap()).collect();
    let now_ms = account.now_ms;
    account.portal.delete(now_ms, ids[0]).unwrap();
    account.portal.restore(now_ms, ids[0]).unwrap();
    let changes = [("email".to_owned(), "taro@example.com".to_owned()), ("firstname".to_owned(), "太郎".to_owned())];
    account.portal.edit(now_ms, ids[0], &changes.into()).unwrap();
    let survivor = account.portal.merge(now_ms, ids[0], ids[1]).unwrap();
    account.portal.erase(now_ms, ids[2]).unwrap();
    let deliveries = due(&mut account);
    // An erasure comes as two events; the name is no property that somebody subscribed to.
    let expected = [
        "contact.deletion",
        "contact.deletion",
        "contact.merge",
        "contact.privacyDeletion",
        "contact.propertyChange",
        "contact.restore",
    ];
    assert_eq!(kinds(&deliveries), expected);
    let all: Vec<Value> = deliveries.iter().flat_map(events).collect();
    let find = |kind: &str| all.iter().find(|event| event["subscriptionType"] == kind).unwrap();
    let merge = find("contact.merge");
    assert_eq!((&merge["primaryObjectId"], &merge["newObjectId"]), (&json!(ids[0]), &json!(survivor)));
    assert_eq!(merge["mergedObjectIds"], json!([ids[1]]));
    let change = find("contact.propertyChange");
    assert_eq!((&change["propertyName"], &change["propertyValue"]), (&json!("email"), &json!("taro@example.com")));
}

#[test]
fn events_come_in_batches_of_at_most_100_in_any_order() {
    let mut account = subscribed();
    account.portal.adjust(NOW_MS, |settings| settings.burst = None);
    let ids: Vec<u64> = (0..150).map(|number| account.contact(&dummy(number)).parse().unwrap()).collect();
    for id in &ids {
        account.portal.delete(account.now_ms, *id).unwrap();
    }
    let deliveries = due(&mut account);
    assert_eq!(deliveries.iter().map(|each| events(each).len()).collect::<Vec<_>>(), [100, 50]);
    let told: Vec<u64> = deliveries.iter().flat_map(events).map(|event| event["objectId"].as_u64().unwrap()).collect();
    assert_ne!(told, ids);
    let mut sorted = told;
    sorted.sort_unstable();
    assert_eq!(sorted, ids);
}

#[test]
fn events_can_come_twice() {
    let mut account = Account::new();
    let subscriber =
        Subscriber { duplicate_percent: 100, ..Subscriber::new("https://connector.example.com/", "secret") };
    account.portal.subscribe(Some(subscriber));
    let id = account.contact(&dummy(1)).parse().unwrap();
    account.portal.delete(account.now_ms, id).unwrap();
    let deliveries = due(&mut account);
    let events = events(&deliveries[0]);
    assert_eq!(events.len(), 2);
    assert_eq!(events[0], events[1]);
}

#[test]
fn a_refused_webhook_comes_again_ten_times_with_its_number() {
    let mut account = subscribed();
    let id = account.contact(&dummy(1)).parse().unwrap();
    account.portal.delete(account.now_ms, id).unwrap();
    for attempt in 0..=10 {
        let due_ms = account.portal.next_due_ms().unwrap();
        assert!(account.portal.take_due(due_ms - 1).is_empty());
        let deliveries = account.portal.take_due(due_ms);
        assert_eq!(events(&deliveries[0])[0]["attemptNumber"], json!(attempt));
        assert_eq!(deliveries[0].timeout_ms, 5_000);
        account.portal.answered(due_ms, deliveries[0].number, Reaction::Status(400));
    }
    assert_eq!(account.portal.next_due_ms(), None);
}

#[test]
fn an_accepted_webhook_does_not_come_again() {
    let mut account = subscribed();
    let id = account.contact(&dummy(1)).parse().unwrap();
    account.portal.delete(account.now_ms, id).unwrap();
    let deliveries = due(&mut account);
    account.portal.answered(account.now_ms, deliveries[0].number, Reaction::Status(200));
    assert_eq!(account.portal.next_due_ms(), None);
}

#[test]
fn a_webhook_carries_both_signatures_and_its_time() {
    let mut account = subscribed();
    let id = account.contact(&dummy(1)).parse().unwrap();
    account.portal.delete(account.now_ms, id).unwrap();
    let deliveries = due(&mut account);
    let header = |name: &str| deliveries[0].headers.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
    assert_eq!(header("x-hubspot-request-timestamp"), account.now_ms.to_string());
    assert_eq!(header("x-hubspot-signature-version"), "v1");
    assert_eq!(header("x-hubspot-signature").len(), 64);
    assert_eq!(header("x-hubspot-signature-v3").len(), 44);
    assert_eq!(header("content-type"), "application/json");
}
