//! Friends on the dashboard, in the search and on their pages, from events in the log.

use super::Place;
use crate::console::access::Role;
use crate::server::projector_settings;
use axum::http::StatusCode;
use contact::{Confirmation, ContactId, Field, Link, Property, UserId, Values};
use eventlog::{NewRecord, Topic};
use projector::records::{Decoder, confirmation_record, import_key, import_record};
use projector::store::RESTORE_MEMORY;
use schemas::{Likeness, LineEvent, LineProfile};

const NOON_MS: i64 = 1_749_000_000_000;
const USER: UserId = UserId::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0);

impl Place {
    async fn append(&self, topic: Topic, key: Vec<u8>, value: Vec<u8>) {
        let record = NewRecord { topic, key, value: Some(value) };
        self.console.0.installation.log.append(vec![record]).await.unwrap();
    }

    async fn happen(&self, user: UserId, connection: u32, kind: &str, at_ms: i64, text: &str) {
        let (id, text) = (format!("{kind}-{at_ms}"), serde_json::to_string(text).unwrap());
        let message = format!(r#"{{"type":"text","id":"{id}","text":{text},"messageId":{text}}}"#);
        let raw = format!(r#"{{"type":"{kind}","source":{{"type":"user"}},"message":{message},"unsend":{message}}}"#);
        let event = LineEvent {
            connection,
            webhook_event_id: id.as_str().into(),
            event_type: kind.into(),
            user_id: Some(user.to_string().into()),
            occurred_at_ms: at_ms,
            received_at_ms: at_ms,
            redelivery: false,
            raw: raw.as_bytes().into(),
        };
        let key = schemas::key::line_event(&user.to_string(), connection, &id);
        self.append(Topic::LineEvents, key, self.console.0.installation.codec.encode(&event)).await;
    }

    async fn look(&self, user: UserId, connection: u32, name: &str, picture: &str) {
        let found = Some(Likeness { name: name.to_owned(), picture: Some(picture.to_owned()) });
        let user_id = user.to_string();
        let profile =
            LineProfile { user_id: user_id.clone(), connection, covers_ms: NOON_MS, fetched_at_ms: NOON_MS, found };
        let key = schemas::key::line_profile(&user_id, connection);
        self.append(Topic::LineProfiles, key, self.console.0.installation.codec.encode(&profile)).await;
    }

    async fn confirm(&self, user: UserId, link: Link, values: Values) {
        let installation = &self.console.0.installation;
        let (refused, covers_ms, in_doubt) = (None, None, Default::default());
        let confirmation =
            Confirmation { revision: 1, observed_at_ms: NOON_MS, link, values, refused, covers_ms, in_doubt };
        let names = &installation.settings.property_prefix.0;
        let value = installation.codec.encode(&confirmation_record(user, &confirmation, None, names));
        self.append(Topic::HubspotContacts, schemas::key::hubspot_contact(&user.to_string()), value).await;
    }

    /// What a projector would have done by now.
    fn fold(&self) {
        let installation = &self.console.0.installation;
        let settings = projector_settings(installation).unwrap();
        let stores = settings.stores();
        let decoder = Decoder::new(installation.codec.clone(), settings.labels, settings.names);
        let rules = self.console.0.view.snapshot().rules().clone();
        projector::rebuild::rebuild(RESTORE_MEMORY, &*installation.log, &decoder, &stores, &rules, |_, _| {}).unwrap();
    }

    /// An account with somebody who wrote and waits.
    async fn with_a_friend(name: &str, picture: &str, text: &str) -> Self {
        let place = Self::new().await;
        place.connect(1, "本店", "").await;
        place.happen(USER, 1, "follow", NOON_MS, "").await;
        place.happen(USER, 1, "message", NOON_MS + 60_000, text).await;
        place.look(USER, 1, name, picture).await;
        place.fold();
        place
    }
}

fn user(place: u128) -> UserId {
    UserId::from_u128(place << 90)
}

#[tokio::test]
async fn the_dashboard_shows_how_many_friends_an_account_has_and_how_it_is() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    place.connect(2, "支店", "").await;
    for number in 1..=3 {
        place.happen(user(number), 1, "follow", NOON_MS, "").await;
    }
    place.happen(user(1), 1, "message", 1_750_000_000_000 - 7_200_000, "こんにちは").await;
    place.happen(user(3), 1, "unfollow", NOON_MS + 1, "").await;
    place.fold();
    place.console.0.census.fresh().await;
    let page = place.get("/", &place.somebody(Role::Viewer).await).await;
    let (_, first) = page.text.split_once("本店").unwrap();
    let (first, second) = first.split_once("支店").unwrap();
    for shown in ["Friends <strong>2", "Unanswered <strong>1", "Blocked <strong>1", "<strong>2 h ago", ">Good<"] {
        assert!(first.contains(shown), "{shown}: {first}");
    }
    for shown in ["Friends <strong>0", "<strong>never", "No friend was seen yet"] {
        assert!(second.contains(shown), "{shown}: {second}");
    }
}

#[tokio::test]
async fn an_account_whose_webhooks_are_signed_by_somebody_else_is_shown_as_broken() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let metrics = ingest::Metrics::register(&place.console.0.installation.metrics).unwrap();
    metrics.verification_failures.with_label_values(&["1", "wrong"]).inc();
    let page = place.get("/", &place.somebody(Role::Viewer).await).await;
    assert!(page.text.contains("state failed health\">All webhooks have a wrong signature"), "{}", page.text);
}

