//! Sending messages.

use super::*;

const PUSH: &str = "/v2/bot/message/push";
const KEY: &str = "123e4567-e89b-12d3-a456-426614174000";

fn keyed(service: &mut Service, path: &str, body: &Value, key: &str) -> Answer {
    let token = service.channel.access_token.clone().unwrap();
    service.request(&Request::post(path, body).with_bearer(&token).with_header("x-line-retry-key", key))
}

#[test]
fn a_push_answers_with_the_messages_it_sent() {
    let mut service = Service::new();
    let to = service.play("たろう", &Act::Follow).user_id;
    let pushed = service.call(Method::POST, PUSH, &json!({"to": to, "messages": text("ようこそ")}));
    let messages = pushed.is(200)["sentMessages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    assert!(messages[0]["id"].is_string(), "an ID is a text although it is documented as a number");
    let sent = &service.platform.sent()[0];
    assert_eq!((sent.way, &sent.to, sent.arrives, &sent.messages), ("push", &to, true, &text("ようこそ")));
}

#[test]
fn a_retry_key_that_was_accepted_gets_409_with_the_first_answer() {
    let mut service = Service::new();
    let to = service.play("たろう", &Act::Follow).user_id;
    let body = json!({"to": to, "messages": text("一度だけ")});
    let first = keyed(&mut service, PUSH, &body, KEY);
    first.is(200);
    service.now_ms += 86_399_999;
    let again = keyed(&mut service, PUSH, &body, &KEY.to_uppercase());
    let expected = json!({"message": "The retry key is already accepted", "sentMessages": first.body["sentMessages"]});
    assert_eq!(*again.is(409), expected);
    assert_eq!(again.header("x-line-accepted-request-id"), first.header("x-line-request-id"));
    assert_eq!(service.platform.sent().len(), 1);

    service.now_ms += 1;
    keyed(&mut service, PUSH, &body, KEY).is(200);
    assert_eq!(service.platform.sent().len(), 2, "after a day the key is a new one");
}

#[test]
fn a_retry_key_of_a_refused_send_can_be_used_again() {
    let mut service = Service::new();
    let to = service.play("たろう", &Act::Follow).user_id;
    keyed(&mut service, PUSH, &json!({"to": to, "messages": []}), KEY).is(400);
    keyed(&mut service, PUSH, &json!({"to": to, "messages": text("今度は")}), KEY).is(200);
}

#[test]
fn a_retry_key_belongs_to_one_channel_and_must_be_a_uuid() {
    let mut service = Service::new();
    let to = service.play("たろう", &Act::Follow).user_id;
    let body = json!({"to": to, "messages": text("x")});
    keyed(&mut service, PUSH, &body, "not-a-uuid").is(400);
    keyed(&mut service, PUSH, &body, KEY).is(200);
    service.channel = service.sister.clone();
    keyed(&mut service, PUSH, &body, KEY).is(200);
}

#[test]
fn a_push_to_somebody_who_blocked_is_accepted_and_does_not_arrive() {
    let mut service = Service::new();
    let to = service.play("たろう", &Act::Follow).user_id;
    service.play("たろう", &Act::Unfollow);
    service.call(Method::POST, PUSH, &json!({"to": to, "messages": text("届かない")})).is(200);
    assert!(!service.platform.sent()[0].arrives);
}

#[test]
fn somebody_who_wrote_can_be_reached_for_seven_days() {
    let mut service = Service::new();
    let to = service.play("はなこ", &Act::message("質問です")).user_id;
    let body = json!({"to": to, "messages": text("回答です")});
    service.now_ms += 7 * 86_400_000;
    service.call(Method::POST, PUSH, &body).is(200);
    service.now_ms += 1;
    service.call(Method::POST, PUSH, &body).is(200);
    assert_eq!(service.platform.sent().iter().map(|sent| sent.arrives).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_push_to_an_id_of_another_provider_gets_400() {
    let mut service = Service::new();
    let to = sandbox::line::user_id("provider-2", "たろう");
    let refused = service.call(Method::POST, PUSH, &json!({"to": to, "messages": text("x")}));
    assert_eq!(*refused.is(400), json!({"message": "Failed to send messages"}));
}

#[test]
fn messages_that_break_a_rule_are_refused_with_their_place() {
    let mut service = Service::new();
    let to = service.play("たろう", &Act::Follow).user_id;
    let mut push = |messages: Value| service.call(Method::POST, PUSH, &json!({"to": to, "messages": messages}));
    let flaw = |property: &str, message: &str| {
        let details = json!([{"message": message, "property": property}]);
        json!({"message": "The request body has 1 error(s)", "details": details})
    };
    assert_eq!(*push(json!([])).is(400), flaw("messages", "Size must be between 1 and 5"));
    assert_eq!(*push(text("")).is(400), flaw("messages[0].text", "May not be empty"));
    push(json!(vec![text("x")[0].clone(); 6])).is(400);
    // Half of the characters that are two UTF-16 units each.
    push(text(&"🤨".repeat(2_500))).is(200);
    assert_eq!(*push(text(&"🤨".repeat(2_501))).is(400), flaw("messages[0].text", "Length must be between 0 and 5000"));
}

#[test]
fn a_reply_token_works_once_within_a_minute_and_takes_no_retry_key() {
    const REPLY: &str = "/v2/bot/message/reply";
    let mut service = Service::new();
    let token = |service: &mut Service| {
        service.play("たろう", &Act::message("質問"));
        service.events()[0]["replyToken"].as_str().unwrap().to_owned()
    };
    let body = |token: &str| json!({"replyToken": token, "messages": text("回答")});
    let first = token(&mut service);
    keyed(&mut service, REPLY, &body(&first), KEY).is(400);
    service.call(Method::POST, REPLY, &body(&first)).is(200);
    let again = service.call(Method::POST, REPLY, &body(&first));
    assert_eq!(*again.is(400), json!({"message": "Invalid reply token"}));

    let late = token(&mut service);
    service.now_ms += 60_001;
    service.call(Method::POST, REPLY, &body(&late)).is(400);
}

#[test]
fn what_goes_to_one_goes_to_many() {
    let mut service = Service::new();
    let ids: Vec<String> = ["a", "b", "c"].map(|user| service.play(user, &Act::Follow).user_id).to_vec();
    let multicast = "/v2/bot/message/multicast";
    assert_eq!(
        *service.call(Method::POST, multicast, &json!({"to": ids[..2], "messages": text("x")})).is(200),
        json!({})
    );
    let many = vec![ids[0].clone(); 501];
    service.call(Method::POST, multicast, &json!({"to": many, "messages": text("x")})).is(400);
    service.call(Method::POST, "/v2/bot/message/broadcast", &json!({"messages": text("みなさん")})).is(200);
    let ways: Vec<&str> = service.platform.sent().iter().map(|sent| sent.way).collect();
    assert_eq!(ways, ["multicast", "multicast", "broadcast", "broadcast", "broadcast"]);
}

#[test]
fn the_monthly_limit_counts_recipients_and_not_replies() {
    let mut service = Service::with(|_, channel| channel.monthly_limit = Some(2));
    let to = service.play("たろう", &Act::Follow).user_id;
    let token = service.events()[0]["replyToken"].clone();
    service.call(Method::POST, "/v2/bot/message/reply", &json!({"replyToken": token, "messages": text("x")})).is(200);
    let body = json!({"to": to, "messages": text("x")});
    service.call(Method::POST, PUSH, &body).is(200);
    service.call(Method::POST, PUSH, &body).is(200);
    let refused = service.call(Method::POST, PUSH, &body);
    assert_eq!(*refused.is(429), json!({"message": "You have reached your monthly limit."}));
    assert_eq!(*service.get("/v2/bot/message/quota").is(200), json!({"type": "limited", "value": 2}));
    assert_eq!(*service.get("/v2/bot/message/quota/consumption").is(200), json!({"totalUsage": 2}));
}
