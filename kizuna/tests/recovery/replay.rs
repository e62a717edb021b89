//! `kizuna replay`.

use crate::place::eventually;
use crate::world::{PERSON, World};
use sandbox::line::Act;
use serde_json::json;

#[tokio::test]
async fn a_synced_log_has_no_changes_beside_a_running_up_and_without_one() {
    let (world, up) = World::begin().await;
    world.say_and_see(PERSON, "こんにちは").await;
    let writes = world.writes();
    for _ in 0..2 {
        let dry = world.place.json(&["replay", "--dry-run"]).await;
        assert_eq!(
            (&dry["changes"], &dry["contacts"], &dry["calls"], &dry["list"]),
            (&json!(0), &json!(0), &json!(0), &json!([]))
        );
        assert!(dry["records"].as_u64().unwrap() > 2, "{dry}");
    }
    up.stop().await;
    let text = world.place.run(&["replay", "--dry-run"]).await;
    assert!(text.stdout.contains("0 changes"), "{text:?}");
    assert_eq!(world.writes(), writes);
}

#[tokio::test]
async fn a_dry_run_lists_what_would_be_written_and_the_next_start_writes_exactly_that() {
    let (world, up) = World::begin().await;
    let user = world.say_and_see(PERSON, "one").await;
    up.stop().await;
    // Taken in without HubSpot, so that the log is ahead of it.
    let token = world.sandbox.hubspot_token.clone();
    let world = World { place: world.place.without("KIZUNA_HUBSPOT_TOKEN"), ..world };
    let up = world.up().await;
    world.say(PERSON, "two").await;
    up.stop().await;
    let world = World { place: world.place.with("KIZUNA_HUBSPOT_TOKEN", &token), ..world };

    let writes = world.writes();
    let dry = world.place.json(&["replay", "--dry-run"]).await;
    assert_eq!((&dry["changes"], &dry["contacts"], &dry["calls"]), (&json!(1), &json!(1), &json!(1)), "{dry}");
    let row = &dry["list"][0];
    assert_eq!((&row["action"], &row["contact_id"]), (&json!("update"), &json!(world.id(&user).to_string())));
    let expected = json!([{ "name": "line_last_response_1", "from": "one", "to": "two" }]);
    assert_eq!(row["properties"], expected);

    let replayed = world.place.json(&["replay"]).await;
    assert_eq!((&replayed["changes"], &replayed["replaced"]), (&json!(1), &json!(true)));
    assert_eq!(world.writes(), writes, "a replay sends nothing itself");
    let _up = world.up().await;
    world.see(&user, "line_last_response_1", "two").await;
    assert_eq!(world.writes(), writes + 1);
}

#[tokio::test]
async fn a_state_that_a_running_up_works_with_is_not_replaced_and_the_message_says_what_to_do() {
    let (world, up) = World::begin().await;
    let ended = world.place.run(&["replay"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("stop `kizuna up`") && ended.stderr.contains("--dry-run"), "{}", ended.stderr);
    up.stop().await;
    let replayed = world.place.json(&["replay"]).await;
    assert_eq!(replayed["replaced"], true);
    assert!(!world.data("state/rebuild").exists(), "nothing is left behind");
}

#[tokio::test]
async fn a_contact_that_people_deleted_stays_deleted_over_a_replay() {
    let (world, up) = World::begin().await;
    let user = world.say_and_see(PERSON, "こんにちは").await;
    let id = world.id(&user);
    world.sandbox.handle().hubspot(|portal, now_ms| portal.delete(now_ms, id)).unwrap();
    world.act(PERSON, &Act::Unfollow).await;
    eventually("the deletion is noticed", async || {
        let shown = world.place.json(&["contact", "show", &user]).await;
        (shown["link"]["state"] == "gone").then_some(())
    })
    .await;
    up.stop().await;
    let replayed = world.place.json(&["replay"]).await;
    assert_eq!(replayed["changes"], 0);
    let _up = world.up().await;
    assert!(world.contacts(&user).is_empty());
}
