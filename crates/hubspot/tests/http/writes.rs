//! Creating and updating in batches, with everything HubSpot makes of one.

use crate::server::{Reply, Seen, Server, always, reply};
use contact::ContactId;
use hubspot::limit::Kind;
use hubspot::{CreateInput, CreateOutcome, Crm, Error, Priority, UpdateInput, UpdateOutcome};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

const FRESH: Priority = Priority::Fresh;

fn create(n: u64) -> CreateInput {
    let properties = [("email", format!("U{n:032x}@line.me")), ("line_user_id_1", format!("U{n:032x}"))];
    CreateInput { trace: format!("t{n}"), properties: properties.map(|(name, value)| (name.into(), value)).into() }
}

fn update(n: u64) -> UpdateInput {
    update_of(n, "line_last_response_1")
}

fn update_of(n: u64, property: &str) -> UpdateInput {
    UpdateInput { trace: format!("t{n}"), id: ContactId(n), properties: [(property.into(), "Hello".into())].into() }
}

fn result(input: &Value) -> Value {
    json!({"id": input["id"].as_str().unwrap_or("171596044869"), "properties": input["properties"],
        "createdAt": "2026-10-20T01:02:03.632Z", "updatedAt": "2026-10-20T01:02:03.632Z", "archived": false})
}

/// The answer to a batch in which everything went well, in reverse order.
fn all_written(seen: &Seen, status: u16) -> Reply {
    let results: Vec<_> = seen.inputs().iter().rev().map(result).collect();
    reply(status, json!({"status": "COMPLETE", "results": results, "startedAt": "2026-10-20T01:02:03.575Z"}))
}

#[tokio::test]
async fn contacts_are_created_with_trace_and_lower_case_address() {
    let answer = r#"{"status":"COMPLETE","results":[{"id":"171596044869","properties":{"createdate":"2026-10-20T01:02:03.632Z","email":"u00000000000000000000000000000001@line.me","hs_all_contact_vids":"171596044869","hs_email_domain":"line.me","hs_object_id":"171596044869","lastmodifieddate":"2026-10-20T01:02:03.632Z","lifecyclestage":"lead","line_user_id_1":"U00000000000000000000000000000001"},"createdAt":"2026-10-20T01:02:03.632Z","updatedAt":"2026-10-20T01:02:03.632Z","archived":false,"url":"https://app.hubspot.com/contacts/12345678/record/0-1/171596044869"}],"startedAt":"2026-10-20T01:02:03.575Z","completedAt":"2026-10-20T01:02:03.918Z"}"#;
    let server = Server::replying([reply(201, answer)]).await;
    let outcomes = server.client().create(vec![create(1)], &always, FRESH).await.unwrap();
    let (trace, CreateOutcome::Created(contact)) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!((&**trace, contact.id), ("t1", ContactId(171_596_044_869)));
    assert_eq!(contact.properties.keys().collect::<Vec<_>>(), ["email", "line_user_id_1"]);
    assert_eq!(contact.created_at_ms, Some(1_792_458_123_632));
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /crm/objects/2026-09/contacts/batch/create");
    assert_eq!(seen[0].body["inputs"][0]["objectWriteTraceId"], "t1");
    assert_eq!(seen[0].body["inputs"][0]["properties"]["email"], "u00000000000000000000000000000001@line.me");
    assert_eq!(seen[0].body["inputs"][0]["properties"]["line_user_id_1"], "U00000000000000000000000000000001");
}

#[tokio::test]
async fn a_datetime_written_as_milliseconds_comes_back_as_milliseconds() {
    let answer = r#"{"status":"COMPLETE","results":[{"id":"7","properties":{"line_id_sync_date_1":"2026-10-20T01:02:03.632Z"}}]}"#;
    let server = Server::replying([reply(200, answer)]).await;
    let properties = [("line_id_sync_date_1".to_owned(), "1792458123632".to_owned())];
    let input = UpdateInput { trace: "t".into(), id: ContactId(7), properties: properties.clone().into() };
    let outcomes = server.client().update(vec![input], &always, FRESH).await.unwrap();
    let UpdateOutcome::Updated(contact) = &outcomes[0].1 else { panic!("{outcomes:?}") };
    assert_eq!(contact.properties, properties.into());
}

