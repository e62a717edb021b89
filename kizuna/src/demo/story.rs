//! The story, scene by scene: somebody does something, and HubSpot comes to show it.

use super::narrator::Narrator;
use super::stage::Stage;
use anyhow::{Context, bail};
use contact::UserId;
use sandbox::hubspot::Contact;
use sandbox::line::{Act, Channel, user_id};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long HubSpot may take to show what a scene tells. Mostly it is well under a second.
const DEADLINE: Duration = Duration::from_secs(30);

/// How often it is looked.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// The heroine, a friend of both shops.
const SAKURA: &str = "田中さくら";

/// Another friend.
const KENICHI: &str = "鈴木健一";

/// The properties of the first account.
const SEVEN: [&str; 7] = [
    "line_user_id_1",
    "line_user_name_1",
    "line_user_picture_1",
    "line_follow_1",
    "line_id_sync_date_1",
    "line_unanswered_1",
    "line_last_response_1",
];

/// Property values that a contact should show, by internal name.
type Values<'a> = &'a [(&'a str, &'a str)];

struct Told<'a> {
    stage: &'a Stage,
    narrator: &'a Narrator,
    main_shop: Channel,
    second_shop: Channel,
}

/// Tells the story.
///
/// # Errors
/// When HubSpot did not come to show what a scene tells.
pub async fn tell(stage: &Stage, narrator: &Narrator) -> anyhow::Result<()> {
    let mut accounts = stage.accounts().into_iter();
    let (main_shop, second_shop) = accounts.next().zip(accounts.next()).context("the sandbox has two accounts")?;
    let told = Told { stage, narrator, main_shop, second_shop };
    told.a_friend_comes_and_writes().await?;
    let deleted = told.she_blocks_and_is_deleted().await?;
    told.only_unblocking_brings_her_back(&deleted).await?;
    told.two_accounts_share_a_contact().await
}

