//! `kizuna connection`: numbers, quota, checks, properties, interruptions.

use crate::place::{Ended, Place, eventually, play, sandbox, step};
use sandbox::line::{Act, Channel};
use sandbox::{Options, Sandbox};
use serde_json::json;

async fn add(place: &Place, channel: &Channel, more: &[&str]) -> Ended {
    let flags = ["connection", "add", "--json", "--channel-id", &channel.id, "--channel-secret", &channel.secret];
    place.run(&[&flags[..], more].concat()).await
}

fn properties(sandbox: &Sandbox) -> usize {
    let ours = |portal: &mut sandbox::hubspot::Portal| portal.catalogue().custom().count();
    sandbox.handle().hubspot(|portal, _| ours(portal))
}

#[tokio::test]
async fn connections_are_numbered_listed_shown_and_removed() {
    let place = Place::new();
    let first = place.add_unchecked("1000000001").await;
    assert_eq!(first["number"], 1);
    let path = first["webhook_path"].as_str().unwrap();
    assert_eq!(path.strip_prefix("/line/webhook/").map(str::len), Some(32));
    assert_eq!(first["webhook_url"], json!(format!("http://127.0.0.1:8080{path}")));
    assert_eq!(place.add_unchecked("1000000002").await["number"], 2);

    let list = place.json(&["connection", "list"]).await;
    assert_eq!(
        (&list["in_use"], &list["max"], list["connections"].as_array().unwrap().len()),
        (&json!(2), &json!(2), 2)
    );
    let shown = place.json(&["connection", "show", "1"]).await;
    assert_eq!((&shown["webhook_path"], &shown["name"]), (&first["webhook_path"], &json!("本店")));
    assert_eq!(shown["properties"][0]["name"], "line_user_id_1");

    assert_eq!(place.json(&["connection", "remove", "1"]).await["state"], "removed");
    assert_eq!(place.json(&["connection", "list"]).await["connections"].as_array().unwrap().len(), 1);
    assert_eq!(place.json(&["connection", "list", "--all"]).await["connections"].as_array().unwrap().len(), 2);
    assert_eq!(place.add_unchecked("1000000003").await["number"], 3, "numbers are never used again");
}

#[tokio::test]
async fn the_plan_limits_connections_and_a_removed_one_makes_room() {
    let place = Place::new();
    place.add_unchecked("1000000001").await;
    place.add_unchecked("1000000002").await;
    let third = [
        "connection",
        "add",
        "--name",
        "x",
        "--channel-id",
        "1000000003",
        "--channel-secret",
        "s",
        "--skip-line-checks",
    ];
    let refused = place.run(&[&third[..], &["--json"]].concat()).await;
    assert_eq!(refused.status, 1);
    let said = refused.json();
    assert_eq!((&said["number"], &step(&said, "quota")["result"]), (&json!(null), &json!("failed")));
    place.json(&["connection", "remove", "2"]).await;
    assert_eq!(place.json(&third).await["number"], 3);
}

#[tokio::test]
async fn a_hundred_adds_at_once_get_numbers_of_their_own_up_to_the_quota() {
    let place = Place::new().with("KIZUNA_PLAN", "professional");
    place.json(&["connection", "list"]).await;
    let channels: Vec<String> = (0..100).map(|it| format!("10000000{it:02}")).collect();
    let adds = channels.iter().map(|channel| async {
        let flags = ["--name", "x", "--channel-secret", "s", "--skip-line-checks", "--json", "--channel-id", channel];
        place.run(&[&["connection", "add"], &flags[..]].concat()).await
    });
    let ended = join_all(adds).await;
    let mut numbers: Vec<_> = ended.iter().filter(|it| it.status == 0).map(|it| it.json()["number"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).map(Some).collect::<Vec<_>>());
    let refused: Vec<_> = ended.iter().filter(|it| it.status == 1).map(Ended::json).collect();
    assert_eq!(refused.len(), 90);
    assert!(refused.iter().all(|it| step(it, "quota")["result"] == "failed"));
    assert_eq!(place.json(&["connection", "list"]).await["in_use"], 10);
}

