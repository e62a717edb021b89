//! An installation beside its sandboxes, with people who do something, and what HubSpot then shows.

use crate::place::{Place, Up, eventually, play, sandbox};
use sandbox::Sandbox;
use sandbox::hubspot::{Actor, Contact, Fact, RecordId};
use sandbox::line::Act;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A person's first account.
pub const PERSON: &str = "田中さくら";

pub struct World {
    pub sandbox: Sandbox,
    pub place: Place,
}

impl World {
    /// With an account that is connected, and everything running.
    pub async fn begin() -> (Self, Up) {
        let sandbox = sandbox().await;
        let place = Place::beside(&sandbox);
        let up = place.up().await;
        place.connect(&sandbox, 0, &up).await;
        let world = Self { sandbox, place };
        eventually("the connection is known", async || world.try_act("先客", &Act::message("はじめ")).await).await;
        world.settled().await;
        (world, up)
    }

    /// Starts again, and lets the account's webhooks come to the new address.
    pub async fn up(&self) -> Up {
        let up = self.place.up().await;
        let shown = self.place.json(&["connection", "show", "1"]).await;
        let channel = self.sandbox.line_channels().swap_remove(0);
        let endpoint = format!("{}{}", up.webhook_base_url, shown["webhook_path"].as_str().unwrap());
        let channel = sandbox::line::Channel { endpoint: Some(endpoint), ..channel };
        self.sandbox.handle().line(|platform, _| platform.put_channel(channel));
        up
    }

    async fn try_act(&self, person: &str, act: &Act) -> Option<String> {
        let told = play(&self.sandbox, 0, person, act).await;
        let is_taken = told.reactions.first().is_some_and(|it| it.is_some_and(|it| it.accepted()));
        is_taken.then_some(told.played.user_id)
    }

    /// Lets a person do something that is taken in, and gives the person's ID.
    pub async fn act(&self, person: &str, act: &Act) -> String {
        self.try_act(person, act).await.expect("the webhook is taken in")
    }

    pub async fn say(&self, person: &str, text: &str) -> String {
        self.act(person, &Act::message(text)).await
    }

    /// Lets a person say something and waits until HubSpot shows it.
    pub async fn say_and_see(&self, person: &str, text: &str) -> String {
        let user = self.say(person, text).await;
        self.see(&user, "line_last_response_1", text).await;
        user
    }

    /// Waits until HubSpot shows a value, and everything else is written too.
    pub async fn see(&self, user: &str, property: &str, value: &str) {
        eventually(&format!("{property} is {value}"), async || {
            self.contact(user).filter(|it| it.value(property).as_deref() == Some(value))
        })
        .await;
        self.settled().await;
    }

    /// Waits until a replay would change nothing.
    pub async fn settled(&self) {
        eventually("HubSpot is in step", async || {
            let dry = self.place.json(&["replay", "--dry-run"]).await;
            (dry["changes"] == 0).then_some(())
        })
        .await;
    }

    /// The live contacts that carry this LINE user.
    pub fn contacts(&self, user: &str) -> Vec<Arc<Contact>> {
        self.sandbox.handle().hubspot(|portal, _| {
            let live = portal.contacts().iter().filter(|it| it.archived_ms.is_none());
            live.filter(|it| it.value("line_user_id_1").as_deref() == Some(user)).cloned().collect()
        })
    }

    pub fn contact(&self, user: &str) -> Option<Arc<Contact>> {
        self.contacts(user).into_iter().next()
    }

    pub fn id(&self, user: &str) -> RecordId {
        self.contact(user).expect("a live contact").id
    }

    /// How often Kizuna has written to a contact, or made one, so far.
    pub fn writes(&self) -> usize {
        self.sandbox.handle().hubspot(|portal, _| {
            let is_ours = |fact: &Fact| {
                matches!(fact, Fact::Created { by: Actor::Api, .. } | Fact::Written { by: Actor::Api, .. })
            };
            portal.history().entries().filter(|entry| is_ours(&entry.fact)).count()
        })
    }

    pub fn data(&self, part: &str) -> PathBuf {
        self.place.directory.path().join("data").join(part)
    }
}

/// The kinds of what `verify` found, in order of the list.
pub fn kinds(verified: &Value) -> Vec<&str> {
    verified["list"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect()
}

/// Copies a directory with everything in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Puts a copy in the place of a directory.
pub fn put_back(copied: &Path, place: &Path) {
    std::fs::remove_dir_all(place).unwrap();
    copy(copied, place);
}
