//! What a record of the log means to the fold, and the records that mean something to it. The only place of this crate that
//! knows the wire forms.

use contact::property::weight;
use contact::{
    Confirmation, ConnectionNumber, ContactId, Event, EventId, Kind, Likeness, Link, Moment, Names, Profile,
};
use contact::{UserId, Values};
use eventlog::{NewRecord, RecordRef, Topic};
use line::event::Labels;
use schemas::{Codec, ContactLink, HubspotContact, LineEvent, LineProfile, SendOutcome, SentMessage};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The number that no connection has.
const NO_CONNECTION: u32 = 0;

/// Kind and ID of the record that erases a person.
const ERASED: &str = "erased";

/// Kind and ID of the record of a friend whom an import found.
const IMPORTED: &str = "imported";

/// What a record means to the fold.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// Something happened between a person and an account.
    Event {
        /// What.
        event: Event,
        /// When ingest took it, milliseconds since 1970; `None` of an import, for which nobody waits.
        received_at_ms: Option<i64>,
    },
    /// LINE answered a profile look-up.
    Profile(UserId, ConnectionNumber, Profile),
    /// HubSpot answered about a contact.
    Confirmation(UserId, Confirmation),
    /// The person was erased: what was told of the time until then is to be forgotten. Milliseconds.
    Erased(UserId, i64),
    /// It changes no contact.
    Nothing,
}

impl Input {
    /// Whose state it changes.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Event { event, .. } => Some(event.user),
            Self::Profile(user, ..) | Self::Confirmation(user, _) | Self::Erased(user, _) => Some(*user),
            Self::Nothing => None,
        }
    }

    /// When ingest took the event, milliseconds since 1970.
    pub fn received_at_ms(&self) -> Option<i64> {
        match self {
            Self::Event { received_at_ms, .. } => *received_at_ms,
            _ => None,
        }
    }

    /// Bytes of memory that a state may take because of it, about.
    pub fn weight(&self) -> usize {
        let texts = match self {
            Self::Event { event, .. } => match &event.kind {
                Kind::Messaged { text, .. } | Kind::Edited { text, .. } => text.len(),
                _ => 0,
            },
            Self::Profile(_, _, profile) => profile.found.as_ref().map_or(0, Likeness::weight),
            Self::Confirmation(_, told) => weight(&told.values) + told.refused.as_ref().map_or(0, weight),
            Self::Erased(..) | Self::Nothing => 0,
        };
        size_of::<Self>() + texts
    }
}

/// Why a record cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A newer version of this software wrote it: skipping it would lose it, so the projector stops.
    #[error(
        "{topic} partition {partition} offset {offset} was written by a newer version: upgrade this one ({reason})"
    )]
    Newer {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: u32,
        /// The offset.
        offset: u64,
        /// What the codec says.
        reason: String,
    },
    /// It is not what the topic holds: it goes to the dead letters with this reason, and the partition goes on.
    #[error("{0}")]
    Unusable(String),
}

/// Reads records.
pub struct Decoder {
    codec: Codec,
    labels: Labels,
    names: Names,
}

impl Decoder {
    /// A decoder for values under these property names, with these labels for messages that are not text.
    pub fn new(codec: Codec, labels: Labels, names: Names) -> Self {
        Self { codec, labels, names }
    }