impl Told<'_> {
    async fn a_friend_comes_and_writes(&self) -> anyhow::Result<()> {
        let shop = &self.main_shop.display_name;
        self.narrator.scene(&format!("{SAKURA} adds {shop} as a friend."))?;
        self.stage.play(&self.main_shop, SAKURA, &Act::Follow).await?;
        let new = [("line_user_name_1", SAKURA), ("line_follow_1", "Yes"), ("line_unanswered_1", "No")];
        let contact = self.shows(SAKURA, &new).await?;
        let what = format!("A new contact, {}, with seven properties:", contact.email().unwrap_or_default());
        self.narrator.outcome(self.stage, &what, &contact, &SEVEN)?;

        self.narrator.scene("She writes: 明日の予約はできますか？")?;
        self.stage.play(&self.main_shop, SAKURA, &Act::message("明日の予約はできますか？")).await?;
        let asked = [("line_last_response_1", "明日の予約はできますか？"), ("line_unanswered_1", "Yes")];
        let contact = self.shows(SAKURA, &asked).await?;
        self.narrator.outcome(self.stage, "The same contact, somebody should answer:", &contact, &names(&asked))?;

        self.narrator.scene("She sends a sticker.")?;
        self.stage.play(&self.main_shop, SAKURA, &Act::Sticker { text: None }).await?;
        let sticker = [("line_last_response_1", "[スタンプ]")];
        let contact = self.shows(SAKURA, &sticker).await?;
        self.narrator.outcome(self.stage, "What is not text has a label:", &contact, &names(&sticker))?;
        Ok(())
    }

    async fn she_blocks_and_is_deleted(&self) -> anyhow::Result<Arc<Contact>> {
        self.narrator.scene("She blocks the account.")?;
        self.stage.play(&self.main_shop, SAKURA, &Act::Unfollow).await?;
        let blocked = [("line_follow_1", "No")];
        let contact = self.shows(SAKURA, &blocked).await?;
        self.narrator.outcome(self.stage, "No message would reach her:", &contact, &names(&blocked))?;

        self.narrator.scene("Somebody in the team deletes the contact in HubSpot.")?;
        self.stage.delete(&contact)?;
        self.narrator.remark("It is in the recycle bin.")?;
        Ok(contact)
    }

    async fn only_unblocking_brings_her_back(&self, deleted: &Contact) -> anyhow::Result<()> {
        self.narrator
            .scene(&format!("She taps a button in the old chat (a postback). Then {KENICHI} writes: こんにちは"))?;
        let postback = Act::Postback { data: "action=coupon".to_owned(), params: None };
        self.stage.play(&self.main_shop, SAKURA, &postback).await?;
        self.stage.play(&self.main_shop, KENICHI, &Act::message("こんにちは")).await?;
        // His message came after her postback, so once it shows, the postback was dealt with as well.
        let greeted = [("line_user_name_1", KENICHI), ("line_last_response_1", "こんにちは")];
        let contact = self.shows(KENICHI, &greeted).await?;
        if self.live(SAKURA).is_some() {
            bail!("a postback brought the deleted contact back");
        }
        self.narrator.outcome(self.stage, "He is a new contact; hers stays deleted:", &contact, &names(&greeted))?;

        self.narrator.scene("She unblocks the account.")?;
        self.stage.play(&self.main_shop, SAKURA, &Act::Follow).await?;
        let synced = deleted.value("line_id_sync_date_1").context("the deleted contact had a sync date")?;
        let back = [
            ("line_user_name_1", SAKURA),
            ("line_follow_1", "Yes"),
            ("line_unanswered_1", "Yes"),
            ("line_last_response_1", "[スタンプ]"),
            ("line_id_sync_date_1", &*synced),
        ];
        let contact = self.shows(SAKURA, &back).await?;
        if contact.id == deleted.id {
            bail!("the deleted contact was written to");
        }
        self.narrator.outcome(
            self.stage,
            "A message or a follow brings a contact back, with everything it had:",
            &contact,
            &names(&back),
        )?;
        Ok(())
    }

    async fn two_accounts_share_a_contact(&self) -> anyhow::Result<()> {
        let shop = &self.second_shop.display_name;
        self.narrator.scene(&format!("She adds {shop} as well, the second account of the same provider."))?;
        self.stage.play(&self.second_shop, SAKURA, &Act::Follow).await?;
        let both = [("line_follow_1", "Yes"), ("line_user_name_2", SAKURA), ("line_follow_2", "Yes")];
        let contact = self.shows(SAKURA, &both).await?;
        self.narrator.outcome(
            self.stage,
            "One person, one contact, seven more properties:",
            &contact,
            &names(&both),
        )?;
        Ok(())
    }

    /// Waits until the person's one live contact shows these values.
    async fn shows(&self, person: &str, values: Values<'_>) -> anyhow::Result<Arc<Contact>> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let contact = self.live(person);
            if let Some(contact) = contact.filter(|contact| missing(contact, values).is_empty()) {
                return Ok(contact);
            }
            if Instant::now() >= deadline {
                let contact = self.live(person);
                let shown =
                    contact.as_ref().map_or_else(|| "has no contact".to_owned(), |it| format!("shows {:?}", it.values));
                let missing = contact.map_or_else(|| values.iter().copied().collect(), |it| missing(&it, values));
                bail!("after {} s HubSpot {shown}; the story wants {missing:?}", DEADLINE.as_secs());
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    fn live(&self, person: &str) -> Option<Arc<Contact>> {
        let user = UserId::parse(&user_id(&self.main_shop.provider, person))?;
        let contacts = self.stage.contacts_of(&user.dummy_email());
        contacts.into_iter().find(|contact| contact.archived_ms.is_none())
    }
}

fn names<'a>(values: Values<'a>) -> Vec<&'a str> {
    values.iter().map(|(name, _)| *name).collect()
}

/// What a contact does not show yet.
fn missing<'a>(contact: &Contact, values: Values<'a>) -> BTreeMap<&'a str, &'a str> {
    let is_missing = |(name, value): &&(&str, &str)| contact.value(name).as_deref() != Some(value);
    values.iter().filter(is_missing).copied().collect()
}
