//! Who is answered what.

use crate::client::{Answer, request};
use crate::world::{NOW_MS, SECRET, TOKEN, World, body, connection, message};
use connection::{Connection, State};
use contact::ConnectionNumber;
use eventlog::Topic;
use ingest::{Metrics, Settings};
use line::signature::Key;
use prometheus::core::Collector;
use runtime::secret::Secret;
use schemas::{Codec, DeadLetter};

const UNKNOWN: &str = "ffeeddccbbaa99887766554433221100";

async fn one_event(world: &World) -> u16 {
    world.receives(&body(&[&message("01")])).await
}

/// Connection `number` with a token and a secret of its own.
fn other(number: u32) -> Connection {
    Connection {
        number: ConnectionNumber::new(number).unwrap(),
        channel_secrets: vec![Secret::new(&format!("secret {number}"))],
        webhook_token: Secret::new(&format!("token{number}")),
        ..connection()
    }
}

#[tokio::test]
async fn a_signed_webhook_gets_200_with_nothing_in_it() {
    let world = World::new().await;
    let answer = world.post(TOKEN, SECRET, &body(&[&message("01")])).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(world.values().len(), 1);
    assert_eq!(world.counted("1", "accepted"), 1);
}

#[tokio::test]
async fn no_events_get_200_and_store_nothing() {
    let world = World::new().await;
    assert_eq!(world.receives(&body(&[])).await, 200);
    assert!(world.values().is_empty());
    assert_eq!(*world.log.begun.borrow(), 0);
}

/// Everything that must be refused alike: each request is wrong in one way.
fn refusals() -> Vec<(&'static str, Vec<u8>)> {
    let body = body(&[&message("01")]);
    let good = Key::new(SECRET).sign(&body);
    let other_secret = Key::new("another secret").sign(&body);
    let other_body = Key::new(SECRET).sign(b"{}");
    let signed = |token, signature: &str| request(token, &[("x-line-signature", signature)], &body);
    vec![
        ("another secret", signed(TOKEN, &other_secret)),
        ("another body", signed(TOKEN, &other_body)),
        ("no base64", signed(TOKEN, "?")),
        ("an empty signature", signed(TOKEN, "")),
        ("no signature", request(TOKEN, &[], &body)),
        ("two signatures", request(TOKEN, &[("x-line-signature", &good), ("X-Line-Signature", &other_secret)], &body)),
        ("an unknown token", signed(UNKNOWN, &good)),
        ("an unknown token without signature", request(UNKNOWN, &[], &body)),
        ("a token of another form", signed("x", &good)),
        ("the token in upper case", signed(&TOKEN.to_uppercase(), &good)),
    ]
}

