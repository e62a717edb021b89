//! What HubSpot's answers mean for one user: pure, from an answer to the confirmation that goes into the log.

use super::queue::Work;
use contact::{
    Action, Confirmation, ConnectionNumber, ContactId, Field, Link, Names, Property, UserId, Values, is_anothers,
};
use hubspot::Contact;
use std::collections::BTreeSet;

/// HubSpot's name of the property with a contact's address.
pub const EMAIL: &str = "email";

/// How often a value is written that HubSpot takes and does not show, before its own value counts; and one that it refuses because
/// of a property in which nothing is wrong.
pub const ANSWERS_UNTIL_SETTLED: u32 = 3;

/// What is known after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// HubSpot's state is known: to be appended to the log, with the reason where HubSpot refused something for good.
    Confirmed(Confirmation, Option<String>),
    /// HubSpot shows something else than was written in these properties: read the contact again.
    Doubtful(ContactId),
    /// Nothing is known, or nothing was done: try again.
    Open,
    /// HubSpot answered and did not take it, although nothing seems to be in the way: try again, but not for ever.
    Resisted,
}

impl Conclusion {
    /// The same, where HubSpot also refused something, for this reason.
    pub fn because(self, reason: Option<String>) -> Self {
        match self {
            Self::Confirmed(confirmation, None) => Self::Confirmed(confirmation, reason),
            Self::Confirmed(confirmation, Some(other)) => {
                let reasons: Vec<_> = reason.into_iter().chain([other]).collect();
                Self::Confirmed(confirmation, Some(reasons.join("; ")))
            }
            conclusion => conclusion,
        }
    }
}

/// Property names and the time: what all conclusions need.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// The names under which our properties stand in HubSpot.
    pub names: &'a Names,
    /// When HubSpot answered, milliseconds since 1970.
    pub now_ms: i64,
}