#[tokio::test]
async fn a_friend_is_found_by_a_part_of_the_name_by_id_and_by_account() {
    let place = Place::with_a_friend("田中サクラ", "https://profile.line-scdn.net/0hsakura", "こんにちは").await;
    place.connect(2, "支店", "").await;
    place.confirm(USER, Link::Live(ContactId(4711)), Values::new()).await;
    place.fold();
    let cookie = place.somebody(Role::Viewer).await;
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    for asked in [
        String::new(),
        format!("find={}", escaped("さくら")),
        format!("find={USER}"),
        format!("find={}&connection=1&waiting=on", escaped("田中")),
    ] {
        let page = place.get(&format!("/friends?{asked}"), &cookie).await;
        for shown in
            ["田中サクラ", "本店", "こんにちは", "Waiting", "4711", "src=\"https://profile.line-scdn.net/0hsakura"]
        {
            assert!(page.text.contains(shown), "{asked}: {shown}: {}", page.text);
        }
        assert!(page.text.contains(&format!("href=\"/friend?user={USER}\"")), "{}", page.text);
    }
    for asked in ["find=nobody", "connection=2", "find=U0123456789abcdef0123456789abcdef"] {
        let page = place.get(&format!("/friends?{asked}"), &cookie).await;
        assert!(!page.text.contains("田中サクラ") && page.text.contains("Nobody was found"), "{asked}");
    }
}

#[tokio::test]
async fn many_friends_come_page_by_page_and_each_once() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    for number in 1..=120 {
        place.happen(user(number), 1, "follow", NOON_MS, "").await;
    }
    place.fold();
    let cookie = place.somebody(Role::Viewer).await;
    let (mut seen, mut path) = (Vec::new(), "/friends?connection=1".to_owned());
    loop {
        let page = place.get(&path, &cookie).await;
        let links = page.text.split("href=\"/friend?user=").skip(1);
        seen.extend(links.map(|link| link.split('"').next().unwrap().to_owned()));
        let Some((_, next)) = page.text.split_once("href=\"/friends?find=") else { break };
        path = format!("/friends?find={}", next.split('"').next().unwrap().replace("&#38;", "&"));
    }
    seen.sort();
    let mut all: Vec<_> = (1..=120).map(|number| user(number).to_string()).collect();
    all.sort();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_friends_page_shows_the_seven_properties_and_the_event_that_decided_each() {
    let place = Place::with_a_friend("田中サクラ", "", "こんにちは").await;
    let follow = Property { connection: contact::ConnectionNumber::new(1).unwrap(), field: Field::Follow };
    place.confirm(USER, Link::Live(ContactId(4711)), [(follow, "Yes".into())].into_iter().collect()).await;
    let page = place.get(&format!("/friend?user={USER}"), &place.somebody(Role::Viewer).await).await;
    assert_eq!(page.status, StatusCode::OK);
    let row = |label: &str| {
        let (_, row) = page.text.split_once(&format!("<th scope=\"row\">{label} _ 1</th>")).unwrap();
        row.split("</tr>").next().unwrap().to_owned()
    };
    let unanswered = row("LINE Unanswered");
    for shown in ["Yes", "Not yet", "Message", "2025-06-04 01:21:00 UTC", "message-1749000060000"] {
        assert!(unanswered.contains(shown), "{shown}: {unanswered}");
    }
    assert!(row("LINE Follow").contains("Shown") && row("LINE Follow").contains("follow-1749000000000"));
    assert!(row("LINE Last Response").contains("こんにちは"));
    assert!(row("LINE User Name").contains("Profile read from LINE"));
    for label in ["LINE User ID", "LINE User Picture", "LINE ID Sync Date"] {
        assert!(!row(label).is_empty());
    }
    let (_, history) = page.text.split_once("id=\"history\"").unwrap();
    let places: Vec<_> =
        ["Message", "HubSpot showed the contact", "Added as a friend"].map(|it| history.find(it)).into_iter().collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "newest first: {places:?}");
}

