//! What LINE sends, what it might send, and what it never should.

#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const USER: &str = "U8e742f61d673b39c7fff3cecb7536ef0";

fn body(events: &[&str]) -> String {
    format!(r#"{{"destination":"Uc7472b39e21dab71c2347e02714630d6","events":[{}]}}"#, events.join(" ,\n"))
}

/// The id of the only event of a body that holds `event`.
fn id_of(event: &str) -> String {
    split(body(&[event]).as_bytes()).unwrap().events[0].webhook_event_id.clone().into_owned()
}

#[test]
fn the_envelope_is_read_from_the_event() {
    let event = r#"{"type":"message","mode":"active","timestamp":1462629479859,
        "source":{"type":"user","userId":"U8e742f61d673b39c7fff3cecb7536ef0"},
        "webhookEventId":"01FZ74A0TDDPYRVKNK77XKC3ZR","deliveryContext":{"isRedelivery":true},"message":{}}"#;
    let body = body(&[event]);
    let webhook = split(body.as_bytes()).unwrap();
    assert_eq!(webhook.destination.as_deref(), Some("Uc7472b39e21dab71c2347e02714630d6"));
    let [read] = &webhook.events[..] else { panic!("one event") };
    assert_eq!(read.raw, event.as_bytes());
    assert_eq!(read.webhook_event_id, "01FZ74A0TDDPYRVKNK77XKC3ZR");
    assert_eq!(read.event_type, "message");
    assert_eq!(read.user_id.as_deref(), Some(USER));
    assert_eq!(read.occurred_at_ms, 1_462_629_479_859);
    assert!(read.redelivery);
}

#[test]
fn each_event_is_the_exact_bytes_of_the_body() {
    let events = [
        r#"{ "b" : 1.50 , "a":"\ud83e\udd28 \/ あ" }"#,
        "{\"type\"\t:\"x\",\r\n\"type\":\"y\"}",
        r#"{"n":12345678901234567890123456789,"e":1E+2}"#,
    ];
    let body = body(&events);
    let webhook = split(body.as_bytes()).unwrap();
    let bytes: Vec<&[u8]> = webhook.events.iter().map(|event| event.raw).collect();
    assert_eq!(bytes, events.map(str::as_bytes));
    let range = body.as_bytes().as_ptr_range();
    assert!(bytes.iter().all(|bytes| range.contains(&bytes.as_ptr())), "borrowed from the body");
}