impl Reading<'_> {
    /// The contact was just created with these values. The user IDs that are remembered of the one before it, as of an account
    /// that is paused, it does not show.
    pub fn created(self, work: &Work, contact: &Contact) -> Conclusion {
        if !self.shows(contact, sent(work)) {
            return Conclusion::Doubtful(contact.id);
        }
        let mut confirmation = self.written(work, contact.id);
        confirmation.values.retain(|property, _| property.field != Field::UserId || sent(work).contains_key(property));
        Conclusion::Confirmed(confirmation, None)
    }

    /// These values were just written to the contact that the user is linked to.
    pub fn updated(self, work: &Work, contact: &Contact) -> Conclusion {
        let same = work.account.link == Link::Live(contact.id);
        if !same || !self.shows(contact, sent(work)) {
            return Conclusion::Doubtful(contact.id);
        }
        Conclusion::Confirmed(self.written(work, contact.id), None)
    }

    fn written(self, work: &Work, contact: ContactId) -> Confirmation {
        let mut confirmation = self.alive(work, contact);
        confirmation.values.extend(sent(work).clone());
        confirmation.in_doubt.retain(|property| !sent(work).contains_key(property));
        confirmation
    }

    /// The contact as it was read because it might be gone. Under the ID that is known it simply lives: what was known of it
    /// stays, people's edits among it.
    pub fn checked(self, work: &Work, contact: &Contact) -> Conclusion {
        let lives = || {
            let refused = work.account.refused.clone();
            Conclusion::Confirmed(Confirmation { refused, ..self.alive(work, contact.id) }, None)
        };
        self.whose(work, contact).unwrap_or_else(lives)
    }

    /// The contact as it was read to see whose it is; none where all of that was known.
    pub fn whose(self, work: &Work, contact: &Contact) -> Option<Conclusion> {
        let conclusion = self.read(work, contact);
        let Conclusion::Confirmed(Confirmation { link, values, .. }, _) = &conclusion else { return Some(conclusion) };
        let (shown, known) = (self.values(contact), &work.account.values);
        let is_shared = |property: &Property| {
            [&shown, known].into_iter().any(|values| is_anothers(values, work.user, property.connection))
        };
        let of_others = values.iter().filter(|(property, _)| is_shared(property));
        let is_known = of_others.eq(known.iter().filter(|(property, _)| is_shared(property)));
        (*link != work.account.link || !is_known).then_some(conclusion)
    }

    fn alive(self, work: &Work, contact: ContactId) -> Confirmation {
        work.account.next_alive(self.now_ms, contact, work.returned_ms)
    }

    /// The user's contact as it was read with all our properties: found by e-mail or search, after a merge, or in doubt.
    ///
    /// A contact that carries another LINE user of the same connection stays that user's: two people were merged. Two users of
    /// two connections share it. So they do one that was found where the user has none, if it shows the user with any connection:
    /// what the contact before it showed says nothing of it.
    pub fn read(self, work: &Work, contact: &Contact) -> Conclusion {
        let values = self.values(contact);
        let is_found = !matches!(work.account.link, Link::Live(_)) && shows_user(work.user, &values);
        if !is_found && belongs_to_another(work.user, &values, &claimed(work)) {
            let link = Link::Merged { into: contact.id };
            let reason = "the contact was merged with that of another LINE user of the same account".to_owned();
            return Conclusion::Confirmed(self.nothing_of_ours(work, link), Some(reason));
        }
        let values = without_anothers(work, contact, values);
        let confirmation = Confirmation { values, in_doubt: BTreeSet::new(), ..self.alive(work, contact.id) };
        Conclusion::Confirmed(confirmation, None)
    }

    /// The contact as it was read because HubSpot's answer to a write did not show the values. It may not have done it:
    /// then it is tried again. Where HubSpot `answered` each time and still holds something else, it has its own idea of the
    /// value: ours counts as settled until it changes, or it would be written for ever.
    pub fn read_after_write(self, work: &Work, contact: &Contact, answered: bool) -> Conclusion {
        if work.account.link != Link::Live(contact.id) || self.shows(contact, sent(work)) {
            return self.read(work, contact);
        }
        if !answered {
            return Conclusion::Open;
        }
        if work.resisted < ANSWERS_UNTIL_SETTLED {
            return Conclusion::Resisted;
        }
        let mut unshown = sent(work).clone();
        unshown.retain(|property, value| !self.shows_one(contact, *property, value));
        let names: Vec<_> = unshown.keys().map(|property| self.names.name(*property)).collect();
        let reason = format!("HubSpot keeps another value than was written in {}", names.join(", "));
        match self.read(work, contact) {
            Conclusion::Confirmed(mut confirmation, None) => {
                confirmation.values.extend(unshown);
                Conclusion::Confirmed(confirmation, Some(reason))
            }
            conclusion => conclusion,
        }
    }

    /// The contact is gone. `archived_at_ms` is HubSpot's time of deletion; where there is none, our last confirmed write. With
    /// which connections it was the user's is remembered, for it may be restored.
    pub fn gone(self, work: &Work, contact: ContactId, archived_at_ms: Option<i64>) -> Conclusion {
        let since_ms = archived_at_ms.unwrap_or(work.account.observed_at_ms());
        let mut confirmation = self.nothing_of_ours(work, Link::Gone { contact, since_ms });
        confirmation.values.extend(own_ids(work).map(|(property, id)| (*property, id.clone())));
        Conclusion::Confirmed(confirmation, None)
    }

    fn nothing_of_ours(self, work: &Work, link: Link) -> Confirmation {
        let next = work.account.next(self.now_ms, link);
        Confirmation { values: Values::new(), in_doubt: BTreeSet::new(), ..next }
    }

    /// HubSpot refuses these values for good, naming none of our properties: the contact is left alone until one changes.
    pub fn refused(self, work: &Work, reason: &str) -> Conclusion {
        let confirmation = work.account.next(self.now_ms, work.account.link);
        Conclusion::Confirmed(
            Confirmation { refused: Some(sent(work).clone()), ..confirmation },
            Some(reason.to_owned()),
        )
    }

    /// HubSpot refuses the value of this one property for good: it counts as settled until it changes; the others go on.
    pub fn settled(self, work: &Work, property: Property, reason: &str) -> Conclusion {
        let mut confirmation = work.account.next(self.now_ms, work.account.link);
        confirmation.values.extend(sent(work).get(&property).map(|value| (property, value.clone())));
        confirmation.in_doubt.remove(&property);
        Conclusion::Confirmed(confirmation, Some(reason.to_owned()))
    }

    fn shows(self, contact: &Contact, sent: &Values) -> bool {
        sent.iter().all(|(property, value)| self.shows_one(contact, *property, value))
    }

    fn shows_one(self, contact: &Contact, property: Property, value: &str) -> bool {
        contact.properties.get(&self.names.name(property)).map_or("", String::as_str) == value
    }

    fn values(self, contact: &Contact) -> Values {
        let ours = |(name, value): (&String, &String)| Some((self.names.property(name)?, value.as_str().into()));
        contact.properties.iter().filter_map(ours).collect()
    }
}

