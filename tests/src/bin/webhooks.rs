//! Sends signed webhooks to any receiver on this machine and says what it took: how many, how fast, at what cost.
//!
//! ```text
//! webhooks --url http://127.0.0.1:8080/line/webhook/TOKEN --secret SECRET --server PID
//! ```
//!
//! Each connection sends the next webhook when the last one is answered. With `--rate`, webhooks are due at fixed times, and
//! their time counts from then, so that a receiver that stalls does not look well by being sent less.

use anyhow::ensure;
use clap::Parser;
use kizuna_tests::bench::process::processor_time;
use kizuna_tests::bench::webhooks::{Target, Times};
use line::signature::Key;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Send signed webhooks and measure.
#[derive(Parser)]
struct Arguments {
    /// Where to.
    #[arg(long)]
    url: String,
    /// The channel secret that signs them.
    #[arg(long)]
    secret: String,
    /// The bot user ID that they name.
    #[arg(long, default_value = "Uc7472b39e21dab71c2347e02714630d6")]
    destination: String,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 64)]
    clients: u32,
    /// How long, after a tenth of it that is not counted.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Webhooks per second; as many as are answered if not given.
    #[arg(long)]
    rate: Option<f64>,
    /// Friends who write; each webhook is of another one.
    #[arg(long, default_value_t = 10_000)]
    friends: u64,
    /// The process that receives, of which the processor time is read.
    #[arg(long)]
    server: u32,
}

/// What all connections share.
struct Plan {
    target: Target,
    requests: Vec<Vec<u8>>,
    clients: u32,
    interval: Option<Duration>,
    counted_from: Instant,
    until: Instant,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let target = Target::parse(&arguments.url)?;
    let requests = target.requests(&Key::new(&arguments.secret), &arguments.destination, arguments.friends, 1);
    let (began, length) = (Instant::now(), Duration::from_secs_f64(arguments.seconds));
    let counted_from = began + length / 10;
    let plan = Arc::new(Plan {
        target,
        requests,
        clients: arguments.clients,
        interval: arguments.rate.map(|rate| Duration::from_secs_f64(f64::from(arguments.clients) / rate)),
        counted_from,
        until: counted_from + length,
    });
    let clients: Vec<_> = (0..plan.clients).map(|place| tokio::spawn(send(Arc::clone(&plan), place))).collect();
    sleep_until(plan.counted_from).await;
    let before = processor_time(arguments.server)?;
    let mut times = Times::default();
    for client in clients {
        times.append(client.await??);
    }
    let cost = processor_time(arguments.server)? - before;
    let count = times.count();
    ensure!(count > 0, "nothing was answered");
    let report = serde_json::json!({
        "accepted": count,
        "per_second": count as f64 / length.as_secs_f64(),
        "cpu_ms_per_1000": cost.as_secs_f64() * 1e6 / count as f64,
        "p50_ms": times.quantile_ms(0.5),
        "p99_ms": times.quantile_ms(0.99),
    });
    println!("{report}");
    Ok(())
}

/// One connection, until the time is over.
async fn send(plan: Arc<Plan>, place: u32) -> anyhow::Result<Times> {
    let mut sender = plan.target.connect().await?;
    let mine = plan.requests.iter().skip(place as usize).step_by(plan.clients as usize);
    let mut requests = mine.cycle();
    let mut times = Times::default();
    let mut due = Instant::now() + plan.interval.unwrap_or_default() * place / plan.clients;
    while let Some(request) = requests.next().filter(|_| due < plan.until) {
        if plan.interval.is_some() {
            sleep_until(due).await;
        }
        sender.send(request).await?;
        let now = Instant::now();
        if due >= plan.counted_from {
            times.add(now - due);
        }
        due = plan.interval.map_or(now, |interval| due + interval);
    }
    Ok(times)
}