#[test]
fn an_empty_list_of_events_is_a_webhook() {
    assert!(split(body(&[]).as_bytes()).unwrap().events.is_empty());
    assert!(split(br#"{"events":[]}"#).unwrap().destination.is_none());
}

#[test]
fn missing_members_are_left_empty() {
    let body = body(&["{}"]);
    let event = &split(body.as_bytes()).unwrap().events[0];
    assert_eq!((&*event.event_type, event.user_id.as_deref(), event.occurred_at_ms), ("", None, 0));
    assert!(!event.redelivery);
}

#[test]
fn members_of_an_unexpected_type_count_as_missing() {
    let body = body(&[r#"{"type":5,"timestamp":"x","source":[1],"deliveryContext":"yes","webhookEventId":{}}"#]);
    let event = &split(body.as_bytes()).unwrap().events[0];
    assert_eq!((&*event.event_type, event.user_id.as_deref(), event.occurred_at_ms), ("", None, 0));
    assert_eq!(event.webhook_event_id.len(), 32);
}

#[test]
fn of_a_member_that_occurs_twice_the_first_counts() {
    let body = body(&[r#"{"type":"unfollow","type":"follow"}"#]);
    assert_eq!(split(body.as_bytes()).unwrap().events[0].event_type, "unfollow");
}

#[test]
fn a_list_of_events_that_occurs_twice_is_taken_twice() {
    let webhook = split(br#"{"events":[{"type":"a"}],"events":[{"type":"b"}]}"#).unwrap();
    let types: Vec<&str> = webhook.events.iter().map(|event| &*event.event_type).collect();
    assert_eq!(types, ["a", "b"]);
}

#[test]
fn what_is_no_object_is_an_unreadable_event() {
    for raw in ["null", "1", "\"follow\"", "[]", "true"] {
        let body = body(&[raw]);
        let event = &split(body.as_bytes()).unwrap().events[0];
        assert_eq!((&*event.event_type, event.raw), (UNREADABLE, raw.as_bytes()));
        assert_eq!(event.webhook_event_id.len(), 32);
    }
}

#[test]
fn lone_surrogates_and_nul_do_not_stop_an_event() {
    let body = body(&[r#"{"\udd28":0,"type":"message","message":{"text":"\ud83e \u0000"},"webhookEventId":"01"}"#]);
    let event = &split(body.as_bytes()).unwrap().events[0];
    assert_eq!((&*event.event_type, &*event.webhook_event_id), ("message", "01"));
}

#[test]
fn deep_nesting_does_not_stop_an_event() {
    let deep = format!(r#"{{"type":"x","deep":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    let body = body(&[&deep]);
    assert_eq!(split(body.as_bytes()).unwrap().events[0].event_type, "x");
}

#[test]
fn an_event_without_id_has_the_same_id_on_every_delivery() {
    let first = id_of(
        r#"{"type":"message","timestamp":1,"source":{"type":"user","userId":"U1"},"message":{"id":"9"},
        "deliveryContext":{"isRedelivery":false}}"#,
    );
    let again = id_of(
        r#"{"deliveryContext":{"isRedelivery":true},"message":{"text":"a","id":"9"},"timestamp":1,
        "source":{"userId":"U1","type":"user"},"type":"message"}"#,
    );
    assert_eq!(first, again);
}

#[test]
fn an_event_without_id_differs_by_type_time_source_and_message() {
    let ids = [
        r#"{"type":"message","timestamp":1,"source":{"type":"user","userId":"U1"},"message":{"id":"9"}}"#,
        r#"{"type":"messageEdited","timestamp":1,"source":{"type":"user","userId":"U1"},"message":{"id":"9"}}"#,
        r#"{"type":"message","timestamp":2,"source":{"type":"user","userId":"U1"},"message":{"id":"9"}}"#,
        r#"{"type":"message","timestamp":1,"source":{"type":"user","userId":"U2"},"message":{"id":"9"}}"#,
        r#"{"type":"message","timestamp":1,"source":{"type":"group","groupId":"U1"},"message":{"id":"9"}}"#,
        r#"{"type":"message","timestamp":1,"source":{"type":"user","userId":"U1"},"message":{"id":"8"}}"#,
        r#"{"type":"message","timestamp":1,"source":{"type":"user","userId":"U1"}}"#,
    ]
    .map(id_of);
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id), "{at}");
    }
}

#[test]
fn an_id_that_cannot_stand_in_a_key_is_replaced() {
    for id in ["", "a/b", "a b", "あ", r"\u0000", &"x".repeat(65)] {
        let replaced = id_of(&format!(r#"{{"webhookEventId":"{id}"}}"#));
        assert_eq!(replaced.len(), 32, "{id}");
        assert!(replaced.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    assert_eq!(id_of(&format!(r#"{{"webhookEventId":"{}"}}"#, "x".repeat(64))), "x".repeat(64));
}

#[test]
fn what_is_not_json_is_unusable() {
    let cases: [&[u8]; 8] = [
        b"",
        b"{",
        b"{\"events\":[{]}",
        b"{\"events\":[]} x",
        b"events=1",
        b"\xef\xbb\xbf{\"events\":[]}",
        b"{\"events\":[\"\xff\"]}",
        b"{\"events\":[\"\x00\"]}",
    ];
    for body in cases {
        assert_eq!(split(body).unwrap_err(), Unusable::NotJson, "{}", body.escape_ascii());
    }
}

#[test]
fn bytes_that_are_no_text_spoil_only_what_holds_them() {
    let webhook = split(b"{\"else\":\"\xff\",\"events\":[{\"type\":\"follow\"}]}").unwrap();
    assert_eq!(webhook.events[0].event_type, "follow");
    assert_eq!(split(b"{\"events\":[{\"type\":\"\xff\"}]}").unwrap_err(), Unusable::NotJson);
}

#[test]
fn json_without_a_list_of_events_is_unusable() {
    for body in ["null", "[]", "7", "\"\"", "{}", r#"{"destination":"U"}"#, r#"{"events":null}"#, r#"{"events":{}}"#] {
        assert_eq!(split(body.as_bytes()).unwrap_err(), Unusable::NoEvents, "{body}");
    }
}

#[test]
fn debug_output_shows_no_content() {
    let body = body(&[r#"{"source":{"userId":"U8e742f61d673b39c7fff3cecb7536ef0"},"webhookEventId":"01"}"#]);
    assert_eq!(format!("{:?}", split(body.as_bytes()).unwrap()), "Webhook { events: [RawEvent(01, 79 bytes)], .. }");
}

/// A body as LINE writes it, with a bit of everything.
const USUAL: &str = r#"{"destination":"Uc7472b39e21dab71c2347e02714630d6","events":[{"type":"message","message":{"type":"text",
    "id":"444573844083572737","quoteToken":"q3Plxr4AgKdGW4xVVzfw0Ow3pR2rbyBvYWGvdDWxRrfnMbgNsq4","text":"@All あ\n\ud83e\udd28\/\u0000",
    "mention":{"mentionees":[{"index":0,"length":4,"type":"all"},{}]},"emojis":[]},"timestamp":1692251666727,"webhookEventId":"01H8",
    "source":{"type":"user","userId":"U8e742f61d673b39c7fff3cecb7536ef0"},"deliveryContext":{"isRedelivery":false}}, {},
    {"type":"beacon","x":[-1.5e+3,0,-0.0,1E9,true,null,"",[[]]]},7,"x",[]]}"#;

/// Everything that a body is taken apart into.
fn shown<'a>(webhook: &'a Webhook<'_>) -> impl PartialEq + std::fmt::Debug + use<'a> {
    let events = webhook.events.iter().map(|it| {
        (it.raw.as_ptr_range(), &it.webhook_event_id, &it.event_type, &it.user_id, it.occurred_at_ms, it.redelivery)
    });
    (&webhook.destination, events.collect::<Vec<_>>())
}

/// The quick way accepts nothing that the thorough one does not, and reads the same out of it. Says whether it accepts.
fn is_taken_the_quick_way(body: &[u8]) -> bool {
    let Some(quick) = quick::split(body) else { return false };
    let thorough = thorough(body).unwrap_or_else(|error| panic!("{error}: {}", body.escape_ascii()));
    assert_eq!(shown(&quick), shown(&thorough), "{}", body.escape_ascii());
    true
}

#[test]
fn a_body_as_line_writes_it_is_taken_the_quick_way() {
    assert!(is_taken_the_quick_way(USUAL.as_bytes()));
    for body in [
        r#"{"events":[]}"#,
        " {\t\"events\" : [ ] ,\r\n\"destination\":\"U\" } ",
        r#"{"x":{"y":[]},"events":[{"a":{}}]}"#,
        r#"{"events":[{"type":"a","type":"b","source":{"userId":"U1","userId":"U2"},"source":{"userId":"U3"}}]}"#,
        r#"{"events":[{"source":[],"source":{"userId":"U"},"deliveryContext":1,"deliveryContext":{"isRedelivery":true}}]}"#,
    ] {
        assert!(is_taken_the_quick_way(body.as_bytes()), "{body}");
    }
}

#[test]
fn a_body_that_lacks_a_byte_or_has_one_too_many_is_taken_as_the_thorough_way_takes_it() {
    let usual = USUAL.as_bytes();
    for at in 0..usual.len() {
        let (before, after) = usual.split_at(at);
        is_taken_the_quick_way(before);
        is_taken_the_quick_way(&[before, &after[1..]].concat());
        for byte in *b"\"\\{}[]:,-+.0e1u \n\0\x1f\x7fntf/\x80\xff" {
            is_taken_the_quick_way(&[before, &[byte], after].concat());
            is_taken_the_quick_way(&[before, &[byte], &after[1..]].concat());
        }
    }
}

#[test]
fn what_is_out_of_the_ordinary_is_left_to_the_thorough_way() {
    let deep = format!(r#"{{"events":[{{"x":{}{}}}]}}"#, "[".repeat(65), "]".repeat(65));
    for body in
        [r#"{"events":[],"events":[]}"#, r#"{"\u0065vents":[]}"#, r#"{"destination":"U"}"#, "{\"events\":[]} x", &deep]
    {
        assert!(!is_taken_the_quick_way(body.as_bytes()), "{body}");
    }
    assert_eq!(split(deep.as_bytes()).unwrap().events.len(), 1);
}

proptest! {
    #[test]
    fn the_quick_way_takes_nothing_that_the_thorough_way_does_not(body: Vec<u8>, json in r#"[\[\]{},:"\\a-fu0-9 .+\-etrulsn\n]{0,60}"#) {
        is_taken_the_quick_way(&body);
        for around in [["", ""], ["{\"events\":", "}"], ["{\"events\":[", "]}"], ["{\"events\":[{\"type\":", "}]}"]] {
            is_taken_the_quick_way(format!("{}{json}{}", around[0], around[1]).as_bytes());
        }
    }

    #[test]
    fn no_body_is_too_odd(body: Vec<u8>) {
        let _ = split(&body);
    }

    #[test]
    fn no_json_is_too_odd(body in r#"[\[\]{},:"\\a-fu0-9 .+-]{0,80}"#) {
        let _ = split(format!(r#"{{"events":[{body}]}}"#).as_bytes());
    }

    #[test]
    fn any_text_comes_back_as_its_bytes(text: String, spaces in "[ \n\t]{0,3}") {
        let event = format!("{{{spaces}\"text\":{spaces}{}}}", serde_json::to_string(&text).unwrap());
        let body = body(&[&event, &event]);
        let webhook = split(body.as_bytes()).unwrap();
        prop_assert!(webhook.events.iter().all(|read| read.raw == event.as_bytes()));
    }
}