#[tokio::test]
async fn of_a_mixed_batch_every_contact_gets_its_own_outcome() {
    let answer = r#"{"status":"COMPLETE","results":[{"id":"2","properties":{"line_last_response_1":"Hello"}}],"numErrors":3,"errors":[
        {"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":["1","4"],"objectWriteTraceId":["t1","t4"]}},
        {"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Hello was not one of the allowed options: [x]\",\"error\":\"INVALID_OPTION\",\"name\":\"line_last_response_1\"}]","context":{"objectWriteTraceId":["t3"]}}]}"#;
    let server = Server::replying([reply(207, answer)]).await;
    let outcomes = server.client().update((1..=5).map(update).collect(), &always, FRESH).await.unwrap();
    let words: Vec<_> = outcomes.iter().map(|(trace, outcome)| (&**trace, outcome.as_str())).collect();
    assert_eq!(words, [("t1", "missing"), ("t2", "updated"), ("t3", "refused"), ("t4", "missing"), ("t5", "unknown")]);
    let UpdateOutcome::Refused(refusal) = &outcomes[2].1 else { panic!("{outcomes:?}") };
    assert_eq!(refusal.broken_property(), Some("line_last_response_1"));
    assert!(!refusal.reason.contains("Hello"));
}

#[tokio::test]
async fn an_address_that_is_taken_gives_the_contact_that_has_it() {
    let single = r#"{"status":"error","message":"Contact already exists. Existing ID: 51","correlationId":"c","category":"CONFLICT"}"#;
    let server = Server::replying([reply(409, single)]).await;
    let outcomes = server.client().create(vec![create(1)], &always, FRESH).await.unwrap();
    assert_eq!(outcomes, [("t1".into(), CreateOutcome::Exists(ContactId(51)))]);
}

