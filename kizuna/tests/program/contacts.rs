//! `kizuna contact`.

use crate::place::{Place, eventually, play, sandbox};
use sandbox::line::Act;
use serde_json::{Value, json};

fn property<'a>(shown: &'a Value, name: &str) -> &'a Value {
    let properties = shown["properties"].as_array().unwrap();
    properties.iter().find(|property| property["name"] == name).unwrap_or_else(|| panic!("no {name}: {shown}"))
}

#[tokio::test]
async fn it_tells_for_each_property_which_event_set_it() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    let follow = eventually("the connection is known", async || {
        let told = play(&sandbox, 0, "田中さくら", &Act::Follow).await;
        let is_taken = told.reactions.first().is_some_and(|it| it.is_some_and(|it| it.accepted()));
        if !is_taken {
            play(&sandbox, 0, "田中さくら", &Act::Unfollow).await;
        }
        is_taken.then_some(told)
    })
    .await;
    let message = play(&sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
    let user = follow.played.user_id;

    let shown = eventually("HubSpot has the message", async || {
        let shown = place.json(&["contact", "show", &user]).await;
        (property(&shown, "line_last_response_1")["in_hubspot"] == "こんにちは").then_some(shown)
    })
    .await;
    assert_eq!(shown["link"]["state"], "live");
    assert_eq!(shown["email"], json!(format!("{}@line.me", user.to_lowercase())));
    let last_response = property(&shown, "line_last_response_1");
    assert_eq!(last_response["set_by"]["event_id"], json!(message.played.webhook_event_ids[0]));
    assert_eq!(last_response["set_by"]["kind"], "message");
    let followed = property(&shown, "line_follow_1");
    assert_eq!((&followed["value"], &followed["set_by"]["kind"]), (&json!("Yes"), &json!("follow")));
    assert_eq!(followed["set_by"]["event_id"], json!(follow.played.webhook_event_ids[0]));
    let name = property(&shown, "line_user_name_1");
    assert_eq!((&name["value"], &name["set_by"]["kind"]), (&json!("田中さくら"), &json!("profile")));

    let found = place.json(&["contact", "find", "サクラ", "--connection", "1", "--waiting"]).await;
    assert_eq!((&found["found"], &found["partitions_elsewhere"]), (&json!(1), &json!(0)), "{found}");
    let friend = &found["list"][0];
    assert_eq!((&friend["user_id"], &friend["name"]), (&json!(user), &json!("田中さくら")));
    assert_eq!((&friend["unanswered"], &friend["link"]["state"]), (&json!(true), &json!("live")));
    assert_eq!(place.json(&["contact", "find", "佐藤"]).await["found"], 0);

    let people = place.run(&["contact", "find", "ｻｸﾗ"]).await.stdout;
    assert!(people.starts_with("LINE user ") && people.contains("田中さくら"), "{people}");
    assert!(people.ends_with("Found 1 friend; looked at 1 person.\n"), "{people}");

    up.stop().await;
    let table = place.run(&["contact", "show", shown["email"].as_str().unwrap()]).await;
    assert!(table.stdout.contains("LINE Last Response _ 1") && table.stdout.contains("こんにちは"), "{}", table.stdout);

    std::fs::remove_dir_all(place.directory.path().join("data/state")).unwrap();
    let lost = place.run(&["contact", "find"]).await.stdout;
    assert!(lost.contains("no state on this machine: start `kizuna up`, or run `kizuna replay`"), "{lost}");
}

#[tokio::test]
async fn nothing_of_a_deleted_contact_is_said_to_be_still_coming() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    let user = eventually("the connection is known", async || {
        let told = play(&sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
        told.reactions[0].is_some_and(|reaction| reaction.accepted()).then_some(told.played.user_id)
    })
    .await;
    eventually("the contact is made", async || {
        (place.json(&["contact", "show", &user]).await["link"]["state"] == "live").then_some(())
    })
    .await;
    up.stop().await;
    let contact = place.json(&["contact", "show", &user]).await["link"]["contact_id"].as_str().unwrap().to_owned();
    let delete = format!("{}/crm/v3/objects/contacts/{contact}", sandbox.hubspot_api_url);
    let deleted = reqwest::Client::new().delete(delete).bearer_auth(&sandbox.hubspot_token).send().await.unwrap();
    assert!(deleted.status().is_success(), "{deleted:?}");
    place.json(&["verify", "--repair"]).await;
    let shown = place.run(&["contact", "show", &user]).await.stdout;
    assert!(shown.contains("deleted in HubSpot") && !shown.contains("not yet"), "{shown}");
}

#[tokio::test]
async fn a_person_the_log_does_not_know_is_said_to_be_unknown() {
    let ended = Place::new().run(&["contact", "show", "U0123456789abcdef0123456789abcdef"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("holds nothing"), "{}", ended.stderr);
}
