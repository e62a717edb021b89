//! Webhooks: signed, delivered again, doubled, held back.

use super::*;
use sandbox::delivery::Reaction;
use sandbox::line::{Fact, Order};

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["webhookEventId"].as_str().unwrap()).collect()
}

#[test]
fn a_delivery_is_signed_with_the_channel_secret_over_its_exact_bytes() {
    let mut service = Service::new();
    service.play("たろう", &Act::message("こんにちは"));
    let delivery = service.due().remove(0);
    assert_eq!((delivery.url.as_str(), delivery.timeout_ms), (URL, 2_000));
    let header = |name: &str| delivery.headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    assert_eq!(header("x-line-signature"), signature(&service.channel.secret, &delivery.body));
    assert_eq!(header("content-type"), "application/json; charset=utf-8");
    let body: Value = serde_json::from_slice(&delivery.body).unwrap();
    assert_eq!(body["destination"], json!(service.channel.bot_user_id));
}

#[test]
fn a_message_carries_what_line_documents() {
    let mut service = Service::new();
    let played = service.play("たろう", &Act::message("こんにちは"));
    let mut event = service.events().remove(0);
    let text_of = |value: &mut Value| value.take().as_str().unwrap().len();
    assert_eq!(text_of(&mut event["replyToken"]), 32);
    assert_eq!(text_of(&mut event["message"]["quoteToken"]), 48);
    assert_eq!(text_of(&mut event["message"]["markAsReadToken"]), 64);
    assert_eq!(played.webhook_event_ids[0].len(), 26);
    let expected = json!({
        "type": "message", "mode": "active", "timestamp": NOW_MS, "source": {"type": "user", "userId": played.user_id},
        "webhookEventId": played.webhook_event_ids[0], "deliveryContext": {"isRedelivery": false}, "replyToken": null,
        "message": {"id": played.message_ids[0], "type": "text", "text": "こんにちは", "quoteToken": null,
                    "markAsReadToken": null},
    });
    assert_eq!(event, expected);
}

#[test]
fn a_refused_webhook_does_not_come_again_while_redelivery_is_off() {
    let mut service = Service::new();
    service.play("たろう", &Act::Follow);
    let delivery = service.due().remove(0);
    service.platform.answered(service.now_ms, delivery.number, Reaction::Status(500));
    assert_eq!(service.platform.next_due_ms(), None);
    let last = service.platform.history().entries().next_back().unwrap();
    assert!(matches!(last.fact, Fact::Lost { why: "redelivery_is_off", .. }));
}

#[test]
fn a_refused_webhook_comes_again_as_the_same_event_when_redelivery_is_on() {
    let mut service = Service::with(|settings, channel| {
        channel.redelivery = true;
        settings.redelivery_ms = vec![1_000, 5_000];
    });
    service.play("たろう", &Act::message("こんにちは"));
    let first = service.due().remove(0);
    service.platform.answered(service.now_ms, first.number, Reaction::TimedOut);
    service.now_ms += 999;
    assert!(service.due().is_empty());
    service.now_ms += 1;
    let again = service.due().remove(0);
    let mut expected = events(&first).remove(0);
    expected["deliveryContext"]["isRedelivery"] = json!(true);
    assert_eq!(events(&again), [expected]);
    let header = |name: &str| again.headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    assert_eq!(header("x-line-signature"), signature(&service.channel.secret, &again.body));

    service.platform.answered(service.now_ms, again.number, Reaction::CouldNotConnect);
    service.now_ms += 5_000;
    let last = service.due().remove(0);
    service.platform.answered(service.now_ms, last.number, Reaction::Status(404));
    assert_eq!(service.platform.next_due_ms(), None, "LINE gives up in the end");
}

#[test]
fn an_accepted_webhook_does_not_come_again() {
    let mut service = Service::with(|_, channel| channel.redelivery = true);
    service.play("たろう", &Act::Follow);
    let delivery = service.due().remove(0);
    service.platform.answered(service.now_ms, delivery.number, Reaction::Status(200));
    assert_eq!(service.platform.next_due_ms(), None);
}

