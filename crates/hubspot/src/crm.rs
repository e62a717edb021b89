//! What the rest of Kizuna sees of HubSpot.

use crate::{
    CreateInput, CreateOutcome, Ensured, Error, Group, MaySend, Priority, PropertyDefinition, Standing, UpdateInput,
    UpdateOutcome,
};
use async_trait::async_trait;
use contact::ContactId;
use std::collections::BTreeMap;
use std::fmt;

/// HubSpot's contacts and their properties.
///
/// Values cross as text under internal property names. Datetimes of ours are milliseconds since 1970 in both
/// directions; an empty text clears a property. Any number of inputs may be given: batches of 100 are made here.
///
/// Every call waits for its turn in the request budget, in the order of its [`Priority`], but never longer than
/// [`limit::PATIENCE`](crate::limit::PATIENCE) for a pause: then it fails with what the pause is for, so that nobody
/// sends values that have grown old while they waited. Reads are tried again a few times; writes never are.
#[async_trait]
pub trait Crm: Send + Sync {
    /// The live contacts that have these addresses, primary or additional, each with the address it was found by, in
    /// lower case. An address that is not in the answer has no live contact.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound` and `Unknown`.
    async fn read_by_email(
        &self,
        emails: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(String, Contact)>, Error>;

    /// The live contacts under these IDs, each with the ID it was asked by: a merged contact has another one by now. An
    /// ID that is not in the answer has no live contact.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound` and `Unknown`.
    async fn read_many(
        &self,
        ids: &[ContactId],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(ContactId, Contact)>, Error>;

    /// Of these contacts those in the recycle bin, with [`Contact::archived_at_ms`] and without properties, each with the ID
    /// it was asked by: one that was merged before has another one by now.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound` and `Unknown`.
    async fn read_archived(&self, ids: &[ContactId], priority: Priority) -> Result<Vec<(ContactId, Contact)>, Error>;

    /// One live contact. It follows merges: the contact in the answer may have another ID.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound` and `Unknown`.
    async fn read_one(
        &self,
        id: ContactId,
        properties: &[String],
        priority: Priority,
    ) -> Result<Option<Contact>, Error>;

    /// The live contacts whose text property has one of these values, in any case of letters. What changed within the
    /// last seconds may be missing: search lags behind writes.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound` and `Unknown`.
    async fn search_in(
        &self,
        property: &str,
        values: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<Contact>, Error>;

    /// Creates contacts, those that may be sent when their turn comes. The answer has one outcome for each input, in the order
    /// of the inputs.
    ///
    /// # Errors
    /// Only when nothing at all was written, so that everything may be sent again: any [`Error`] but `NotFound`,
    /// `Rejected` and `Unknown`, which are outcomes of single inputs.
    async fn create(
        &self,
        inputs: Vec<CreateInput>,
        may_send: MaySend<'_>,
        priority: Priority,
    ) -> Result<Vec<(String, CreateOutcome)>, Error>;

    /// Writes properties of contacts, of those that may be sent when their turn comes. The answer has one outcome for each
    /// input, in the order of the inputs.
    ///
    /// # Errors
    /// As for [`create`](Self::create).
    async fn update(
        &self,
        inputs: Vec<UpdateInput>,
        may_send: MaySend<'_>,
        priority: Priority,
    ) -> Result<Vec<(String, UpdateOutcome)>, Error>;

    /// Moves a contact to the recycle bin, from where a person can restore it for 90 days. Says nothing about whether
    /// it was there.
    ///
    /// # Errors
    /// Any [`Error`].
    async fn archive(&self, id: ContactId, priority: Priority) -> Result<(), Error>;

    /// Erases a contact for good. HubSpot may refuse the contact's addresses for ever afterwards.
    ///
    /// # Errors
    /// Any [`Error`]; `NotFound` when there is no such contact.
    async fn gdpr_delete(&self, contact: ContactKey<'_>, priority: Priority) -> Result<(), Error>;

    /// Creates a group of properties unless it exists.
    ///
    /// # Errors
    /// Any [`Error`].
    async fn ensure_group(&self, group: &Group, priority: Priority) -> Result<(), Error>;

    /// Brings the contact properties of a portal to these definitions, as far as that loses nothing, and waits a moment
    /// until they can be written. The answer has one entry for each definition, in order, by internal name.
    ///
    /// # Errors
    /// Any [`Error`] that concerns all of them.
    async fn ensure_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<Vec<(String, Ensured)>, Error>;

    /// How the contact properties of a portal stand to these definitions; changes nothing. The answer has one entry for each
    /// definition, in order, by internal name.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound` and `Unknown`.
    async fn inspect_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<Vec<(String, Standing)>, Error>;

    /// Of the scopes that Kizuna needs those that the token lacks, found by calls that change nothing.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound`, `Rejected` and `MissingScopes`.
    async fn missing_scopes(&self, priority: Priority) -> Result<Vec<&'static str>, Error>;

    /// How many custom contact properties the portal may have and has; `None` when HubSpot does not tell.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound`, `MissingScopes` and `Unknown`.
    async fn custom_property_room(&self, priority: Priority) -> Result<Option<Room>, Error>;

    /// The portal that the token belongs to. Teaches the budget when the portal's day ends.
    ///
    /// # Errors
    /// Any [`Error`] but `Unknown`.
    async fn account(&self, priority: Priority) -> Result<Account, Error>;

    /// How much of the day's calls is used; `None` when HubSpot does not tell. Teaches the budget.
    ///
    /// # Errors
    /// Any [`Error`] but `NotFound`, `MissingScopes` and `Unknown`.
    async fn daily_usage(&self, priority: Priority) -> Result<Option<DailyUsage>, Error>;

    /// What HubSpot does not accept about the token, if that is the last that it said about it. Makes no call.
    fn refusal(&self) -> Option<Error> {
        None
    }
}

/// A contact as HubSpot shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its ID now: after a merge another one than it was asked by.
    pub id: ContactId,
    /// Of the properties that were asked for or written, those that have a value.
    pub properties: BTreeMap<String, String>,
    /// When it was deleted, milliseconds since 1970; `None` for a live contact, and where HubSpot names no time.
    pub archived_at_ms: Option<i64>,
    /// When it was created, milliseconds since 1970.
    pub created_at_ms: Option<i64>,
}

/// Prints names of properties, never values: they are personal data.
impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("id", &self.id)
            .field("properties", &self.properties.keys())
            .field("archived_at_ms", &self.archived_at_ms)
            .finish_non_exhaustive()
    }
}

/// By what a single contact is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ContactKey<'a> {
    /// Its record ID.
    Id(ContactId),
    /// An e-mail address of it, in any case.
    Email(&'a str),
}

/// Custom properties of contacts: how many there may be and are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Allowed.
    pub limit: u32,
    /// Used.
    pub usage: u32,
}

impl Room {
    /// How many more fit.
    pub const fn left(self) -> u32 {
        self.limit.saturating_sub(self.usage)
    }
}

/// The portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// HubSpot's number for it.
    pub portal_id: i64,
    /// Its time zone, as `Asia/Tokyo`.
    pub time_zone: Option<String>,
    /// By how much its clocks are ahead of UTC today, milliseconds.
    pub utc_offset_ms: Option<i64>,
    /// The host of its pages, as `app.hubspot.com`.
    pub ui_domain: Option<String>,
    /// What kind of portal it is, as `STANDARD` or `DEVELOPER_TEST`.
    pub account_type: Option<String>,
}

/// Calls of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyUsage {
    /// Allowed.
    pub limit: u64,
    /// Used, by all apps of the portal.
    pub used: u64,
    /// When counting starts anew, milliseconds since 1970.
    pub resets_at_ms: Option<i64>,
}
