//! `kizuna demo`.

use crate::place::Place;
use serde_json::json;

#[tokio::test]
async fn it_plays_the_story_to_its_end_and_ends_by_itself_in_a_script() {
    let place = Place::new();
    let ended = place.run(&["demo"]).await;
    assert_eq!(ended.status, 0, "{ended:?}");
    for scene in 1..=8 {
        assert!(ended.stdout.contains(&format!("\n{scene}. ")), "scene {scene} is missing: {}", ended.stdout);
    }
    assert!(ended.stdout.contains("kizuna connection add --help"), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
    assert_eq!(std::fs::read_dir(&place.directory).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn it_ends_with_a_deleted_contact_its_successor_and_another_person() {
    let shown = Place::new().json(&["demo"]).await;
    let contacts = shown["contacts"].as_array().unwrap();
    let of = |name: &str, archived: bool| {
        let is_it =
            |it: &&serde_json::Value| it["properties"]["line_user_name_1"] == name && it["archived"] == archived;
        contacts.iter().filter(is_it).collect::<Vec<_>>()
    };
    let (deleted, back) = (of("田中さくら", true), of("田中さくら", false));
    assert_eq!((deleted.len(), back.len(), of("鈴木健一", false).len(), contacts.len()), (1, 1, 1, 3), "{shown}");
    let properties = &back[0]["properties"];
    assert_eq!(properties["email"], deleted[0]["properties"]["email"]);
    assert_eq!(properties["line_id_sync_date_1"], deleted[0]["properties"]["line_id_sync_date_1"]);
    assert_eq!((&properties["line_follow_1"], &properties["line_follow_2"]), (&json!("Yes"), &json!("Yes")));
    assert_eq!(properties["line_last_response_1"], "[スタンプ]");
}

#[tokio::test]
async fn what_it_keeps_can_be_looked_at_afterwards() {
    let place = Place::new();
    let shown = place.json(&["demo", "--keep", "kept"]).await;
    let email = shown["contacts"][0]["properties"]["email"].as_str().unwrap().to_owned();
    let place = place.with("KIZUNA_DATA_DIR", "kept");
    assert_eq!(place.json(&["connection", "list"]).await["in_use"], 2);
    assert_eq!(place.json(&["contact", "show", &email]).await["link"]["state"], "live");
    let again = place.run(&["demo", "--keep", "kept"]).await;
    assert!(again.status == 1 && again.stderr.contains("kept"), "{again:?}");
}
