//! A log that is away for a while.

#![allow(clippy::unwrap_used)]

mod driver;

use async_trait::async_trait;
use driver::{Driver, user};
use eventlog::{Consumer, Error, Log, NewRecord, Position, Reader, Span, StartOffset, Topic};
use projector::status::Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A log that stops telling what it holds.
struct Silent {
    log: Arc<dyn Log>,
    silent: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Log for Silent {
    async fn append_shared(&self, records: Arc<[NewRecord]>) -> Result<Vec<Position>, Error> {
        self.log.append_shared(records).await
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.log.partitions(topic)
    }

    fn span(&self, topic: Topic, partition: u32) -> Result<Span, Error> {
        if self.silent.load(Ordering::SeqCst) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            return Err(Error::Unavailable("as the test wants it".to_owned()));
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

#[tokio::test(start_paused = true)]
async fn lag_is_asked_for_once_where_the_log_does_not_answer() {
    let mut driver = Driver::with_partitions(2).await;
    let log = Arc::clone(&driver.log);
    let silent = Arc::new(Silent { log, silent: AtomicBool::new(false), asked: AtomicUsize::new(0) });
    driver.log = Arc::clone(&silent) as Arc<dyn Log>;
    driver.follow(1, user(1), 1_000).await;
    let status = Arc::new(Status::default());
    let parts = driver.parts(&status);
    let mut session = parts.member.join().unwrap();
    while !status.is_ready() {
        session.step(Duration::from_secs(1)).await.unwrap();
    }
    silent.silent.store(true, Ordering::SeqCst);
    for measured in 1..=3 {
        tokio::time::advance(Duration::from_secs(10)).await;
        session.step(Duration::ZERO).await.unwrap();
        assert_eq!(silent.asked.load(Ordering::SeqCst), measured);
    }
}
