//! What a state made again from the log has still to change in HubSpot: contact by contact, and what that costs in calls.

use super::beside::Beside;
use connection::Snapshot;
use contact::{Action, Names};
use projector::sync::answers::sent;
use projector::sync::contacts::may_exist_unknown;
use projector::sync::queue::Work;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Users looked at at a time.
const PAGE: usize = 1_000;

/// Contacts in one call to HubSpot.
const BATCH: u64 = 100;

/// What the projector would do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Properties that would be written.
    pub changes: u64,
    /// Contacts that would be made.
    pub creates: u64,
    /// Contacts that would be changed.
    pub updates: u64,
    /// Contacts that are looked at, because somebody wrote or followed since HubSpot last showed them.
    pub checks: u64,
    /// Of the creations, those for which a contact is looked for first.
    looked_for: u64,
    /// Records read.
    pub records: u64,
    /// Records that cannot be used.
    pub unusable: u64,
    /// Tells this plan from others: the same work gives the same digits.
    pub digest: String,
}

/// What would be done about one contact. Personal data.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Whose contact it is.
    pub user_id: String,
    /// One word.
    pub action: &'static str,
    /// The contact, if there is one.
    pub contact_id: Option<String>,
    /// The properties that change.
    pub properties: Vec<Change>,
}

/// A property that changes.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name in HubSpot.
    pub name: String,
    /// What HubSpot last showed; `None` where a write of it was begun, and HubSpot's answer is not in the log.
    pub from: Option<String>,
    /// What it is to show.
    pub to: String,
}

impl Plan {
    /// Looks through a state made from the log, and tells each contact that would be written.
    ///
    /// # Errors
    /// When the state cannot be read, and those of `tell`.
    pub fn of(
        beside: &mut Beside,
        connected: &Snapshot,
        names: &Names,
        mut tell: impl FnMut(&Row) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let mut plan = Self { records: beside.rebuilt.records, unusable: beside.rebuilt.unusable, ..Self::default() };
        let mut digest = Sha256::new();
        for partition in &mut beside.rebuilt.partitions {
            let mut after = None;
            loop {
                let page = partition.backlog(after, PAGE, &beside.rules)?;
                for work in &page.work {
                    let row = Row::of(work, names);
                    digest.update(serde_json::to_vec(&row)?);
                    plan.count(work, connected);
                    if !row.properties.is_empty() {
                        tell(&row)?;
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        plan.digest = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(plan)
    }

    /// Contacts that would be written.
    pub const fn contacts(&self) -> u64 {
        self.creates + self.updates
    }

    /// Calls to HubSpot.
    pub fn calls(&self) -> u64 {
        [self.creates, self.updates, self.checks, self.looked_for].iter().map(|contacts| contacts.div_ceil(BATCH)).sum()
    }

    fn count(&mut self, work: &Work, connected: &Snapshot) {
        self.changes += sent(work).len() as u64;
        match work.action {
            Action::Create(_) => {
                self.creates += 1;
                self.looked_for += u64::from(may_exist_unknown(work, connected));
            }
            Action::Update(..) => self.updates += 1,
            Action::Check(_) => self.checks += 1,
            Action::Nothing => {}
        }
    }
}

impl Row {
    fn of(work: &Work, names: &Names) -> Self {
        let (action, contact) = match &work.action {
            Action::Create(_) => ("create", None),
            Action::Update(contact, _) => ("update", Some(contact)),
            Action::Check(contact) => ("check", Some(contact)),
            Action::Nothing => ("nothing", None),
        };
        let is_update = matches!(work.action, Action::Update(..));
        let change = |(property, value): (&contact::Property, &str)| Change {
            name: names.name(*property),
            from: if is_update { work.account.confirmed(*property).map(str::to_owned) } else { Some(String::new()) },
            to: value.to_owned(),
        };
        Self {
            user_id: work.user.to_string(),
            action,
            contact_id: contact.map(ToString::to_string),
            properties: sent(work).iter().map(|(property, value)| change((property, value))).collect(),
        }
    }
}
