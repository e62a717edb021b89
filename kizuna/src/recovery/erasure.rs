//! Erasing a person, step by step. Each step may be done again, so that an erasure that was interrupted is just run again.
//!
//! 1. The log learns that the person is erased: from then on the fold forgets, and nothing of the past is sent.
//! 2. The contacts in HubSpot are deleted.
//! 3. Every record of the person gets a tombstone.
//! 4. The state on disk forgets; where calls can still be under way, their answers are waited for and erased too.
//! 5. The log is compacted, so that the bytes are gone.

mod disk;

use super::beside::{Stopped, Turn};
use super::letters;
use crate::person;
use crate::server::{TAKEOVER_GRACE, projector_settings};
use crate::wiring::Installation;
use anyhow::{Context, bail};
use connection::Snapshot;
use contact::{Action, ContactId, Field, Property, User, UserId, decide};
use eventlog::partitioning::partition;
use eventlog::{Log, NewRecord, Position, Record, Topic};
use hubspot::{ContactKey, Crm, Error, Priority};
use projector::records::{Decoder, confirmation_record, erasure_key, erasure_record};
use schemas::{Codec, ContactLink, HubspotContact, LineEvent, LineProfile, OutboxMessage, SentMessage, key};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::sleep;

/// Topics that are keyed by user.
const OF_USERS: [Topic; 5] =
    [Topic::LineEvents, Topic::LineProfiles, Topic::HubspotContacts, Topic::LineOutbox, Topic::LineSent];

/// What is to be erased, and how.
pub struct Request {
    /// Who.
    pub user: UserId,
    /// Makes no contact ever again.
    pub for_good: bool,
    /// Archives instead of deleting for good.
    pub keep_in_recycle_bin: bool,
}

/// What became of a contact in HubSpot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Deleted for good.
    Deleted,
    /// In the recycle bin.
    Archived,
    /// It carries another LINE user too: people have to decide.
    Shared,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Report {
    /// Up to when nothing is known any more, milliseconds; `i64::MAX` for ever.
    pub since_ms: i64,
    /// Keys erased from the log, by topic.
    pub records: BTreeMap<&'static str, usize>,
    /// Contacts in HubSpot.
    pub contacts: BTreeMap<ContactId, Fate>,
    /// Is the log on disk rid of the bytes? Kafka takes its time.
    pub compacted: bool,
    /// Has the state on this machine forgotten?
    pub forgotten: bool,
    /// Do events wait in the spool on this machine, perhaps of the person too?
    pub spooled: bool,
}

/// How many records the log holds of a person.
///
/// # Errors
/// When the log cannot be read.
pub fn known_records(log: &dyn Log, user: UserId) -> anyhow::Result<usize> {
    let mut known = 0;
    for topic in OF_USERS {
        person::each_of(log, topic, user, |record| {
            known += usize::from(record.value.is_some());
            Ok(())
        })?;
    }
    Ok(known)
}

/// Erases.
///
/// # Errors
/// When a step cannot be done; those before it are done, and the same request may be made again.
pub async fn erase(installation: &Installation, request: Request) -> anyhow::Result<Report> {
    let crm = installation
        .crm
        .clone()
        .context("KIZUNA_HUBSPOT_TOKEN is not set: without it the contact in HubSpot would stay. Nothing was erased")?;
    let turn = Turn::take(installation)?;
    let view = installation.view().await?;
    let decoder = {
        let settings = projector_settings(installation)?;
        Decoder::new(installation.codec.clone(), settings.labels, settings.names)
    };
    let erasure = Erasure { installation, request, crm, decoder, connected: view.snapshot(), turn };
    let mut report = Report::default();
    let cut = erasure.tell_the_log().await?;
    report.since_ms = cut.since_ms;
    erasure.delete_contacts(&mut report).await.context("the person is erased, except for HubSpot: run this again")?;
    erasure.bury(&cut, &mut report).await?;
    let stopped = Stopped::find(installation)?;
    report.forgotten = disk::make_state_forget(erasure.turn.state(), &cut, stopped.is_some()).await?;
    // With Kafka nobody can tell from here that no projector runs: it may run on another machine.
    let may_be_running = stopped.is_none() || installation.embedded.is_none();
    if may_be_running && cut.something_was_due {
        sleep(TAKEOVER_GRACE).await;
        erasure
            .delete_contacts(&mut report)
            .await
            .context("the person is erased, except for HubSpot: run this again")?;
        erasure.bury(&cut, &mut report).await?;
    }
    report.compacted = match &installation.embedded {
        Some(log) => disk::compact(log, OF_USERS.into_iter().chain([Topic::HubspotEvents, Topic::DeadLetters])).await?,
        None => false,
    };
    report.spooled = disk::spool_holds_events(&installation.settings.data_dir.join("spool"), &installation.clock)?;
    Ok(report)
}

