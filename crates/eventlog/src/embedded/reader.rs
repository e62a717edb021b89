//! Reads one partition, without a consumer group.

use super::EmbeddedLog;
use super::bell::{Bell, Topics};
use super::cursor::Cursor;
use super::database::{Access, Session};
use crate::{Error, Record, RecordRef, Topic};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a waiting reader looks for records that another process appended.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Looks until records are found or `wait` is over; between two looks it listens to the bell. Returns how many were found.
pub(super) fn look_until(
    bell: &Bell,
    wait: Duration,
    mut look: impl FnMut() -> Result<usize, Error>,
) -> Result<usize, Error> {
    let since = Instant::now();
    loop {
        let found = look()?;
        let left = wait.saturating_sub(since.elapsed());
        if found > 0 || left.is_zero() {
            return Ok(found);
        }
        bell.wait(left.min(LOOK_AGAIN));
    }
}

/// A reader of one partition.
pub(super) struct Reader {
    session: Session,
    bell: Arc<Bell>,
    cursor: Cursor,
    is_at_end: bool,
}

impl Reader {
    pub(super) fn open(log: &EmbeddedLog, topic: Topic, partition: u32, from: u64) -> Result<Self, Error> {
        log.database.expect_partition(topic, partition)?;
        let mut session = Session::new(Arc::clone(&log.database), Access::Read);
        let cursor = session.run(|connection| Cursor::at(connection, topic, partition, from))?;
        Ok(Self { session, bell: log.bells.hang(Topics::from_iter([topic])), cursor, is_at_end: false })
    }
}

impl crate::Reader for Reader {
    fn next(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        self.visit(max, wait, &mut |record| records.push(record.to_record()))?;
        Ok(records)
    }

    fn visit(&mut self, max: usize, wait: Duration, visit: &mut dyn FnMut(RecordRef<'_>)) -> Result<usize, Error> {
        let Self { session, bell, cursor, is_at_end } = self;
        let count = look_until(bell, wait, || session.run(|connection| cursor.visit(connection, max, visit)))?;
        *is_at_end = count == 0;
        Ok(count)
    }

    fn is_at_end(&self) -> bool {
        self.is_at_end
    }
}
