//! What an answer of LINE means: a pure function of status, headers and body, apart from when to call again.

use super::endpoint::Endpoint;
use crate::error::{Error, Unavailable};
use crate::object::{members, text};
use reqwest::StatusCode;
use std::time::Duration;

/// LINE's messages are cut to this many characters.
const SAID_CHARACTERS_MAX: usize = 200;

/// Waits that an answer asks for are cut to this.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// Is the answer a success, and what went wrong if not? `retry_after` is the header of that name.
///
/// # Errors
/// Everything but 2xx.
pub fn classify(endpoint: Endpoint, status: StatusCode, retry_after: Option<&str>, body: &[u8]) -> Result<(), Error> {
    let said = || said(body);
    match status.as_u16() {
        200..=299 => Ok(()),
        // The token endpoints say 400 of credentials that do not fit.
        400 if matches!(endpoint, Endpoint::VerifyToken | Endpoint::IssueToken) => {
            Err(Error::Unauthorized { said: said() })
        }
        401 => Err(Error::Unauthorized { said: said() }),
        403 => Err(Error::NotAllowed { said: said() }),
        404 | 410 => Err(Error::NotFound { said: said() }),
        429 => Err(Error::RateLimited { wait: retry_after.and_then(wait) }),
        status @ 400..=499 => Err(Error::Invalid { status, said: said() }),
        status @ 500.. => Err(Error::Unavailable(Unavailable::Status(status))),
        _ => Err(Error::Garbage("a status that LINE does not use")),
    }
}

/// LINE's own words: `message` with the first of `details`, or `error_description` or `error` of the token endpoints.
fn said(body: &[u8]) -> String {
    let Some([message, description, error]) = members(body, ["message", "error_description", "error"]) else {
        return "no reason given".into();
    };
    let words = [message, description, error].into_iter().flatten().find_map(text).unwrap_or("no reason given".into());
    // First what cannot be seen: it must not hide an ID from the mask.
    let words: String = words.chars().filter(|character| !character.is_control()).collect();
    without_user_ids(&words).chars().take(SAID_CHARACTERS_MAX).collect()
}

/// The words with every user ID in them masked: errors end up in logs.
fn without_user_ids(words: &str) -> String {
    let mut masked = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(at) = rest.find('U') {
        let (before, from) = rest.split_at(at);
        let digits = from[1..].bytes().take_while(u8::is_ascii_hexdigit).count();
        masked.push_str(before);
        masked.push_str(if digits >= 32 { "(user)" } else { &from[..=digits] });
        rest = &from[1 + digits..];
    }
    masked + rest
}

fn wait(retry_after: &str) -> Option<Duration> {
    let seconds: u64 = retry_after.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn outcome(status: u16, body: &str) -> Error {
        classify(Endpoint::Profile, StatusCode::from_u16(status).unwrap(), None, body.as_bytes()).unwrap_err()
    }

    #[test]
    fn lines_own_words_are_kept() {
        let refused = |said: &str| Error::Invalid { status: 400, said: said.into() };
        assert_eq!(outcome(400, r#"{"message":"Invalid start"}"#), refused("Invalid start"));
        assert_eq!(outcome(400, r#"{"error":"invalid_request","error_description":"expired"}"#), refused("expired"));
        assert_eq!(outcome(400, r#"{"error":"invalid_client"}"#), refused("invalid_client"));
        assert_eq!(outcome(400, "<html>"), refused("no reason given"));
        assert_eq!(outcome(400, r#"{"message":5}"#), refused("no reason given"));
    }

    #[test]
    fn lines_words_are_cut_and_freed_from_user_ids_and_control_characters() {
        let user = "U8e742f61d673b39c7fff3cecb7536ef0";
        let body = format!(r#"{{"message":"Unknown {user},\nUser あ{}"}}"#, "x".repeat(300));
        let Error::Invalid { said, .. } = outcome(400, &body) else { panic!("invalid") };
        assert!(said.starts_with("Unknown (user),User あxxx"), "{said}");
        assert_eq!(said.chars().count(), SAID_CHARACTERS_MAX);
    }

    #[test]
    fn a_wait_that_line_asks_for_is_kept_within_bounds() {
        let wait = |header| match classify(Endpoint::Profile, StatusCode::TOO_MANY_REQUESTS, header, b"") {
            Err(Error::RateLimited { wait }) => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(None), None);
        assert_eq!(wait(Some("7")), Some(Duration::from_secs(7)));
        assert_eq!(wait(Some("18446744073709551615")), Some(WAIT_MAX));
        assert_eq!(wait(Some("-1")), None);
        assert_eq!(wait(Some("soon")), None);
    }
}
