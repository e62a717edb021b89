//! Whether a user's contact is still there: alive, merged into another, in the recycle bin since when, or back from there.

use super::answers::Conclusion;
use super::contacts::{Concluded, Contacts, priority};
use super::queue::Work;
use contact::{Action, ContactId, Link};
use hubspot::{Contact, Error, Priority};
use runtime::crash;
use std::collections::HashMap;

impl Contacts {
    /// Looks whether contacts still live. Nothing is written.
    ///
    /// # Errors
    /// When HubSpot does not tell: everything may be tried again.
    pub async fn check(&self, batch: Vec<Work>) -> Result<Concluded, Error> {
        let priority = priority(&batch);
        let known = |work: &Work| match work.action {
            Action::Check(contact) => Some(contact),
            Action::Create(_) | Action::Update(..) | Action::Nothing => None,
        };
        let ids: Vec<_> = batch.iter().filter_map(known).collect();
        let live = self.crm.read_many(&ids, &self.all_properties(&batch), priority).await?;
        crash::point("projector.check.answered");
        let live: HashMap<ContactId, Contact> = live.into_iter().collect();
        let (mut concluded, mut missing) = (Concluded::new(), Vec::new());
        for work in batch {
            let Some(id) = known(&work) else { continue };
            match live.get(&id) {
                Some(contact) => {
                    let conclusion = self.reading().checked(&work, contact);
                    concluded.push((work, conclusion));
                }
                None => missing.push((id, work)),
            }
        }
        concluded.extend(self.look_for_missing(missing, priority).await);
        Ok(concluded)
    }

    /// A contact that was deleted may be back from the recycle bin, under an address that a person gave it meanwhile.
    pub(super) async fn find_restored(
        &self,
        batch: Vec<Work>,
        priority: Priority,
    ) -> Result<(Concluded, Vec<Work>), Error> {
        let gone = |work: &Work| match work.account.link {
            Link::Gone { contact, .. } => Some(contact),
            _ => None,
        };
        let ids: Vec<_> = batch.iter().filter_map(gone).collect();
        if ids.is_empty() {
            return Ok((Concluded::new(), batch));
        }
        let live: HashMap<_, _> =
            self.crm.read_many(&ids, &self.all_properties(&batch), priority).await?.into_iter().collect();
        let (mut concluded, mut others) = (Concluded::new(), Vec::new());
        for work in batch {
            match gone(&work).and_then(|id| live.get(&id)) {
                Some(contact) => {
                    let conclusion = self.reading().read(&work, contact);
                    concluded.push((work, conclusion));
                }
                None => others.push(work),
            }
        }
        Ok((concluded, others))
    }

    /// Contacts that are not there any more: in the recycle bin since when, merged into another, or gone without a trace.
    pub(super) async fn look_for_missing(&self, missing: Vec<(ContactId, Work)>, priority: Priority) -> Concluded {
        if missing.is_empty() {
            return Concluded::new();
        }
        let ids: Vec<_> = missing.iter().map(|(id, _)| *id).collect();
        let Ok(archived) = self.crm.read_archived(&ids, priority).await else {
            return missing.into_iter().map(|(_, work)| (work, Conclusion::Open)).collect();
        };
        let archived: HashMap<ContactId, Contact> = archived.into_iter().collect();
        let (mut concluded, mut elsewhere) = (Concluded::new(), Vec::new());
        for (id, work) in missing {
            match archived.get(&id) {
                Some(contact) => {
                    let conclusion = self.reading().gone(&work, contact.id, contact.archived_at_ms);
                    concluded.push((work, conclusion));
                }
                None => elsewhere.push((id, work)),
            }
        }
        let merged = |work: &Work, contact: &Contact| self.reading().read(work, contact);
        let lost = |work: &Work, id: ContactId| self.reading().gone(work, id, None);
        concluded.extend(self.read_each(elsewhere, priority, merged, lost).await);
        concluded
    }
}
