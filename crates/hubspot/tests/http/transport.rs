//! The way to HubSpot and back: what is sent along, what is waited for, what is given up.

use crate::server::{Reply, Server, always, reply, reply_with, settings};
use contact::ContactId;
use hubspot::limit::Why;
use hubspot::{Client, CreateInput, CreateOutcome, Crm, Error, Metrics, Priority, UpdateInput, UpdateOutcome};
use runtime::backoff::Backoff;
use runtime::clock::ManualClock;
use runtime::prometheus::Registry;
use runtime::secret::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const FRESH: Priority = Priority::Fresh;
const ID: ContactId = ContactId(171_596_044_869);

fn update() -> Vec<UpdateInput> {
    vec![UpdateInput { trace: "t".into(), id: ID, properties: [("line_follow_1".into(), "Yes".into())].into() }]
}

#[tokio::test]
async fn every_call_carries_the_token_and_says_who_calls() {
    let server = Server::replying([reply(404, "{}")]).await;
    assert_eq!(server.client().read_one(ID, &[], FRESH).await, Ok(None));
    let seen = server.seen();
    assert_eq!(seen[0].headers["authorization"], "Bearer pat-na1-canary");
    assert!(seen[0].headers["user-agent"].to_str().unwrap().starts_with("kizuna/"));
}

#[tokio::test]
async fn a_base_url_with_a_path_is_kept() {
    let server = Server::replying([reply(404, "{}")]).await;
    let client = server.client_with(|settings| settings.base_url = format!("{}/hubspot/", server.url));
    assert_eq!(client.read_one(ID, &[], FRESH).await, Ok(None));
    assert_eq!(server.lines(), ["GET /hubspot/crm/objects/2026-09/contacts/171596044869?properties=hs_object_id"]);
}

#[tokio::test]
async fn a_write_without_an_answer_in_time_is_unknown_and_a_read_unavailable() {
    let server = Server::answering(|_| Reply::Silence).await;
    let client = || server.client_with(|settings| settings.timeout = Duration::from_millis(100));
    assert_eq!(client().update(update(), &always, FRESH).await, Ok(vec![("t".into(), UpdateOutcome::Unknown)]));
    let read = client().read_one(ID, &[], FRESH).await;
    assert_eq!(read, Err(Error::Unavailable { detail: "no answer in time".into() }));
    assert!(matches!(client().archive(ID, FRESH).await, Err(Error::Unknown { .. })));
}

#[tokio::test]
async fn a_write_whose_connection_breaks_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let mut bytes = [0; 64];
            connection.readable().await.unwrap();
            let _ = connection.try_read(&mut bytes);
        }
    });
    let client =
        Client::new(settings(&url), Arc::new(ManualClock::at(0)), Metrics::register(&Registry::new()).unwrap());
    assert_eq!(client.unwrap().update(update(), &always, FRESH).await, Ok(vec![("t".into(), UpdateOutcome::Unknown)]));
}

#[tokio::test]
async fn a_write_that_finds_nobody_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client =
        Client::new(settings(&url), Arc::new(ManualClock::at(0)), Metrics::register(&Registry::new()).unwrap());
    assert_eq!(
        client.unwrap().update(update(), &always, FRESH).await,
        Err(Error::Unavailable { detail: "no connection".into() })
    );
}

#[tokio::test]
async fn an_answer_beyond_4_mib_is_given_up() {
    let body = format!("{{\"id\":\"{}\"}}", "1".repeat(4 * 1024 * 1024));
    let server = Server::answering(move |_| reply(200, &body)).await;
    assert!(matches!(server.client().read_one(ID, &[], FRESH).await, Err(Error::Garbage { .. })));
}