    /// What the record means.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn input(&self, record: RecordRef<'_>) -> Result<Input, Error> {
        let Some(value) = record.value else { return Ok(Input::Nothing) };
        match record.topic {
            Topic::LineEvents => self.line_event(record, value),
            Topic::LineProfiles => self.line_profile(record, value),
            Topic::HubspotContacts => self.contact(record, value),
            Topic::LineSent => self.sent(record, value),
            Topic::LineOutbox | Topic::HubspotEvents | Topic::Connections | Topic::DeadLetters => Ok(Input::Nothing),
        }
    }

    /// A confirmation as a record that means it.
    pub fn confirmation(&self, user: UserId, confirmation: &Confirmation) -> NewRecord {
        let value = self.codec.encode(&confirmation_record(user, confirmation, None, &self.names));
        NewRecord {
            topic: Topic::HubspotContacts,
            key: schemas::key::hubspot_contact(&user.to_string()),
            value: Some(value),
        }
    }

    /// What LINE told of a friend as a record that means it.
    pub fn profile(&self, user: UserId, connection: ConnectionNumber, profile: Profile) -> NewRecord {
        profile_record(&self.codec, user, connection, profile)
    }

    fn line_event(&self, record: RecordRef<'_>, value: &[u8]) -> Result<Input, Error> {
        let event = self.codec.line_event(value).map_err(|error| refuse(record, error))?;
        if is_erasure(&event) {
            return Ok(Input::Erased(user(event.user_id.as_deref().unwrap_or(""))?, event.occurred_at_ms));
        }
        if is_import(&event) {
            return import(&event);
        }
        let received_at_ms = Some(event.received_at_ms);
        let stored = line::event::Stored {
            connection: number(event.connection)?,
            webhook_event_id: &event.webhook_event_id,
            event_type: &event.event_type,
            user_id: event.user_id.as_deref(),
            occurred_at_ms: event.occurred_at_ms,
            raw: &event.raw,
        };
        let read = line::event::read(&stored, &self.labels);
        Ok(read.map_or(Input::Nothing, |event| Input::Event { event, received_at_ms }))
    }

    fn line_profile(&self, record: RecordRef<'_>, value: &[u8]) -> Result<Input, Error> {
        let profile: LineProfile = self.codec.decode(value).map_err(|error| refuse(record, error))?;
        let found =
            profile.found.map(|found| Likeness { name: found.name.into(), picture: found.picture.map(Into::into) });
        let (fetched_at_ms, covers_ms) = (profile.fetched_at_ms, profile.covers_ms);
        let profile_of = Profile { fetched_at_ms, covers_ms, found };
        Ok(Input::Profile(user(&profile.user_id)?, number(profile.connection)?, profile_of))
    }

    fn contact(&self, record: RecordRef<'_>, value: &[u8]) -> Result<Input, Error> {
        let contact: HubspotContact = self.codec.decode(value).map_err(|error| refuse(record, error))?;
        let confirmation = Confirmation {
            revision: contact.revision,
            observed_at_ms: contact.observed_at_ms,
            link: link(contact.link),
            values: self.values(contact.values),
            refused: contact.refused.map(|refused| self.values(refused)),
            covers_ms: contact.covers_ms,
            in_doubt: contact.in_doubt.iter().filter_map(|name| self.names.property(name)).collect(),
        };
        Ok(Input::Confirmation(user(&contact.user_id)?, confirmation))
    }

    fn sent(&self, record: RecordRef<'_>, value: &[u8]) -> Result<Input, Error> {
        let sent: SentMessage = self.codec.decode(value).map_err(|error| refuse(record, error))?;
        if !sent.one_to_one || sent.outcome != SendOutcome::Accepted {
            return Ok(Input::Nothing);
        }
        let at = Moment { time_ms: sent.ended_at_ms, id: command_id(&sent.command_id) };
        let (user, connection) = (user(&sent.user_id)?, number(sent.connection)?);
        let event = Event { user, connection, at, kind: Kind::Answered };
        Ok(Input::Event { event, received_at_ms: Some(sent.ended_at_ms) })
    }

    fn values(&self, named: BTreeMap<String, String>) -> Values {
        let ours = |(name, value): (String, String)| Some((self.names.property(&name)?, value.into_boxed_str()));
        named.into_iter().filter_map(ours).collect()
    }
}

/// What LINE told of a friend as the log keeps it.
pub fn profile_record(codec: &Codec, user: UserId, connection: ConnectionNumber, profile: Profile) -> NewRecord {
    let Profile { covers_ms, fetched_at_ms, found } = profile;
    let (user_id, connection) = (user.to_string(), connection.get());
    let key = schemas::key::line_profile(&user_id, connection);
    let found =
        found.map(|found| schemas::Likeness { name: found.name.into(), picture: found.picture.map(Into::into) });
    let record = LineProfile { user_id, connection, covers_ms, fetched_at_ms, found };
    NewRecord { topic: Topic::LineProfiles, key, value: Some(codec.encode(&record)) }
}

/// A confirmation as the log keeps it.
pub fn confirmation_record(
    user: UserId,
    confirmation: &Confirmation,
    reason: Option<&str>,
    names: &Names,
) -> HubspotContact {
    let named =
        |values: &Values| values.iter().map(|(property, value)| (names.name(*property), value.to_string())).collect();
    HubspotContact {
        user_id: user.to_string(),
        revision: confirmation.revision,
        observed_at_ms: confirmation.observed_at_ms,
        link: match confirmation.link {
            Link::Unknown => ContactLink::Unknown,
            Link::Live(contact) => ContactLink::Live { contact_id: contact.0 },
            Link::Gone { contact, since_ms } => ContactLink::Gone { contact_id: contact.0, since_ms },
            Link::Erased { since_ms } => ContactLink::Erased { since_ms },
            Link::Merged { into } => ContactLink::Merged { into: into.0 },
        },
        values: named(&confirmation.values),
        refused: confirmation.refused.as_ref().map(named),
        reason: reason.map(str::to_owned),
        covers_ms: confirmation.covers_ms,
        in_doubt: confirmation.in_doubt.iter().map(|property| names.name(*property)).collect(),
    }
}

/// The erasure of a person, as it stands among the person's events. Its place there matters: see [`contact::User::erase`].
pub fn erasure_record(user: UserId, since_ms: i64, now_ms: i64) -> LineEvent<'static> {
    LineEvent {
        connection: NO_CONNECTION,
        webhook_event_id: ERASED.into(),
        event_type: ERASED.into(),
        user_id: Some(user.to_string().into()),
        occurred_at_ms: since_ms,
        received_at_ms: now_ms,
        redelivery: false,
        raw: Vec::new().into(),
    }
}

/// The key of [`erasure_record`]: a later erasure of the same person takes its place.
pub fn erasure_key(user: UserId) -> Vec<u8> {
    schemas::key::line_event(&user.to_string(), NO_CONNECTION, ERASED)
}

