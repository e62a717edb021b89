//! Faults on order, and rate limits.

use super::*;
use sandbox::exchange::Fate;
use sandbox::line::{Fault, FaultKind};

/// What a push comes to under a fault: status, message, fate of the answer, and whether it was sent.
fn under(kind: FaultKind) -> (u16, String, Fate, bool) {
    let mut service = Service::new();
    let to = service.play("たろう", &Act::Follow).user_id;
    service.platform.inject(Fault::next(kind).at("message/push"));
    let body = json!({"to": to, "messages": text("x")});
    service.get("/v2/bot/info").is(200);
    let answer = service.call(Method::POST, "/v2/bot/message/push", &body);
    let sent = service.platform.sent().len() == 1;
    service.call(Method::POST, "/v2/bot/message/push", &body).is(200);
    let message = answer.body["message"].as_str().unwrap_or_default().to_owned();
    (answer.status, message, answer.response.fate, sent)
}

#[test]
fn each_refusal_has_its_status_and_does_nothing() {
    let kinds = [
        (FaultKind::Internal, 500),
        (FaultKind::Unavailable, 503),
        (FaultKind::Unauthenticated, 401),
        (FaultKind::Forbidden, 403),
        (FaultKind::NotFound, 404),
    ];
    for (kind, expected) in kinds {
        let (status, _, fate, sent) = under(kind);
        assert_eq!((status, fate, sent), (expected, Fate::Prompt, false), "{kind:?}");
    }
}

#[test]
fn the_two_kinds_of_429_differ_in_their_text_only() {
    let (status, message, _, _) = under(FaultKind::RateLimited);
    assert_eq!((status, &*message), (429, "The API rate limit has been exceeded. Try again later."));
    let (status, message, _, _) = under(FaultKind::MonthlyLimit);
    assert_eq!((status, &*message), (429, "You have reached your monthly limit."));
}

#[test]
fn an_answer_can_be_lost_or_wrong_after_the_send() {
    let come_to = |kind| {
        let (status, _, fate, sent) = under(kind);
        (status, fate, sent)
    };
    assert_eq!(come_to(FaultKind::InternalAfterWrite), (500, Fate::Prompt, true));
    assert_eq!(come_to(FaultKind::TimeoutAfterWrite), (200, Fate::Never, true));
    assert_eq!(come_to(FaultKind::CutAfterWrite), (200, Fate::Cut, true));
    assert_eq!(come_to(FaultKind::Slow), (200, Fate::Late(1_000), true));
    assert_eq!(come_to(FaultKind::Timeout), (504, Fate::Never, false));
}

#[test]
fn a_fault_can_concern_one_channel_only() {
    let mut service = Service::new();
    let sister = service.sister.id.clone();
    service.platform.inject(Fault { channel_id: Some(sister), ..Fault::next(FaultKind::Internal) });
    service.get("/v2/bot/info").is(200);
    service.channel = service.sister.clone();
    service.get("/v2/bot/info").is(500);
    service.get("/v2/bot/info").is(200);
}

#[test]
fn each_channel_has_a_rate_limit_of_its_own_per_call() {
    let mut service = Service::new();
    let body = json!({"messages": text("x")});
    for _ in 0..60 {
        service.call(Method::POST, "/v2/bot/message/broadcast", &body).is(200);
    }
    let refused = service.call(Method::POST, "/v2/bot/message/broadcast", &body);
    let expected = json!({"message": "The API rate limit has been exceeded. Try again later."});
    assert_eq!(*refused.is(429), expected);
    service.get("/v2/bot/info").is(200);
    service.channel = service.sister.clone();
    service.call(Method::POST, "/v2/bot/message/broadcast", &body).is(200);
    service.platform.adjust(|settings| settings.rate_limits = false);
    service.channel = service.platform.channels().next().unwrap().clone();
    service.call(Method::POST, "/v2/bot/message/broadcast", &body).is(200);
}

#[test]
fn a_body_of_more_than_2_mb_gets_413() {
    let mut service = Service::new();
    let body = json!({"to": "x", "messages": text(&"x".repeat(2 * 1024 * 1024))});
    service.call(Method::POST, "/v2/bot/message/push", &body).is(413);
}
