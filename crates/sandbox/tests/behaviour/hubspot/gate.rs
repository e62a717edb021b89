//! Tokens, scopes and limits.

use super::*;
use sandbox::meter::Limit;

const ANY: &str = "/account-info/2026-09/details";

fn limited(policy: &str, message: &str) -> Value {
    json!({"status": "error", "message": message, "errorType": "RATE_LIMIT", "policyName": policy})
}

/// The body of a 429, whose request ID is another one each time.
fn without_request_id(answer: &Answer) -> Value {
    let mut body = answer.is(429).clone();
    assert!(body.as_object_mut().unwrap().remove("requestId").is_some());
    body
}

#[test]
fn a_hundred_calls_fit_into_ten_seconds_and_the_headers_count_them_down() {
    let mut account = Account::empty(|_| {});
    for left in (0..100).rev() {
        let answer = account.get(ANY);
        answer.is(200);
        assert_eq!(answer.header("x-hubspot-ratelimit-max"), Some("100"));
        assert_eq!(answer.header("x-hubspot-ratelimit-remaining"), Some(&*left.to_string()));
        assert_eq!(answer.header("x-hubspot-ratelimit-interval-milliseconds"), Some("10000"));
    }
    let refused = account.get(ANY);
    let expected = limited("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.");
    assert_eq!(without_request_id(&refused), expected);
    assert_eq!(refused.header("retry-after"), None);
    assert_eq!(refused.header("x-hubspot-ratelimit-remaining"), Some("0"));
    account.now_ms += 99;
    account.get(ANY).is(429);
    account.now_ms += 1;
    account.get(ANY).is(200);
    account.now_ms += 10_000;
    assert_eq!(account.get(ANY).header("x-hubspot-ratelimit-remaining"), Some("99"));
}

#[test]
fn searches_and_other_calls_are_counted_apart() {
    let mut account = Account::empty(|settings| settings.burst = Some(Limit::bucket(1, 10_000)));
    account.get(ANY).is(200);
    account.get(ANY).is(429);
    account.post(&format!("{CONTACTS}/search"), json!({})).is(200);
}

#[test]
fn the_day_ends_at_midnight_of_the_account() {
    let mut account = Account::empty(|settings| settings.daily_limit = 2);
    // A second before midnight in Tokyo.
    account.now_ms = 1_792_508_399_000;
    let first = account.get(ANY);
    assert_eq!(first.header("x-hubspot-ratelimit-daily"), Some("2"));
    assert_eq!(first.header("x-hubspot-ratelimit-daily-remaining"), Some("1"));
    let usage = account.get("/account-info/2026-09/api-usage/daily/private-apps");
    let expected = json!({"results": [{
        "name": "private-apps-api-calls-daily", "usageLimit": 2, "currentUsage": 2, "fetchStatus": "SUCCESS",
        "collectedAt": "2026-10-20T14:59:59.000Z", "resetsAt": "2026-10-20T15:00:00.000Z",
    }]});
    assert_eq!(*usage.is(200), expected);
    let expected = limited("DAILY", "You have reached your daily limit.");
    assert_eq!(without_request_id(&account.get(ANY)), expected);
    account.now_ms += 1_000;
    assert_eq!(account.get(ANY).header("x-hubspot-ratelimit-daily-remaining"), Some("1"));
}

#[test]
fn a_missing_or_wrong_token_gets_401() {
    let mut account = Account::empty(|_| {});
    let expected = json!({
        "status": "error", "category": "INVALID_AUTHENTICATION",
        "message": "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find \
                    more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    });
    let request = Request::get(ANY);
    assert_eq!(*account.request(&request).is(401), expected);
    assert_eq!(*account.request(&request.clone().with_bearer("wrong")).is(401), expected);
    let token = account.portal.settings().token.clone();
    account.portal.revoke_token(&token);
    assert_eq!(*account.request(&request.clone().with_bearer(&token)).is(401), expected);
    let issued = account.portal.issue_token();
    account.request(&request.with_bearer(&issued)).is(200);
}

#[test]
fn an_expired_token_gets_401_until_it_is_renewed() {
    let mut account = Account::empty(|_| {});
    account.portal.expire_tokens(account.now_ms);
    account.now_ms += 7_000;
    let expected = json!({"status": "error", "category": "EXPIRED_AUTHENTICATION",
                          "message": "The OAuth token used to make this call expired 7 second(s) ago."});
    assert_eq!(*account.get(ANY).is(401), expected);
    let token = account.portal.settings().token.clone();
    account.portal.accept_token(&token);
    account.get(ANY).is(200);
}

#[test]
fn a_call_without_its_scope_gets_403_with_the_scope() {
    let mut account = Account::empty(|_| {});
    account.portal.grant(["crm.objects.contacts.read".to_owned()]);
    let expected = json!({
        "status": "error", "category": "MISSING_SCOPES", "links": {"scopes": "https://developers.hubspot.com/scopes"},
        "message": "This app hasn't been granted all required scopes to make this call. Read more about required \
                    scopes here: https://developers.hubspot.com/scopes.",
        "errors": [{"message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}],
    });
    assert_eq!(*account.post(CONTACTS, creation(&dummy(1))).is(403), expected);
    account.get(CONTACTS).is(200);
    account.post(PROPERTIES, follow()).is(403);
}

#[test]
fn the_account_tells_who_it_is() {
    let expected = json!({
        "portalId": 12_345_678, "accountType": "STANDARD", "timeZone": "Asia/Tokyo", "companyCurrency": "JPY",
        "additionalCurrencies": [], "utcOffset": "+09:00", "utcOffsetMilliseconds": 32_400_000,
        "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
    });
    assert_eq!(*Account::empty(|_| {}).get(ANY).is(200), expected);
}
