//! LINE's error bodies.

use serde_json::json;

use crate::exchange::Response;

/// `{"message": …}`.
pub(super) fn error(status: u16, message: &str) -> Response {
    Response::json(status, &json!({"message": message}))
}

/// One wrong property of a request.
pub(super) fn flawed(property: &str, message: &str) -> Response {
    let details = json!([{"message": message, "property": property}]);
    Response::json(400, &json!({"message": "The request body has 1 error(s)", "details": details}))
}

/// The form of the token endpoints.
pub(super) fn oauth_error(error: &str, description: &str) -> Response {
    Response::json(400, &json!({"error": error, "error_description": description}))
}

/// A missing, wrong, expired or revoked token.
pub(super) fn unauthenticated() -> Response {
    error(401, "Authentication failed. Confirm that the access token in the authorization header is valid.")
}

/// Too many calls.
pub(super) fn rate_limited() -> Response {
    error(429, "The API rate limit has been exceeded. Try again later.")
}

/// Nothing to be had: unknown, another provider's, blocked, no consent. LINE does not say which.
pub(super) fn not_found() -> Response {
    error(404, "Not found")
}
