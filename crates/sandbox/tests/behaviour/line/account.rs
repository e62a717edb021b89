//! Profiles, the account, its followers, its webhook URL.

use super::*;
use sandbox::delivery::Reaction;
use sandbox::line::{Likeness, Outcome, user_id};

fn not_found() -> Value {
    json!({"message": "Not found"})
}

#[test]
fn the_profile_of_a_friend_is_shown() {
    let mut service = Service::new();
    let id = service.play("たろう", &Act::Follow).user_id;
    let expected = json!({"userId": id, "displayName": "たろう", "language": "ja",
                          "pictureUrl": format!("https://profile.line-scdn.net/0h{}", &id[1..17])});
    assert_eq!(*service.profile(&id).is(200), expected);
    let bare = Likeness { picture_url: Some(String::new()), language: Some(String::new()), ..Likeness::default() };
    service.play("たろう", &Act::Profile(bare));
    assert_eq!(*service.profile(&id).is(200), json!({"userId": id, "displayName": "たろう"}));
}

#[test]
fn somebody_who_wrote_and_has_not_blocked_has_a_profile_without_being_a_friend() {
    let mut service = Service::new();
    let id = service.play("はなこ", &Act::message("質問です")).user_id;
    service.profile(&id).is(200);
    service.play("はなこ", &Act::Unfollow);
    assert_eq!(*service.profile(&id).is(404), not_found());
}

#[test]
fn a_profile_is_not_found_for_strangers_blockers_and_people_without_consent_or_account() {
    let mut service = Service::new();
    let stranger = user_id("provider-1", "知らない人");
    assert_eq!(*service.profile(&stranger).is(404), not_found());

    let id = service.play("たろう", &Act::Follow).user_id;
    service.play("たろう", &Act::Unfollow);
    assert_eq!(*service.profile(&id).is(404), not_found());
    service.play("たろう", &Act::Follow);
    service.profile(&id).is(200);

    service.platform.change_person("provider-1", "たろう", |person| person.consent = false);
    assert_eq!(*service.profile(&id).is(404), not_found());
    service.platform.change_person("provider-1", "たろう", |person| person.consent = true);
    service.play("たろう", &Act::DeleteAccount);
    assert_eq!(*service.profile(&id).is(404), not_found());
}

#[test]
fn somebody_who_is_only_seen_in_a_group_has_no_profile() {
    let mut service = Service::new();
    let act = Act::GroupMessage { text: "やあ".to_owned(), group_id: "Ca56f94637c0a1b2c3d4e5f60718293a4".to_owned() };
    let id = service.play("じろう", &act).user_id;
    assert_eq!(service.events()[0]["source"]["type"], "group");
    assert_eq!(*service.profile(&id).is(404), not_found());
}

#[test]
fn a_user_id_that_is_none_gets_400() {
    let mut service = Service::new();
    for wrong in ["U123", "taro", &user_id("provider-1", "たろう").to_uppercase()] {
        service.profile(wrong).is(400);
    }
}

#[test]
fn the_account_tells_its_user_id_and_chat_mode() {
    let mut service = Service::new();
    let channel = service.channel.clone();
    let expected = json!({"userId": channel.bot_user_id, "basicId": channel.basic_id,
                          "displayName": channel.display_name, "chatMode": "chat", "markAsReadMode": "manual"});
    assert_eq!(*service.get("/v2/bot/info").is(200), expected);
}

#[test]
fn followers_come_in_pages_until_there_is_no_next() {
    let mut service = Service::new();
    let channel = service.channel.id.clone();
    let mut friends: Vec<String> =
        (0..50).map(|number| service.platform.befriend(&channel, &format!("friend {number}")).unwrap()).collect();
    service.play("friend 7", &Act::Unfollow);
    service.play("friend 8", &Act::DeleteAccount);
    service.platform.change_person("provider-1", "friend 9", |person| person.consent = false);
    friends.retain(|id| !["friend 7", "friend 8", "friend 9"].iter().any(|name| *id == user_id("provider-1", name)));
    friends.sort_unstable();

    let (mut listed, mut start) = (Vec::new(), String::new());
    loop {
        let page = service.get(&format!("/v2/bot/followers/ids?limit=20{start}"));
        let ids = page.is(200)["userIds"].as_array().unwrap();
        assert!(ids.len() <= 20);
        listed.extend(ids.iter().map(|id| id.as_str().unwrap().to_owned()));
        match page.body["next"].as_str() {
            Some(next) => start = format!("&start={next}"),
            None => break,
        }
    }
    assert_eq!(listed, friends);
}