#[tokio::test]
async fn unknown_token_and_missing_and_wrong_signature_get_the_same_401() {
    let world = World::new().await;
    let mut answers: Vec<Answer> = Vec::new();
    for (wrong, request) in refusals() {
        let answer = world.exchange(request).await;
        assert_eq!(answer.status, 401, "{wrong}");
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(world.values().is_empty());
    assert_eq!(*world.log.begun.borrow(), 0);
    assert_eq!(world.counted("none", "unauthorized"), answers.len() as u64);
    let failures =
        |connection, reason| world.metrics.verification_failures.with_label_values(&[connection, reason]).get();
    assert_eq!((failures("1", "wrong"), failures("1", "missing")), (4, 2));
    assert_eq!((failures("none", "wrong"), failures("none", "missing")), (3, 1));
}

#[tokio::test]
async fn the_signature_header_may_be_spelled_in_any_case() {
    let world = World::new().await;
    let body = body(&[&message("01")]);
    let signature = Key::new(SECRET).sign(&body);
    assert_eq!(world.exchange(request(TOKEN, &[("X-LINE-SIGNATURE", &signature)], &body)).await.status, 200);
}

#[tokio::test]
async fn during_a_rotation_both_secrets_count() {
    let rotating = Connection { channel_secrets: vec![Secret::new("new"), Secret::new("old")], ..connection() };
    let world = World::with(Settings::default(), &[rotating]).await;
    let body = body(&[&message("01")]);
    for (secret, status) in [("new", 200), ("old", 200), (SECRET, 401)] {
        assert_eq!(world.post(TOKEN, secret, &body).await.status, status, "{secret}");
    }
}

#[tokio::test]
async fn a_replaced_secret_counts_for_a_day_by_the_clock_and_no_longer() {
    let world = World::new().await;
    let mut rotating = connection();
    rotating.renew_secret(Secret::new("new"), NOW_MS);
    world.define(&rotating).await;
    let day_ms = 24 * 60 * 60 * 1_000;
    for (after_ms, old, new) in [(0, 200, 200), (day_ms - 1, 200, 200), (day_ms, 401, 200), (0, 200, 200)] {
        world.clock.set(NOW_MS + after_ms);
        assert_eq!(world.post(TOKEN, SECRET, &body(&[])).await.status, old, "the old one after {after_ms} ms");
        assert_eq!(world.post(TOKEN, "new", &body(&[])).await.status, new, "the new one after {after_ms} ms");
    }
}

#[tokio::test]
async fn a_new_secret_counts_at_once_and_the_old_one_no_longer() {
    let world = World::new().await;
    assert_eq!(one_event(&world).await, 200);
    world.define(&Connection { channel_secrets: vec![Secret::new("new")], ..connection() }).await;
    assert_eq!(one_event(&world).await, 401);
    assert_eq!(world.post(TOKEN, "new", &body(&[])).await.status, 200);
}

#[tokio::test]
async fn an_empty_secret_lets_nobody_sign() {
    let open = Connection { channel_secrets: vec![Secret::new("")], ..connection() };
    let world = World::with(Settings::default(), &[open]).await;
    assert_eq!(world.post(TOKEN, "", &body(&[])).await.status, 401);
}

#[tokio::test]
async fn no_account_can_sign_for_another() {
    let accounts: Vec<Connection> = (1..=5).map(other).collect();
    let world = World::with(Settings::default(), &accounts).await;
    for called in 1..=5 {
        for signer in 1..=5 {
            let answer = world.post(&format!("token{called}"), &format!("secret {signer}"), &body(&[])).await;
            assert_eq!(answer.status == 200, called == signer, "{signer} calls {called}");
        }
    }
}

#[tokio::test]
async fn a_connection_made_while_running_is_served() {
    let world = World::new().await;
    assert_eq!(world.post("token2", "secret 2", &body(&[])).await.status, 401);
    world.define(&other(2)).await;
    assert_eq!(world.post("token2", "secret 2", &body(&[])).await.status, 200);
}

#[tokio::test]
async fn a_paused_connection_still_stores_its_events() {
    let paused = Connection { state: State::Paused, ..connection() };
    let world = World::with(Settings::default(), &[paused]).await;
    assert_eq!(one_event(&world).await, 200);
    assert_eq!(world.values().len(), 1);
}

#[tokio::test]
async fn a_removed_connection_is_unknown() {
    let world = World::new().await;
    world.define(&Connection { state: State::Removed, ..connection() }).await;
    assert_eq!(one_event(&world).await, 401);
}

#[tokio::test]
async fn another_destination_than_the_accounts_own_gets_400() {
    let known = Connection { bot_user_id: Some("Uc7472b39e21dab71c2347e02714630d6".into()), ..connection() };
    let world = World::with(Settings::default(), &[known]).await;
    assert_eq!(one_event(&world).await, 200);
    assert_eq!(world.receives(br#"{"destination":"U0000","events":[{}]}"#).await, 400);
    assert_eq!(world.receives(br#"{"destination":"U0000","events":[]}"#).await, 400);
    assert_eq!(world.receives(br#"{"events":[]}"#).await, 200);
    assert_eq!(world.values().len(), 1);
    assert_eq!(world.counted("1", "wrong_destination"), 2);
}

#[tokio::test]
async fn any_destination_is_accepted_while_the_accounts_own_is_unknown() {
    let world = World::new().await;
    assert_eq!(world.receives(br#"{"destination":"U0000","events":[{}]}"#).await, 200);
}

#[tokio::test]
async fn a_signed_body_that_is_no_webhook_becomes_a_dead_letter_and_gets_200() {
    let world = World::new().await;
    let bodies: [(&[u8], &str); 5] = [
        (b"{\"events\":[", "not_json"),
        (b"", "not_json"),
        (b"\xff\x00", "not_json"),
        (b"[]", "no_events"),
        (br#"{"events":5}"#, "no_events"),
    ];
    for (body, _) in bodies {
        assert_eq!(world.receives(body).await, 200, "{}", body.escape_ascii());
    }
    assert!(world.values().is_empty());
    let letters = world.log.records(Topic::DeadLetters);
    assert_eq!(letters.len(), bodies.len());
    for ((body, reason), record) in bodies.iter().zip(&letters) {
        let letter: DeadLetter = Codec::default().decode(record.value.as_deref().unwrap()).unwrap();
        assert_eq!((&*letter.value, letter.reason.as_str()), (*body, *reason));
        assert_eq!((&*letter.topic, letter.offset, letter.connection), ("line.events", -1, Some(1)));
    }
    assert_eq!(world.counted("1", "dead_letter"), 5);
}

#[tokio::test]
async fn the_same_dead_letter_has_the_same_key() {
    let world = World::new().await;
    for body in ["x", "x", "y"] {
        world.receives(body.as_bytes()).await;
    }
    let keys: Vec<_> = world.log.records(Topic::DeadLetters).into_iter().map(|record| record.key).collect();
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
    assert!(keys[0].starts_with(b"line.events/1/"));
}

#[tokio::test]
async fn other_paths_get_404() {
    let world = World::new().await;
    for path in ["/", "/line/webhook", "/line/webhook/", "/line/webhook/a/b", "/metrics", "/line/webhooks/a", "*"] {
        for method in ["GET", "POST"] {
            let answer =
                world.exchange(format!("{method} {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn other_methods_get_405_whether_or_not_the_token_is_known() {
    let world = World::new().await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let request =
            |token| format!("{method} /line/webhook/{token} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
        let known = world.exchange(request(TOKEN)).await;
        assert_eq!((known.status, known.header("allow")), (405, Some("POST")), "{method}");
        assert_eq!(known, world.exchange(request(UNKNOWN)).await, "{method}");
    }
    assert_eq!(world.metrics.misdirected.get(), 14);
}

#[tokio::test]
async fn a_connection_serves_many_requests_one_after_the_other() {
    let world = World::new().await;
    let body = body(&[&message("01")]);
    let signature = Key::new(SECRET).sign(&body);
    let mut client = world.client().await;
    for wanted in [200, 401, 200, 200] {
        let signature = if wanted == 200 { &*signature } else { "wrong" };
        client.post(TOKEN, &[("x-line-signature", signature)], &body).await;
        assert_eq!(client.answer().await.status, wanted);
    }
    assert_eq!(world.values().len(), 3);
    assert_eq!(world.metrics.open_connections.get(), 1);
}

#[tokio::test]
async fn http_1_0_and_chunked_bodies_are_understood() {
    let world = World::new().await;
    let body = body(&[&message("01")]);
    let signature = Key::new(SECRET).sign(&body);
    let old = String::from_utf8(request(TOKEN, &[("x-line-signature", &signature)], &body)).unwrap();
    assert_eq!(world.exchange(old.replacen("HTTP/1.1", "HTTP/1.0", 1)).await.status, 200);
    let mut chunked = format!(
        "POST /line/webhook/{TOKEN} HTTP/1.1\r\nhost: a\r\nx-line-signature: {signature}\r\n\
        transfer-encoding: chunked\r\n\r\n"
    );
    for piece in body.chunks(100) {
        chunked += &format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap());
    }
    assert_eq!(world.exchange(chunked + "0\r\n\r\n").await.status, 200);
    assert_eq!(world.values().len(), 2);
}

#[tokio::test]
async fn how_long_webhooks_take_is_told_of_those_alone_that_an_account_signed() {
    let world = World::new().await;
    assert_eq!(world.post(TOKEN, "a guess", &body(&[&message("01")])).await.status, 401);
    assert_eq!(world.post(UNKNOWN, SECRET, &body(&[&message("01")])).await.status, 401);
    assert_eq!(one_event(&world).await, 200);
    world.until(|metrics| metrics.request_seconds.get_sample_count() == 1).await;
}

#[tokio::test]
async fn what_may_happen_to_an_accounts_webhooks_is_shown_as_zeros_before_the_first() {
    let world = World::new().await;
    let shown = |metrics: &Metrics, connection: &str| {
        let families = metrics.webhooks.collect();
        let labels = families.iter().flat_map(|family| family.get_metric()).map(|metric| metric.get_label());
        let is_asked = |name: &str, value: &str| {
            (name, value) == ("connection", connection) || (name, value) == ("outcome", "unavailable")
        };
        labels.into_iter().any(|labels| labels.iter().all(|label| is_asked(label.name(), label.value())))
    };
    world.until(|metrics| shown(metrics, "1")).await;
    world.define(&other(2)).await;
    world.until(|metrics| shown(metrics, "2")).await;
}
