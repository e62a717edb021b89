//! `kizuna connection rotate` and `set`, beside a running `kizuna up`.

use crate::place::{Ended, Place, eventually, play, sandbox, step};
use sandbox::Sandbox;
use sandbox::line::{Act, Channel};
use serde_json::json;

/// From now on LINE signs with this secret, as after "Issue" in its console.
fn issue_secret(sandbox: &Sandbox, secret: &str) {
    let channel = Channel { secret: secret.to_owned(), ..sandbox.line_channels().swap_remove(0) };
    sandbox.handle().line(|platform, _| platform.put_channel(channel));
}

/// Waits until a webhook is answered so.
async fn answered(sandbox: &Sandbox, status: u16) {
    eventually(&format!("a webhook is answered {status}"), async || {
        let told = play(sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
        told.reactions[0].filter(|reaction| reaction.status() == status)
    })
    .await;
}

async fn rotate(place: &Place, flags: &[&str]) -> Ended {
    place.run(&[&["connection", "rotate", "1", "--json"], flags].concat()).await
}

#[tokio::test]
async fn after_a_rotation_webhooks_of_both_secrets_are_taken_and_of_older_ones_no_more() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    let first = sandbox.line_channels()[0].secret.clone();
    answered(&sandbox, 200).await;

    issue_secret(&sandbox, "the-second");
    answered(&sandbox, 401).await;
    let rotated = rotate(&place, &["--channel-secret", "the-second"]).await;
    assert_eq!(rotated.status, 0, "{rotated:?}");
    let rotated = rotated.json();
    assert_eq!(step(&rotated, "credentials")["result"], "done");
    assert_eq!(
        place.json(&["connection", "show", "1"]).await["older_secret_until_ms"],
        rotated["older_secret_until_ms"]
    );
    answered(&sandbox, 200).await;
    issue_secret(&sandbox, &first);
    answered(&sandbox, 200).await;

    issue_secret(&sandbox, "the-third");
    assert_eq!(rotate(&place, &["--channel-secret", "the-third"]).await.status, 0);
    answered(&sandbox, 200).await;
    issue_secret(&sandbox, "the-second");
    answered(&sandbox, 200).await;
    issue_secret(&sandbox, &first);
    answered(&sandbox, 401).await;
}

#[tokio::test]
async fn credentials_that_line_refuses_change_nothing() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let [channel, other]: [Channel; 2] = sandbox.line_channels().try_into().unwrap();
    place.json(&["connection", "add", "--channel-id", &channel.id, "--channel-secret", &channel.secret]).await;
    let before = place.json(&["connection", "show", "1"]).await;
    let foreign = other.access_token.unwrap();
    for flags in [["--channel-secret", "canary"], ["--access-token", "canary"], ["--access-token", &foreign]] {
        let refused = rotate(&place, &flags).await;
        assert_eq!(refused.status, 1, "{refused:?}");
        assert_eq!(step(&refused.json(), "credentials")["result"], "failed");
        assert!(!refused.stdout.contains("canary") && !refused.stderr.contains("canary"), "{refused:?}");
    }
    assert_eq!(place.json(&["connection", "show", "1"]).await, before);
    assert_eq!(rotate(&place, &["--channel-secret", "new", "--skip-line-checks"]).await.status, 0);
}

#[tokio::test]
async fn a_token_is_replaced_and_given_up_again() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let channel = sandbox.line_channels().remove(0);
    place.json(&["connection", "add", "--channel-id", &channel.id, "--channel-secret", &channel.secret]).await;
    for (flags, is_long_lived) in
        [(&["--access-token", channel.access_token.as_deref().unwrap()][..], true), (&["--stateless"], false)]
    {
        let rotated = rotate(&place, flags).await;
        assert_eq!(rotated.status, 0, "{rotated:?}");
        assert_eq!(rotated.json()["older_secret_until_ms"], json!(null));
        assert_eq!(place.json(&["connection", "show", "1"]).await["has_access_token"], json!(is_long_lived));
    }
}

#[tokio::test]
async fn adding_an_account_again_with_another_secret_is_a_rotation() {
    let place = Place::new();
    let add = ["connection", "add", "--name", "本店", "--skip-line-checks", "--channel-id", "1000000001"];
    for secret in ["first", "second", "second"] {
        place.json(&[&add[..], &["--channel-secret", secret]].concat()).await;
    }
    assert!(place.json(&["connection", "show", "1"]).await["older_secret_until_ms"].is_i64());
}

#[tokio::test]
async fn what_is_set_changes_and_the_rest_stays() {
    let place = Place::new();
    place.add_unchecked("1000000001").await;
    let mut expected = place.json(&["connection", "show", "1"]).await;
    let icon = "https://example.jp/i.png";
    for (flags, field, value) in [
        (&["--name", "渋谷店"][..], "name", json!("渋谷店")),
        (&["--description", "駅前"], "description", json!("駅前")),
        (&["--icon", icon], "icon", json!(icon)),
        (&["--icon", ""], "icon", json!("")),
        (&["--no-auto-create"], "auto_create", json!(false)),
        (&["--auto-create"], "auto_create", json!(true)),
        (&["--pause"], "state", json!("paused")),
        (&["--resume"], "state", json!("active")),
    ] {
        place.json(&[&["connection", "set", "1"], flags].concat()).await;
        expected[field] = value;
        assert_eq!(place.json(&["connection", "show", "1"]).await, expected, "{flags:?}");
    }
    for refused in [["--name", " "], ["--icon", "http://example.jp/i.png"]] {
        assert_eq!(place.run(&[&["connection", "set", "1"], &refused[..]].concat()).await.status, 1);
    }
    place.json(&["connection", "remove", "1"]).await;
    assert_eq!(place.run(&["connection", "set", "1", "--resume"]).await.status, 1, "a removal is for good");
}

#[tokio::test]
async fn events_of_a_pause_are_kept_and_written_once_it_ends() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    place.json(&["connection", "set", "1", "--pause"]).await;
    let contacts = || sandbox.handle().hubspot(|portal, _| portal.contacts().live_count());
    eventually("the connection is known to be paused", async || {
        up.get("/metrics").await.1.contains(r#"kizuna_connected_accounts{state="paused"} 1"#).then_some(())
    })
    .await;
    answered(&sandbox, 200).await;
    eventually("the event is in the state", async || {
        let metrics = up.get("/metrics").await.1;
        let count = metrics
            .lines()
            .find_map(|line| line.strip_prefix(r#"kizuna_projector_records_total{topic="line.events"} "#));
        count.filter(|count| *count != "0").map(drop)
    })
    .await;
    assert_eq!(contacts(), 0);
    place.json(&["connection", "set", "1", "--resume"]).await;
    eventually("the contact is made", async || (contacts() == 1).then_some(())).await;
}