#[tokio::test]
async fn a_smaller_plan_removes_no_connection_and_forbids_new_ones() {
    let place = Place::new().with("KIZUNA_PLAN", "professional");
    for channel in ["1000000001", "1000000002", "1000000003"] {
        place.add_unchecked(channel).await;
    }
    let place = place.with("KIZUNA_PLAN", "trial");
    let fourth = ["--name", "x", "--channel-id", "1000000004", "--channel-secret", "s", "--skip-line-checks"];
    for in_use in [3, 2] {
        let list = place.json(&["connection", "list"]).await;
        assert_eq!((&list["in_use"], &list["max"]), (&json!(in_use), &json!(2)));
        let active = |it: &serde_json::Value| it["state"] == "active";
        assert_eq!(list["connections"].as_array().unwrap().iter().filter(|it| active(it)).count(), in_use);
        assert_eq!(place.run(&[&["connection", "add"], &fourth[..]].concat()).await.status, 1);
        place.json(&["connection", "remove", &in_use.to_string()]).await;
    }
    place.add_unchecked("1000000001").await;
    assert_eq!(place.add_unchecked("1000000004").await["number"], 4);
}

/// Runs all of them at the same time.
async fn join_all<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(|it| (Box::pin(it), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut all {
            if output.is_none()
                && let std::task::Poll::Ready(ended) = future.as_mut().poll(context)
            {
                *output = Some(ended);
            }
        }
        if all.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    all.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test]
async fn line_is_asked_whose_credentials_these_are_and_proposes_the_name() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let channel = sandbox.line_channels().remove(0);
    let token = channel.access_token.clone().unwrap();
    let added = add(&place, &channel, &["--access-token", &token]).await;
    assert_eq!(added.status, 0, "{added:?}");
    let added = added.json();
    assert_eq!(added["name"], json!(channel.display_name));
    assert_eq!(step(&added, "credentials")["result"], "done");
    assert_eq!(step(&added, "properties")["result"], "done");
    assert_eq!(place.json(&["connection", "show", "1"]).await["bot_user_id"], json!(channel.bot_user_id));
    assert_eq!(properties(&sandbox), 7);
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_use_up_no_number() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let [one, other]: [Channel; 2] = sandbox.line_channels().try_into().unwrap();
    let wrong_secret = Channel { secret: other.secret.clone(), ..one.clone() };
    let foreign_token = other.access_token.clone().unwrap();
    for refused in [add(&place, &wrong_secret, &[]).await, add(&place, &one, &["--access-token", &foreign_token]).await]
    {
        assert_eq!(refused.status, 1);
        assert_eq!(step(&refused.json(), "credentials")["result"], "failed");
        assert!(step(&refused.json(), "credentials")["by_hand"].as_str().unwrap().contains("チャネル基本設定"));
    }
    assert_eq!(add(&place, &one, &[]).await.json()["number"], 1);
}

#[tokio::test]
async fn the_same_official_account_is_not_connected_twice() {
    let [one, mut other]: [Channel; 2] = Options::default().channels.try_into().unwrap();
    other.bot_user_id.clone_from(&one.bot_user_id);
    let channels = vec![one.clone(), other.clone()];
    let sandbox = sandbox::start(Options { channels, ..Options::default() }).await.unwrap();
    let place = Place::beside(&sandbox);
    assert_eq!(add(&place, &one, &[]).await.status, 0);
    let refused = add(&place, &other, &[]).await;
    assert_eq!(refused.status, 1);
    assert!(step(&refused.json(), "credentials")["detail"].as_str().unwrap().contains("as number 1"));
}

#[tokio::test]
async fn adding_again_completes_what_failed_and_doubles_nothing() {
    let sandbox = sandbox().await;
    let channel = sandbox.line_channels().remove(0);
    let place = Place::beside(&sandbox).without("KIZUNA_HUBSPOT_TOKEN");
    let first = add(&place, &channel, &[]).await;
    assert_eq!(first.status, 0);
    assert_eq!(step(&first.json(), "properties")["result"], "skipped");
    assert!(step(&first.json(), "properties")["by_hand"].as_str().unwrap().contains("KIZUNA_HUBSPOT_TOKEN"));
    assert_eq!(properties(&sandbox), 0);

    let place = place.with("KIZUNA_HUBSPOT_TOKEN", &sandbox.hubspot_token);
    let again = add(&place, &channel, &["--description", "銀座"]).await;
    assert_eq!(again.status, 0);
    let (first, again) = (first.json(), again.json());
    assert_eq!((&again["number"], &again["webhook_path"]), (&first["number"], &first["webhook_path"]));
    assert_eq!(step(&again, "properties")["result"], "done");
    assert_eq!(properties(&sandbox), 7);
    assert_eq!(add(&place, &channel, &[]).await.json()["number"], 1);
    assert_eq!(properties(&sandbox), 7);
    assert_eq!(place.json(&["connection", "show", "1"]).await["description"], "銀座");
}

