//! A log in memory that does what a test wants.

use async_trait::async_trait;
use eventlog::{Consumer, Error, Log, NewRecord, Position, Reader, Record, Span, StartOffset, Topic};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// What becomes of appended events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// They are taken at once.
    Takes,
    /// They are refused with an error.
    Fails,
    /// The append panics.
    Panics,
    /// They wait until the mood changes.
    Stalls,
    /// As [`Mood::Stalls`], unless it is a single one.
    StallsMany,
    /// They are refused for good.
    Refuses,
    /// Those with a key that begins so are refused with an error.
    FailsFor(&'static str),
}

/// The log. Connections are always taken; the mood is for everything else.
pub struct Memory {
    kept: Arc<Kept>,
    mood: watch::Sender<Mood>,
    /// Appends that were begun.
    pub begun: watch::Sender<usize>,
    /// The most records that were appended at once.
    pub most: AtomicUsize,
}

#[derive(Default)]
struct Kept {
    records: Mutex<Vec<Record>>,
    arrived: Condvar,
}

impl Memory {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: Arc::default(),
            mood: watch::Sender::new(Mood::Takes),
            begun: watch::Sender::new(0),
            most: AtomicUsize::new(0),
        })
    }

    pub fn is_now(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Waits until so many appends were begun.
    pub async fn has_begun(&self, appends: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= appends).await.unwrap();
    }

    pub fn records(&self, topic: Topic) -> Vec<Record> {
        self.kept.records.lock().unwrap().iter().filter(|record| record.topic == topic).cloned().collect()
    }

    fn keep(&self, new: NewRecord) -> Position {
        let mut records = self.kept.records.lock().unwrap();
        let offset = records.iter().filter(|record| record.topic == new.topic).count() as u64;
        let NewRecord { topic, key, value } = new;
        records.push(Record { topic, partition: 0, offset, appended_at_ms: 0, key, value });
        self.kept.arrived.notify_all();
        Position { partition: 0, offset }
    }
}

#[async_trait]
impl Log for Memory {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        if records.iter().any(|record| record.topic != Topic::Connections) {
            self.begun.send_modify(|begun| *begun += 1);
            self.most.fetch_max(records.len(), Ordering::Relaxed);
            let goes_on = |mood: &Mood| *mood != Mood::Stalls && (*mood != Mood::StallsMany || records.len() == 1);
            let mood = *self.mood.subscribe().wait_for(goes_on).await.unwrap();
            let is_of = |user: &str| records.iter().any(|record| record.key.starts_with(user.as_bytes()));
            match mood {
                Mood::Fails => return Err(Error::Unavailable("as the test wants".into())),
                Mood::FailsFor(user) if is_of(user) => return Err(Error::Unavailable("as the test wants".into())),
                Mood::Refuses => return Err(Error::Refused("as the test wants".into())),
                Mood::Panics => panic!("as the test wants"),
                Mood::Takes | Mood::Stalls | Mood::StallsMany | Mood::FailsFor(_) => {}
            }
        }
        Ok(records.iter().map(|record| self.keep(record.clone())).collect())
    }

    fn partitions(&self, _: Topic) -> u32 {
        1
    }

    fn span(&self, topic: Topic, _: u32) -> Result<Span, Error> {
        Ok(Span { first: 0, next: self.records(topic).len() as u64 })
    }

    fn reader(&self, topic: Topic, _: u32, from: u64) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(MemoryReader { kept: self.kept.clone(), topic, next: from as usize }))
    }

    fn subscribe(&self, _: &str, _: &[Topic], _: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
        Err(Error::Unfit("no consumer is needed here".into()))
    }

    async fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn describe(&self) -> String {
        "memory".into()
    }
}

struct MemoryReader {
    kept: Arc<Kept>,
    topic: Topic,
    next: usize,
}

impl Reader for MemoryReader {
    fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, Error> {
        let of_topic = |records: &Vec<Record>| records.iter().filter(|record| record.topic == self.topic).count();
        let records = self.kept.records.lock().unwrap();
        let (records, _) =
            self.kept.arrived.wait_timeout_while(records, wait, |records| of_topic(records) <= self.next).unwrap();
        let of_topic = records.iter().filter(|record| record.topic == self.topic);
        let read: Vec<Record> = of_topic.skip(self.next).take(max).cloned().collect();
        self.next += read.len();
        Ok(read)
    }

    fn is_at_end(&self) -> bool {
        let records = self.kept.records.lock().unwrap();
        records.iter().filter(|record| record.topic == self.topic).count() <= self.next
    }
}