#[test]
fn duplicates_look_like_first_deliveries() {
    let mut service = Service::with(|settings, _| settings.duplicate_percent = 100);
    service.play("たろう", &Act::message("二度"));
    let events = service.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0], events[1]);
    assert_eq!(events[0]["deliveryContext"], json!({"isRedelivery": false}));

    let mut service = Service::new();
    service.play_so("たろう", &Act::message("三度"), &Manner { copies: 2, ..Manner::default() });
    assert_eq!(service.events().len(), 3);
}

#[test]
fn held_events_come_in_the_order_that_was_asked_for() {
    let mut service = Service::new();
    let mut held = |order: Order, together: bool| {
        let id = service.channel.id.clone();
        service.platform.hold(&id);
        let played: Vec<String> = (0..8)
            .map(|number| service.play("たろう", &Act::message(&number.to_string())).webhook_event_ids.remove(0))
            .collect();
        assert!(service.due().is_empty());
        service.platform.release(service.now_ms, &id, order, together);
        let due = service.due();
        let told: Vec<Value> = due.iter().flat_map(events).collect();
        (played, ids(&told).into_iter().map(str::to_owned).collect::<Vec<_>>(), due.len())
    };
    let (played, told, requests) = held(Order::AsIs, false);
    assert_eq!((&told, requests), (&played, 8));
    let (played, told, requests) = held(Order::Reverse, true);
    assert_eq!((told, requests), (played.into_iter().rev().collect(), 1));
    let (mut played, mut told, _) = held(Order::Shuffle, true);
    assert_ne!(told, played);
    played.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, played);
}

#[test]
fn an_event_can_be_late_and_older_than_it_seems() {
    let mut service = Service::new();
    let manner = Manner { timestamp: Some(NOW_MS - 60_000), delay_ms: 5_000, standby: true, ..Manner::default() };
    service.play_so("たろう", &Act::Follow, &manner);
    service.now_ms += 4_999;
    assert!(service.due().is_empty());
    service.now_ms += 1;
    let event = service.events().remove(0);
    assert_eq!(event["timestamp"], json!(NOW_MS - 60_000));
    // Another module has the chat: there is nothing to reply to.
    assert_eq!((&event["mode"], event.get("replyToken")), (&json!("standby"), None));
}

#[test]
fn any_bytes_can_be_sent_with_a_good_signature() {
    let mut service = Service::with(|_, channel| channel.redelivery = true);
    let id = service.channel.id.clone();
    service.platform.mail_raw(service.now_ms, &id, b"{no json".to_vec());
    let delivery = service.due().remove(0);
    assert_eq!(delivery.body, b"{no json");
    let header = delivery.headers.iter().find(|(name, _)| *name == "x-line-signature").unwrap();
    assert_eq!(header.1, signature(&service.channel.secret, b"{no json"));
    service.platform.answered(service.now_ms, delivery.number, Reaction::Status(500));
    assert_eq!(service.platform.next_due_ms(), None);
}

#[test]
fn nothing_is_sent_without_a_url_or_with_webhooks_switched_off() {
    for change in [|channel: &mut Channel| channel.endpoint = None, |channel: &mut Channel| channel.use_webhook = false]
    {
        let mut service = Service::with(|_, channel| change(channel));
        service.play("たろう", &Act::Follow);
        assert!(service.due().is_empty());
        assert_eq!(service.platform.next_due_ms(), None);
    }
}

#[test]
fn characters_can_come_as_escapes() {
    let mut service = Service::with(|settings, _| settings.escape_unicode = true);
    service.play("たろう", &Act::message("🤨"));
    let delivery = service.due().remove(0);
    assert!(delivery.body.is_ascii());
    assert_eq!(events(&delivery)[0]["message"]["text"], "🤨");
}