#[tokio::test]
async fn adding_again_makes_no_contacts_where_that_was_switched_off() {
    let sandbox = sandbox().await;
    let channel = sandbox.line_channels().remove(0);
    let place = Place::beside(&sandbox);
    assert_eq!(add(&place, &channel, &["--no-auto-create"]).await.status, 0);
    assert_eq!(add(&place, &channel, &[]).await.status, 0);
    assert_eq!(place.json(&["connection", "show", "1"]).await["auto_create"], false);
}

#[tokio::test]
async fn adding_again_without_an_access_token_keeps_the_one_there_is() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let channel = sandbox.line_channels().swap_remove(0);
    assert_eq!(add(&place, &channel, &["--access-token", channel.access_token.as_deref().unwrap()]).await.status, 0);
    assert_eq!(add(&place, &channel, &["--description", "銀座"]).await.status, 0);
    let shown = place.json(&["connection", "show", "1"]).await;
    assert_eq!((&shown["description"], &shown["has_access_token"]), (&"銀座".into(), &true.into()));
}

#[tokio::test]
async fn an_account_without_room_for_its_properties_is_refused() {
    let hubspot = sandbox::hubspot::Settings { custom_property_limit: 6, ..Options::default().hubspot };
    let sandbox = sandbox::start(Options { hubspot, ..Options::default() }).await.unwrap();
    let place = Place::beside(&sandbox);
    let refused = add(&place, &sandbox.line_channels()[0], &[]).await;
    assert_eq!(refused.status, 1);
    assert_eq!(refused.json()["number"], json!(null));
    assert_eq!(properties(&sandbox), 0);
}

#[tokio::test]
async fn hubspot_refusing_the_token_fails_one_step_and_says_what_to_do() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox).without("KIZUNA_HUBSPOT_TOKEN").with("KIZUNA_HUBSPOT_TOKEN", "wrong");
    let added = add(&place, &sandbox.line_channels()[0], &[]).await;
    assert_eq!(added.status, 1);
    assert_eq!(added.json()["number"], 1);
    assert!(step(&added.json(), "properties")["by_hand"].as_str().unwrap().contains("KIZUNA_HUBSPOT_TOKEN"));
}

#[tokio::test]
async fn a_running_up_takes_the_webhooks_of_an_account_added_beside_it() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    let known = async || {
        let told = play(&sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
        told.reactions[0].filter(|reaction| reaction.accepted())
    };
    eventually("the new connection's webhooks are taken", known).await;
    place.json(&["connection", "remove", "1"]).await;
    let refused = async || {
        let told = play(&sandbox, 0, "田中さくら", &Act::message("まだいますか")).await;
        told.reactions[0].filter(|reaction| reaction.status() == 401)
    };
    eventually("the removed connection's webhooks are refused", refused).await;
}

#[tokio::test]
async fn the_webhook_is_set_and_tried_through_line_where_it_can_be_reached() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let up = place.up().await;
    let place = place.with("KIZUNA_PUBLIC_URL", &up.webhook_base_url);
    let channel = sandbox.line_channels().remove(0);
    let added = add(&place, &channel, &[]).await.json();
    for name in ["webhook", "webhook_test", "use_webhook"] {
        assert_eq!(step(&added, name)["result"], "done", "{added}");
    }
    assert_eq!(sandbox.line_channels()[0].endpoint.as_deref(), added["webhook_url"].as_str());
}

