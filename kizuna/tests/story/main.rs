//! The story of a friend, test for test the same on the embedded log and, with the feature `kafka-rig`, on three real Kafka
//! brokers with an ingest and two projectors.

#![allow(clippy::unwrap_used)]

mod deployment;
#[path = "../program/place.rs"]
#[allow(dead_code)]
mod place;
mod scenes;

macro_rules! stories {
    ($($scene:ident,)+) => {
        #[cfg(not(feature = "kafka-rig"))]
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scene() {
                crate::scenes::$scene(crate::deployment::Deployment::embedded().await).await;
            })+
        }

        #[cfg(feature = "kafka-rig")]
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scene() {
                crate::scenes::$scene(crate::deployment::Deployment::kafka(stringify!($scene)).await).await;
            })+
        }
    };
}

stories! {
    a_friend_becomes_a_contact_and_writes_and_blocks,
    a_deleted_contact_comes_back_only_by_a_message_or_a_follow,
    two_accounts_of_one_provider_share_a_contact,
    many_friends_at_once_become_a_contact_each,
}

#[cfg(feature = "kafka-rig")]
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
