//! `kizuna erase`.

use crate::place::eventually;
use crate::world::{PERSON, World};
use sandbox::line::Act;
use serde_json::json;
use std::path::Path;

const CANARY: &str = "CANARY-7f3a-むかしの言葉";

/// The files below a directory that hold these bytes.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

async fn assert_forgotten(world: &World, user: &str) {
    for canary in [CANARY, PERSON] {
        assert_eq!(holding(&world.data(""), canary), [""; 0]);
    }
    let shown = world.place.json(&["contact", "show", user]).await;
    assert_eq!((&shown["link"]["state"], &shown["properties"]), (&json!("erased"), &json!([])));
    assert_eq!(world.place.json(&["replay", "--dry-run"]).await["changes"], 0);
}

#[tokio::test]
async fn beside_a_running_up_nothing_of_the_person_is_left_and_the_others_are_untouched() {
    let (world, up) = World::begin().await;
    world.act(PERSON, &Act::Follow).await;
    let user = world.say_and_see(PERSON, CANARY).await;
    let id = world.id(&user);
    let writes = world.writes();
    assert!(!holding(&world.data(""), CANARY).is_empty());

    let erased = world.place.json(&["erase", &user, "--yes"]).await;
    assert_eq!(erased["contacts"], json!([{ "contact_id": id.to_string(), "outcome": "deleted" }]));
    assert_eq!((&erased["compacted"], &erased["state_forgotten"]), (&json!(true), &json!(true)));
    assert!(erased["records"]["line.events"].as_u64().unwrap() >= 2, "{erased}");
    let archived = world.sandbox.handle().hubspot(|portal, _| portal.contacts().get(id).is_some());
    assert!(!archived && world.contacts(&user).is_empty());
    assert_forgotten(&world, &user).await;
    assert_eq!(world.writes(), writes);

    up.stop().await;
    assert_forgotten(&world, &user).await;
    assert_eq!(world.place.json(&["replay"]).await["changes"], 0);
    let _up = world.up().await;
    assert_forgotten(&world, &user).await;
    assert_eq!(world.sandbox.handle().hubspot(|portal, _| portal.contacts().live_count()), 1, "the other one");
}

#[tokio::test]
async fn who_writes_again_is_a_new_friend_with_only_new_data() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, CANARY).await;
    let before = world.contact(&user).unwrap().value("line_id_sync_date_1").unwrap().into_owned();
    // Into the bin, for HubSpot takes no address again that was deleted for good.
    world.place.json(&["erase", &user, "--yes", "--keep-in-recycle-bin"]).await;
    assert!(world.contacts(&user).is_empty());

    world.act(PERSON, &Act::Unfollow).await;
    world.settled().await;
    assert!(world.contacts(&user).is_empty(), "only a message or a follow brings somebody back");
    world.act(PERSON, &Act::Follow).await;
    world.see(&user, "line_follow_1", "Yes").await;
    let contact = world.contact(&user).unwrap();
    assert_eq!(contact.value("line_last_response_1"), None);
    assert!(*contact.value("line_id_sync_date_1").unwrap() > *before);
    assert_eq!(holding(&world.data(""), CANARY), [""; 0]);

    world.say_and_see(PERSON, "あたらしい言葉").await;
    assert_eq!(world.place.json(&["erase", &user, "--yes", "--keep-in-recycle-bin"]).await["state_forgotten"], true);
    assert_eq!(holding(&world.data(""), "あたらしい言葉"), [""; 0], "erased once more");
    assert_forgotten(&world, &user).await;
}

#[tokio::test]
async fn without_a_running_up_the_state_is_made_anew_from_what_is_left() {
    let (world, up) = World::begin().await;
    let user = world.say_and_see(PERSON, CANARY).await;
    up.stop().await;
    let erased = world.place.json(&["erase", &user, "--yes"]).await;
    assert_eq!((&erased["compacted"], &erased["state_forgotten"]), (&json!(true), &json!(true)));
    assert_forgotten(&world, &user).await;
    let _up = world.up().await;
    assert_forgotten(&world, &user).await;
}

#[tokio::test]
async fn who_is_erased_for_good_never_comes_back() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, CANARY).await;
    let erased = world.place.json(&["erase", &user, "--yes", "--for-good", "--keep-in-recycle-bin"]).await;
    assert_eq!(erased["since_ms"], json!(null));
    world.say(PERSON, "still there?").await;
    world.say_and_see("先客", "someone else").await;
    assert!(world.contacts(&user).is_empty());
    assert_eq!(world.place.json(&["contact", "show", &user]).await["properties"], json!([]));

    let again = world.place.json(&["erase", &user, "--yes"]).await;
    assert_eq!(
        again["since_ms"],
        json!(null),
        "another erasure replaces the first in the log, and is for good as well"
    );
}

#[tokio::test]
async fn a_contact_whose_address_a_person_replaced_is_found_and_deleted_too() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, CANARY).await;
    let id = world.id(&user);
    let change = [("email".to_owned(), "sakura@example.jp".to_owned())].into();
    world.sandbox.handle().hubspot(|portal, now_ms| portal.edit(now_ms, id, &change)).unwrap();
    world.place.json(&["erase", &user, "--yes"]).await;
    assert!(world.contacts(&user).is_empty());
}

#[tokio::test]
async fn when_hubspot_does_not_delete_it_the_command_says_so_and_can_be_run_again() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, CANARY).await;
    let good = world.sandbox.hubspot_token.clone();
    world.sandbox.handle().hubspot(|portal, _| portal.revoke_token(&good));
    let ended = world.place.run(&["erase", &user, "--yes"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("run this again"), "{}", ended.stderr);
    assert_eq!(world.contacts(&user).len(), 1);
    world.sandbox.handle().hubspot(|portal, _| portal.accept_token(&good));
    world.place.json(&["erase", &user, "--yes"]).await;
    assert!(world.contacts(&user).is_empty());
    eventually("the state has forgotten", async || holding(&world.data(""), CANARY).is_empty().then_some(())).await;
}

#[tokio::test]
async fn where_nobody_can_be_asked_it_does_what_it_is_told() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, CANARY).await;
    let ended = world.place.run(&["erase", &user]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(world.contacts(&user).is_empty());
}