#[tokio::test]
async fn a_batch_refused_for_addresses_that_are_taken_is_halved_down_to_them() {
    let taken = BTreeSet::from(["t3", "t7"]);
    let server = Server::answering(move |seen| match seen.traces().iter().find(|trace| taken.contains(*trace)) {
        Some(_) if seen.inputs().len() > 1 => reply(
            409,
            r#"{"status":"error","message":"Contact already exists","correlationId":"c","category":"CONFLICT"}"#,
        ),
        Some(_) => reply(409, r#"{"message":"Contact already exists. Existing ID: 51","category":"CONFLICT"}"#),
        None => all_written(seen, 201),
    })
    .await;
    let outcomes = server.client().create((0..10).map(create).collect(), &always, FRESH).await.unwrap();
    for (trace, outcome) in outcomes {
        let expected = if trace == "t3" || trace == "t7" { "exists" } else { "created" };
        assert_eq!(outcome.as_str(), expected, "{trace}");
    }
}

/// Plays a batch of `count` of which HubSpot refuses every request with one of `poison`; gives the requests made and
/// the inputs refused.
async fn poisoned(count: u64, poison: BTreeSet<u64>) -> (usize, BTreeSet<String>) {
    let traces: BTreeSet<_> = poison.iter().map(|n| format!("t{n}")).collect();
    let server = Server::answering(move |seen| {
        if seen.traces().iter().any(|trace| traces.contains(*trace)) {
            let body = r#"{"status":"error","message":"Email address u1@line.me is invalid","correlationId":"c","errors":[{"message":"Email address u1@line.me is invalid","code":"INVALID_EMAIL"}],"category":"VALIDATION_ERROR"}"#;
            reply(400, body)
        } else {
            all_written(seen, 200)
        }
    })
    .await;
    let client = server.client_with(|settings| settings.budget.burst_max = 1_000);
    let outcomes = client.update((0..count).map(update).collect(), &always, FRESH).await.unwrap();
    assert_eq!(outcomes.len() as u64, count);
    let refused = outcomes.into_iter().filter(|(_, outcome)| match outcome {
        UpdateOutcome::Updated(_) => false,
        UpdateOutcome::Refused(refusal) => refusal.code.as_deref() == Some("INVALID_EMAIL"),
        other => panic!("{other:?}"),
    });
    let refused = refused.map(|(trace, _)| trace).collect();
    (server.seen().len(), refused)
}

#[tokio::test]
async fn one_poison_contact_of_a_hundred_is_found_with_at_most_15_more_calls() {
    for poison in [0, 1, 37, 50, 99] {
        let (requests, refused) = poisoned(100, BTreeSet::from([poison])).await;
        assert_eq!(refused, BTreeSet::from([format!("t{poison}")]));
        assert!(requests <= 1 + 15, "{requests} requests for poison at {poison}");
    }
}

#[tokio::test]
async fn several_poison_contacts_are_parked_and_the_others_written() {
    let (_, refused) = poisoned(30, BTreeSet::from([0, 13, 14, 29])).await;
    assert_eq!(refused, ["t0", "t13", "t14", "t29"].map(String::from).into());
}

#[tokio::test]
async fn a_batch_refused_for_a_broken_property_is_not_halved_but_sent_without_those_that_write_it() {
    let broken = r#"{"status":"error","message":"Property values were not valid: [{…}]","correlationId":"c","errors":[{"message":"Property \"line_follow_1\" does not exist","code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["line_follow_1"]}}],"category":"VALIDATION_ERROR"}"#;
    let server = Server::answering(move |seen| {
        let writes_it = |input: &Value| input["properties"].get("line_follow_1").is_some();
        if seen.inputs().iter().any(writes_it) { reply(400, broken) } else { all_written(seen, 200) }
    })
    .await;
    let property = |n: u64| if n.is_multiple_of(2) { "line_follow_1" } else { "line_last_response_1" };
    let outcomes =
        server.client().update((0..100).map(|n| update_of(n, property(n))).collect(), &always, FRESH).await.unwrap();
    assert_eq!(server.seen().len(), 2);
    for (place, (_, outcome)) in outcomes.iter().enumerate() {
        match outcome {
            UpdateOutcome::Refused(refusal) if place % 2 == 0 => {
                assert_eq!(refusal.broken_property(), Some("line_follow_1"))
            }
            UpdateOutcome::Updated(_) if place % 2 == 1 => {}
            other => panic!("{place}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn rules_of_the_portal_are_told_in_words() {
    let refusal = |body: &'static str| async move {
        let server = Server::replying([reply(400, body)]).await;
        match server.client().create(vec![create(1)], &always, FRESH).await.unwrap().remove(0).1 {
            CreateOutcome::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let required = refusal(r#"{"status":"error","category":"VALIDATION_ERROR","message":"The property values provided are invalid","errors":[{"code":"MISSING_REQUIRED_PROPERTY","message":"A value for firstname must be provided","context":{"propertyName":["firstname"]}}]}"#).await;
    assert_eq!(required.reason, "a rule of the portal requires a value for firstname");
    assert_eq!((required.property.as_deref(), required.broken_property()), (Some("firstname"), None));
    let conditional = refusal(r#"{"status":"error","category":"VALIDATION_ERROR","message":"The property values provided are invalid","errors":[{"code":"MISSING_CONDITIONAL_REQUIRED_PROPERTY","message":"my_property is required because of a conditional property rule based on [country]","context":{"propertyName":["my_property"]}}]}"#).await;
    assert_eq!(conditional.reason, "a conditional rule of the portal requires a value for my_property");
    let email = refusal(r#"{"status":"error","category":"VALIDATION_ERROR","message":"m","errors":[{"code":"INVALID_EMAIL","message":"Email address x is invalid"}]}"#).await;
    assert_eq!(email.reason, "HubSpot does not accept the e-mail address");
}

#[tokio::test]
async fn success_that_wrote_nothing_is_unknown_for_all() {
    let server =
        Server::replying([reply(200, r#"{"status":"COMPLETE","results":[],"startedAt":"2026-10-20T01:02:03.575Z"}"#)])
            .await;
    let outcomes = server.client().update(vec![update(1), update(2)], &always, FRESH).await.unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| *outcome == UpdateOutcome::Unknown));
}

#[tokio::test]
async fn a_merged_contact_left_out_of_the_answer_is_unknown() {
    let server =
        Server::replying([reply(200, r#"{"status":"COMPLETE","results":[{"id":"2","properties":{}}]}"#)]).await;
    let outcomes = server.client().update(vec![update(1), update(2)], &always, FRESH).await.unwrap();
    assert_eq!(outcomes[0].1, UpdateOutcome::Unknown);
    assert_eq!(outcomes[1].1.as_str(), "updated");
}

#[tokio::test]
async fn two_writes_to_one_contact_go_out_in_order_in_two_requests() {
    let server = Server::answering(|seen| all_written(seen, 200)).await;
    let mut later = update(1);
    later.trace = "later".into();
    let outcomes = server.client().update(vec![update(1), update(2), later], &always, FRESH).await.unwrap();
    let traces: Vec<Vec<String>> =
        server.seen().iter().map(|seen| seen.traces().into_iter().map(String::from).collect()).collect();
    assert_eq!(traces, [vec!["t1", "t2"], vec!["later"]]);
    assert!(outcomes.iter().all(|(_, outcome)| outcome.as_str() == "updated"));
}

#[tokio::test]
async fn a_limit_in_the_middle_leaves_the_rest_unsent_and_keeps_what_is_known() {
    let mut calls = 0;
    let server = Server::answering(move |seen| {
        calls += 1;
        if calls == 1 {
            all_written(seen, 200)
        } else {
            reply(
                429,
                r#"{"message":"You have reached your daily limit.","errorType":"RATE_LIMIT","policyName":"DAILY"}"#,
            )
        }
    })
    .await;
    let client = server.client();
    let outcomes = client.update((0..150).map(update).collect(), &always, FRESH).await.unwrap();
    let count = |word| outcomes.iter().filter(|(_, outcome)| outcome.as_str() == word).count();
    assert_eq!((count("updated"), count("not_sent")), (100, 50));
    let refused = client.update(vec![update(1)], &always, FRESH).await;
    assert!(matches!(refused, Err(Error::RateLimited { .. })), "{refused:?}");
}

#[tokio::test]
async fn values_that_hubspot_normalised_are_shown_as_stored_and_counted() {
    let answer = r#"{"results":[{"id":"1","properties":{"line_last_response_1":"hello"},"warnings":[{"category":"PROPERTY_VALUE_NORMALIZED","message":"line_last_response_1 was normalized","context":{"propertyName":"line_last_response_1","rawValue":"Hello","normalizedValue":"hello"}}]}]}"#;
    let server = Server::replying([reply(200, answer)]).await;
    let outcomes = server.client().update(vec![update(1)], &always, FRESH).await.unwrap();
    let UpdateOutcome::Updated(contact) = &outcomes[0].1 else { panic!("{outcomes:?}") };
    assert_eq!(contact.properties["line_last_response_1"], "hello");
}

#[tokio::test]
async fn nothing_to_write_makes_no_call() {
    let server = Server::replying([]).await;
    assert_eq!(server.client().update(Vec::new(), &always, FRESH).await, Ok(Vec::new()));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn what_may_no_longer_be_sent_is_left_out_of_its_batch() {
    let server = Server::answering(|seen| all_written(seen, 200)).await;
    let may_send = |trace: &str| trace != "t2";
    let outcomes = server.client().update(vec![update(1), update(2), update(3)], &may_send, FRESH).await.unwrap();
    let words: Vec<_> = outcomes.iter().map(|(trace, outcome)| (&**trace, outcome.as_str())).collect();
    assert_eq!(words, [("t1", "updated"), ("t2", "not_sent"), ("t3", "updated")]);
    assert_eq!(server.seen()[0].traces(), ["t1", "t3"]);
}

#[tokio::test]
async fn whether_it_may_be_sent_is_asked_when_its_turn_has_come() {
    let server = Server::replying([]).await;
    let client = server.client();
    let mut under_way = Vec::new();
    for _ in 0..client.budget().status().in_flight_max {
        under_way.push(client.budget().acquire(Kind::General, FRESH).await.unwrap());
    }
    let may = AtomicBool::new(true);
    let may_send = |_: &str| may.load(Ordering::SeqCst);
    let write = client.create(vec![create(1)], &may_send, FRESH);
    let withdraw = async {
        while client.budget().status().fresh_waiting == 0 {
            tokio::task::yield_now().await;
        }
        may.store(false, Ordering::SeqCst);
        under_way.clear();
    };
    let (outcomes, ()) = tokio::join!(write, withdraw);
    assert_eq!(outcomes.unwrap()[0].1, CreateOutcome::NotSent);
    assert!(server.seen().is_empty());
}
