//! A log whose readers can be made to fail.

use async_trait::async_trait;
use eventlog::{Consumer, Error, Log, NewRecord, Position, Reader, Record, Span, StartOffset, Topic};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

type Fault = fn() -> Error;

/// A log whose readers fail on demand.
pub struct Faulty {
    inner: Arc<dyn Log>,
    fault: Arc<Mutex<Option<Fault>>>,
    failures: watch::Sender<u64>,
}

impl Faulty {
    pub fn over(inner: Arc<dyn Log>) -> Arc<Self> {
        Arc::new(Self { inner, fault: Arc::default(), failures: watch::Sender::new(0) })
    }

    /// Makes every read fail from now on.
    pub fn fail(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    pub fn heal(&self) {
        *self.fault.lock().unwrap() = None;
    }

    /// Waits until a read has failed.
    pub async fn failed(&self) {
        self.failures.subscribe().wait_for(|failures| *failures > 0).await.unwrap();
    }
}

#[async_trait]
impl Log for Faulty {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        self.inner.append_shared(records).await
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.inner.partitions(topic)
    }

    fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
        self.inner.span(topic, partition)
    }

    fn reader(&self, topic: Topic, partition: u32, from: u64) -> Result<Box<dyn Reader>, Error> {
        let inner = self.inner.reader(topic, partition, from)?;
        Ok(Box::new(FaultyReader { inner, fault: Arc::clone(&self.fault), failures: self.failures.clone() }))
    }

    fn subscribe(&self, group: &str, topics: &[Topic], start: Arc<StartOffset>) -> Result<Box<dyn Consumer>, Error> {
        self.inner.subscribe(group, topics, start)
    }

    async fn check(&self) -> Result<(), Error> {
        self.inner.check().await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

struct FaultyReader {
    inner: Box<dyn Reader>,
    fault: Arc<Mutex<Option<Fault>>>,
    failures: watch::Sender<u64>,
}

impl Reader for FaultyReader {
    fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, Error> {
        if let Some(fault) = *self.fault.lock().unwrap() {
            self.failures.send_modify(|failures| *failures += 1);
            return Err(fault());
        }
        self.inner.next(max, wait)
    }

    fn is_at_end(&self) -> bool {
        self.inner.is_at_end()
    }
}
