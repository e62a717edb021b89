//! What HubSpot holds, compared with the state: pure, from an answer to what is the matter and to the record that says so.

pub mod rounds;

use contact::{
    Action, Confirmation, Connections, ContactId, Field, Link, Names, Property, User, UserId, decide, is_anothers,
    wanted,
};
use hubspot::Contact;
use projector::sync::answers::{Conclusion, Reading};
use projector::sync::queue::Work;
use std::collections::BTreeSet;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A person changed one of our properties.
    Edited(Difference),
    /// The state is ahead of HubSpot, or HubSpot's answer was lost.
    Unwritten(Difference),
    /// The person should have a contact.
    Uncreated,
    /// HubSpot does not take the values.
    Refused,
    /// Somebody deleted the contact; milliseconds.
    Gone {
        /// When.
        since_ms: i64,
    },
    /// Somebody merged the contact into this one.
    Merged {
        /// Its ID.
        into: ContactId,
    },
    /// Somebody restored the contact.
    Restored,
    /// These contacts carry the user too.
    Duplicate {
        /// Their IDs.
        others: BTreeSet<ContactId>,
    },
}

impl Finding {
    /// All kinds.
    pub const KINDS: [&'static str; 8] =
        ["edited", "unwritten", "uncreated", "refused", "gone", "merged", "restored", "duplicate"];

    /// One word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Edited(_) => "edited",
            Self::Unwritten(_) => "unwritten",
            Self::Uncreated => "uncreated",
            Self::Refused => "refused",
            Self::Gone { .. } => "gone",
            Self::Merged { .. } => "merged",
            Self::Restored => "restored",
            Self::Duplicate { .. } => "duplicate",
        }
    }
}

/// A property that differs.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub property: Property,
    /// What HubSpot holds.
    pub held: Box<str>,
    /// What HubSpot last confirmed to hold; `None` while that is in doubt, because a write was begun.
    pub confirmed: Option<Box<str>>,
    /// What it should hold.
    pub wanted: Box<str>,
}

/// Prints no value.
impl std::fmt::Debug for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Difference({})", self.property.label())
    }
}

/// What is the matter with one user's contact.
#[derive(Debug, Default)]
pub struct Drift {
    /// Everything that differs.
    pub findings: Vec<Finding>,
    /// What HubSpot really holds, where the log does not say so, with HubSpot's reason.
    pub truth: Option<(Confirmation, Option<String>)>,
}

/// A user to compare.
pub struct Subject<'a> {
    /// Who.
    pub id: UserId,
    /// What is known.
    pub user: &'a User,
    /// The connections that are kept in step.
    pub rules: &'a Connections,
    /// Names of the properties in HubSpot.
    pub names: &'a Names,
    /// When HubSpot was asked, milliseconds since 1970.
    pub asked_at_ms: i64,
}

