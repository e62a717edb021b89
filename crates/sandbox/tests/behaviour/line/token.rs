//! Channel access tokens.

use super::*;

fn form(service: &mut Service, path: &str, body: &str) -> Answer {
    service.request(&Request::new(Method::POST, path).with_form(body))
}

fn issue(service: &mut Service, path: &str) -> String {
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        service.channel.id, service.channel.secret
    );
    let issued = form(service, path, &body);
    assert_eq!(issued.is(200)["token_type"], "Bearer");
    issued.body["access_token"].as_str().unwrap().to_owned()
}

fn info(service: &mut Service, token: &str) -> u16 {
    service.request(&Request::get("/v2/bot/info").with_bearer(token)).status
}

#[test]
fn a_long_lived_token_is_verified_to_its_channel() {
    let mut service = Service::new();
    let body = format!("access_token={}", service.channel.access_token.clone().unwrap().replace('=', "%3D"));
    let verified = form(&mut service, "/v2/oauth/verify", &body);
    // The seconds left go beyond 32 bits.
    let expected = json!({"client_id": service.channel.id, "expires_in": 3_138_007_490_u64, "scope": "P CM"});
    assert_eq!(*verified.is(200), expected);
}

#[test]
fn a_token_nobody_issued_is_refused() {
    let mut service = Service::new();
    let refused = form(&mut service, "/v2/oauth/verify", "access_token=wrong");
    assert_eq!(*refused.is(400), json!({"error": "invalid_request", "error_description": "access token expired"}));
    assert_eq!(info(&mut service, "wrong"), 401);
    let request = Request::get("/v2/bot/info");
    service.request(&request).is(401);
}

#[test]
fn a_stateless_token_lives_15_minutes_and_can_be_neither_verified_nor_revoked() {
    let mut service = Service::new();
    let token = issue(&mut service, "/oauth2/v3/token");
    let body = format!("access_token={token}");
    form(&mut service, "/v2/oauth/verify", &body).is(400);
    assert_eq!(form(&mut service, "/v2/oauth/revoke", &body).status, 200);
    service.now_ms += 15 * 60_000 - 1;
    assert_eq!(info(&mut service, &token), 200);
    service.now_ms += 1;
    assert_eq!(info(&mut service, &token), 401);
}

#[test]
fn a_short_lived_token_is_verified_and_revoked() {
    let mut service = Service::new();
    let token = issue(&mut service, "/v2/oauth/accessToken");
    service.now_ms += 1_000;
    let body = format!("access_token={token}");
    assert_eq!(form(&mut service, "/v2/oauth/verify", &body).is(200)["expires_in"], json!(2_591_999));
    assert_eq!(form(&mut service, "/v2/oauth/revoke", &body).status, 200);
    assert_eq!(info(&mut service, &token), 401);
}

#[test]
fn a_secret_of_another_channel_gets_no_token() {
    let mut service = Service::new();
    let body = |id: &str, secret: &str| format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let crossed = body(&service.channel.id, &service.sister.secret);
    let refused = form(&mut service, "/oauth2/v3/token", &crossed);
    let expected = json!({"error": "invalid_client", "error_description": "invalid client_id or client_secret"});
    assert_eq!(*refused.is(400), expected);
    form(&mut service, "/oauth2/v3/token", &body("1", "x")).is(400);
    form(&mut service, "/oauth2/v3/token", "grant_type=password").is(400);
}
