//! Channel access tokens: issuing, verifying, revoking, and whose token a call carries.

use serde_json::json;

use super::answer;
use super::platform::{Call, Platform};
use super::route::Endpoint;
use crate::exchange::{Request, Response};
use crate::fields::Fields;

/// Seconds a stateless token lives.
const STATELESS_SECONDS: i64 = 900;
/// Seconds a short-lived token lives.
const SHORT_LIVED_SECONDS: i64 = 2_592_000;
/// What LINE says about a long-lived token.
const LONG_LIVED_SECONDS: i64 = 3_138_007_490;

/// A token that was issued by a call.
#[derive(Clone, Debug)]
pub(super) struct IssuedToken {
    pub channel_id: String,
    pub expires_ms: i64,
    /// Stateless tokens can be neither verified nor revoked.
    pub stateless: bool,
}

impl Platform {
    /// The channel whose token the request carries; for token calls none.
    pub(super) fn channel_of(&self, now_ms: i64, request: &Request, endpoint: Endpoint) -> Option<String> {
        if endpoint.is_token_call() {
            return None;
        }
        let bearer = request.bearer()?;
        if let Some(issued) = self.tokens.get(bearer) {
            return (issued.expires_ms > now_ms).then(|| issued.channel_id.clone());
        }
        self.owner_of(bearer)
    }

    fn owner_of(&self, long_lived: &str) -> Option<String> {
        let owner = self.channels.values().find(|channel| channel.access_token.as_deref() == Some(long_lived));
        owner.map(|channel| channel.id.clone())
    }

    /// The four token calls.
    pub(super) fn token_call(&mut self, call: &Call<'_>, endpoint: Endpoint) -> Response {
        let form = Fields::parse(&String::from_utf8_lossy(&call.request.body));
        match endpoint {
            Endpoint::Verify => self.verify(call.now_ms, form.get("access_token").unwrap_or_default()),
            Endpoint::Revoke => self.revoke(form.get("access_token").unwrap_or_default()),
            _ => self.issue(call.now_ms, &form, endpoint == Endpoint::Stateless),
        }
    }

    fn verify(&self, now_ms: i64, token: &str) -> Response {
        let issued = self.tokens.get(token).filter(|issued| !issued.stateless && issued.expires_ms > now_ms);
        let found = match issued {
            Some(issued) => Some((issued.channel_id.clone(), (issued.expires_ms - now_ms) / 1_000)),
            None => self.owner_of(token).map(|id| (id, LONG_LIVED_SECONDS)),
        };
        match found {
            Some((id, seconds)) => {
                Response::json(200, &json!({"client_id": id, "expires_in": seconds, "scope": "P CM"}))
            }
            None => answer::oauth_error("invalid_request", "access token expired"),
        }
    }

    fn issue(&mut self, now_ms: i64, form: &Fields, stateless: bool) -> Response {
        if form.get("grant_type") != Some("client_credentials") {
            return answer::oauth_error("unsupported_grant_type", "grant_type must be client_credentials");
        }
        let channel = form.get("client_id").and_then(|id| self.channels.get(id));
        let Some(channel) = channel.filter(|channel| form.get("client_secret") == Some(channel.secret.as_str())) else {
            return answer::oauth_error("invalid_client", "invalid client_id or client_secret");
        };
        let channel_id = channel.id.clone();
        let seconds = if stateless { STATELESS_SECONDS } else { SHORT_LIVED_SECONDS };
        let token = self.dice.alphanumeric(if stateless { 220 } else { 172 });
        let issued = IssuedToken { channel_id, expires_ms: now_ms + seconds * 1_000, stateless };
        self.tokens.retain(|_, known| known.expires_ms > now_ms);
        self.tokens.insert(token.clone(), issued);
        Response::json(200, &json!({"token_type": "Bearer", "access_token": token, "expires_in": seconds}))
    }

    /// An unknown token is no error; a stateless one stays good.
    fn revoke(&mut self, token: &str) -> Response {
        self.tokens.retain(|known, issued| known != token || issued.stateless);
        for channel in self.channels.values_mut() {
            if channel.access_token.as_deref() == Some(token) {
                channel.access_token = None;
            }
        }
        Response::empty(200)
    }
}
