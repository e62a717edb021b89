//! Measures the embedded log on a disk: `cargo run --release -p eventlog --example measure -- DIRECTORY`.

use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Error, Log, NewRecord, Topic};
use runtime::clock::SystemClock;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of each record's value.
const VALUE_BYTES: usize = 250;
/// How long each rate of appends is measured.
const MEASURED: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let dir = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from).join("measured-log");
    let log = EmbeddedLog::open(&dir, Options::new(Arc::new(SystemClock)))?;
    for appenders in [1, 16, 256] {
        let rate = append_rate(&log, appenders).await?;
        println!("{appenders:>4} appenders of one record at a time: {rate:>9.0} records/s");
    }
    let log: Arc<dyn Log> = log;
    let scans = tokio::task::block_in_place(|| (0..10).map(|_| scan_rate(&log)).collect::<Result<Vec<_>, _>>())?;
    println!("best of ten scans of all records: {:>9.0} records/s", scans.into_iter().fold(0.0, f64::max));
    Ok(())
}

async fn append_rate(log: &Arc<EmbeddedLog>, appenders: u32) -> Result<f64, Error> {
    let since = Instant::now();
    let tasks: Vec<_> = (0..appenders)
        .map(|appender| {
            let log = Arc::clone(log);
            tokio::spawn(async move {
                let mut appended = 0;
                while since.elapsed() < MEASURED {
                    let key = format!("U{appender:032x}/1/{appended:026}");
                    let value = Some(vec![b'v'; VALUE_BYTES]);
                    log.append(vec![NewRecord { topic: Topic::LineEvents, key: key.into(), value }]).await?;
                    appended += 1;
                }
                Ok::<u32, Error>(appended)
            })
        })
        .collect();
    let mut appended = 0;
    for task in tasks {
        appended += task.await.expect("an appender does not panic")?;
    }
    Ok(f64::from(appended) / since.elapsed().as_secs_f64())
}

fn scan_rate(log: &Arc<dyn Log>) -> Result<f64, Error> {
    let mut reader = log.reader(Topic::LineEvents, 0, 0)?;
    let (since, mut count) = (Instant::now(), 0_u32);
    loop {
        let records = reader.next(10_000, Duration::ZERO)?;
        if records.is_empty() {
            return Ok(f64::from(count) / since.elapsed().as_secs_f64());
        }
        count += u32::try_from(records.len()).expect("at most what was asked for");
    }
}
