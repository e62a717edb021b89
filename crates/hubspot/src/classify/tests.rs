//! One row for each answer that HubSpot gives.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::endpoint::Endpoint;

const READ: Endpoint = Endpoint::ContactBatchRead;
const WRITE: Endpoint = Endpoint::ContactBatchUpdate;

fn answered(endpoint: Endpoint, status: u16, body: &str) -> Result<Value, Error> {
    let answer = Answer { status, body: body.into(), ..Answer::default() };
    classify(&Request::new(endpoint), Ok(answer)).map_err(Error::from)
}

fn limited(policy: Policy, seconds: u64) -> Result<Value, Error> {
    Err(Error::RateLimited { policy, wait: Duration::from_secs(seconds) })
}

#[test]
fn success_gives_the_body_and_no_body_is_null() {
    assert_eq!(answered(READ, 200, r#"{"results":[]}"#), Ok(serde_json::json!({"results": []})));
    assert_eq!(answered(Endpoint::ContactArchive, 204, ""), Ok(Value::Null));
}

#[test]
fn success_without_json_is_garbage_for_a_read_and_unknown_for_a_write() {
    assert!(matches!(answered(READ, 200, "<html>"), Err(Error::Garbage { .. })));
    assert!(matches!(answered(READ, 200, "[]"), Err(Error::Garbage { .. })));
    assert!(matches!(answered(WRITE, 200, "<html>"), Err(Error::Unknown { .. })));
}

#[test]
fn status_429_tells_its_policy_by_name_or_message() {
    let daily = r#"{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","policyName":"DAILY"}"#;
    assert_eq!(answered(READ, 429, daily), limited(Policy::Daily, 10));
    let burst =
        r#"{"message":"You have reached your ten_secondly_rolling limit.","policyName":"TEN_SECONDLY_ROLLING"}"#;
    assert_eq!(answered(READ, 429, burst), limited(Policy::Burst, 10));
    assert_eq!(
        answered(READ, 429, r#"{"message":"You have reached your ten_secondly_rolling limit."}"#),
        limited(Policy::Burst, 10)
    );
    let search = r#"{"message":"You have reached your secondly limit.","policyName":"SECONDLY"}"#;
    assert_eq!(answered(Endpoint::ContactSearch, 429, search), limited(Policy::Search, 1));
    assert_eq!(
        answered(Endpoint::ContactSearch, 429, r#"{"message":"You have reached your secondly limit."}"#),
        limited(Policy::Search, 1)
    );
    assert_eq!(answered(READ, 429, search), limited(Policy::Unknown, 10), "what is no search has all calls wait");
    assert_eq!(answered(READ, 429, "<html>Too many requests"), limited(Policy::Unknown, 10));
}

#[test]
fn retry_after_lengthens_a_wait_but_never_shortens_it_or_goes_beyond_a_day() {
    let waits = |status, seconds| {
        let answer = Answer { status, retry_after: Some(Duration::from_secs(seconds)), ..Answer::default() };
        classify(&Request::new(READ), Ok(answer)).err().and_then(|failure| failure.error.wait()).unwrap().as_secs()
    };
    assert_eq!((waits(429, 1), waits(429, 30)), (10, 30));
    assert_eq!((waits(423, 0), waits(423, 9)), (2, 9));
    assert_eq!((waits(477, 1), waits(477, u64::MAX)), (1, 86_400));
}

#[test]
fn an_outage_lasts_as_long_as_hubspot_says_but_no_longer_than_a_day() {
    let wait = |status, seconds| {
        let retry_after = Some(Duration::from_secs(seconds));
        outage_wait(&Answer { status, retry_after, ..Answer::default() }).map(|wait| wait.as_secs())
    };
    assert_eq!((wait(503, 90), wait(524, u64::MAX)), (Some(90), Some(86_400)));
    assert_eq!((wait(200, 90), wait(429, 90)), (None, None));
    assert_eq!(outage_wait(&Answer { status: 503, ..Answer::default() }), None);
}

#[test]
fn status_423_locks_and_477_moves() {
    assert_eq!(answered(WRITE, 423, r#"{"message":"Locked"}"#), Err(Error::Locked { wait: LOCK_WAIT }));
    assert_eq!(answered(WRITE, 477, "moving"), Err(Error::Migrating { wait: MIGRATION_WAIT }));
}

#[test]
fn status_401_and_403_speak_of_the_token() {
    assert_eq!(answered(READ, 401, "{}"), Err(Error::Unauthorized));
    let body = r#"{"message":"This app hasn't been granted all required scopes","errors":[{"message":"One or more of the following scopes are required.","context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}],"category":"MISSING_SCOPES"}"#;
    assert_eq!(
        answered(READ, 403, body),
        Err(Error::MissingScopes { scopes: vec!["crm.objects.contacts.write".into()] })
    );
    assert_eq!(answered(READ, 403, "<html>"), Err(Error::MissingScopes { scopes: Vec::new() }));
}

#[test]
fn status_404_is_not_found_only_where_the_thing_may_be_missing_and_hubspot_itself_says_so() {
    let body = r#"{"status":"error","message":"resource not found","correlationId":"c"}"#;
    assert_eq!(answered(Endpoint::ContactRead, 404, body), Err(Error::NotFound));
    assert!(matches!(answered(Endpoint::ContactRead, 404, "<html>"), Err(Error::Garbage { .. })));
    assert!(matches!(answered(READ, 404, body), Err(Error::Garbage { .. })));
}

#[test]
fn status_400_and_409_are_refusals_unless_something_in_between_gave_them() {
    let body = r#"{"message":"Contact already exists. Existing ID: 51","category":"CONFLICT"}"#;
    for status in [400, 409, 413, 414, 422] {
        let refused = answered(WRITE, status, body);
        assert!(
            matches!(&refused, Err(Error::Rejected(refusal)) if refusal.code.as_deref() == Some("CONFLICT")),
            "{refused:?}"
        );
        assert!(matches!(answered(WRITE, status, "<html>"), Err(Error::Garbage { .. })));
    }
}

#[test]
fn an_outage_may_have_done_a_write_but_harmed_no_read() {
    for status in [500, 502, 503, 504, 524] {
        assert!(matches!(answered(READ, status, "<html>"), Err(Error::Unavailable { .. })), "{status}");
        assert!(matches!(answered(WRITE, status, "<html>"), Err(Error::Unknown { .. })), "{status}");
    }
}

#[test]
fn where_hubspot_was_not_reached_nothing_was_written() {
    for status in [521, 523] {
        assert!(matches!(answered(WRITE, status, "<html>"), Err(Error::Unavailable { .. })), "{status}");
    }
    let unreached = classify(&Request::new(WRITE), Err(Loss::NotSent("no connection".into())));
    assert!(matches!(unreached.map_err(Error::from), Err(Error::Unavailable { .. })));
}

#[test]
fn a_lost_answer_to_a_write_is_unknown_never_failed() {
    let lost =
        |endpoint| classify(&Request::new(endpoint), Err(Loss::Lost("no answer in time".into()))).map_err(Error::from);
    assert!(matches!(lost(WRITE), Err(Error::Unknown { .. })));
    assert!(matches!(lost(READ), Err(Error::Unavailable { .. })));
    let endless = |endpoint| classify(&Request::new(endpoint), Err(Loss::TooLong)).map_err(Error::from);
    assert!(matches!(endless(WRITE), Err(Error::Unknown { .. })));
    assert!(matches!(endless(READ), Err(Error::Garbage { .. })));
}

#[test]
fn other_answers_are_garbage() {
    for status in [301, 302, 405, 418] {
        assert!(matches!(answered(WRITE, status, "{}"), Err(Error::Garbage { .. })), "{status}");
    }
}