#[tokio::test]
async fn line_can_reach_only_a_public_address_and_the_rest_is_told_in_both_languages() {
    let sandbox = sandbox().await;
    let added = add(&Place::beside(&sandbox), &sandbox.line_channels()[0], &[]).await.json();
    assert_eq!(step(&added, "webhook")["result"], "skipped");
    for (name, menu) in
        [("use_webhook", "Webhookの利用"), ("redelivery", "Webhookの再送"), ("auto_reply", "応答メッセージ")]
    {
        let step = step(&added, name);
        assert_eq!(step["result"], "by_hand");
        assert!(step["by_hand"].as_str().unwrap().contains(menu), "{step}");
    }
}

#[tokio::test]
async fn a_running_up_makes_the_properties_that_add_could_not_make() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox).without("KIZUNA_HUBSPOT_TOKEN");
    assert_eq!(add(&place, &sandbox.line_channels()[0], &[]).await.status, 0);
    let place = place.with("KIZUNA_HUBSPOT_TOKEN", &sandbox.hubspot_token);
    let _up = place.up().await;
    eventually("the properties are made", async || (properties(&sandbox) == 7).then_some(())).await;
}

#[tokio::test]
async fn no_account_is_added_with_another_master_key_than_the_others() {
    let place = Place::new().with("KIZUNA_MASTER_KEY", &"ab".repeat(32));
    place.add_unchecked("1000000001").await;
    let other = place.with("KIZUNA_MASTER_KEY", &"cd".repeat(32));
    let flags = ["--channel-id", "1000000002", "--channel-secret", "a-secret", "--skip-line-checks"];
    let refused = other.run(&[&["connection", "add", "--name", "支店"], &flags[..]].concat()).await;
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("KIZUNA_MASTER_KEY"), "{}", refused.stderr);
    let back = other.with("KIZUNA_MASTER_KEY", &"ab".repeat(32));
    assert_eq!(back.json(&["connection", "list"]).await["in_use"], 1);
}

#[tokio::test]
async fn what_a_connection_is_called_and_when_it_was_added_stay_true_through_pause_and_removal() {
    let place = Place::new();
    place.add_unchecked("1000000001").await;
    let icon = "https://example.jp/i.png";
    place.json(&["connection", "set", "1", "--description", "駅前", "--icon", icon, "--pause"]).await;
    let shown = place.run(&["connection", "show", "1"]).await.stdout;
    for line in
        ["State        paused\n", "Added        20", "Description  駅前\n", "Icon         https://example.jp/i.png\n"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    place.json(&["connection", "remove", "1"]).await;
    let listed = place.run(&["connection", "list", "--all"]).await.stdout;
    let words = |line: Option<&str>| line.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(words(listed.lines().next()).unwrap(), ["number", "name", "state", "channel", "added"]);
    assert!(words(listed.lines().nth(1)).unwrap().contains(&"removed".to_owned()), "{listed}");
}

#[tokio::test]
async fn whoever_names_a_connection_that_does_not_exist_is_told_where_those_are_that_do() {
    let place = Place::new();
    place.add_unchecked("1000000001").await;
    for command in [
        &["connection", "show", "9"][..],
        &["connection", "check", "9"],
        &["connection", "set", "9", "--pause"],
        &["connection", "rotate", "9", "--stateless", "--skip-line-checks"],
        &["connection", "remove", "9", "--yes"],
        &["contact", "find", "--connection", "9"],
        &["import", "9"],
    ] {
        let ended = place.run(command).await;
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(
            ended.stderr.contains("no connection 9; `kizuna connection list` shows"),
            "{command:?}: {}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn an_account_that_is_added_again_uses_no_further_quota() {
    let place = Place::new();
    place.add_unchecked("1000000001").await;
    let second = place.add_unchecked("1000000002").await;
    assert_eq!(step(&second, "quota")["detail"], "connection 2 of 2 that the plan trial allows");
    let again = place.add_unchecked("1000000001").await;
    assert_eq!(step(&again, "quota")["detail"], "counted already, among 2 of 2 that the plan trial allows");
}

#[tokio::test]
async fn a_public_address_without_https_is_to_be_replaced_not_entered() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox).with("KIZUNA_PUBLIC_URL", "http://line.example.jp");
    let added = add(&place, &sandbox.line_channels()[0], &[]).await.json();
    let what = step(&added, "webhook")["by_hand"].as_str().unwrap().to_owned();
    assert!(what.contains("set KIZUNA_PUBLIC_URL to the https address"), "{what}");
}