/// Webhooks come in under a connection's number, so that none of them can be taken for an erasure.
fn is_erasure(event: &LineEvent<'_>) -> bool {
    event.connection == NO_CONNECTION && event.event_type == ERASED
}

/// A friend whom an import found, as it stands among the person's events. `now_ms` is its time: of when the person became a
/// friend LINE says nothing.
pub fn import_record(user: UserId, connection: ConnectionNumber, now_ms: i64) -> LineEvent<'static> {
    LineEvent {
        connection: connection.get(),
        webhook_event_id: IMPORTED.into(),
        event_type: IMPORTED.into(),
        user_id: Some(user.to_string().into()),
        occurred_at_ms: now_ms,
        received_at_ms: now_ms,
        redelivery: false,
        raw: Vec::new().into(),
    }
}

/// The key of [`import_record`].
pub fn import_key(user: UserId, connection: ConnectionNumber) -> Vec<u8> {
    schemas::key::line_event(&user.to_string(), connection.get(), IMPORTED)
}

/// The events of a webhook have bytes, so that none of them can be taken for an import.
fn is_import(event: &LineEvent<'_>) -> bool {
    event.event_type == IMPORTED && event.raw.is_empty()
}

fn import(record: &LineEvent<'_>) -> Result<Input, Error> {
    let at = Moment { time_ms: record.occurred_at_ms, id: line::event::event_id(&record.webhook_event_id) };
    let (user, connection) = (user(record.user_id.as_deref().unwrap_or(""))?, number(record.connection)?);
    let event = Event { user, connection, at, kind: Kind::Imported };
    Ok(Input::Event { event, received_at_ms: None })
}

fn refuse(record: RecordRef<'_>, error: schemas::Error) -> Error {
    if matches!(error, schemas::Error::UnknownSchema(_)) {
        let (topic, partition, offset) = (record.topic, record.partition, record.offset);
        return Error::Newer { topic, partition, offset, reason: error.to_string() };
    }
    Error::Unusable(error.to_string())
}

fn link(link: ContactLink) -> Link {
    match link {
        ContactLink::Unknown => Link::Unknown,
        ContactLink::Live { contact_id } => Link::Live(ContactId(contact_id)),
        ContactLink::Gone { contact_id, since_ms } => Link::Gone { contact: ContactId(contact_id), since_ms },
        ContactLink::Erased { since_ms } => Link::Erased { since_ms },
        ContactLink::Merged { into } => Link::Merged { into: ContactId(into) },
    }
}

fn user(text: &str) -> Result<UserId, Error> {
    UserId::parse(text).ok_or_else(|| Error::Unusable("the user ID is not one of LINE's".to_owned()))
}

fn number(number: u32) -> Result<ConnectionNumber, Error> {
    ConnectionNumber::new(number).ok_or_else(|| Error::Unusable("the connection number is 0".to_owned()))
}

fn command_id(id: &str) -> EventId {
    let mut first = [0; 16];
    first.copy_from_slice(&Sha256::digest(id.as_bytes())[..16]);
    EventId(u128::from_be_bytes(first))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(topic: Topic, value: Vec<u8>) -> Input {
        let record = RecordRef { topic, partition: 0, offset: 0, appended_at_ms: 0, key: b"", value: Some(&value) };
        let decoder = Decoder::new(Codec::default(), Labels::default(), Names::default());
        decoder.input(record).unwrap()
    }

    #[test]
    fn an_erasure_stands_among_the_events() {
        let user = UserId::from_u128(7);
        let value = Codec::default().encode(&erasure_record(user, 20, 30));
        assert_eq!(read(Topic::LineEvents, value), Input::Erased(user, 20));
        assert_eq!(erasure_key(user), format!("{user}/0/erased").into_bytes());
    }

    #[test]
    fn an_imported_friend_stands_among_the_events_and_nobody_waits_for_it() {
        let (user, connection) = (UserId::from_u128(7), ConnectionNumber::new(3).unwrap());
        let record = import_record(user, connection, 20);
        let at = Moment { time_ms: 20, id: line::event::event_id(IMPORTED) };
        let event = Event { user, connection, at, kind: Kind::Imported };
        let read = read(Topic::LineEvents, Codec::default().encode(&record));
        assert_eq!(read, Input::Event { event, received_at_ms: None });
        assert_eq!(import_key(user, connection), format!("{user}/3/imported").into_bytes());
    }

    #[test]
    fn no_webhook_can_be_taken_for_an_import() {
        let import = import_record(UserId::from_u128(7), ConnectionNumber::new(3).unwrap(), 20);
        let forged = LineEvent { raw: br#"{"type":"imported"}"#.into(), ..import };
        assert_eq!(read(Topic::LineEvents, Codec::default().encode(&forged)), Input::Nothing);
    }

    #[test]
    fn no_webhook_can_be_taken_for_an_erasure() {
        let forged = LineEvent { connection: 1, ..erasure_record(UserId::from_u128(7), 20, 30) };
        assert_eq!(read(Topic::LineEvents, Codec::default().encode(&forged)), Input::Nothing);
    }
}
