//! Consumer groups of the embedded log: one member at a time, held by a lock file, owns every partition.

use super::EmbeddedLog;
use super::bell::{Bell, Topics};
use super::cursor::Cursor;
use super::database::{Access, Session};
use super::reader::look_until;
use crate::{Error, Ownership, Polled, Record, StartOffset, Topic};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The only member of a group.
pub(super) struct Member {
    session: Session,
    bell: Arc<Bell>,
    topics: Vec<Topic>,
    start: Arc<StartOffset>,
    /// Empty until the partitions are assigned.
    cursors: Vec<Cursor>,
    /// The cursor whose turn it is, so that a busy topic does not keep another waiting.
    turn: usize,
    tenure: Arc<Tenure>,
    /// Locked while this member lives; the system unlocks it when the process ends, however it ends.
    _lock: File,
}

impl Member {
    pub(super) fn join(
        log: &EmbeddedLog,
        group: &str,
        topics: &[Topic],
        start: Arc<StartOffset>,
    ) -> Result<Self, Error> {
        let partitions = topics.first().map_or(0, |topic| log.database.partitions(*topic));
        if partitions == 0 || topics.iter().any(|topic| log.database.partitions(*topic) != partitions) {
            return Err(Error::Unfit("a consumer needs topics that all have the same partition count".into()));
        }
        let lock = lock_group(&log.dir, group)?;
        Ok(Self {
            session: Session::new(Arc::clone(&log.database), Access::Read),
            bell: log.bells.hang(topics.iter().copied().collect::<Topics>()),
            topics: topics.to_vec(),
            start,
            cursors: Vec::new(),
            turn: 0,
            tenure: Arc::new(Tenure { partitions, held: AtomicBool::new(false) }),
            _lock: lock,
        })
    }

    fn assign(&mut self) -> Result<Polled, Error> {
        let partitions = self.tenure.partitions;
        let (topics, start) = (&self.topics, &self.start);
        self.cursors = self.session.run(|connection| {
            let places = topics.iter().flat_map(|topic| (0..partitions).map(|partition| (*topic, partition)));
            places
                .map(|(topic, partition)| Cursor::at(connection, topic, partition, start(topic, partition)?))
                .collect::<Result<_, _>>()
        })?;
        self.tenure.held.store(true, Ordering::SeqCst);
        Ok(Polled::Assigned((0..partitions).collect()))
    }
}

impl crate::Consumer for Member {
    fn poll(&mut self, max: usize, wait: Duration) -> Result<Polled, Error> {
        if self.cursors.is_empty() {
            return self.assign();
        }
        let Self { session, bell, cursors, turn, .. } = self;
        let mut records = Vec::new();
        look_until(bell, wait, || session.run(|connection| next_turn(connection, cursors, turn, max, &mut records)))?;
        Ok(if records.is_empty() { Polled::Idle } else { Polled::Records(records) })
    }

    /// Goes nowhere: with one process, the projector's own metrics tell the lag.
    fn report(&mut self, _progress: &[(Topic, u32, u64)]) {}

    fn ownership(&self) -> Arc<dyn Ownership> {
        Arc::clone(&self.tenure) as Arc<dyn Ownership>
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.tenure.held.store(false, Ordering::SeqCst);
    }
}

/// Takes records of the first cursor, from the one whose turn it is, that has any.
fn next_turn(
    connection: &rusqlite::Connection,
    cursors: &mut [Cursor],
    turn: &mut usize,
    max: usize,
    records: &mut Vec<Record>,
) -> Result<usize, Error> {
    for _ in 0..cursors.len() {
        let current = *turn;
        *turn = (current + 1) % cursors.len();
        let found = cursors[current].visit(connection, max, &mut |record| records.push(record.to_record()))?;
        if found > 0 {
            return Ok(found);
        }
    }
    Ok(0)
}

/// The time for which the member owns the partitions.
struct Tenure {
    partitions: u32,
    held: AtomicBool,
}

impl Ownership for Tenure {
    fn owns(&self, partition: u32) -> bool {
        partition < self.partitions && self.held.load(Ordering::SeqCst)
    }
}

fn lock_group(dir: &Path, group: &str) -> Result<File, Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if group.is_empty() || !group.bytes().all(plain) {
        return Err(Error::Unfit("a group's name consists of letters, digits, - and _".into()));
    }
    let path = dir.join(format!("group-{group}.lock"));
    let unusable = |error| Error::Unfit(format!("cannot use {}: {error}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Unfit(format!(
            "another process is already the {group} of the log in {}: stop it first, or share the work through Kafka",
            dir.display()
        ))),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}
