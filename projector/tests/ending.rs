//! How a projector ends other than by its shutdown.

#![allow(clippy::unwrap_used)]

mod driver;

use driver::{Driver, user};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_panics_ends_the_projector() {
    let driver = Driver::new().await;
    driver.crm.panics.store(true, Ordering::SeqCst);
    driver.follow(1, user(1), 1_000).await;
    driver.start().until_it_panics().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_panics_ends_the_projector() {
    let driver = Driver::new().await;
    driver.profiles.panics.store(true, Ordering::SeqCst);
    driver.follow(1, user(1), 1_000).await;
    driver.start().until_it_panics().await;
}

#[test]
fn a_projector_that_nobody_waits_for_any_longer_stops_folding() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = runtime.block_on(async {
        let driver = Driver::new().await;
        driver.follow(1, user(1), 1_000).await;
        let running = driver.start();
        driver.contact_with(user(1), "line_follow_1", "Yes").await;
        let status = Arc::clone(&running.status);
        running.forget();
        status
    });
    // Waits for threads, but not for ever.
    runtime.shutdown_timeout(Duration::from_secs(20));
    assert_eq!(Arc::strong_count(&status), 1, "the fold still tells how far it is");
}
