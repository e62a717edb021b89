//! What people do while Kizuna dies, and which of its steps that takes.

use sandbox::Sandbox;
use sandbox::hubspot::Contact;
use sandbox::line::{Act, Manner, Order, Played, Unplayable};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something that a person does.
pub struct Kind {
    pub name: &'static str,
    before: Before,
    acts: fn() -> Vec<Act>,
    /// The outside calls that it leads to.
    calls: &'static [Call],
}

/// An outside call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Profile,
    Create,
    Update,
    Check,
}

/// What the person is to the account, and the contact to HubSpot, beforehand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Stranger,
    Friend,
    Blocked,
    /// A friend whose contact was deleted.
    Deleted,
    BlockedAndDeleted,
    /// A friend whose contact was merged into one that somebody made by hand.
    Merged,
}

use Before::{Blocked, BlockedAndDeleted, Deleted, Friend, Merged, Stranger};
use Call::{Check, Create, Profile, Update};

const fn kind(name: &'static str, before: Before, calls: &'static [Call], acts: fn() -> Vec<Act>) -> Kind {
    Kind { name, before, acts, calls }
}

fn message() -> Vec<Act> {
    vec![Act::message("明日の予約はできますか？")]
}

fn postback() -> Vec<Act> {
    vec![Act::Postback { data: "coupon".to_owned(), params: None }]
}

/// All kinds.
pub static KINDS: [Kind; 18] = [
    kind("follow", Stranger, &[Profile, Create], || vec![Act::Follow]),
    kind("message of a stranger", Stranger, &[Profile, Create], message),
    kind("postback of a stranger", Stranger, &[Profile, Create], postback),
    kind("several at once", Stranger, &[Profile, Create], || [vec![Act::Follow], message(), message()].concat()),
    kind("message", Friend, &[Update], message),
    kind("sticker", Friend, &[Update], || vec![Act::Sticker { text: None }]),
    kind("pictures", Friend, &[Update], || vec![Act::Image { total: 3 }]),
    kind("edit", Friend, &[Update], || vec![Act::Edit { text: "明後日に".to_owned(), message_id: None }]),
    kind("unsend", Friend, &[Update], || vec![Act::Unsend { message_id: None }]),
    kind("unfollow", Friend, &[Update], || vec![Act::Unfollow]),
    kind("follow again", Blocked, &[Profile, Update], || vec![Act::Follow]),
    kind("the same message again", Friend, &[Check], || vec![Act::message("よろしくお願いします")]),
    kind("the same again, deleted", Deleted, &[Check, Create], || vec![Act::message("よろしくお願いします")]),
    kind("message, deleted", Deleted, &[Update, Create], message),
    kind("follow, deleted", BlockedAndDeleted, &[Profile, Update, Create], || vec![Act::Follow]),
    kind("unfollow, deleted", Deleted, &[Update], || vec![Act::Unfollow]),
    kind("postback, deleted", Deleted, &[], postback),
    kind("message, merged", Merged, &[Update], message),
];

impl Kind {
    /// Does it lead to this call?
    pub fn makes(&self, call: Call) -> bool {
        self.calls.contains(&call)
    }

    /// Does it send several events in one webhook?
    pub fn is_several_at_once(&self) -> bool {
        (self.acts)().len() > 1 || self.name == "pictures"
    }

    /// Lets the person become what they are beforehand.
    pub fn begin(&self, sandbox: &Sandbox, person: &str) {
        let first = [Act::Follow, Act::message("はじめまして"), Act::message("よろしくお願いします")];
        let last = matches!(self.before, Blocked | BlockedAndDeleted).then_some(Act::Unfollow);
        if self.before != Stranger {
            send(sandbox, person, first.into_iter().chain(last).collect()).unwrap();
        }
    }

    /// Lets somebody in HubSpot do to the contact what was done beforehand.
    pub fn turn(&self, sandbox: &Sandbox, person: &str) {
        let contact = || live(sandbox, person).expect("a friend has a contact");
        match self.before {
            Deleted | BlockedAndDeleted => {
                let id = contact().id;
                sandbox.handle().hubspot(|portal, now_ms| portal.delete(now_ms, id)).unwrap();
            }
            Merged => {
                let id = contact().id;
                let by_hand = BTreeMap::from([("email".to_owned(), format!("{id}@example.com"))]);
                let merged = |portal: &mut sandbox::hubspot::Portal, now_ms| {
                    let primary = portal.add(now_ms, &by_hand)?;
                    portal.merge(now_ms, primary, id)
                };
                sandbox.handle().hubspot(merged).unwrap();
            }
            Stranger | Friend | Blocked => {}
        }
    }

    /// Lets the person act. LINE delivers until it is taken.
    pub fn act(&self, sandbox: &Sandbox, person: &str) -> Played {
        send(sandbox, person, (self.acts)()).unwrap()
    }
}

/// Sends everything in one webhook.
fn send(sandbox: &Sandbox, person: &str, acts: Vec<Act>) -> Result<Played, Unplayable> {
    let channel = sandbox.line_channels().swap_remove(0).id;
    sandbox.handle().line(|platform, now_ms| {
        platform.hold(&channel);
        let mut all = Played::default();
        for (place, act) in (0..).zip(&acts) {
            let manner = Manner { timestamp: Some(now_ms + place), ..Manner::default() };
            all.webhook_event_ids.extend(platform.play(now_ms, &channel, person, act, &manner)?.webhook_event_ids);
        }
        platform.release(now_ms, &channel, Order::AsIs, true);
        Ok(all)
    })
}

fn live(sandbox: &Sandbox, person: &str) -> Option<Arc<Contact>> {
    let user = sandbox::line::user_id(&sandbox.line_channels().swap_remove(0).provider, person);
    let theirs = |contact: &&Arc<Contact>| {
        contact.archived_ms.is_none() && contact.value("line_user_id_1").is_some_and(|id| id == user)
    };
    sandbox.handle().hubspot(|portal, _| portal.contacts().iter().find(theirs).cloned())
}
