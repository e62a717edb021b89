//! Whether a user's contact is still there: alive, merged into another, in the recycle bin since when, or back from there; and
//! whether it is still the user's.

use super::answers::{Conclusion, may_be_shared};
use super::contacts::{Concluded, Contacts, known, priority};
use super::queue::Work;
use contact::{ContactId, Link};
use hubspot::{Contact, Error, Priority};
use runtime::crash;
use std::collections::{HashMap, HashSet};

impl Contacts {
    /// Looks whether contacts still live. Nothing is written.
    ///
    /// # Errors
    /// When HubSpot does not tell: everything may be tried again.
    pub async fn check(&self, batch: Vec<Work>) -> Result<Concluded, Error> {
        let priority = priority(&batch);
        let ids: Vec<_> = batch.iter().filter_map(|work| known(&work.action)).collect();
        let live = self.crm.read_many(&ids, &self.all_properties(&batch), priority).await?;
        crash::point("projector.check.answered");
        let live: HashMap<ContactId, Contact> = live.into_iter().collect();
        let (mut concluded, mut missing) = (Concluded::new(), Vec::new());
        for work in batch {
            let Some(id) = known(&work.action) else { continue };
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

    /// Before a contact is said to be a user's with one more connection, and before each update of one that shows another user,
    /// too, it is read whose it is: people merge contacts. Two who share one are written one after the other.
    pub(super) async fn see_whose(
        &self,
        batch: Vec<Work>,
        priority: Priority,
    ) -> Result<(Concluded, Vec<Work>), Error> {
        let uncertain: Vec<_> = batch.iter().filter(|work| may_be_shared(work)).cloned().collect();
        let ids: Vec<_> = uncertain.iter().filter_map(|work| known(&work.action)).collect();
        if ids.is_empty() {
            return Ok((Concluded::new(), batch));
        }
        let contacts: HashMap<_, _> =
            self.crm.read_many(&ids, &self.all_properties(&uncertain), priority).await?.into_iter().collect();
        let (mut concluded, mut unchanged, mut written) = (Concluded::new(), Vec::new(), HashSet::new());
        for work in batch {
            let contact = known(&work.action).and_then(|id| contacts.get(&id));
            match contact.and_then(|contact| self.reading().whose(&work, contact)) {
                Some(conclusion) => concluded.push((work, conclusion)),
                None if contact.is_some_and(|contact| !written.insert(contact.id)) => {
                    concluded.push((work, Conclusion::Open));
                }
                None => unchanged.push(work),
            }
        }
        Ok((concluded, unchanged))
    }

    /// A contact that was deleted may be back from the recycle bin, under an address that a person gave it meanwhile. Or it was
    /// back, and was deleted once more: then only what is later than that brings it back.
    pub(super) async fn find_restored(
        &self,
        batch: Vec<Work>,
        priority: Priority,
    ) -> Result<(Concluded, Vec<Work>), Error> {
        let gone = |work: &Work| match work.account.link {
            Link::Gone { contact, since_ms } => Some((contact, since_ms)),
            _ => None,
        };
        let ids: Vec<_> = batch.iter().filter_map(gone).map(|(id, _)| id).collect();
        if ids.is_empty() {
            return Ok((Concluded::new(), batch));
        }
        let live: HashMap<_, _> =
            self.crm.read_many(&ids, &self.all_properties(&batch), priority).await?.into_iter().collect();
        let deleted: Vec<_> = ids.into_iter().filter(|id| !live.contains_key(id)).collect();
        let archived: HashMap<_, _> = match deleted.is_empty() {
            true => HashMap::new(),
            false => self.crm.read_archived(&deleted, priority).await?.into_iter().collect(),
        };
        let again = |id, since_ms| archived.get(&id).filter(|contact| contact.archived_at_ms > Some(since_ms));
        let (mut concluded, mut others) = (Concluded::new(), Vec::new());
        for work in batch {
            let conclusion = gone(&work).and_then(|(id, since_ms)| match live.get(&id) {
                Some(contact) => Some(self.reading().read(&work, contact)),
                None => {
                    again(id, since_ms).map(|contact| self.reading().gone(&work, contact.id, contact.archived_at_ms))
                }
            });
            match conclusion {
                Some(conclusion) => concluded.push((work, conclusion)),
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
