//! The verdict itself on trial: each violation, made on purpose, is found.

use crate::evidence::{self, Logged, Verdict};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord, Topic};
use runtime::clock::SystemClock;
use sandbox::Sandbox;
use sandbox::line::{Act, Channel, user_id};
use schemas::{Codec, LineEvent};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SAKURA: &str = "田中さくら";

/// The sandbox with the properties that Kizuna makes.
async fn sandbox() -> Sandbox {
    let mut options = sandbox::Options::default();
    options.hubspot.property_delay_ms = 0;
    let sandbox = sandbox::start(options).await.unwrap();
    for stem in ["user_id", "user_name", "user_picture", "follow", "id_sync_date", "unanswered", "last_response"] {
        let name = format!("line_{stem}_1");
        let property = json!({"name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "contactinformation"});
        post(&sandbox, "/crm/properties/2026-09/contacts", property).await;
    }
    sandbox
}

/// The same, where Sakura is a friend.
async fn sandbox_with_sakura() -> Sandbox {
    let sandbox = sandbox().await;
    let channel = sandbox.line_channels().swap_remove(0).id;
    sandbox.handle().line(|platform, _| platform.befriend(&channel, SAKURA)).unwrap();
    sandbox
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) {
    let url = format!("{}{path}", sandbox.hubspot_api_url);
    let sent = reqwest::Client::new().post(url).bearer_auth(&sandbox.hubspot_token).json(&body).send().await.unwrap();
    assert!(sent.status().is_success(), "{path}: {}", sent.text().await.unwrap());
}

fn sakura(sandbox: &Sandbox) -> String {
    user_id(&sandbox.line_channels().swap_remove(0).provider, SAKURA)
}

/// Makes a contact of Sakura, as Kizuna would, with these values besides.
async fn create(sandbox: &Sandbox, email: &str, values: &[(&str, &str)]) {
    let mut properties = json!({"email": email, "line_user_id_1": sakura(sandbox)});
    values.iter().for_each(|(name, value)| properties[*name] = json!(value));
    post(sandbox, "/crm/objects/2026-09/contacts/batch/create", json!({"inputs": [{"properties": properties}]})).await;
}

fn delete_all(sandbox: &Sandbox) {
    sandbox.handle().hubspot(|portal, now_ms| {
        let live = portal.contacts().iter().filter(|contact| contact.archived_ms.is_none());
        for id in live.map(|contact| contact.id).collect::<Vec<_>>() {
            portal.delete(now_ms, id).unwrap();
        }
    });
}

/// A log in which Sakura did these things at these times.
async fn log_of(sandbox: &Sandbox, events: &[(&str, i64)]) -> Logged {
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path(), Options::new(Arc::new(SystemClock))).unwrap();
    let mut records = Vec::new();
    for (place, (kind, time_ms)) in events.iter().enumerate() {
        let raw = json!({
            "type": kind, "webhookEventId": place.to_string(), "timestamp": time_ms,
            "source": {"type": "user", "userId": sakura(sandbox)}, "message": {"type": "text", "id": "m", "text": "こんにちは"},
        });
        let event = LineEvent {
            connection: 1,
            webhook_event_id: place.to_string().into(),
            event_type: (*kind).into(),
            user_id: Some(sakura(sandbox).into()),
            occurred_at_ms: *time_ms,
            received_at_ms: *time_ms,
            redelivery: false,
            raw: raw.to_string().into_bytes().into(),
        };
        let key = schemas::key::line_event(&sakura(sandbox), 1, &event.webhook_event_id);
        records.push(NewRecord { topic: Topic::LineEvents, key, value: Some(Codec::default().encode(&event)) });
    }
    log.append(records).await.unwrap();
    let mut logged = Logged::default();
    tokio::task::spawn_blocking(move || {
        evidence::read(&*log, &mut BTreeMap::new(), &mut logged).unwrap();
        logged
    })
    .await
    .unwrap()
}

/// How much was lost, doubled, revived and wrong.
fn counts(verdict: &Verdict) -> [usize; 4] {
    [&verdict.lost, &verdict.doubled, &verdict.revived, &verdict.wrong].map(Vec::len)
}

#[tokio::test]
async fn an_event_that_was_answered_200_and_is_not_in_the_log_is_lost() {
    let sandbox = sandbox().await;
    let liar = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Some(format!("http://{}/", liar.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut webhook, _) = liar.accept().await.unwrap();
        webhook.read_buf(&mut Vec::with_capacity(100_000)).await.unwrap();
        webhook.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    let channel = Channel { endpoint, ..sandbox.line_channels().swap_remove(0) };
    sandbox.handle().line(|platform, _| platform.put_channel(channel.clone()));
    sandbox.handle().play(&channel.id, SAKURA, &Act::Follow, &Default::default()).await.unwrap();
    assert_eq!(counts(&evidence::judge(&sandbox, &Logged::default())), [1, 0, 0, 0]);
}

#[tokio::test]
async fn a_second_live_contact_of_a_user_is_doubled() {
    let sandbox = sandbox_with_sakura().await;
    create(&sandbox, "a@line.me", &[]).await;
    create(&sandbox, "b@line.me", &[]).await;
    assert_eq!(evidence::judge(&sandbox, &log_of(&sandbox, &[("follow", 1)]).await).doubled.len(), 1);
}

#[tokio::test]
async fn a_deleted_contact_that_is_back_without_a_later_message_is_revived() {
    let sandbox = sandbox_with_sakura().await;
    create(&sandbox, "a@line.me", &[]).await;
    delete_all(&sandbox);
    let later = sandbox.handle().now_ms() + 1;
    create(&sandbox, "a@line.me", &[]).await;
    let without = log_of(&sandbox, &[("follow", 1), ("unfollow", later), ("postback", later)]).await;
    assert_eq!(evidence::judge(&sandbox, &without).revived.len(), 1);
    let with = log_of(&sandbox, &[("follow", 1), ("message", later)]).await;
    assert!(evidence::judge(&sandbox, &with).revived.is_empty());
}

#[tokio::test]
async fn a_contact_that_differs_or_is_missing_or_should_not_be_there_is_wrong() {
    let sandbox = sandbox_with_sakura().await;
    let follow = log_of(&sandbox, &[("follow", 1), ("message", 2)]).await;
    assert_eq!(counts(&evidence::judge(&sandbox, &follow)), [0, 0, 0, 1], "missing");
    let picture = format!("https://profile.line-scdn.net/0h{}", &sakura(&sandbox)[1..17]);
    let right = [
        ("line_user_name_1", SAKURA),
        ("line_user_picture_1", &picture),
        ("line_follow_1", "Yes"),
        ("line_id_sync_date_1", "1970-01-01T00:00:00.001Z"),
        ("line_unanswered_1", "Yes"),
    ];
    create(&sandbox, "a@line.me", &[&right[..], &[("line_last_response_1", "さようなら")]].concat()).await;
    assert_eq!(counts(&evidence::judge(&sandbox, &follow)), [0, 0, 0, 1], "another text");
    delete_all(&sandbox);
    assert!(evidence::judge(&sandbox, &follow).is_clean(), "deleted, and nothing after that");
    create(&sandbox, "b@line.me", &[&right[..], &[("line_last_response_1", "こんにちは")]].concat()).await;
    assert_eq!(evidence::judge(&sandbox, &follow).wrong.len(), 1, "it should not be there");
}
