//! What every answer tells the browser not to do.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// The host that LINE serves profile pictures from, and the only one that a page shows pictures of.
pub const PICTURES: &str = "https://profile.line-scdn.net/";

const ALL: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' https://profile.line-scdn.net; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The browser names itself as the origin of a form only where it may name the page at home.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Adds them. Pages are not to be kept; what says otherwise itself may.
pub async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALL {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The address of a picture, if it may be shown.
pub fn picture(address: &str) -> Option<&str> {
    let path = address.strip_prefix(PICTURES)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%?=&+".contains(&byte);
    path.bytes().all(is_plain).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_of_line_are_shown() {
        assert!(picture("https://profile.line-scdn.net/0habc_DEF-1").is_some());
        for bad in [
            "",
            "http://profile.line-scdn.net/a",
            "https://profile.line-scdn.net.example/a",
            "https://profile.line-scdn.net@example/a",
            "https://profile.line-scdn.net/a\" onerror=\"x",
            "https://profile.line-scdn.net:8080/a",
            "javascript:alert(1)",
            "data:image/svg+xml,<svg/>",
        ] {
            assert_eq!(picture(bad), None, "{bad}");
        }
    }
}