#[tokio::test]
async fn a_read_is_tried_again_after_an_outage_and_a_write_is_not() {
    let found = r#"{"id":"171596044869","properties":{},"archived":false}"#;
    let server = Server::replying([reply(503, "<html>"), reply(502, "<html>"), reply(200, found)]).await;
    let client = server.client_with(|settings| settings.read_attempts_max = 3);
    assert!(client.read_one(ID, &[], FRESH).await.unwrap().is_some());
    let server = Server::replying([reply(503, "<html>")]).await;
    let client = server.client_with(|settings| settings.read_attempts_max = 3);
    assert_eq!(client.update(update(), &always, FRESH).await, Ok(vec![("t".into(), UpdateOutcome::Unknown)]));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn after_a_migration_answer_nothing_more_is_sent() {
    let server = Server::replying([reply_with(477, ("retry-after", "3600"), "")]).await;
    let client = server.client();
    assert!(matches!(client.update(update(), &always, FRESH).await, Err(Error::Migrating { .. })));
    assert!(matches!(client.read_one(ID, &[], FRESH).await, Err(Error::Migrating { .. })));
    assert_eq!(server.seen().len(), 1);
    assert_eq!(client.budget().status().paused.map(|paused| paused.why), Some(Why::Migration));
}

#[tokio::test]
async fn an_outage_of_which_hubspot_tells_the_end_is_waited_out() {
    let server = Server::replying([reply_with(503, ("retry-after", "3600"), "<html>")]).await;
    let client = server.client();
    assert_eq!(client.update(update(), &always, FRESH).await, Ok(vec![("t".into(), UpdateOutcome::Unknown)]));
    assert!(matches!(client.read_one(ID, &[], FRESH).await, Err(Error::Unavailable { .. })));
    assert_eq!(server.seen().len(), 1);
    assert_eq!(client.budget().status().paused.map(|paused| paused.why), Some(Why::Outage));
}

#[tokio::test]
async fn a_missing_scope_stops_the_sync_but_not_over_something_dispensable() {
    let scopes = r#"{"errors":[{"context":{"requiredGranularScopes":["a.b"]}}],"category":"MISSING_SCOPES"}"#;
    let server = Server::answering(move |_| reply(403, scopes)).await;
    let client = server.client();
    assert_eq!(client.custom_property_room(FRESH).await, Ok(None));
    let missing = Error::MissingScopes { scopes: vec!["a.b".into()] };
    assert_eq!(client.update(update(), &always, FRESH).await, Err(missing.clone()));
    assert_eq!(client.update(update(), &always, FRESH).await, Err(missing));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn headers_teach_the_budget() {
    let headers = vec![
        ("x-hubspot-ratelimit-max", "190"),
        ("x-hubspot-ratelimit-remaining", "189"),
        ("x-hubspot-ratelimit-interval-milliseconds", "10000"),
        ("x-hubspot-ratelimit-daily", "625000"),
        ("x-hubspot-ratelimit-daily-remaining", "624999"),
    ];
    let server = Server::replying([Reply::Of { status: 404, headers, body: "{}".into() }]).await;
    let client = server.client();
    assert_eq!(client.read_one(ID, &[], FRESH).await, Ok(None));
    let status = client.budget().status();
    assert_eq!((status.burst_max, status.daily_max, status.daily_left), (152, Some(625_000), Some(624_999)));
}

#[tokio::test]
async fn calls_are_counted_by_endpoint_and_status() {
    let registry = Registry::new();
    let server = Server::replying([reply(404, "{}"), reply(503, "")]).await;
    let metrics = Metrics::register(&registry).unwrap();
    let client = Client::new(settings(&server.url), Arc::new(ManualClock::at(0)), metrics.clone()).unwrap();
    assert_eq!(client.read_one(ID, &[], FRESH).await, Ok(None));
    assert!(client.update(update(), &always, FRESH).await.is_ok());
    assert_eq!(metrics.calls.with_label_values(&["contact_read", "404"]).get(), 1);
    assert_eq!(metrics.calls.with_label_values(&["contact_batch_update", "503"]).get(), 1);
    assert_eq!(metrics.writes.with_label_values(&["contact_batch_update", "unknown"]).get(), 1);
    assert_eq!(metrics.failures.with_label_values(&["unknown"]).get(), 1);
    assert_eq!(metrics.burst_max.get(), 80);
}

#[tokio::test]
async fn neither_token_nor_values_nor_addresses_show_in_errors() {
    let say =
        |text: &str| format!(r#"{{"status":"error","message":"{text} cannot be taro","category":"VALIDATION_ERROR"}}"#);
    for answer in
        [reply(400, say("u1@line.me")), reply(500, say("u1@line.me")), reply(404, say("u1@line.me")), Reply::Silence]
    {
        let server = Server::replying([]).await;
        server.now_replies(answer);
        let client = server.client_with(|settings| settings.timeout = Duration::from_millis(200));
        let properties = [("email".into(), "u1@line.me".into()), ("line_user_name_1".into(), "taro".into())];
        let input = CreateInput { trace: "t".into(), properties: properties.into() };
        let created = client.create(vec![input.clone()], &always, FRESH).await;
        let asked = ["u1@line.me".to_owned(), "taro".to_owned()];
        let read = client.read_by_email(&asked, &[], FRESH).await;
        let found = client.search_in("line_user_name_1", &asked, &[], FRESH).await;
        let printed = format!("{input:?} {created:?} {read:?} {found:?}");
        for personal in ["u1@line.me", "taro", "canary"] {
            assert!(!printed.contains(personal), "{printed}");
        }
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let make = |url: &str, token: &str| {
        let settings = hubspot::Settings { token: Secret::new(token), ..settings(url) };
        Client::new(settings, Arc::new(ManualClock::at(0)), Metrics::register(&Registry::new()).unwrap()).err()
    };
    assert!(matches!(make("not an address", "t"), Some(Error::Unfit(_))));
    assert!(matches!(make("ftp://example.com", "t"), Some(Error::Unfit(_))));
    assert!(matches!(make("https://api.hubapi.com", ""), Some(Error::Unfit(_))));
    assert!(matches!(make("https://api.hubapi.com", "a\nb"), Some(Error::Unfit(_))));
    assert_eq!(make("https://api.hubapi.com", "pat"), None);
}

#[tokio::test]
async fn after_an_outage_the_rest_of_a_long_list_is_not_sent() {
    let server = Server::replying([reply(524, "<html>")]).await;
    let outage = Backoff { base: Duration::from_secs(60), cap: Duration::from_secs(60), jitter: 0.0 };
    let client = server.client_with(|settings| settings.budget.outage = outage);
    let input =
        |n: u64| CreateInput { trace: n.to_string(), properties: [("email".into(), format!("u{n}@line.me"))].into() };
    let outcomes = client.create((0..150).map(input).collect(), &always, FRESH).await.unwrap();
    let count = |outcome| outcomes.iter().filter(|(_, of)| *of == outcome).count();
    assert_eq!((count(CreateOutcome::Unknown), count(CreateOutcome::NotSent)), (100, 50));
    assert!(matches!(client.read_one(ID, &[], FRESH).await, Err(Error::Unavailable { .. })), "during a long pause");
}
