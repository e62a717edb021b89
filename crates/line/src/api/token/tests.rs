//! One request for a token at a time, shared by all who wait.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::error::Unavailable;
use std::sync::atomic::AtomicUsize;
use tokio::sync::Notify;

/// Issues `token 1`, `token 2`, … and counts.
#[derive(Default)]
struct Issuer(AtomicUsize);

impl Issuer {
    async fn issue(&self) -> Result<Issued, Error> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Issued { token: Secret::new(&format!("token {number}")), lives: Duration::from_secs(899) })
    }
}

async fn current(tokens: &Tokens, secret: &str, issuer: &Issuer) -> String {
    tokens.current("1", &Secret::new(secret), async || issuer.issue().await).await.unwrap().expose().into()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_used_for_14_minutes() {
    let (tokens, issuer) = (Tokens::default(), Issuer::default());
    assert_eq!(current(&tokens, "s", &issuer).await, "token 1");
    tokio::time::advance(Duration::from_secs(13 * 60 + 58)).await;
    assert_eq!(current(&tokens, "s", &issuer).await, "token 1");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(current(&tokens, "s", &issuer).await, "token 2");
}

#[tokio::test]
async fn a_new_channel_secret_needs_a_new_token() {
    let (tokens, issuer) = (Tokens::default(), Issuer::default());
    assert_eq!(current(&tokens, "s", &issuer).await, "token 1");
    assert_eq!(current(&tokens, "t", &issuer).await, "token 2");
}

#[tokio::test]
async fn a_refused_token_is_not_used_again() {
    let (tokens, issuer) = (Tokens::default(), Issuer::default());
    current(&tokens, "s", &issuer).await;
    tokens.discard("1", &Secret::new("another")).await;
    assert_eq!(current(&tokens, "s", &issuer).await, "token 1");
    tokens.discard("1", &Secret::new("token 1")).await;
    assert_eq!(current(&tokens, "s", &issuer).await, "token 2");
}

#[tokio::test]
async fn callers_at_once_share_one_request_and_its_failure() {
    let (tokens, asked, go) = (Tokens::default(), AtomicUsize::new(0), Notify::new());
    let secret = Secret::new("s");
    let failure = Error::Unavailable(Unavailable::Timeout);
    let call = async || {
        let issue = async || {
            asked.fetch_add(1, Ordering::SeqCst);
            go.notified().await;
            Err(failure.clone())
        };
        tokens.current("1", &secret, issue).await
    };
    let release = async {
        tokio::task::yield_now().await;
        go.notify_waiters();
    };
    let (a, b, c, _) = tokio::join!(call(), call(), call(), release);
    for outcome in [a, b, c] {
        assert_eq!(outcome, Err(failure.clone()));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let issuer = Issuer::default();
    assert_eq!(current(&tokens, "s", &issuer).await, "token 1", "a later caller asks again");
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_next_one_free_to_ask() {
    let (tokens, issuer) = (Tokens::default(), Issuer::default());
    let secret = Secret::new("s");
    let never = tokens.current("1", &secret, async || std::future::pending().await);
    tokio::select! {
        biased;
        _ = never => unreachable!("the request never ends"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(current(&tokens, "s", &issuer).await, "token 1");
}
