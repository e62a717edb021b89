//! Deliberate mistakes: the projector as it would be if somebody had forgotten a rule. The checker must notice each.
//!
//! They live in the doubles around the projector, so that nothing of them is in the product.

use super::life::Life;
use crate::simulation::crm::Distorted;
use eventlog::{NewRecord, Record, Topic};
use hubspot::Crm;
use schemas::{Codec, ContactLink, HubspotContact, LineEvent};
use std::sync::Arc;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The newest event is the one that arrived last.
    ArrivalOrder,
    /// An event that comes again after five minutes counts as a new one.
    DedupWindow,
    /// One event of twenty is passed over.
    EventSkipped,
    /// Whatever a user does brings a deleted contact back.
    CreateOnAnyEvent,
    /// What happened before the deletion brings a contact back.
    BackForOldEvents,
    /// A deleted contact never comes back.
    NeverRecreate,
    /// An item that a batch answer reports as failed counts as written.
    Ignore207,
    /// An item that an answer does not mention counts as written.
    TrustEmptyAnswer,
    /// What a lost answer left behind is not read back.
    SkipReadBack,
    /// A contact is known by search alone: no address, no conflict.
    SearchOnlyIdentity,
    /// A merged contact is not followed to its new ID.
    IgnoreMergeId,
    /// Of two users merged into one contact both go on writing.
    MergedPairFlaps,
    /// Each write carries all properties that were ever written.
    AllFieldsEachTime,
    /// An update writes the e-mail address too.
    UpdateWritesEmail,
    /// A new contact's sync date is the day of its creation.
    SyncDateAnew,
    /// The place in the log is written before the state.
    PlaceBeforeState,
    /// Who has something to be done is not remembered: the commit comes before the sync.
    PendingForgotten,
    /// HubSpot's answers are believed to be in the log when they are not.
    AppendForgotten,
    /// What is about to be written is not told to the log before.
    AnnouncementForgotten,
    /// A contact is believed to be there for ever, unless a write tells otherwise.
    PresenceBelieved,
    /// A new owner does not wait for the calls of the last one to end.
    NoTakeoverGrace,
    /// `Retry-After` is ignored.
    RetryAfterIgnored,
}

impl Wrong {
    /// All mistakes.
    pub const ALL: [Self; 22] = [
        Self::ArrivalOrder,
        Self::DedupWindow,
        Self::EventSkipped,
        Self::CreateOnAnyEvent,
        Self::BackForOldEvents,
        Self::NeverRecreate,
        Self::Ignore207,
        Self::TrustEmptyAnswer,
        Self::SkipReadBack,
        Self::SearchOnlyIdentity,
        Self::IgnoreMergeId,
        Self::MergedPairFlaps,
        Self::AllFieldsEachTime,
        Self::UpdateWritesEmail,
        Self::SyncDateAnew,
        Self::PlaceBeforeState,
        Self::PendingForgotten,
        Self::AppendForgotten,
        Self::AnnouncementForgotten,
        Self::PresenceBelieved,
        Self::NoTakeoverGrace,
        Self::RetryAfterIgnored,
    ];
}

/// Five minutes, after which [`Wrong::DedupWindow`] forgets an event.
const DEDUP_WINDOW_MS: i64 = 5 * 60_000;

impl Life {
    /// The way to HubSpot, as this life has it.
    pub fn crm(&self, crm: Arc<dyn Crm>) -> Arc<dyn Crm> {
        match self.world.plan.wrong {
            Some(wrong) => Arc::new(Distorted::new(crm, wrong)),
            None => crm,
        }
    }

    /// A record as the mistake reads it; `None` where it passes it over.
    pub fn misread(&self, record: Record) -> Option<Record> {
        let Some(wrong) = self.world.plan.wrong.filter(|_| record.topic == Topic::LineEvents) else {
            return Some(record);
        };
        let codec = Codec::default();
        let value = record.value.clone()?;
        let Ok(mut event) = codec.decode::<LineEvent<'_>>(&value) else { return Some(record) };
        match wrong {
            Wrong::ArrivalOrder => event.occurred_at_ms = record.appended_at_ms,
            Wrong::DedupWindow
                if event.redelivery && record.appended_at_ms - event.received_at_ms > DEDUP_WINDOW_MS =>
            {
                event.occurred_at_ms = record.appended_at_ms;
            }
            Wrong::EventSkipped if record.offset % 20 == 7 => return None,
            _ => return Some(record),
        }
        let value = Some(codec.encode(&event));
        Some(Record { value, ..record })
    }

    /// A record as the mistake writes it.
    pub fn distorted(&self, record: NewRecord) -> NewRecord {
        let Some(wrong) = self.world.plan.wrong.filter(|_| record.topic == Topic::HubspotContacts) else {
            return record;
        };
        let codec = Codec::default();
        let Some(Ok(mut contact)) = record.value.as_deref().map(|value| codec.decode::<HubspotContact>(value)) else {
            return record;
        };
        match wrong {
            Wrong::AnnouncementForgotten => contact.in_doubt.clear(),
            Wrong::PresenceBelieved => contact.covers_ms = Some(i64::MAX),
            _ => {}
        }
        if let ContactLink::Gone { contact_id, .. } = contact.link {
            contact.link = match wrong {
                Wrong::CreateOnAnyEvent => ContactLink::Unknown,
                Wrong::BackForOldEvents => ContactLink::Gone { contact_id, since_ms: 0 },
                Wrong::NeverRecreate => ContactLink::Gone { contact_id, since_ms: i64::MAX },
                _ => contact.link,
            };
        }
        NewRecord { value: Some(codec.encode(&contact)), ..record }
    }
}
