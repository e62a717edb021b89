//! Dead letters: what is there, how each can be tried again, and the tombstone that ends one.

use crate::person;
use crate::wiring::Installation;
use contact::{Confirmation, Link, Names, UserId, Values};
use eventlog::{Log, NewRecord, Record, Topic};
use projector::records::{Decoder, confirmation_record};
use schemas::{Codec, DeadLetter, HubspotContact, Reason};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Hexadecimal digits of a letter's short key.
const SHORT_DIGITS: usize = 12;

/// A letter that is neither retried nor dropped.
pub struct Letter {
    /// Its key in the log: personal data.
    pub key: Vec<u8>,
    /// What it says; `None` where it cannot be read itself.
    pub content: Option<DeadLetter>,
}

/// Prints nothing of what it holds.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({})", self.short_key())
    }
}

impl Letter {
    /// What people type: names the letter without naming a person.
    pub fn short_key(&self) -> String {
        let digits: String = Sha256::digest(&self.key).iter().map(|byte| format!("{byte:02x}")).collect();
        digits[..SHORT_DIGITS].to_owned()
    }

    /// Is it the one that was typed?
    pub fn is_called(&self, typed: &str) -> bool {
        self.key == typed.as_bytes() || self.short_key() == typed.to_ascii_lowercase()
    }

    /// Why it is here.
    pub fn reason(&self) -> &Reason {
        self.content.as_ref().map_or(&Reason::Unreadable, |letter| &letter.reason)
    }

    /// Does it speak of this person?
    pub fn carries(&self, user: UserId) -> bool {
        let id = user.to_string();
        let names = |bytes: &[u8]| bytes.windows(id.len()).any(|part| part.eq_ignore_ascii_case(id.as_bytes()));
        let in_content =
            |letter: &DeadLetter| names(&letter.key) || names(&letter.value) || names(letter.detail.as_bytes());
        names(&self.key) || self.content.as_ref().is_some_and(in_content)
    }

    /// What ends it.
    pub fn tombstone(&self) -> NewRecord {
        NewRecord { topic: Topic::DeadLetters, key: self.key.clone(), value: None }
    }
}

/// All letters, by key.
///
/// # Errors
/// When the log cannot be read.
pub async fn all(installation: &Installation) -> anyhow::Result<Vec<Letter>> {
    let (log, codec) = (installation.log.clone(), installation.codec.clone());
    tokio::task::spawn_blocking(move || read(&*log, &codec)).await?
}

/// All letters, by key. Blocks.
///
/// # Errors
/// When the log cannot be read.
pub fn read(log: &dyn Log, codec: &Codec) -> anyhow::Result<Vec<Letter>> {
    let mut newest: BTreeMap<Vec<u8>, Letter> = BTreeMap::new();
    for partition in 0..log.partitions(Topic::DeadLetters) {
        person::each_record(log, Topic::DeadLetters, partition, |record| {
            let Record { key, value, .. } = record;
            match value {
                None => drop(newest.remove(&key)),
                Some(value) => {
                    let content = codec.decode(&value).ok();
                    newest.insert(key.clone(), Letter { key, content });
                }
            }
            Ok(())
        })?;
    }
    Ok(newest.into_values().collect())
}

/// Why a letter cannot be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hopeless {
    /// The bytes of the letter are no letter.
    Unreadable,
    /// There is no record to go back to.
    NoRecord,
    /// The record did not fit into the letter.
    TooLarge,
}

impl Hopeless {
    /// For the operator.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Unreadable => "the dead letter cannot be read by this version: upgrade, or drop it",
            Self::NoRecord => {
                "LINE signed a body that is no webhook, so there is no record to read again: only drop it"
            }
            Self::TooLarge => {
                "the record is too large for a dead letter and is in the log only: a version that can read it does so in a \
                 `kizuna replay`; else drop the letter"
            }
        }
    }
}

/// Tries letters again, one after the other; gives for each why it cannot be.
///
/// # Errors
/// When the log cannot be read or written.
pub async fn retry(installation: &Installation, letters: Vec<Letter>) -> anyhow::Result<Vec<Result<(), Hopeless>>> {
    let mut outcomes = Vec::new();
    for letter in letters {
        let beside = installation.clone();
        let records = tokio::task::spawn_blocking(move || {
            let names = beside.settings.property_prefix.0.clone();
            let decoder = Decoder::new(beside.codec.clone(), beside.settings.labels(), names.clone());
            let (log, now_ms) = (&*beside.log, beside.clock.now_ms());
            Retry { log, codec: &beside.codec, decoder: &decoder, names: &names, now_ms }.records(&letter)
        });
        outcomes.push(match records.await?? {
            Ok(records) => Ok(installation.log.append(records.into()).await.map(drop)?),
            Err(why) => Err(why),
        });
    }
    Ok(outcomes)
}

/// Forgets letters.
///
/// # Errors
/// When the log cannot be written.
pub async fn forget(installation: &Installation, letters: &[Letter]) -> anyhow::Result<()> {
    installation.log.append(letters.iter().map(Letter::tombstone).collect()).await?;
    Ok(())
}

/// Makes the records that try letters again.
struct Retry<'a> {
    /// The log.
    log: &'a dyn Log,
    /// The form of its records.
    codec: &'a Codec,
    /// Reads them.
    decoder: &'a Decoder,
    /// Names of the properties in HubSpot.
    names: &'a Names,
    /// The time of day, milliseconds since 1970.
    now_ms: i64,
}

impl Retry<'_> {
    /// What has to be appended, in this order: the record, and the end of the letter. What fails again comes later than both.
    ///
    /// # Errors
    /// When the log cannot be read; inside, when there is no way to try it again.
    fn records(&self, letter: &Letter) -> anyhow::Result<Result<[NewRecord; 2], Hopeless>> {
        let Some(content) = &letter.content else { return Ok(Err(Hopeless::Unreadable)) };
        let Some(topic) = Topic::ALL.into_iter().find(|topic| topic.name() == content.topic) else {
            return Ok(Err(Hopeless::Unreadable));
        };
        if content.offset >= 0 && content.value.is_empty() {
            return Ok(Err(Hopeless::TooLarge));
        }
        let record = match self.codec.decode::<HubspotContact>(&content.value) {
            Ok(contact) if topic == Topic::HubspotContacts && content.offset < 0 => self.anew(&contact, content)?,
            _ if content.offset < 0 => None,
            _ => Some(NewRecord { topic, key: content.key.clone(), value: Some(content.value.clone()) }),
        };
        Ok(record.map(|record| [record, letter.tombstone()]).ok_or(Hopeless::NoRecord))
    }

    /// A contact that HubSpot did not take: the newest state of its link, without the refusal.
    fn anew(&self, refused: &HubspotContact, letter: &DeadLetter) -> anyhow::Result<Option<NewRecord>> {
        let Some(user) = UserId::parse(&refused.user_id) else { return Ok(None) };
        let account = person::state(self.log, self.decoder, user, |_| true)?.account;
        let again = match (account.link, &letter.reason) {
            (Link::Merged { .. }, _) => {
                Confirmation { values: Values::new(), ..account.next(self.now_ms, Link::Unknown) }
            }
            (link, Reason::Settled) => {
                Confirmation { in_doubt: account.values.keys().copied().collect(), ..account.next(self.now_ms, link) }
            }
            (link, _) => account.next(self.now_ms, link),
        };
        let record = confirmation_record(user, &again, None, self.names);
        let key = schemas::key::hubspot_contact(&user.to_string());
        Ok(Some(NewRecord { topic: Topic::HubspotContacts, key, value: Some(self.codec.encode(&record)) }))
    }
}
