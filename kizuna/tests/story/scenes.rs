//! What people do, and what HubSpot must come to show.

use crate::deployment::Deployment;
use crate::place::eventually;
use sandbox::hubspot::Contact;
use sandbox::line::{Act, user_id};
use std::ops::Range;
use std::sync::Arc;

const SAKURA: &str = "田中さくら";
const KENICHI: &str = "鈴木健一";

/// Hands every scene that a log must play to a macro.
macro_rules! each {
    ($run:ident) => {
        $run!(a_friend_becomes_a_contact_and_writes_and_blocks);
        $run!(a_deleted_contact_comes_back_only_by_a_message_or_a_follow);
        $run!(two_accounts_of_one_provider_share_a_contact);
        $run!(many_friends_at_once_become_a_contact_each);
    };
}
pub(crate) use each;

pub async fn a_friend_becomes_a_contact_and_writes_and_blocks(deployment: Deployment) {
    let now = &deployment;
    now.play(1, SAKURA, &Act::Follow).await;
    let contact = shows(now, SAKURA, &[("line_follow_1", "Yes"), ("line_user_name_1", SAKURA)]).await;
    let user = contact.value("line_user_id_1").unwrap().into_owned();
    assert_eq!(contact.email().unwrap(), format!("{}@line.me", user.to_lowercase()));
    assert_eq!(contact.value("line_unanswered_1").unwrap(), "No");
    now.play(1, SAKURA, &Act::message("明日の予約はできますか？")).await;
    shows(now, SAKURA, &[("line_last_response_1", "明日の予約はできますか？"), ("line_unanswered_1", "Yes")]).await;
    now.play(1, SAKURA, &Act::Sticker { text: None }).await;
    shows(now, SAKURA, &[("line_last_response_1", "[スタンプ]")]).await;
    now.play(1, SAKURA, &Act::Unfollow).await;
    let last = shows(now, SAKURA, &[("line_follow_1", "No")]).await;
    assert_eq!(last.id, contact.id);
    assert_eq!(contacts(now, SAKURA).len(), 1);
}

pub async fn a_deleted_contact_comes_back_only_by_a_message_or_a_follow(deployment: Deployment) {
    let now = &deployment;
    now.play(1, SAKURA, &Act::Follow).await;
    now.play(1, SAKURA, &Act::message("こんにちは")).await;
    let contact = shows(now, SAKURA, &[("line_last_response_1", "こんにちは")]).await;
    now.sandbox.handle().hubspot(|portal, now_ms| portal.delete(now_ms, contact.id)).unwrap();
    now.play(1, SAKURA, &Act::Unfollow).await;
    now.play(1, SAKURA, &Act::Postback { data: "coupon".to_owned(), params: None }).await;
    // The write that the unfollow asks for finds the contact gone; it is in the log once a later friend shows.
    now.play(1, KENICHI, &Act::message("はじめまして")).await;
    shows(now, KENICHI, &[("line_last_response_1", "はじめまして")]).await;
    assert!(live(now, SAKURA).is_none(), "an unfollow or a postback brought the contact back");
    now.play(1, SAKURA, &Act::Follow).await;
    let synced = contact.value("line_id_sync_date_1").unwrap();
    let back = [("line_follow_1", "Yes"), ("line_last_response_1", "こんにちは"), ("line_id_sync_date_1", &*synced)];
    let again = shows(now, SAKURA, &back).await;
    assert_ne!(again.id, contact.id);
}

pub async fn two_accounts_of_one_provider_share_a_contact(deployment: Deployment) {
    let now = &deployment;
    now.play(1, SAKURA, &Act::Follow).await;
    let first = shows(now, SAKURA, &[("line_follow_1", "Yes")]).await;
    now.play(2, SAKURA, &Act::message("渋谷店ですか")).await;
    let second = shows(now, SAKURA, &[("line_last_response_2", "渋谷店ですか"), ("line_follow_1", "Yes")]).await;
    assert_eq!(first.id, second.id);
    assert_eq!(contacts(now, SAKURA).len(), 1);
}

pub async fn many_friends_at_once_become_a_contact_each(deployment: Deployment) {
    many_friends_follow(&deployment, 0..50).await;
    every_friend_has_one_contact(&deployment, 0..50).await;
}

pub async fn many_friends_follow(deployment: &Deployment, friends: Range<u32>) {
    for friend in friends {
        deployment.play(1, &name(friend), &Act::Follow).await;
        deployment.play(1, &name(friend), &Act::message(&format!("I am {friend}"))).await;
    }
}

pub async fn every_friend_has_one_contact(deployment: &Deployment, friends: Range<u32>) {
    for friend in friends {
        let text = format!("I am {friend}");
        shows(deployment, &name(friend), &[("line_last_response_1", &text), ("line_user_name_1", &name(friend))]).await;
        assert_eq!(contacts(deployment, &name(friend)).len(), 1, "{friend}");
    }
}

fn name(friend: u32) -> String {
    format!("friend {friend}")
}

/// The contacts of a person, live and deleted.
fn contacts(deployment: &Deployment, person: &str) -> Vec<Arc<Contact>> {
    let provider = deployment.sandbox.line_channels().swap_remove(0).provider;
    let email = format!("{}@line.me", user_id(&provider, person).to_lowercase());
    let theirs = |contact: &&Arc<Contact>| contact.emails().any(|known| known == email);
    deployment.sandbox.handle().hubspot(|portal, _| portal.contacts().iter().filter(theirs).cloned().collect())
}

fn live(deployment: &Deployment, person: &str) -> Option<Arc<Contact>> {
    contacts(deployment, person).into_iter().find(|contact| contact.archived_ms.is_none())
}

/// Waits until the person's live contact shows these values.
async fn shows(deployment: &Deployment, person: &str, values: &[(&str, &str)]) -> Arc<Contact> {
    let holds = |contact: &Arc<Contact>| {
        values.iter().all(|(name, value)| contact.value(name).is_some_and(|shown| shown == *value))
    };
    let what = format!("{person} shows {values:?}");
    eventually(&what, async || live(deployment, person).filter(|contact| holds(contact))).await
}
