//! The story of a friend on three real Kafka brokers, with an ingest and two projectors; test for test the same as on the
//! embedded log.
//!
//! ```text
//! tests/kafka/rig.sh cargo test -p kizuna --test story_kafka
//! ```

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod deployment;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;
mod scenes;

macro_rules! on_this_log {
    ($scene:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $scene() {
            crate::scenes::$scene(crate::deployment::Deployment::kafka(stringify!($scene)).await).await;
        }
    };
}

scenes::each!(on_this_log);

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_that_is_killed_under_load_leaves_nothing_undone_and_nothing_doubled() {
    let mut deployment = deployment::Deployment::kafka("killed").await;
    scenes::many_friends_follow(&deployment, 0..60).await;
    deployment.kill_a_projector().await;
    scenes::many_friends_follow(&deployment, 60..120).await;
    deployment.start_a_projector("third").await;
    scenes::many_friends_follow(&deployment, 120..180).await;
    scenes::every_friend_has_one_contact(&deployment, 0..180).await;
}