/// The values that the user's action writes.
pub fn sent(work: &Work) -> &Values {
    static NONE: Values = Values::new();
    match &work.action {
        Action::Create(values) | Action::Update(_, values) => values,
        Action::Check(_) | Action::Nothing => &NONE,
    }
}

/// The connections that know the user, as far as their properties are to be shown.
pub fn connections(work: &Work) -> BTreeSet<ConnectionNumber> {
    let known = work.account.values.keys().chain(sent(work).keys());
    known.map(|property| property.connection).collect()
}

/// The connections that tell whose a contact is: those with which it was the user's before, else those that know the user.
/// What a merge left of another user with a connection that was never the user's makes the contact nobody else's, known or not.
fn claimed(work: &Work) -> BTreeSet<ConnectionNumber> {
    let confirmed: BTreeSet<_> = own_ids(work).map(|(property, _)| property.connection).collect();
    if confirmed.is_empty() {
        return &connections(work) - &shown_ids(work).map(|(property, _)| property.connection).collect();
    }
    confirmed
}

/// Of the user IDs that HubSpot last showed on the user's contact, those that are not another user's.
fn own_ids(work: &Work) -> impl Iterator<Item = (&Property, &Box<str>)> {
    shown_ids(work).filter(|(_, id)| UserId::parse(id).is_none_or(|shown| shown == work.user))
}

fn shown_ids(work: &Work) -> impl Iterator<Item = (&Property, &Box<str>)> {
    work.account.values.iter().filter(|(property, _)| property.field == Field::UserId)
}

/// What is kept of another LINE user who shares the contact: whom it shows, so that nothing is written there.
///
/// But it is first of all whose address it has, the primary of the merge, who takes the place of the other when becoming a
/// friend of that account, too: then nobody is in the way, and what is left there has to go.
fn without_anothers(work: &Work, contact: &Contact, shown: Values) -> Values {
    let address = contact.properties.get(EMAIL).and_then(|email| UserId::from_dummy_email(email));
    let is_kept = |property: &Property| match (address == Some(work.user), property.field) {
        (true, Field::UserId) => false,
        (true, _) => joins(work, property.connection),
        (false, field) => field == Field::UserId,
    };
    let mut kept = shown.clone();
    kept.retain(|property, _| !is_anothers(&shown, work.user, property.connection) || is_kept(property));
    kept
}

/// Is the contact to be said to be the user's with this connection?
fn joins(work: &Work, connection: ConnectionNumber) -> bool {
    sent(work).contains_key(&Property { connection, field: Field::UserId })
}

/// May another LINE user have to do with the contact that this updates? One that shows another, too, and one that is to be the
/// user's with one more connection.
pub fn may_be_shared(work: &Work) -> bool {
    if !matches!(work.action, Action::Update(..)) {
        return false;
    }
    let mut known = work.account.values.keys().map(|property| property.connection);
    known.any(|connection| is_anothers(&work.account.values, work.user, connection))
        || connections(work).into_iter().any(|connection| joins(work, connection))
}