/// An erasure under way.
struct Erasure<'a> {
    installation: &'a Installation,
    request: Request,
    crm: Arc<dyn Crm>,
    decoder: Decoder,
    connected: Arc<Snapshot>,
    turn: Turn,
}

/// Where the erasure cuts the log.
struct Cut {
    /// Up to when nothing is known any more, milliseconds.
    since_ms: i64,
    /// Answers about the contact below this revision are of before.
    revision: u64,
    /// Its place among the events, and among the answers about contacts.
    event: Position,
    contact: Position,
    /// Was something to be asked of HubSpot or LINE about the person, so that an answer may still come?
    something_was_due: bool,
}

impl Erasure<'_> {
    /// Reads the log, which blocks.
    fn read<T>(&self, read: impl FnOnce(&Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        tokio::task::block_in_place(|| read(self))
    }

    fn state(&self, counts: impl Fn(&Record) -> bool) -> anyhow::Result<User> {
        person::state(&*self.installation.log, &self.decoder, self.request.user, counts)
    }

    async fn tell_the_log(&self) -> anyhow::Result<Cut> {
        let (installation, user) = (self.installation, self.request.user);
        let before = self.read(|it| it.state(|_| true))?;
        let now_ms = installation.clock.now_ms();
        let newest = before.friends().filter_map(|(_, friend)| friend.newest_action_ms()).max();
        let chosen_ms = if self.request.for_good { i64::MAX } else { now_ms.max(newest.unwrap_or(now_ms)) };
        // An erasure replaces the one before in the log, and must not take back what that one promised.
        let since_ms = before.erased_ms().map_or(chosen_ms, |erased_ms| chosen_ms.max(erased_ms));
        let erased = before.account.erased(now_ms, since_ms);
        let names = &installation.settings.property_prefix.0;
        let event = NewRecord {
            topic: Topic::LineEvents,
            key: erasure_key(user),
            value: Some(installation.codec.encode(&erasure_record(user, since_ms, now_ms))),
        };
        let contact = NewRecord {
            topic: Topic::HubspotContacts,
            key: key::erasure(&user.to_string()),
            value: Some(installation.codec.encode(&confirmation_record(user, &erased, None, names))),
        };
        let [event, contact] = installation.log.append(vec![event, contact]).await?[..] else {
            bail!("the log did not say where it put the erasure; run this again");
        };
        let at_the_cut = self.read(|it| {
            it.state(|record| match record.topic {
                Topic::LineEvents => record.offset < event.offset,
                Topic::HubspotContacts => record.offset < contact.offset,
                _ => true,
            })
        })?;
        let something_was_due = self.has_something_due(&at_the_cut);
        Ok(Cut { since_ms, revision: erased.revision, event, contact, something_was_due })
    }

    fn has_something_due(&self, user: &User) -> bool {
        let asks = user.friends().any(|(_, friend)| friend.profile_due().is_some());
        asks || decide(self.request.user, user, self.connected.rules()) != Action::Nothing
    }

    /// Deletes every contact that HubSpot has of the person: those that the log names, and those found there.
    async fn delete_contacts(&self, report: &mut Report) -> anyhow::Result<()> {
        let mut ids = self.read(Self::contacts_in_log)?;
        ids.extend(self.find_contacts().await?);
        for id in ids {
            let fate = if self.is_shared(id).await? {
                Some(Fate::Shared)
            } else if self.request.keep_in_recycle_bin {
                self.archive(id).await?
            } else {
                let deleted = self.crm.gdpr_delete(ContactKey::Id(id), Priority::Fresh).await;
                none_if_absent(deleted)?.map(|()| Fate::Deleted)
            };
            if let Some(fate) = fate {
                report.contacts.insert(id, fate);
            }
        }
        Ok(())
    }

    async fn archive(&self, id: ContactId) -> Result<Option<Fate>, Error> {
        if self.crm.read_one(id, &[], Priority::Fresh).await?.is_none() {
            return Ok(None);
        }
        self.crm.archive(id, Priority::Fresh).await?;
        Ok(Some(Fate::Archived))
    }

    /// The contacts that the log ever linked with the person; a contact that is another person's is none of them.
    fn contacts_in_log(&self) -> anyhow::Result<BTreeSet<ContactId>> {
        let mut ids = BTreeSet::new();
        person::each_of(&*self.installation.log, Topic::HubspotContacts, self.request.user, |record| {
            let contact = record.value.and_then(|value| self.installation.codec.decode::<HubspotContact>(&value).ok());
            match contact.map(|contact| contact.link) {
                Some(ContactLink::Live { contact_id } | ContactLink::Gone { contact_id, .. }) => {
                    ids.insert(ContactId(contact_id));
                }
                Some(ContactLink::Merged { into }) => {
                    ids.remove(&ContactId(into));
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(ids)
    }

    /// The contacts that HubSpot finds by the dummy e-mail or by the LINE user ID.
    async fn find_contacts(&self) -> Result<BTreeSet<ContactId>, Error> {
        let user = self.request.user;
        let by_email = self.crm.read_by_email(&[user.dummy_email()], &[], Priority::Fresh).await?;
        let mut ids: BTreeSet<_> = by_email.into_iter().map(|(_, contact)| contact.id).collect();
        for property in self.user_id_properties() {
            match self.crm.search_in(&property, &[user.to_string()], &[], Priority::Fresh).await {
                Ok(found) => ids.extend(found.into_iter().map(|contact| contact.id)),
                // An administrator removed the property, and with it what it held.
                Err(Error::Rejected(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ids)
    }

    /// Does the contact carry another LINE user as well?
    async fn is_shared(&self, id: ContactId) -> Result<bool, Error> {
        let properties = self.user_id_properties();
        let contact = self.crm.read_one(id, &properties, Priority::Fresh).await?;
        let users = contact.iter().flat_map(|contact| contact.properties.values()).filter_map(|id| UserId::parse(id));
        Ok(users.into_iter().any(|user| user != self.request.user))
    }

    fn user_id_properties(&self) -> Vec<String> {
        let names = &self.installation.settings.property_prefix.0;
        let of = |connection| names.name(Property { connection, field: Field::UserId });
        self.connected.all().map(|connection| of(connection.number)).collect()
    }

    /// Puts a tombstone over every record of the person.
    async fn bury(&self, cut: &Cut, report: &mut Report) -> anyhow::Result<()> {
        let tombstones = self.read(|it| it.tombstones(cut))?;
        for tombstone in &tombstones {
            *report.records.entry(tombstone.topic.name()).or_default() += 1;
        }
        self.installation.log.append(tombstones).await?;
        Ok(())
    }

    fn tombstones(&self, cut: &Cut) -> anyhow::Result<Vec<NewRecord>> {
        let (log, codec, user) = (&*self.installation.log, &self.installation.codec, self.request.user);
        let mut tombstones = Vec::new();
        for topic in OF_USERS {
            let mut keys = Keys::default();
            person::each_of(log, topic, user, |record| {
                if record.key == erasure_key(user) || record.key == key::erasure(&user.to_string()) {
                    keys.erased();
                } else if record.value.is_none() {
                    keys.removed(&record.key);
                } else if cut.covers(codec, &record) {
                    keys.told_of_before(record.key);
                } else {
                    keys.told(record.key);
                }
                Ok(())
            })?;
            tombstones.extend(keys.before.into_iter().map(|key| NewRecord { topic, key, value: None }));
        }
        let letters = letters::read(log, codec)?;
        tombstones.extend(letters.iter().filter(|letter| letter.carries(user)).map(letters::Letter::tombstone));
        tombstones.extend(self.webhooks_of_contacts()?);
        Ok(tombstones)
    }

    /// What HubSpot's webhooks told about the person's contacts.
    fn webhooks_of_contacts(&self) -> anyhow::Result<Vec<NewRecord>> {
        let (log, topic) = (&*self.installation.log, Topic::HubspotEvents);
        let mut tombstones = Vec::new();
        for id in self.contacts_in_log()? {
            let object = id.to_string();
            let number = partition(topic, format!("0/{object}").as_bytes(), log.partitions(topic));
            let mut open = BTreeSet::new();
            person::each_record(log, topic, number, |record| {
                if topic.partition_key(&record.key) == object.as_bytes() {
                    let _ = if record.value.is_some() { open.insert(record.key) } else { open.remove(&record.key) };
                }
                Ok(())
            })?;
            tombstones.extend(open.into_iter().map(|key| NewRecord { topic, key, value: None }));
        }
        Ok(tombstones)
    }
}

/// The keys of one topic, told apart as its records are read in order.
#[derive(Default)]
struct Keys {
    /// Their newest record is of the time before the erasure.
    before: BTreeSet<Vec<u8>>,
    /// Theirs is not, unless an erasure follows.
    open: BTreeSet<Vec<u8>>,
}

impl Keys {
    /// Of all that was told so far nothing stays.
    fn erased(&mut self) {
        self.before.append(&mut self.open);
    }

    fn removed(&mut self, key: &[u8]) {
        self.before.remove(key);
        self.open.remove(key);
    }

    /// A record whose place is behind the erasure, and what it tells is not.
    fn told_of_before(&mut self, key: Vec<u8>) {
        self.before.insert(key);
    }

    /// A record of the person's new life takes the place of the old one under its key: a tombstone would remove it.
    fn told(&mut self, key: Vec<u8>) {
        self.before.remove(&key);
        self.open.insert(key);
    }
}

impl Cut {
    /// Is the record of the time until the erasure, although it may stand behind it? What cannot be read is.
    fn covers(&self, codec: &Codec, record: &Record) -> bool {
        let Some(value) = record.value.as_deref() else { return true };
        if record.topic == Topic::HubspotContacts {
            let contact: Option<HubspotContact> = codec.decode(value).ok();
            return contact.is_none_or(|contact| contact.revision < self.revision);
        }
        let at_ms = match record.topic {
            Topic::LineEvents => codec.decode(value).ok().map(|event: LineEvent<'_>| event.occurred_at_ms),
            Topic::LineProfiles => codec.decode(value).ok().map(|profile: LineProfile| profile.covers_ms),
            Topic::LineOutbox => codec.decode(value).ok().map(|message: OutboxMessage| message.requested_at_ms),
            _ => codec.decode(value).ok().map(|sent: SentMessage| sent.ended_at_ms),
        };
        at_ms.is_none_or(|at_ms| at_ms <= self.since_ms)
    }
}

fn none_if_absent<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn what_a_person_did_after_the_erasure_is_not_buried_with_what_was_before() {
        let mut keys = Keys::default();
        ["profile", "event", "removed"].into_iter().for_each(|key| keys.told(key.into()));
        keys.removed(b"removed");
        keys.erased();
        keys.told("profile".into());
        keys.told("new".into());
        keys.told_of_before("late".into());
        assert_eq!(keys.before, ["event", "late"].map(Into::into).into());
        keys.erased();
        assert_eq!(keys.before, ["event", "late", "new", "profile"].map(Into::into).into(), "erased once more");
    }
}
