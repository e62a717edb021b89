//! An answer of LINE.

use ::line::api::classify::classify;
use ::line::{Error, api};
use http::StatusCode;

const ENDPOINTS: [api::Endpoint; 3] = [api::Endpoint::Profile, api::Endpoint::VerifyToken, api::Endpoint::IssueToken];

/// A status, a length, so much of `Retry-After`, and a body. Only 2xx is a success; what LINE says comes out short, without
/// control characters and without a user ID.
pub fn answer(bytes: &[u8]) {
    let [high, low, length, rest @ ..] = bytes else { return };
    let Ok(status) = StatusCode::from_u16(u16::from_be_bytes([*high, *low]) % 1_000) else { return };
    let (retry_after, body) = rest.split_at(usize::from(*length).min(rest.len()));
    for endpoint in ENDPOINTS {
        let judged = classify(endpoint, status, std::str::from_utf8(retry_after).ok(), body);
        assert_eq!(judged.is_ok(), status.is_success());
        match judged {
            Err(
                Error::Unauthorized { said }
                | Error::NotAllowed { said }
                | Error::NotFound { said }
                | Error::Invalid { said, .. },
            ) => fit_for_a_log(&said),
            Err(Error::RateLimited { wait: Some(wait) }) => assert!(wait.as_secs() <= 3_600),
            _ => {}
        }
    }
}

fn fit_for_a_log(said: &str) {
    assert!(said.chars().count() <= 200);
    assert!(!said.chars().any(char::is_control));
    let is_id = |text: &[u8]| text[0] == b'U' && text[1..].iter().all(u8::is_ascii_hexdigit);
    assert!(!said.as_bytes().windows(33).any(is_id), "no user ID");
}
