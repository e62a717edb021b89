//! What people do, and what LINE tells about it.

use super::*;
use sandbox::line::{Likeness, Unplayable, user_id};

#[test]
fn a_friend_follows_once_blocks_once_and_unblocks() {
    let mut service = Service::new();
    let mut told = |act: Act| {
        service.play("たろう", &act);
        service.events().first().map(|event| (event["type"].as_str().unwrap().to_owned(), event["follow"].clone()))
    };
    let event = |kind: &str, follow: Value| Some((kind.to_owned(), follow));
    assert_eq!(told(Act::Follow), event("follow", json!({"isUnblocked": false})));
    assert_eq!(told(Act::Follow), None);
    assert_eq!(told(Act::Unfollow), event("unfollow", Value::Null));
    assert_eq!(told(Act::Unfollow), None);
    assert_eq!(told(Act::Follow), event("follow", json!({"isUnblocked": true})));
}

#[test]
fn a_person_has_one_user_id_for_all_channels_of_a_provider() {
    let mut service = Service::new();
    let here = service.play("たろう", &Act::Follow).user_id;
    let sister = service.sister.id.clone();
    let there = service.platform.play(NOW_MS, &sister, "たろう", &Act::Follow, &Manner::default()).unwrap().user_id;
    assert_eq!(here, there);
    assert_ne!(here, user_id("provider-2", "たろう"));
    assert!(here.starts_with('U') && here.len() == 33);
}

#[test]
fn every_kind_of_message_is_a_message_event_with_an_id_of_its_own() {
    let mut service = Service::new();
    let acts = [
        (Act::message("x"), "text"),
        (Act::Sticker { text: Some("やあ".to_owned()) }, "sticker"),
        (Act::Image { total: 1 }, "image"),
        (Act::Video, "video"),
        (Act::Audio, "audio"),
        (Act::File { file_name: "見積書.pdf".to_owned() }, "file"),
        (Act::Location { title: None, address: Some("東京".to_owned()) }, "location"),
    ];
    for (act, kind) in acts {
        let played = service.play("たろう", &act);
        let event = service.events().remove(0);
        assert_eq!((&event["type"], &event["message"]["type"]), (&json!("message"), &json!(kind)));
        assert_eq!(event["message"]["id"], json!(played.message_ids[0]));
    }
}

#[test]
fn pictures_sent_together_are_events_of_one_set() {
    let mut service = Service::new();
    service.play("たろう", &Act::Image { total: 3 });
    let sets: Vec<Value> = service.events().iter().map(|event| event["message"]["imageSet"].clone()).collect();
    let id = &sets[0]["id"];
    let expected: Vec<Value> = (1..=3).map(|index| json!({"id": id, "index": index, "total": 3})).collect();
    assert_eq!(sets, expected);
}

#[test]
fn a_message_is_taken_back_by_its_id_and_only_once() {
    let mut service = Service::new();
    let id = service.play("たろう", &Act::message("ひみつ")).message_ids.remove(0);
    service.due();
    let unsend = Act::Unsend { message_id: None };
    service.play("たろう", &unsend);
    let event = service.events().remove(0);
    assert_eq!((&event["type"], &event["unsend"]), (&json!("unsend"), &json!({"messageId": id})));
    assert_eq!(event.get("replyToken"), None);
    let channel = service.channel.id.clone();
    let again = service.platform.play(NOW_MS, &channel, "たろう", &unsend, &Manner::default());
    assert_eq!(again, Err(Unplayable::NoSuchMessage));
}

#[test]
fn an_edited_text_keeps_its_id() {
    let mut service = Service::new();
    let id = service.play("たろう", &Act::message("まちがい")).message_ids.remove(0);
    service.due();
    service.play("たろう", &Act::Edit { text: "正しい".to_owned(), message_id: None });
    let event = service.events().remove(0);
    assert_eq!((&event["type"], &event["message"]["id"]), (&json!("messageEdited"), &json!(id)));
    assert_eq!(event["message"]["text"], "正しい");
}

#[test]
fn line_says_nothing_of_a_new_profile_or_a_deleted_account() {
    let mut service = Service::new();
    service.play("たろう", &Act::Follow);
    service.due();
    let likeness = Likeness { display_name: Some("太郎".to_owned()), ..Likeness::default() };
    for act in [Act::Profile(likeness), Act::DeleteAccount] {
        assert_eq!(service.play("たろう", &act).deliveries, [0; 0]);
    }
    assert_eq!(service.platform.next_due_ms(), None);
}

#[test]
fn an_event_of_any_kind_can_be_made_up() {
    let mut service = Service::new();
    let event = json!({"type": "somethingNew", "something": {"a": 1}}).as_object().unwrap().clone();
    service.play("たろう", &Act::Event { event });
    let event = service.events().remove(0);
    assert_eq!((&event["type"], &event["something"]), (&json!("somethingNew"), &json!({"a": 1})));
    assert!(event["webhookEventId"].is_string());
}

#[test]
fn the_same_seed_plays_the_same_webhooks() {
    let run = |seed| {
        let mut service = Service::with(|settings, _| settings.seed = seed);
        service.play("たろう", &Act::message("こんにちは"));
        service.due()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7)[0].body, run(8)[0].body);
}
