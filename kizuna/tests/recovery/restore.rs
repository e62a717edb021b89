//! What is noticed when a store or a log is not the one it was.

use crate::world::{PERSON, World, copy, put_back};

#[tokio::test]
async fn a_deleted_store_is_rebuilt_and_nothing_is_sent() {
    let (world, up) = World::begin().await;
    let user = world.say_and_see(PERSON, "こんにちは").await;
    up.stop().await;
    std::fs::remove_dir_all(world.data("state")).unwrap();
    let writes = world.writes();
    let _up = world.up().await;
    world.settled().await;
    assert_eq!(world.writes(), writes);
    world.say_and_see(PERSON, "またね").await;
    assert_eq!((world.writes(), world.contacts(&user).len()), (writes + 1, 1));
}

#[tokio::test]
async fn an_older_copy_of_the_store_catches_up_and_nothing_is_sent() {
    let (world, up) = World::begin().await;
    world.say_and_see(PERSON, "one").await;
    up.stop().await;
    let older = tempfile::tempdir().unwrap();
    copy(&world.data("state"), older.path());
    let up = world.up().await;
    let user = world.say_and_see(PERSON, "two").await;
    up.stop().await;

    put_back(older.path(), &world.data("state"));
    let writes = world.writes();
    let _up = world.up().await;
    world.settled().await;
    assert_eq!(world.writes(), writes);
    assert_eq!(world.contact(&user).unwrap().value("line_last_response_1").as_deref(), Some("two"));
}

#[tokio::test]
async fn a_store_ahead_of_an_older_copy_of_the_log_is_rebuilt_from_it_and_said_to_be() {
    let (world, up) = World::begin().await;
    world.say_and_see(PERSON, "one").await;
    up.stop().await;
    let older = tempfile::tempdir().unwrap();
    copy(&world.data("log"), older.path());
    let up = world.up().await;
    let user = world.say_and_see(PERSON, "two").await;
    let later = world.say_and_see("山田太郎", "はじめまして").await;
    up.stop().await;

    put_back(older.path(), &world.data("log"));
    let writes = world.writes();
    let up = world.up().await;
    world.settled().await;
    assert_eq!(world.writes(), writes, "what the older log says was confirmed long ago");
    // The log does not know this contact any more. It is found again, not doubled.
    world.say_and_see("山田太郎", "もどりました").await;
    assert_eq!((world.contacts(&user).len(), world.contacts(&later).len()), (1, 1));
    let ended = up.stop().await;
    assert!(ended.stderr.contains("ahead of the log"), "{}", ended.stderr);
}

#[tokio::test]
async fn after_an_older_log_was_put_back_verify_finds_what_it_does_not_know_and_heals_it() {
    let (world, up) = World::begin().await;
    world.say_and_see(PERSON, "one").await;
    up.stop().await;
    let older = tempfile::tempdir().unwrap();
    copy(&world.data("log"), older.path());
    let up = world.up().await;
    let user = world.say_and_see(PERSON, "two").await;
    up.stop().await;

    put_back(older.path(), &world.data("log"));
    let _up = world.up().await;
    let verified = world.place.json(&["verify", "--repair"]).await;
    assert_eq!(crate::world::kinds(&verified), ["edited"], "{verified}");
    world.see(&user, "line_last_response_1", "one").await;
}

#[tokio::test]
async fn a_store_beside_a_foreign_log_is_thrown_away_and_said_to_be() {
    let (world, up) = World::begin().await;
    world.say_and_see(PERSON, "こんにちは").await;
    up.stop().await;
    let (other, up) = World::begin().await;
    up.stop().await;

    put_back(&other.data("log"), &world.data("log"));
    std::fs::copy(other.data("master.key"), world.data("master.key")).unwrap();
    let up = world.place.up().await;
    let dry = world.place.json(&["replay", "--dry-run"]).await;
    assert_eq!(dry["changes"], 0, "{dry}");
    let ended = up.stop().await;
    assert!(ended.stderr.contains("not of this log"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_foreign_log_whose_secrets_have_another_key_is_refused_with_advice() {
    let (world, up) = World::begin().await;
    up.stop().await;
    let (other, up) = World::begin().await;
    up.stop().await;
    put_back(&other.data("log"), &world.data("log"));
    let ended = world.place.run(&["up"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("KIZUNA_MASTER_KEY"), "{}", ended.stderr);
}
