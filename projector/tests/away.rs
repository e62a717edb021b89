//! A log that is away for a while.

#![allow(clippy::unwrap_used)]

mod driver;

use driver::log::Unsteady;
use driver::{Driver, user};
use eventlog::Log;
use projector::status::Status;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn lag_is_asked_for_once_where_the_log_does_not_answer() {
    let mut driver = Driver::with_partitions(2).await;
    let log = Unsteady::over(&driver.log);
    driver.log = Arc::clone(&log) as Arc<dyn Log>;
    driver.follow(1, user(1), 1_000).await;
    let status = Arc::new(Status::default());
    let parts = driver.parts(&status);
    let mut session = parts.member.join().unwrap();
    while !status.is_ready() {
        session.step(Duration::from_secs(1)).await.unwrap();
    }
    log.is_silent.store(true, Ordering::SeqCst);
    for measured in 1..=3 {
        tokio::time::advance(Duration::from_secs(10)).await;
        session.step(Duration::ZERO).await.unwrap();
        assert_eq!(log.asked.load(Ordering::SeqCst), measured);
    }
}
