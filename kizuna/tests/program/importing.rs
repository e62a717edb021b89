//! `kizuna import`: the friends whom an account had before it was connected.

use crate::place::{Place, Up, eventually, play, sandbox};
use sandbox::Sandbox;
use sandbox::line::{Act, Channel};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Friends of the sandbox's first account of whom no webhook ever told.
fn befriend(sandbox: &Sandbox, friends: usize) -> Vec<String> {
    let channel = sandbox.line_channels().swap_remove(0).id;
    let befriended = |friend| {
        sandbox.handle().line(|platform, _| platform.befriend(&channel, &format!("友だち{friend:04}"))).unwrap()
    };
    (0..friends).map(befriended).collect()
}

async fn import(place: &Place) -> Value {
    place.json(&["import", "1"]).await
}

/// The contacts that live in HubSpot: user ID and what else a test looks at.
fn contacts(sandbox: &Sandbox) -> Vec<(String, String)> {
    sandbox.handle().hubspot(|portal, _| {
        let live = portal.contacts().iter().filter(|contact| contact.archived_ms.is_none());
        let value =
            |contact: &sandbox::hubspot::Contact, name: &str| contact.value(name).unwrap_or_default().into_owned();
        live.map(|contact| (value(contact, "line_user_id_1"), value(contact, "line_follow_1"))).collect()
    })
}

async fn connected(sandbox: &Sandbox) -> (Place, Up) {
    let place = Place::beside(sandbox);
    let up = place.up().await;
    place.connect(sandbox, 0, &up).await;
    (place, up)
}

#[tokio::test]
async fn every_friend_whom_line_lists_becomes_a_contact_once() {
    let sandbox = sandbox().await;
    let (place, _up) = connected(&sandbox).await;
    let friends = befriend(&sandbox, 1_234);

    let counted = place.json(&["import", "1", "--dry-run"]).await;
    assert_eq!((&counted["new"], &counted["imported"]), (&json!(1_234), &json!(0)));
    assert_eq!((&counted["calls"]["line"], &counted["calls"]["hubspot"]), (&json!(1_234), &json!(13)));
    assert!(contacts(&sandbox).is_empty(), "a dry run changes nothing");

    assert_eq!(import(&place).await["imported"], 1_234);
    let made = eventually("all are contacts", async || {
        let made = contacts(&sandbox);
        (made.len() == friends.len()).then_some(made)
    })
    .await;
    let users: BTreeSet<_> = made.iter().map(|(user, _)| user.clone()).collect();
    assert_eq!(users, friends.into_iter().collect());
    assert!(made.iter().all(|(_, follow)| follow == "Yes"));

    let again = import(&place).await;
    assert_eq!((&again["known"], &again["new"], &again["imported"]), (&json!(1_234), &json!(0), &json!(0)));
}

#[tokio::test]
async fn an_import_that_was_stopped_goes_on_with_those_who_are_missing() {
    let sandbox = sandbox().await;
    let (place, up) = connected(&sandbox).await;
    up.stop().await;
    befriend(&sandbox, 3);
    assert_eq!(import(&place).await["imported"], 3);
    befriend(&sandbox, 5);
    let rest = import(&place).await;
    assert_eq!((&rest["followers"], &rest["known"], &rest["imported"]), (&json!(5), &json!(3), &json!(2)));
}

#[tokio::test]
async fn no_import_brings_a_deleted_contact_back() {
    let sandbox = sandbox().await;
    let (place, _up) = connected(&sandbox).await;
    befriend(&sandbox, 2);
    import(&place).await;
    eventually("both are contacts", async || (contacts(&sandbox).len() == 2).then_some(())).await;
    sandbox.handle().hubspot(|portal, now_ms| {
        for contact in portal.contacts().iter().map(|contact| contact.id).collect::<Vec<_>>() {
            portal.delete(now_ms, contact).unwrap();
        }
    });
    befriend(&sandbox, 3);
    assert_eq!(import(&place).await["imported"], 1);
    eventually("the third is a contact", async || (contacts(&sandbox).len() == 1).then_some(())).await;
    assert_eq!(import(&place).await["new"], 0);
    assert_eq!(place.json(&["replay", "--dry-run"]).await["changes"], 0);
}

#[tokio::test]
async fn whoever_was_erased_is_left_out() {
    let sandbox = sandbox().await;
    let (place, _up) = connected(&sandbox).await;
    let friends = befriend(&sandbox, 2);
    import(&place).await;
    eventually("both are contacts", async || (contacts(&sandbox).len() == 2).then_some(())).await;
    place.json(&["erase", &friends[0], "--yes"]).await;
    let counted = import(&place).await;
    assert_eq!((&counted["erased"], &counted["known"], &counted["imported"]), (&json!(1), &json!(1), &json!(0)));
}

#[tokio::test]
async fn who_blocks_the_account_meanwhile_is_shown_as_no_follower() {
    let sandbox = sandbox().await;
    let (place, _up) = connected(&sandbox).await;
    befriend(&sandbox, 1);
    import(&place).await;
    eventually("a contact", async || (contacts(&sandbox).len() == 1).then_some(())).await;
    play(&sandbox, 0, "友だち0000", &Act::Unfollow).await;
    eventually("no follower", async || (contacts(&sandbox)[0].1 == "No").then_some(())).await;
}

#[tokio::test]
async fn an_account_whose_friends_line_does_not_list_is_told_what_happens_instead() {
    let sandbox = sandbox().await;
    let (place, _up) = connected(&sandbox).await;
    let channel = Channel { verified: false, ..sandbox.line_channels().swap_remove(0) };
    sandbox.handle().line(|platform, _| platform.put_channel(channel));
    let refused = place.run(&["import", "1"]).await;
    assert_eq!(refused.status, 1);
    for part in ["verified and premium", "認証済アカウント", "at the first message"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_connection_that_is_not_there_or_makes_no_contacts_imports_nobody() {
    let place = Place::new();
    assert!(place.run(&["import", "1"]).await.stderr.contains("no connection 1"));
    let flags =
        ["connection", "add", "--name", "x", "--channel-id", "1", "--channel-secret", "s", "--skip-line-checks"];
    place.json(&[&flags[..], &["--no-auto-create"]].concat()).await;
    assert!(place.run(&["import", "1"]).await.stderr.contains("makes no contacts of new friends"));
}