#[tokio::test]
async fn an_import_has_no_event_id_of_lines() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let number = contact::ConnectionNumber::new(1).unwrap();
    let value = place.console.0.installation.codec.encode(&import_record(USER, number, NOON_MS));
    place.append(Topic::LineEvents, import_key(USER, number), value).await;
    let page = place.get(&format!("/friend?user={USER}"), &place.somebody(Role::Viewer).await).await;
    assert!(page.text.contains("Imported as an earlier friend"), "{}", page.text);
    assert!(!page.text.contains(">imported<"), "{}", page.text);
}

#[tokio::test]
async fn a_text_that_was_taken_back_is_on_no_page() {
    let place = Place::with_a_friend("田中サクラ", "", "canary").await;
    let taken_back = format!("message-{}", NOON_MS + 60_000);
    place.happen(USER, 1, "unsend", NOON_MS + 90_000, &taken_back).await;
    place.fold();
    let cookie = place.somebody(Role::Admin).await;
    for path in ["/friends".to_owned(), format!("/friend?user={USER}")] {
        let page = place.get(&path, &cookie).await;
        assert!(page.text.contains("田中サクラ") && !page.text.contains("canary"), "{}", page.text);
    }
}

#[tokio::test]
async fn nobody_has_a_page_whom_the_log_does_not_know() {
    let place = Place::with_a_friend("田中サクラ", "", "").await;
    let cookie = place.somebody(Role::Viewer).await;
    for asked in ["", "user=", "user=U0123456789abcdef0123456789abcdef", "user=%00", "user=../../settings"] {
        assert_eq!(place.get(&format!("/friend?{asked}"), &cookie).await.status, StatusCode::NOT_FOUND, "{asked}");
    }
}

#[tokio::test]
async fn a_long_log_is_read_only_when_somebody_asks_for_the_reasons() {
    let place = Place::with_a_friend("田中サクラ", "", "こんにちは").await;
    let key = |number: u32| schemas::key::line_event(&USER.to_string(), 9, &number.to_string());
    let record = |number| NewRecord { topic: Topic::LineEvents, key: key(number), value: None };
    for first in (0..200_000).step_by(10_000) {
        let records = (first..first + 10_000).map(record).collect();
        place.console.0.installation.log.append(records).await.unwrap();
    }
    let cookie = place.somebody(Role::Viewer).await;
    let path = format!("/friend?user={USER}");
    let page = place.get(&path, &cookie).await;
    assert!(page.text.contains("こんにちは") && page.text.contains("200003"), "{}", page.text);
    assert!(!page.text.contains("message-1749000060000"));
    let read = place.get(&format!("{path}&history=read"), &cookie).await;
    assert!(read.text.contains("message-1749000060000"), "{}", read.text);
}

#[tokio::test]
async fn hostile_names_texts_and_pictures_of_friends_stay_text() {
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let place = Place::with_a_friend(hostile, "javascript:alert(1)", hostile).await;
    let cookie = place.somebody(Role::Admin).await;
    let escaped: String = hostile.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for path in ["/friends".to_owned(), format!("/friends?find={escaped}"), format!("/friend?user={USER}")] {
        let page = place.get(&path, &cookie).await;
        assert!(page.text.contains("alert(1)"), "{path}: {}", page.text);
        assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{path}: {}", page.text);
        assert!(!page.text.contains("src=\"javascript") && !page.text.contains("href=\"javascript"), "{path}");
    }
}

#[tokio::test]
async fn another_language_keeps_what_was_looked_for() {
    let place = Place::with_a_friend("田中サクラ", "", "").await;
    let cookie = place.somebody(Role::Viewer).await;
    let page = place.get("/friends?find=%E7%94%B0&connection=1", &cookie).await;
    assert!(page.text.contains("name=\"back\" value=\"/friends?find=%E7%94%B0&#38;connection=1\""), "{}", page.text);
}
