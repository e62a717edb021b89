//! Dead letters: what is there, how each can be tried again, and the tombstone that ends one.

use crate::person;
use crate::wiring::Installation;
use anyhow::Context;
use contact::{Confirmation, Link, Names, UserId, Values};
use eventlog::{Log, NewRecord, Position, Record, Topic};
use projector::records::{Decoder, confirmation_record};
use runtime::clock::Clock;
use schemas::{Codec, DeadLetter, HubspotContact, Reason};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Hexadecimal digits of a letter's short key.
const SHORT_DIGITS: usize = 12;

/// A letter that is neither retried nor dropped.
pub struct Letter {
    /// Its key in the log: personal data.
    pub key: Vec<u8>,
    /// What it says; `None` where it cannot be read itself.
    pub content: Option<DeadLetter>,
    /// Where it stands in the log.
    position: Position,
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
            let Record { key, value, offset, .. } = record;
            match value {
                None => drop(newest.remove(&key)),
                Some(value) => {
                    let (content, position) = (codec.decode(&value).ok(), Position { partition, offset });
                    newest.insert(key.clone(), Letter { key, content, position });
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
/// When the log cannot be read or written; the letters that it happened to, and those behind them, stay.
pub async fn retry(installation: &Installation, letters: Vec<Letter>) -> anyhow::Result<Vec<Result<(), Hopeless>>> {
    let names = installation.settings.property_prefix.0.clone();
    let retry = Retry {
        log: Arc::clone(&installation.log),
        codec: installation.codec.clone(),
        decoder: Decoder::new(installation.codec.clone(), installation.settings.labels(), names.clone()),
        names,
        clock: Arc::clone(&installation.clock),
    };
    Arc::new(retry).all(letters).await
}

/// Forgets letters.
///
/// # Errors
/// When the log cannot be written.
pub async fn forget(installation: &Installation, letters: &[Letter]) -> anyhow::Result<()> {
    installation.log.append(letters.iter().map(Letter::tombstone).collect()).await?;
    Ok(())
}

/// Tries letters again.
struct Retry {
    /// The log.
    log: Arc<dyn Log>,
    /// The form of its records.
    codec: Codec,
    /// Reads them.
    decoder: Decoder,
    /// Names of the properties in HubSpot.
    names: Names,
    /// Time of day.
    clock: Arc<dyn Clock>,
}

/// A letter that was tried again: where it stood, and where its end stands.
struct Ended {
    letter: Position,
    tombstone: Position,
}

impl Retry {
    /// A letter ends only when its record is in the log, because Kafka may take the one and not the other.
    async fn all(self: Arc<Self>, letters: Vec<Letter>) -> anyhow::Result<Vec<Result<(), Hopeless>>> {
        let (mut outcomes, mut ended, mut failure) = (Vec::new(), BTreeMap::new(), None);
        for letter in letters {
            match self.clone().one(letter, &mut ended).await {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let retry = self.clone();
        let failed_again = tokio::task::spawn_blocking(move || retry.failed_again(&ended)).await??;
        self.log.append(failed_again).await?;
        failure.map_or(Ok(outcomes), Err)
    }

    async fn one(
        self: Arc<Self>,
        letter: Letter,
        ended: &mut BTreeMap<Vec<u8>, Ended>,
    ) -> anyhow::Result<Result<(), Hopeless>> {
        let (key, position, tombstone) = (letter.key.clone(), letter.position, letter.tombstone());
        let retry = self.clone();
        let record = match tokio::task::spawn_blocking(move || retry.record(&letter)).await?? {
            Ok(record) => record,
            Err(hopeless) => return Ok(Err(hopeless)),
        };
        self.log.append(vec![record]).await?;
        let written = self.log.append(vec![tombstone]).await?;
        let tombstone = written.first().copied().context("the log did not say where it put the end of a letter")?;
        ended.insert(key, Ended { letter: position, tombstone });
        Ok(Ok(()))
    }

    /// What failed again before the end of its letter was in the log, under the same key: to be appended once more.
    fn failed_again(&self, ended: &BTreeMap<Vec<u8>, Ended>) -> anyhow::Result<Vec<NewRecord>> {
        let mut newest = BTreeMap::new();
        let partitions: BTreeSet<u32> = ended.values().map(|ended| ended.tombstone.partition).collect();
        for partition in partitions {
            person::each_record(&*self.log, Topic::DeadLetters, partition, |record| {
                let Record { key, value, offset, .. } = record;
                let Some(Ended { letter, tombstone }) = ended.get(&key) else { return Ok(()) };
                if offset > letter.offset && offset != tombstone.offset {
                    let is_covered = offset < tombstone.offset && value.is_some();
                    newest.insert(key, value.filter(|_| is_covered));
                }
                Ok(())
            })?;
        }
        let again = |(key, value): (Vec<u8>, Option<Vec<u8>>)| {
            value.map(|value| NewRecord { topic: Topic::DeadLetters, key, value: Some(value) })
        };
        Ok(newest.into_iter().filter_map(again).collect())
    }

    /// What has to be appended to try a letter again.
    ///
    /// # Errors
    /// When the log cannot be read; inside, when there is no way to try it again.
    fn record(&self, letter: &Letter) -> anyhow::Result<Result<NewRecord, Hopeless>> {
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
        Ok(record.ok_or(Hopeless::NoRecord))
    }

    /// A contact that HubSpot did not take: the newest state of its link, without the refusal.
    fn anew(&self, refused: &HubspotContact, letter: &DeadLetter) -> anyhow::Result<Option<NewRecord>> {
        let Some(user) = UserId::parse(&refused.user_id) else { return Ok(None) };
        let account = person::state(&*self.log, &self.decoder, user, |_| true)?.account;
        let now_ms = self.clock.now_ms();
        let again = match (account.link, &letter.reason) {
            (Link::Merged { .. }, _) => Confirmation { values: Values::new(), ..account.next(now_ms, Link::Unknown) },
            (link, Reason::Settled) => {
                Confirmation { in_doubt: account.values.keys().copied().collect(), ..account.next(now_ms, link) }
            }
            (link, _) => account.next(now_ms, link),
        };
        let record = confirmation_record(user, &again, None, &self.names);
        let key = schemas::key::hubspot_contact(&user.to_string());
        Ok(Some(NewRecord { topic: Topic::HubspotContacts, key, value: Some(self.codec.encode(&record)) }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use async_trait::async_trait;
    use eventlog::embedded::{EmbeddedLog, Options};
    use eventlog::{Consumer, Error, Reader, Span, StartOffset};
    use line::event::Labels;
    use runtime::clock::SystemClock;

    /// A log of which each topic is on another machine, as Kafka's may be: it takes the records of an append one by one.
    struct Spread {
        log: Arc<EmbeddedLog>,
        /// It cannot be written.
        away: Option<Topic>,
        /// Who reads a record cannot use it, and says so at once.
        is_unusable: bool,
    }

    #[async_trait]
    impl Log for Spread {
        async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
            let (mut positions, mut failure) = (Vec::new(), None);
            for record in &*records {
                if self.away == Some(record.topic) {
                    failure = Some(Error::Unavailable("no leader".to_owned()));
                    continue;
                }
                positions.extend(self.log.append(vec![record.clone()]).await?);
                if self.is_unusable && record.topic == Topic::LineEvents {
                    self.log.append(vec![letter("failed again")]).await?;
                }
            }
            failure.map_or(Ok(positions), Err)
        }

        fn partitions(&self, topic: Topic) -> u32 {
            self.log.partitions(topic)
        }

        fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
            self.log.span(topic, partition)
        }

        fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, Error> {
            self.log.reader(topic, partition, from)
        }

        fn subscribe(&self, _: &str, _: &[Topic], _: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
            unreachable!("dead letters are read without a group")
        }

        async fn check(&self) -> Result<(), Error> {
            Ok(())
        }

        fn describe(&self) -> String {
            "everywhere".to_owned()
        }
    }

    /// A record that could not be used, for a reason.
    fn letter(detail: &str) -> NewRecord {
        let (topic, key) = (Topic::LineEvents.name(), b"nobody/1/one".to_vec());
        let letter_key = schemas::key::dead_letter(topic, &key);
        let letter = DeadLetter {
            topic: topic.to_owned(),
            partition: 0,
            offset: 0,
            key,
            value: b"nonsense".to_vec(),
            reason: Reason::Malformed,
            detail: detail.to_owned(),
            at_ms: 0,
            connection: None,
        };
        NewRecord { topic: Topic::DeadLetters, key: letter_key, value: Some(Codec::default().encode(&letter)) }
    }

    /// Tries the only letter again, and gives whether that was done, how many records were put back, and the letters that are left.
    async fn tried_again(away: Option<Topic>, is_unusable: bool) -> (bool, u64, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        let embedded = EmbeddedLog::open(directory.path(), Options::new(Arc::new(SystemClock))).unwrap();
        embedded.append(vec![letter("failed")]).await.unwrap();
        let log = Arc::new(Spread { log: embedded, away, is_unusable });
        let retry = Retry {
            log: log.clone(),
            codec: Codec::default(),
            decoder: Decoder::new(Codec::default(), Labels::default(), Names::default()),
            names: Names::default(),
            clock: Arc::new(SystemClock),
        };
        let letters = read(&*log, &retry.codec).unwrap();
        let is_done = Arc::new(retry).all(letters).await.is_ok();
        let left = read(&*log, &Codec::default()).unwrap().into_iter();
        let left = left.map(|letter| letter.content.unwrap().detail).collect();
        (is_done, log.span(Topic::LineEvents, 0).unwrap().next, left)
    }

    #[tokio::test]
    async fn a_letter_ends_when_its_record_is_back_in_the_log() {
        assert_eq!(tried_again(None, false).await, (true, 1, vec![]));
    }

    #[tokio::test]
    async fn a_letter_whose_record_the_log_does_not_take_stays() {
        assert_eq!(tried_again(Some(Topic::LineEvents), false).await, (false, 0, vec!["failed".to_owned()]));
    }

    #[tokio::test]
    async fn a_letter_whose_end_the_log_does_not_take_stays() {
        assert_eq!(tried_again(Some(Topic::DeadLetters), false).await, (false, 1, vec!["failed".to_owned()]));
    }

    #[tokio::test]
    async fn what_fails_again_before_the_end_of_its_letter_stands_in_the_log_stays() {
        assert_eq!(tried_again(None, true).await, (true, 1, vec!["failed again".to_owned()]));
    }
}
