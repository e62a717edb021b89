//! Faults on order.

use super::*;
use sandbox::hubspot::{Fault, FaultKind};

/// What a creation comes to under a fault: the answer, and whether the contact is there.
fn under(kind: FaultKind) -> (Answer, bool) {
    let mut account = Account::new();
    account.portal.inject(Fault::next(kind));
    let answer = account.batch("create", json!({"inputs": [traced(creation(&dummy(1)), "a")]}));
    let done = account.live() == 1;
    assert_eq!(account.portal.calls().answered("contacts/batch/create", answer.status), 1);
    // Ordered once, it happens once.
    account.batch("create", json!({"inputs": [traced(creation(&dummy(2)), "a")]})).is(201);
    (answer, done)
}

#[test]
fn the_three_kinds_of_429_are_told_apart_by_their_policy() {
    let kinds = [
        (FaultKind::Burst, "TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit."),
        (FaultKind::Search, "SECONDLY", "You have reached your secondly limit."),
        (FaultKind::Daily, "DAILY", "You have reached your daily limit."),
    ];
    for (kind, policy, message) in kinds {
        let (answer, done) = under(kind);
        assert_eq!(answer.is(429)["policyName"], policy);
        assert_eq!((&answer.body["message"], &answer.body["errorType"]), (&json!(message), &json!("RATE_LIMIT")));
        assert!(!done);
    }
}

#[test]
fn a_record_can_be_locked() {
    let (answer, done) = under(FaultKind::Locked);
    assert_eq!(*answer.is(423), json!({"status": "error", "message": "Locked"}));
    assert!(!done);
}

#[test]
fn an_account_that_moves_says_for_how_many_seconds() {
    let mut account = Account::new();
    account.portal.inject(Fault { retry_after: Some(3_600), ..Fault::next(FaultKind::Migrating) });
    let answer = account.get(CONTACTS);
    answer.is(477);
    assert_eq!(answer.header("retry-after"), Some("3600"));
}

#[test]
fn authorisation_can_fail_although_token_and_scopes_are_good() {
    let (answer, done) = under(FaultKind::Unauthenticated);
    assert_eq!((answer.is(401)["category"].as_str(), done), (Some("INVALID_AUTHENTICATION"), false));
    let (answer, done) = under(FaultKind::Forbidden);
    assert_eq!((answer.is(403)["category"].as_str(), done), (Some("MISSING_SCOPES"), false));
}

#[test]
fn a_server_error_before_the_write_leaves_nothing_behind() {
    for (kind, status, html) in [
        (FaultKind::Internal, 500, false),
        (FaultKind::BadGateway, 502, true),
        (FaultKind::Unavailable, 503, false),
        (FaultKind::GatewayTimeout, 504, true),
    ] {
        let (answer, done) = under(kind);
        answer.is(status);
        assert_eq!(answer.text().starts_with("<!DOCTYPE html>"), html);
        assert!(!done, "{kind:?}");
    }
}

#[test]
fn a_server_error_after_the_write_hides_that_it_was_done() {
    for (kind, status, html) in
        [(FaultKind::TimeoutAnswerAfterWrite, 524, true), (FaultKind::InternalAfterWrite, 500, false)]
    {
        let (answer, done) = under(kind);
        answer.is(status);
        assert_eq!(answer.text().starts_with("<!DOCTYPE html>"), html);
        assert!(done, "{kind:?}");
    }
}

#[test]
fn an_answer_can_be_lost_with_or_without_the_write() {
    let fate = |kind| {
        let (answer, done) = under(kind);
        (answer.fate, done)
    };
    assert_eq!(fate(FaultKind::Timeout), (Fate::Never, false));
    assert_eq!(fate(FaultKind::TimeoutAfterWrite), (Fate::Never, true));
    assert_eq!(fate(FaultKind::CutAfterWrite), (Fate::Cut, true));
    assert_eq!(fate(FaultKind::Slow), (Fate::Late(1_000), true));
}

#[test]
fn a_2xx_can_be_empty_and_nothing_was_done() {
    let (answer, done) = under(FaultKind::Empty);
    let expected = json!({"status": "COMPLETE", "results": [], "startedAt": NOW, "completedAt": NOW});
    assert_eq!(*answer.is(201), expected);
    assert!(!done);
}

#[test]
fn one_item_of_a_batch_can_be_refused() {
    let (answer, done) = under(FaultKind::ItemRefused);
    assert_eq!(answer.is(207)["errors"][0]["context"], json!({"objectWriteTraceId": ["a"]}));
    assert!(!done);
}

#[test]
fn one_item_of_a_batch_can_go_unmentioned_done_or_not() {
    for (kind, done) in [(FaultKind::ItemSkipped, false), (FaultKind::ItemUnmentioned, true)] {
        let (answer, is_done) = under(kind);
        assert_eq!(answer.is(201)["results"], json!([]));
        assert_eq!(answer.body.get("errors"), None);
        assert_eq!(is_done, done, "{kind:?}");
    }
}

#[test]
fn a_fault_waits_for_its_endpoint_lets_some_calls_through_and_can_be_dropped() {
    let mut account = Account::new();
    account.portal.inject(Fault { skip: 1, ..Fault::next(FaultKind::Locked).at("batch/read").times(2) });
    let mut read = || account.batch("read", json!({"inputs": [], "properties": []})).status;
    assert_eq!([read(), read(), read(), read()], [200, 423, 423, 200]);
    account.portal.inject(Fault::next(FaultKind::Locked).at("batch/read"));
    account.get(CONTACTS).is(200);
    account.portal.clear_faults();
    account.batch("read", json!({"inputs": [], "properties": []})).is(200);
}
