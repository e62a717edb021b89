//! What a client may not do: send too much, too slowly, too often, or two lengths at once.

use crate::client::{Client, PATIENCE, head, request};
use crate::world::{SECRET, TOKEN, World, body, message};
use ingest::Settings;
use line::signature::Key;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(50);
const MIB: usize = 1024 * 1024;

fn signed(body: &[u8]) -> Vec<u8> {
    request(TOKEN, &[("x-line-signature", &Key::new(SECRET).sign(body))], body)
}

/// A webhook of exactly so many bytes.
fn sized(bytes: usize) -> Vec<u8> {
    let empty = body(&[r#"{"text":""}"#]);
    let text = "x".repeat(bytes - empty.len());
    body(&[&format!(r#"{{"text":"{text}"}}"#)])
}

#[tokio::test]
async fn a_body_of_1_mib_is_taken_and_one_byte_more_is_413() {
    let world = World::new().await;
    assert_eq!(world.exchange(signed(&sized(MIB))).await.status, 200);
    let answer = world.exchange(signed(&sized(MIB + 1))).await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert_eq!(world.values().len(), 1);
    assert_eq!(world.counted("none", "too_large"), 1);
}

#[tokio::test]
async fn a_body_of_10_mib_gets_413_also_if_the_client_sends_all_of_it_first() {
    let world = World::new().await;
    assert_eq!(world.exchange(signed(&sized(10 * MIB))).await.status, 413);
}

#[tokio::test]
async fn a_body_that_grows_beyond_the_limit_gets_413() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.send(format!("POST /line/webhook/{TOKEN} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")).await;
    for _ in 0..17 {
        client.send(format!("10000\r\n{}\r\n", "x".repeat(0x10000))).await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 413);
}

#[tokio::test]
async fn a_body_announced_far_beyond_the_limit_gets_413_before_it_is_sent() {
    let world = World::new().await;
    assert_eq!(world.exchange(head(TOKEN, &[], 1024 * MIB)).await.status, 413);
}

#[tokio::test]
async fn a_head_of_more_than_16_kib_gets_431() {
    let world = World::new().await;
    let room = 16 * 1024 - head(TOKEN, &[("x-line-signature", &Key::new(SECRET).sign(b"x")), ("a", "")], 1).len();
    let padded = |bytes: usize| {
        let signature = Key::new(SECRET).sign(b"x");
        request(TOKEN, &[("x-line-signature", &signature), ("a", &"a".repeat(bytes))], b"x")
    };
    assert_eq!(world.exchange(padded(room - 100)).await.status, 200);
    assert_eq!(world.exchange(padded(room + 100)).await.status, 431);
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_ends_the_connection() {
    let world = World::bounded(Settings { header_timeout: SHORT, ..Settings::default() }).await;
    let mut client = world.client().await;
    client.send("POST /line/webhook/").await;
    assert_eq!(client.end().await, b"");
}

#[tokio::test]
async fn a_connection_that_never_says_anything_is_ended() {
    let world = World::bounded(Settings { header_timeout: SHORT, ..Settings::default() }).await;
    assert_eq!(world.client().await.end().await, b"");
    world.until(|metrics| metrics.open_connections.get() == 0).await;
}

#[tokio::test]
async fn a_connection_may_rest_between_requests_longer_than_a_head_may_take() {
    let world = World::bounded(Settings { header_timeout: SHORT, ..Settings::default() }).await;
    let mut resting = world.client().await;
    for _ in 0..3 {
        resting.send(signed(&body(&[]))).await;
        assert_eq!(resting.answer().await.status, 200);
        world.client().await.end().await;
    }
}

#[tokio::test]
async fn the_head_of_a_further_request_must_come_in_time_too() {
    let world = World::bounded(Settings { header_timeout: SHORT, ..Settings::default() }).await;
    let mut client = world.client().await;
    client.send(signed(&body(&[]))).await;
    client.answer().await;
    client.send("POST /").await;
    assert_eq!(client.end().await, b"");
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_ended() {
    let world = World::bounded(Settings { idle_timeout: SHORT, ..Settings::default() }).await;
    let mut client = world.client().await;
    for _ in 0..2 {
        client.send(signed(&body(&[]))).await;
        assert_eq!(client.answer().await.status, 200);
    }
    assert_eq!(client.end().await, b"");
}

#[tokio::test]
async fn a_stranger_may_rest_no_longer_than_a_newcomer() {
    let world = World::bounded(Settings { header_timeout: SHORT, ..Settings::default() }).await;
    let mut client = world.client().await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 404);
    assert_eq!(client.end().await, b"");
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_gets_408() {
    let world = World::bounded(Settings { body_timeout: SHORT, ..Settings::default() }).await;
    let mut client = world.client().await;
    client.send(head(TOKEN, &[], 100)).await;
    client.send("{\"events\"").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    client.end().await;
    assert_eq!(world.counted("none", "too_slow"), 1);
}

#[tokio::test]
async fn a_large_body_for_which_there_is_no_room_gets_503_and_small_ones_are_taken() {
    let body_timeout = Duration::from_secs(1);
    let world = World::bounded(Settings { unverified_bytes_max: 0x10000, body_timeout, ..Settings::default() }).await;
    let answer = world.exchange(signed(&sized(0x10001))).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(world.counted("none", "no_room"), 1);
    for bytes in [0x10000, 0x1000] {
        assert_eq!(world.exchange(signed(&sized(bytes))).await.status, 200);
    }
}

#[tokio::test]
async fn a_client_that_sends_and_never_listens_is_dropped() {
    let world = World::bounded(Settings { header_timeout: SHORT, ..Settings::default() }).await;
    let mut client = world.client().await;
    let requests = "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(10_000);
    let sending = async { while client.tcp.write_all(requests.as_bytes()).await.is_ok() {} };
    timeout(PATIENCE, sending).await.expect("dropped in time");
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_until_another_one_ends() {
    let world = World::bounded(Settings { connections_max: 2, ..Settings::default() }).await;
    let (mut first, second) = (world.client().await, world.client().await);
    first.send(signed(&body(&[]))).await;
    assert_eq!(first.answer().await.status, 200);
    world.until(|metrics| metrics.open_connections.get() == 2).await;
    let mut third = world.client().await;
    third.send(signed(&body(&[]))).await;
    first.send(signed(&body(&[]))).await;
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(world.metrics.open_connections.get(), 2, "the third is not served");
    drop(second);
    assert_eq!(third.answer().await.status, 200);
}

#[tokio::test]
async fn a_request_with_two_lengths_cannot_smuggle_another_one() {
    let world = World::new().await;
    let smuggled = String::from_utf8(signed(&body(&[&message("smuggled")]))).unwrap();
    for lengths in
        ["content-length: 5\r\ntransfer-encoding: chunked\r\n", "transfer-encoding: chunked\r\ncontent-length: 5\r\n"]
    {
        let mut client = world.client().await;
        client
            .send(format!("POST /line/webhook/{TOKEN} HTTP/1.1\r\nhost: a\r\n{lengths}\r\n0\r\n\r\n{smuggled}"))
            .await;
        assert_eq!(client.answer_or_end().await.map(|answer| answer.status), Some(401), "{lengths}");
        assert_eq!(client.end().await, b"", "the connection ends with the first answer");
    }
    assert!(world.values().is_empty());
}

#[tokio::test]
async fn two_content_lengths_that_differ_and_other_codings_get_400() {
    let world = World::new().await;
    for header in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: -1",
        "content-length: 5, 6",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked, identity",
    ] {
        let mut client: Client = world.client().await;
        client.send(format!("POST /line/webhook/{TOKEN} HTTP/1.1\r\nhost: a\r\n{header}\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, 400, "{header}");
    }
}
