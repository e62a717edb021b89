//! `kizuna verify`.

use crate::place::eventually;
use crate::world::{PERSON, World, kinds};
use sandbox::hubspot::{Fault, FaultKind};
use serde_json::json;
use std::collections::BTreeMap;

fn edit(world: &World, user: &str, property: &str, value: &str) {
    let id = world.id(user);
    let change = BTreeMap::from([(property.to_owned(), value.to_owned())]);
    world.sandbox.handle().hubspot(|portal, now_ms| portal.edit(now_ms, id, &change)).unwrap();
}

#[tokio::test]
async fn what_is_in_step_has_no_drift() {
    let (world, _up) = World::begin().await;
    world.say_and_see(PERSON, "こんにちは").await;
    let verified = world.place.json(&["verify"]).await;
    assert_eq!((&verified["people"], &verified["drift"]), (&json!(2), &json!(0)), "{verified}");
}

#[tokio::test]
async fn what_a_running_up_writes_meanwhile_is_no_drift() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, "one").await;
    let hubspot = world.sandbox.handle();
    hubspot.hubspot(|portal, _| portal.inject(Fault::next(FaultKind::Locked).at("contacts/batch/read")));
    let message = async {
        // By then the log was read, and HubSpot has not shown anything yet.
        let is_locked = || hubspot.hubspot(|portal, _| portal.calls().answered("contacts/batch/read", 423) > 0);
        eventually("HubSpot asks for time", async || is_locked().then_some(())).await;
        world.say(PERSON, "two").await;
        let shows =
            || world.contact(&user).is_some_and(|it| it.value("line_last_response_1").as_deref() == Some("two"));
        eventually("HubSpot shows it", async || shows().then_some(())).await;
    };
    let (verified, ()) = tokio::join!(world.place.json(&["verify"]), message);
    assert_eq!((&verified["people"], &verified["drift"]), (&json!(2), &json!(0)), "{verified}");
}

#[tokio::test]
async fn a_persons_edit_is_told_and_a_repair_lets_the_running_up_overwrite_it() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, "こんにちは").await;
    edit(&world, &user, "line_last_response_1", "typed by hand");
    let verified = world.place.json(&["verify"]).await;
    assert_eq!(kinds(&verified), ["edited"], "{verified}");
    let row = &verified["list"][0];
    assert_eq!((&row["property"], &row["in_hubspot"]), (&json!("line_last_response_1"), &json!("typed by hand")));
    assert_eq!((&row["wanted"], &verified["repaired"]), (&json!("こんにちは"), &json!(0)));
    assert_eq!(world.place.json(&["verify"]).await["drift"], 1, "looking heals nothing");

    let repaired = world.place.json(&["verify", "--repair"]).await;
    assert_eq!(repaired["repaired"], 1);
    world.see(&user, "line_last_response_1", "こんにちは").await;
    assert_eq!(world.place.json(&["verify"]).await["drift"], 0);
}

#[tokio::test]
async fn edits_of_properties_that_are_not_ours_are_nobodys_business() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, "こんにちは").await;
    edit(&world, &user, "email", "sakura@example.jp");
    edit(&world, &user, "firstname", "さくら");
    assert_eq!(world.place.json(&["verify", "--repair"]).await["drift"], 0);
    assert_eq!(world.contact(&user).unwrap().email(), Some("sakura@example.jp"));
}

#[tokio::test]
async fn a_deleted_contact_is_recorded_as_gone_and_stays_deleted() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, "こんにちは").await;
    let id = world.id(&user);
    world.sandbox.handle().hubspot(|portal, now_ms| portal.delete(now_ms, id)).unwrap();
    let verified = world.place.json(&["verify", "--repair"]).await;
    assert_eq!(kinds(&verified), ["gone"]);
    assert_eq!(world.place.json(&["verify"]).await["drift"], 0);
    world.settled().await;
    assert!(world.contacts(&user).is_empty());
    world.say_and_see(PERSON, "またね").await;
}

#[tokio::test]
async fn a_restored_contact_is_taken_up_again() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, "こんにちは").await;
    let id = world.id(&user);
    world.sandbox.handle().hubspot(|portal, now_ms| portal.delete(now_ms, id)).unwrap();
    world.place.json(&["verify", "--repair"]).await;
    world.sandbox.handle().hubspot(|portal, now_ms| portal.restore(now_ms, id)).unwrap();
    let verified = world.place.json(&["verify", "--repair"]).await;
    assert_eq!(kinds(&verified), ["restored"]);
    assert_eq!(world.place.json(&["contact", "show", &user]).await["link"]["state"], "live");
}

#[tokio::test]
async fn two_contacts_of_one_line_user_are_reported_and_left_to_people() {
    let (world, _up) = World::begin().await;
    let user = world.say_and_see(PERSON, "こんにちは").await;
    let imported = BTreeMap::from([
        ("email".to_owned(), "imported@example.jp".to_owned()),
        ("line_user_id_1".to_owned(), user.clone()),
    ]);
    let other = world.sandbox.handle().hubspot(|portal, now_ms| portal.add(now_ms, &imported)).unwrap();
    let verified = eventually("search knows of it", async || {
        let verified = world.place.json(&["verify", "--repair"]).await;
        (verified["drift"] == 1).then_some(verified)
    })
    .await;
    assert_eq!(kinds(&verified), ["duplicate"]);
    let others = verified["list"][0]["others"].as_array().unwrap().clone();
    let both = [world.id(&user).to_string(), other.to_string()];
    assert!(others.iter().all(|id| both.contains(&id.as_str().unwrap().to_owned())), "{verified}");
    assert_eq!(world.contacts(&user).len(), 2);
    assert_eq!(world.place.json(&["verify", "--no-search"]).await["drift"], 0);
}

#[tokio::test]
async fn a_list_that_an_error_ends_is_whole_json_and_says_that_it_was_broken_off() {
    let (world, _up) = World::begin().await;
    world.sandbox.handle().hubspot(|portal, _| portal.expire_tokens(0));
    let ended = world.place.run(&["verify", "--json"]).await;
    assert_eq!(ended.status, 1, "{ended:?}");
    assert_eq!(ended.json(), json!({ "list": [], "broken_off": true }));
    assert!(ended.stderr.contains("HubSpot could not be read"), "{ended:?}");
}

#[tokio::test]
async fn without_a_token_it_says_which_setting_is_missing() {
    let place = crate::place::Place::new();
    let add = ["connection", "add", "--name", "x", "--channel-id", "1", "--channel-secret", "s", "--skip-line-checks"];
    assert_eq!(place.run(&add).await.status, 0);
    let ended = place.run(&["verify"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("KIZUNA_HUBSPOT_TOKEN"), "{}", ended.stderr);
}