#[test]
fn a_follower_list_is_continued_within_a_day_only() {
    let mut service = Service::new();
    let channel = service.channel.id.clone();
    for number in 0..3 {
        service.platform.befriend(&channel, &format!("friend {number}")).unwrap();
    }
    let next = service.get("/v2/bot/followers/ids?limit=1").is(200)["next"].as_str().unwrap().to_owned();
    service.now_ms += 86_400_000;
    service.get(&format!("/v2/bot/followers/ids?limit=1&start={next}")).is(400);
    service.get("/v2/bot/followers/ids?limit=1001").is(400);
}

#[test]
fn an_account_that_is_not_verified_may_not_list_its_followers() {
    let mut service = Service::with(|_, channel| channel.verified = false);
    let expected = json!({"message": "Access to this API is not available for your account"});
    assert_eq!(*service.get("/v2/bot/followers/ids").is(403), expected);
}

const ENDPOINT: &str = "/v2/bot/channel/webhook/endpoint";

#[test]
fn the_webhook_url_is_set_and_read() {
    let mut service = Service::with(|_, channel| channel.endpoint = None);
    service.get(ENDPOINT).is(404);
    service.call(Method::PUT, ENDPOINT, &json!({"endpoint": URL})).is(200);
    assert_eq!(*service.get(ENDPOINT).is(200), json!({"endpoint": URL, "active": true}));
    let channel = Channel { use_webhook: false, ..service.platform.channel(&service.channel.id).unwrap().clone() };
    service.platform.put_channel(channel);
    assert_eq!(service.get(ENDPOINT).is(200)["active"], json!(false));
}

#[test]
fn a_webhook_url_is_https_or_on_this_machine_and_not_too_long() {
    let mut service = Service::new();
    let mut set = |url: &str| service.call(Method::PUT, ENDPOINT, &json!({"endpoint": url})).status;
    for good in ["https://example.com/x", "http://127.0.0.1:8080/x", "http://localhost/"] {
        assert_eq!(set(good), 200, "{good}");
    }
    let long = format!("https://example.com/{}", "x".repeat(481));
    for wrong in ["http://example.com/", "http://127.0.0.1.example.com/", "https://", "ftp://example.com", "", &long] {
        assert_eq!(set(wrong), 400, "{wrong}");
    }
}

#[test]
fn a_webhook_test_sends_a_signed_webhook_without_events_and_reports_the_answer() {
    let mut service = Service::new();
    let token = service.channel.access_token.clone().unwrap();
    let request = Request::post("/v2/bot/channel/webhook/test", &json!({})).with_bearer(&token);
    let Outcome::Probe(delivery) = service.platform.handle(NOW_MS, &request) else { panic!("a test calls the URL") };
    let expected = json!({"destination": service.channel.bot_user_id, "events": []});
    assert_eq!(serde_json::from_slice::<Value>(&delivery.body).unwrap(), expected);
    let header = delivery.headers.iter().find(|(name, _)| *name == "x-line-signature").unwrap();
    assert_eq!(header.1, signature(&service.channel.secret, &delivery.body));

    let mut told = |reaction| service.platform.probed(NOW_MS, reaction).value();
    let report = |success: bool, status: u16, reason: &str| {
        json!({"success": success, "timestamp": "2026-10-20T01:02:03.632Z", "statusCode": status, "reason": reason,
               "detail": status.to_string()})
    };
    assert_eq!(told(Reaction::Status(200)), report(true, 200, "OK"));
    assert_eq!(told(Reaction::Status(404)), report(false, 404, "ERROR_STATUS_CODE"));
    assert_eq!(told(Reaction::CouldNotConnect), report(false, 0, "COULD_NOT_CONNECT"));
    assert_eq!(told(Reaction::TimedOut), report(false, 0, "REQUEST_TIMEOUT"));
}

#[test]
fn a_webhook_can_be_tested_60_times_an_hour() {
    let mut service = Service::new();
    let token = service.channel.access_token.clone().unwrap();
    let request = Request::post("/v2/bot/channel/webhook/test", &json!({})).with_bearer(&token);
    for _ in 0..60 {
        assert!(matches!(service.platform.handle(NOW_MS, &request), Outcome::Probe(_)));
    }
    service.request(&request).is(429);
    service.now_ms += 60_000;
    assert!(matches!(service.platform.handle(service.now_ms, &request), Outcome::Probe(_)));
}

#[test]
fn a_path_with_a_trailing_slash_is_another_path() {
    let mut service = Service::new();
    assert_eq!(*service.get("/v2/bot/info/").is(404), not_found());
}
