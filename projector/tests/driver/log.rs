//! A log that does not always answer.

use async_trait::async_trait;
use eventlog::{Consumer, Error, Log, NewRecord, Position, Reader, Span, StartOffset, Topic};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The log of a driver, with what goes wrong with it.
pub struct Unsteady {
    log: Arc<dyn Log>,
    /// The next append is done, and not confirmed.
    pub confirms_late: AtomicBool,
    /// It does not tell what it holds.
    pub is_silent: AtomicBool,
    /// How often it was asked that in vain.
    pub asked: AtomicUsize,
}

impl Unsteady {
    /// Over a log; nothing goes wrong at first.
    pub fn over(log: &Arc<dyn Log>) -> Arc<Self> {
        let log = Arc::clone(log);
        Arc::new(Self {
            log,
            confirms_late: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
        })
    }
}

fn no_answer() -> Error {
    Error::Unavailable("as the test wants it".to_owned())
}

#[async_trait]
impl Log for Unsteady {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        let positions = self.log.append_shared(records).await?;
        let is_lost = self.confirms_late.swap(false, Ordering::SeqCst);
        if is_lost { Err(no_answer()) } else { Ok(positions) }
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.log.partitions(topic)
    }

    fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
        if self.is_silent.load(Ordering::SeqCst) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            return Err(no_answer());
        }
        self.log.span(topic, partition)
    }

    fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, Error> {
        self.log.reader(topic, partition, from)
    }

    fn subscribe(&self, group: &str, topics: &[Topic], start: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
        self.log.subscribe(group, topics, start)
    }

    async fn check(&self) -> Result<(), Error> {
        self.log.check().await
    }

    fn describe(&self) -> String {
        self.log.describe()
    }
}
