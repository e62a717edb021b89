//! What reading and writing a record costs, beside the Apache implementation: `cargo bench -p schemas`.
//!
//! Prints nanoseconds for one LINE event with a body of 600 bytes: the best of many short rounds, which other load on the
//! machine disturbs least.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use schemas::{Codec, Kind, LineEvent};
use serde::Deserialize;
use std::borrow::Cow;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 200;

/// As the Apache implementation can read it: it does not borrow.
#[derive(Deserialize)]
#[serde(rename = "LineEvent")]
#[expect(dead_code, reason = "read only for its cost")]
struct Owned {
    connection: u32,
    webhook_event_id: String,
    event_type: String,
    user_id: Option<String>,
    occurred_at_ms: i64,
    received_at_ms: i64,
    redelivery: bool,
    #[serde(with = "apache_avro::serde::bytes")]
    raw: Vec<u8>,
}

fn event() -> LineEvent<'static> {
    LineEvent {
        connection: 1,
        webhook_event_id: "01FZ74A0TDDPYRVKNK77XKC3ZR".into(),
        event_type: "message".into(),
        user_id: Some("U8e742f61d673b39c7fff3cecb7536ef0".into()),
        occurred_at_ms: 1_790_000_000_000,
        received_at_ms: 1_790_000_000_250,
        redelivery: false,
        raw: Cow::Owned(vec![b'x'; 600]),
    }
}

fn measure(what: &str, iterations: u32, mut work: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        (0..iterations).for_each(|_| work());
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(iterations));
    }
    println!("{what:<40} {best:>8.0} ns");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let iterations = if std::env::args().any(|argument| argument == "--bench") { 5_000 } else { 1 };
    let (codec, event) = (Codec::default(), event());
    let bytes = codec.encode(&event);
    measure("read, borrowed", iterations, || {
        black_box(codec.decode::<LineEvent<'_>>(black_box(&bytes)).is_ok());
    });
    measure("write", iterations, || {
        black_box(codec.encode(black_box(&event)));
    });

    let schema = apache_avro::Schema::parse_str(Kind::LineEvent.versions()[0])?;
    let reader = GenericDatumReader::builder(&schema).build()?;
    let writer = GenericDatumWriter::builder(&schema).build()?;
    let body = &bytes[10..];
    reader.read_deser::<Owned>(&mut &*body)?;
    writer.write_ser_to_vec(&event)?;
    measure("apache-avro: read by serde", iterations, || {
        black_box(reader.read_deser::<Owned>(&mut black_box(body)).is_ok());
    });
    measure("apache-avro: read as Value", iterations, || {
        black_box(reader.read_value(&mut black_box(body)).is_ok());
    });
    measure("apache-avro: write by serde", iterations, || {
        black_box(writer.write_ser_to_vec(black_box(&event)).is_ok());
    });
    Ok(())
}