impl Subject<'_> {
    /// The contact that HubSpot is to be asked for.
    pub fn contact(&self) -> Option<ContactId> {
        match self.user.account.link {
            Link::Live(contact) | Link::Gone { contact, .. } => Some(contact),
            Link::Unknown | Link::Erased { .. } | Link::Merged { .. } => None,
        }
    }

    /// Compares with what HubSpot answered: the contact, if it lives.
    /// `archived_at_ms` is when it was deleted, where HubSpot names a time.
    pub fn compare(&self, found: Option<&Contact>, archived_at_ms: Option<i64>) -> Drift {
        match (self.user.account.link, found) {
            (Link::Live(known), Some(contact)) => self.compare_live(known, contact),
            (Link::Live(known), None) => self.gone(known, archived_at_ms),
            (Link::Gone { .. }, Some(contact)) if self.carries(contact) => self.restored(contact),
            _ => self.unlinked(),
        }
    }

    fn compare_live(&self, known: ContactId, contact: &Contact) -> Drift {
        let Some((truth, reason)) = self.read(contact) else { return Drift::default() };
        let mut drift = Drift::default();
        if matches!(truth.link, Link::Merged { .. }) || contact.id != known {
            drift.findings.push(Finding::Merged { into: contact.id });
        }
        if truth.link == Link::Live(contact.id) {
            drift.findings.extend(self.differences(&truth));
        }
        if self.is_refused() {
            drift.findings.push(Finding::Refused);
        }
        let is_known = |difference: &Difference| difference.confirmed.as_ref() == Some(&difference.held);
        let tells_nothing = |finding: &Finding| match finding {
            Finding::Unwritten(difference) => difference.confirmed.is_none() || is_known(difference),
            finding => *finding == Finding::Refused,
        };
        if !drift.findings.iter().all(tells_nothing) {
            drift.truth = Some((truth, reason));
        }
        drift
    }

    /// Of the connections that are kept in step, and whose properties are not another LINE user's: nobody mends the others.
    fn differences(&self, truth: &Confirmation) -> Vec<Finding> {
        let wanted = wanted(self.id, self.user, self.rules);
        let account = &self.user.account;
        let known: BTreeSet<_> = wanted.keys().chain(account.values.keys()).copied().collect();
        let difference = |property: Property| {
            let of = |values: &contact::Values| values.get(&property).cloned().unwrap_or_default();
            let (held, confirmed) = (of(&truth.values), account.confirmed(property).map(Box::from));
            let wanted = wanted.get(&property).cloned().unwrap_or_else(|| of(&account.values));
            let is_known = confirmed.as_ref().is_none_or(|confirmed| *confirmed == held);
            let is_written = confirmed.as_ref() == Some(&wanted);
            let difference = Difference { property, held, confirmed, wanted };
            if !is_known && difference.held != difference.wanted {
                Some(Finding::Edited(difference))
            } else if !is_written && !self.is_refused() {
                Some(Finding::Unwritten(difference))
            } else {
                None
            }
        };
        let in_step = known.into_iter().filter(|property| self.rules.get(property.connection).is_some());
        let ours = in_step.filter(|property| !is_anothers(&truth.values, self.id, property.connection));
        ours.filter_map(difference).collect()
    }

    fn gone(&self, known: ContactId, archived_at_ms: Option<i64>) -> Drift {
        let Conclusion::Confirmed(truth, reason) = self.reading().gone(&self.work(), known, archived_at_ms) else {
            return Drift::default();
        };
        let Link::Gone { since_ms, .. } = truth.link else { return Drift::default() };
        Drift { findings: vec![Finding::Gone { since_ms }], truth: Some((truth, reason)) }
    }

    fn restored(&self, contact: &Contact) -> Drift {
        Drift { findings: vec![Finding::Restored], truth: self.read(contact) }
    }

    fn unlinked(&self) -> Drift {
        let finding = match decide(self.id, self.user, self.rules) {
            Action::Create(_) => Some(Finding::Uncreated),
            Action::Nothing | Action::Update(..) | Action::Check(_) => self.is_refused().then_some(Finding::Refused),
        };
        Drift { findings: finding.into_iter().collect(), truth: None }
    }

    /// Does the contact show this user under one of the connections that know the person?
    fn carries(&self, contact: &Contact) -> bool {
        let named = |property: Property| contact.properties.get(&self.names.name(property));
        let shown =
            self.user.friends().filter_map(|(connection, _)| named(Property { connection, field: Field::UserId }));
        shown.filter_map(|id| UserId::parse(id)).any(|id| id == self.id)
    }

    fn is_refused(&self) -> bool {
        self.user.account.refused.is_some() && decide(self.id, self.user, self.rules) == Action::Nothing
    }

    /// What is in doubt stays so: the write may be on its way.
    fn read(&self, contact: &Contact) -> Option<(Confirmation, Option<String>)> {
        match self.reading().read(&self.work(), contact) {
            Conclusion::Confirmed(mut truth, reason) => {
                if truth.link == Link::Live(contact.id) {
                    truth.in_doubt.extend(self.user.account.in_doubt());
                }
                Some((truth, reason))
            }
            Conclusion::Doubtful(_) | Conclusion::Open | Conclusion::Resisted => None,
        }
    }

    fn reading(&self) -> Reading<'_> {
        Reading { names: self.names, now_ms: self.asked_at_ms }
    }

    fn work(&self) -> Work {
        Work {
            partition: 0,
            user: self.id,
            action: decide(self.id, self.user, self.rules),
            account: self.user.account.clone(),
            returned_ms: self.user.returned_ms(),
            lookups: Vec::new(),
            fresh: false,
            received_at_ms: None,
            attempts: 0,
            resisted: 0,
        }
    }
}

#[cfg(test)]
mod tests;
