//! The story of a friend on the embedded log. On three real Kafka brokers: `kafka.rs`.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod deployment;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;
#[allow(dead_code)]
mod scenes;

macro_rules! on_this_log {
    ($scene:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $scene() {
            crate::scenes::$scene(crate::deployment::Deployment::embedded().await).await;
        }
    };
}

scenes::each!(on_this_log);
