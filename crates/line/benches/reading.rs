//! Time to check, split and read one webhook with one text message, on one core.
//!
//! `cargo bench -p line`

#![allow(clippy::unwrap_used, missing_docs)]

use contact::ConnectionNumber;
use line::event::{Labels, Stored, read};
use line::signature::Key;
use line::webhook::split;
use std::hint::black_box;
use std::time::Instant;

const TIMES: u32 = 200_000;
const ROUNDS: usize = 7;
const SECRET: &str = "8c570fa6dd201bb328f1c1eac23a96d8";
/// A text message as LINE sends it.
const BODY: &[u8] = concat!(
    r#"{"destination":"Uc7472b39e21dab71c2347e02714630d6","events":[{"type":"message","message":{"type":"te"#,
    r#"xt","id":"468789577898262530","quoteToken":"q3Plxr4AgKdGW4xVVzfw0Ow3pR2rbyBvYWGvdDWxRrfnMbgNsq4dLlJR"#,
    r#"0wNVdYFZwu0rSpHB1wzFCsbOCLX8XqBOIaGqqWh2aMZvCLbPnYwIhgWQp1JgRAKT0sGs0pQbmAcMEg9d7yLsIwZIQCPV2g","tex"#,
    r#"t":"Hello, I would like to know the opening hours"},"webhookEventId":"01H810YECXQQZ37VAXPF6H9E6T","d"#,
    r#"eliveryContext":{"isRedelivery":false},"timestamp":1692251666727,"source":{"type":"user","userId":"U"#,
    r#"8e742f61d673b39c7fff3cecb7536ef0"},"replyToken":"38ef843bde154d9b91c21320ffd17a0f","mode":"active"}]"#,
    r#"}"#,
)
.as_bytes();

/// The best of some rounds, in nanoseconds for once.
fn measure(what: &str, mut once: impl FnMut()) {
    let best = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        (0..TIMES).for_each(|_| once());
        started.elapsed() / TIMES
    });
    println!("{what}: {} ns", best.min().unwrap().as_nanos());
}

fn main() {
    let key = Key::new(SECRET);
    let signature = key.sign(BODY);
    measure("check the signature", || assert!(key.verifies(black_box(BODY), Some(signature.as_bytes()))));
    measure("split the body", || drop(black_box(split(black_box(BODY)).unwrap())));
    let webhook = split(BODY).unwrap();
    let event = &webhook.events[0];
    let stored = Stored {
        connection: ConnectionNumber::new(1).unwrap(),
        webhook_event_id: &event.webhook_event_id,
        event_type: &event.event_type,
        user_id: event.user_id.as_deref(),
        occurred_at_ms: event.occurred_at_ms,
        raw: event.raw,
    };
    let labels = Labels::default();
    measure("read the event", || drop(black_box(read(black_box(&stored), &labels).unwrap())));
}