fn shows_user(user: UserId, values: &Values) -> bool {
    let mut ids = values.iter().filter(|(property, _)| property.field == Field::UserId);
    ids.any(|(_, id)| UserId::parse(id) == Some(user))
}

fn belongs_to_another(user: UserId, values: &Values, connections: &BTreeSet<ConnectionNumber>) -> bool {
    let shown = |number: &ConnectionNumber| {
        let id = values.get(&Property { connection: *number, field: Field::UserId });
        id.and_then(|id| UserId::parse(id))
    };
    connections.iter().filter_map(shown).any(|shown| shown != user)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use contact::User;
    use std::collections::BTreeMap;

    const ME: u128 = 1;
    const ANOTHER: u128 = 2;
    const NOBODY: u128 = 0;

    fn user_id(connection: u32) -> Property {
        Property { connection: ConnectionNumber::new(connection).unwrap(), field: Field::UserId }
    }

    fn values(ids: &[(u32, u128)]) -> Values {
        let text = |user| if user == NOBODY { String::new() } else { UserId::from_u128(user).to_string() };
        ids.iter().map(|(connection, user)| (user_id(*connection), text(*user).into())).collect()
    }

    /// Whose contact is it that was known to show these user IDs, and shows others now, to somebody of the first account?
    fn is_mine(known: &[(u32, u128)], shows: &[(u32, u128)]) -> bool {
        is_mine_after(Link::Live(ContactId(1)), known, shows)
    }

    fn is_mine_after(link: Link, known: &[(u32, u128)], shows: &[(u32, u128)]) -> bool {
        let (names, mut me) = (Names::default(), User::default());
        let told = Confirmation { revision: 1, values: values(known), ..me.account.next(1, link) };
        me.apply_confirmation(told);
        let work = Work {
            partition: 0,
            user: UserId::from_u128(ME),
            action: Action::Update(ContactId(1), values(&[(1, ME)])),
            account: me.account,
            returned_ms: None,
            lookups: Vec::new(),
            fresh: true,
            received_at_ms: None,
            attempts: 0,
            resisted: 0,
        };
        let properties: BTreeMap<_, _> =
            values(shows).into_iter().map(|(property, id)| (names.name(property), id.to_string())).collect();
        let contact = Contact { id: ContactId(2), properties, archived_at_ms: None, created_at_ms: None };
        let Conclusion::Confirmed(confirmation, _) = (Reading { names: &names, now_ms: 2 }).read(&work, &contact)
        else {
            panic!("what was read is known");
        };
        confirmation.link == Link::Live(ContactId(2))
    }

    #[test]
    fn a_contact_is_anothers_by_an_account_with_which_it_was_mine_or_nobodys_and_by_no_other() {
        assert!(is_mine(&[], &[(2, ANOTHER)]));
        assert!(!is_mine(&[], &[(1, ANOTHER)]));
        assert!(!is_mine(&[(1, ME)], &[(1, ANOTHER)]));
        assert!(!is_mine(&[(1, NOBODY)], &[(1, ANOTHER)]));
        assert!(!is_mine(&[(1, NOBODY), (2, ME)], &[(1, ANOTHER), (2, ME)]));
        assert!(is_mine(&[(1, ME)], &[(1, ME), (2, ANOTHER)]));
        assert!(is_mine(&[(1, ME), (2, ANOTHER)], &[(1, ME), (2, ANOTHER)]));
        assert!(is_mine(&[(2, ANOTHER)], &[(2, ANOTHER)]));
    }

    #[test]
    fn a_contact_that_is_found_where_mine_is_gone_is_mine_if_it_shows_me_with_any_account() {
        let gone = Link::Gone { contact: ContactId(1), since_ms: 1 };
        let is_mine = |shows| is_mine_after(gone, &[(1, ME), (2, ME)], shows);
        assert!(is_mine(&[(1, ME), (2, ANOTHER)]));
        assert!(!is_mine(&[(1, ANOTHER)]));
        assert!(!is_mine(&[(1, ANOTHER), (2, NOBODY)]));
    }
}
