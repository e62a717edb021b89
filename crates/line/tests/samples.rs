//! Every webhook body of an official SDK's tests is split byte for byte and read by the rules.

#![allow(clippy::unwrap_used, missing_docs)]

use contact::{ConnectionNumber, Kind};
use line::event::{Labels, Stored, read};
use line::webhook::split;
use std::path::Path;

/// Each sample, and what its events mean once their placeholder user is a well-formed one.
const MEANINGS: &[(&str, &[&str])] = &[
    ("accountlinkevent", &["acted"]),
    ("activatedevent", &["nothing"]),
    ("animation-sticker-messageevent", &["1501597916: [スタンプ]"]),
    ("attached-moduleevent", &["nothing"]),
    ("audio-messageevent", &["325708: [音声]"]),
    ("beaconevent", &["acted"]),
    ("botresumedevent", &["nothing"]),
    ("botsuspendedevent", &["nothing"]),
    ("deactivatedevent", &["nothing"]),
    ("detached-moduleevent", &["nothing"]),
    ("empty-event-for-webhook-test", &[]),
    ("file-messageevent", &["325708: [ファイル] file.txt"]),
    ("full-text-messageevent", &["nothing"]),
    ("joinevent", &["nothing"]),
    ("leaveevent", &["nothing"]),
    ("location-messageevent", &["325708: [位置情報] my location"]),
    ("memberjoinedevent", &["nothing"]),
    ("memberletfevent", &["nothing"]),
    ("membershioevent", &["acted"]),
    ("messageeditedevent", &["nothing"]),
    ("minimum-text-messageevent", &["444573844083572737:  Hi "]),
    ("pnpdeliverycompletionevent-with-x-line-delivery-tag", &["nothing"]),
    ("pnpdeliverycompletionevent-without-x-line-delivery-tag", &["nothing"]),
    ("rich-menu-selected-postbackevent", &["acted"]),
    ("simple-followevent", &["followed"]),
    ("skip-verification", &["123456789: Hello, world"]),
    ("sticker-messageevent", &["nothing"]),
    ("time-selected-postbackevent", &["acted"]),
    ("two-image-messageevents", &["354718705033693859: [画像]", "354718705033693861: [画像]"]),
    ("unblocked-followevent", &["followed"]),
    ("unfollowevent", &["unfollowed"]),
    ("unknown-event", &["nothing"]),
    ("unknown-message-type", &["nothing"]),
    ("unsendevent", &["nothing"]),
    (
        "v1-client-parse-1",
        &[
            "contentid: message",
            "nothing",
            "nothing",
            "nothing",
            "contentid: [位置情報] label",
            "contentid: [スタンプ]",
            "followed",
            "unfollowed",
            "nothing",
            "nothing",
            "acted",
            "acted",
            "acted",
            "nothing",
            "nothing",
            "nothing",
            "nothing",
            "nothing",
            "nothing",
            "nothing",
            "acted",
        ],
    ),
    ("v1-client-parse-2", &["nothing"]),
    ("v1-client-parse-3", &["contentid: [メッセージ]"]),
    ("video-messageevent", &["325708: [動画]"]),
    ("videoplaycomplete", &["acted"]),
];

/// Samples that name a well-formed user who acted.
const WELL_FORMED: &[&str] = &["simple-followevent"];

const USER: &str = "U8e742f61d673b39c7fff3cecb7536ef0";

fn sample(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    std::fs::read_to_string(folder.join(format!("ruby-{name}.json"))).unwrap()
}

/// The body with every `userId` of a `source` replaced by a well-formed one.
fn with_user(body: &str) -> String {
    let mut json: serde_json::Value = serde_json::from_str(body).unwrap();
    for event in json["events"].as_array_mut().unwrap() {
        if let Some(user) = event.get_mut("source").and_then(|source| source.get_mut("userId")) {
            *user = USER.into();
        }
    }
    json.to_string()
}

fn meanings(body: &str) -> Vec<String> {
    let webhook = split(body.as_bytes()).unwrap();
    let read = webhook.events.iter().map(|event| {
        let stored = Stored {
            connection: ConnectionNumber::new(1).unwrap(),
            webhook_event_id: &event.webhook_event_id,
            event_type: &event.event_type,
            user_id: event.user_id.as_deref(),
            occurred_at_ms: event.occurred_at_ms,
            raw: event.raw,
        };
        read(&stored, &Labels::default())
    });
    read.map(|event| match event.map(|event| event.kind) {
        None => "nothing".into(),
        Some(Kind::Followed) => "followed".into(),
        Some(Kind::Unfollowed) => "unfollowed".into(),
        Some(Kind::Acted) => "acted".into(),
        Some(Kind::Messaged { message, text }) => format!("{message}: {text}"),
        Some(other) => format!("{other:?}"),
    })
    .collect()
}

#[test]
fn every_sample_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        files.filter_map(|file| Some(file.strip_prefix("ruby-")?.strip_suffix(".json")?.to_owned())).collect();
    names.sort();
    assert_eq!(names, MEANINGS.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
}

#[test]
fn every_sample_is_split_byte_for_byte() {
    for (name, meanings) in MEANINGS {
        let body = sample(name);
        let webhook = split(body.as_bytes()).unwrap();
        assert_eq!(webhook.events.len(), meanings.len(), "{name}");
        let mut rest = body.as_str();
        for event in webhook.events {
            let raw = std::str::from_utf8(event.raw).unwrap();
            let at = rest.find(raw).unwrap_or_else(|| panic!("{name}: the event's bytes are not in the body"));
            rest = &rest[at + raw.len()..];
            assert_ne!(event.webhook_event_id, "", "{name}");
        }
    }
}

#[test]
fn every_sample_means_what_the_rules_say() {
    for (name, expected) in MEANINGS {
        assert_eq!(meanings(&with_user(&sample(name))), *expected, "{name}");
    }
}

#[test]
fn no_sample_makes_a_contact_of_a_malformed_user() {
    for (name, _) in MEANINGS {
        let read = meanings(&sample(name));
        let acted = read.iter().any(|meaning| meaning != "nothing");
        assert_eq!(acted, WELL_FORMED.contains(name), "{name}: {read:?}");
    }
}
