//! What of a webhook is in the log.

use crate::world::{NOW_MS, USER, World, body, event, message};
use eventlog::Topic;

/// The bytes of the events in the log.
fn stored(world: &World) -> Vec<Vec<u8>> {
    world.values().iter().map(|value| event(value).raw.into_owned()).collect()
}

#[tokio::test]
async fn every_event_is_stored_byte_for_byte() {
    let world = World::new().await;
    let events = [
        "{ \"type\" : \"message\",\r\n\t\"n\":1.50e+02, \"text\":\"\\ud83e\\udd28 \\/ あ\" }".to_owned(),
        r#"{"type":"message","lone":"\ud83e","nul":"\u0000","\udd28":1}"#.to_owned(),
        r#"{"type":"a","type":"b","webhookEventId":"02","webhookEventId":"03"}"#.to_owned(),
        format!(r#"{{"deep":{}{}}}"#, "[".repeat(50_000), "]".repeat(50_000)),
        r#"{"future":{"type":"x"},"id":12345678901234567890}"#.to_owned(),
        "null".to_owned(),
        "\"follow\"".to_owned(),
    ];
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    assert_eq!(world.receives(&body(&events)).await, 200);
    assert_eq!(stored(&world), events.iter().map(|event| event.as_bytes().to_vec()).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_envelope_says_what_the_event_says() {
    let world = World::new().await;
    world.receives(&body(&[&message("01FZ74A0TDDPYRVKNK77XKC3ZR")])).await;
    let value = &world.values()[0];
    let event = event(value);
    assert_eq!((event.connection, &*event.webhook_event_id), (1, "01FZ74A0TDDPYRVKNK77XKC3ZR"));
    assert_eq!((&*event.event_type, event.user_id.as_deref()), ("message", Some(USER)));
    assert_eq!((event.occurred_at_ms, event.received_at_ms), (1_462_629_479_859, NOW_MS));
    assert!(!event.redelivery);
    let key = format!("{USER}/1/01FZ74A0TDDPYRVKNK77XKC3ZR");
    assert_eq!(world.log.records(Topic::LineEvents)[0].key, key.as_bytes());
}

#[tokio::test]
async fn an_event_without_a_user_is_keyed_by_its_id() {
    let world = World::new().await;
    let long = format!(r#"{{"type":"join","webhookEventId":"03","source":{{"userId":"{}"}}}}"#, "x".repeat(101));
    world.receives(&body(&[r#"{"type":"join","webhookEventId":"02"}"#, &long])).await;
    let keys: Vec<_> = world.log.records(Topic::LineEvents).into_iter().map(|record| record.key).collect();
    assert_eq!(keys, [&b"02/1/02"[..], b"03/1/03"]);
}

#[tokio::test]
async fn a_user_id_that_is_none_is_stored_as_it_came() {
    let world = World::new().await;
    let odd = r#"{"type":"follow","webhookEventId":"01","source":{"type":"user","userId":"a/b\u0000"}}"#;
    assert_eq!(world.receives(&body(&[odd])).await, 200);
    assert_eq!(event(&world.values()[0]).user_id.as_deref(), Some("a/b\0"));
    assert_eq!(world.log.records(Topic::LineEvents)[0].key, b"a%2Fb\0/1/01");
}

#[tokio::test]
async fn an_event_with_nothing_in_it_is_stored() {
    let world = World::new().await;
    assert_eq!(world.receives(&body(&["{}"])).await, 200);
    let value = &world.values()[0];
    let event = event(value);
    assert_eq!((&*event.event_type, event.user_id.as_deref(), event.occurred_at_ms), ("", None, 0));
    assert_eq!(event.webhook_event_id.len(), 32);
}

#[tokio::test]
async fn a_thousand_events_of_one_body_are_stored_in_order_and_at_once() {
    let world = World::new().await;
    let events: Vec<String> = (0..1_000).map(|number| message(&format!("{number:04}"))).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    assert_eq!(world.receives(&body(&events)).await, 200);
    assert_eq!(stored(&world), events.iter().map(|event| event.as_bytes().to_vec()).collect::<Vec<_>>());
    assert_eq!(*world.log.begun.borrow(), 1);
}

#[tokio::test]
async fn a_webhook_that_comes_twice_is_stored_under_the_same_keys() {
    let world = World::new().await;
    let first = body(&[&message("01"), r#"{"type":"follow","timestamp":5}"#]);
    let again = String::from_utf8(first.clone()).unwrap().replace("isRedelivery\":false", "isRedelivery\":true");
    assert_eq!(world.receives(&first).await, 200);
    assert_eq!(world.receives(again.as_bytes()).await, 200);
    let keys: Vec<_> = world.log.records(Topic::LineEvents).into_iter().map(|record| record.key).collect();
    assert_eq!(keys[..2], keys[2..]);
    assert!(event(&world.values()[2]).redelivery);
    assert_eq!(world.metrics.redelivered_events.get(), 1);
}

#[tokio::test]
async fn events_are_counted_by_type_and_made_up_types_together() {
    let world = World::new().await;
    let made_up: Vec<String> = (0..50).map(|number| format!(r#"{{"type":"made-up-{number}"}}"#)).collect();
    let made_up: Vec<&str> = made_up.iter().map(String::as_str).collect();
    world.receives(&body(&made_up)).await;
    world.receives(&body(&[&message("01"), "{}", "null"])).await;
    let counted = |name| world.metrics.events.with_label_values(&[name]).get();
    assert_eq!((counted("message"), counted("other"), counted("follow")), (1, 52, 0));
}
