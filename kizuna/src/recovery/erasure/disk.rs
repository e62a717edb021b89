//! What is on this machine's disk: the state forgets, the log is compacted, the spool is looked into.

use super::Cut;
use anyhow::Context;
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, Topic};
use projector::store::files;
use runtime::clock::Clock;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a running projector may take to come to the erasure, and readers to let go of the log's journal.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Waits until a running projector has folded the erasure, and empties the journal that still holds what was there. The
/// state that nobody works with is thrown away: it is made again from the log. `false` when the projector takes too long.
pub(super) async fn make_state_forget(state: &Path, cut: &Cut, stopped: bool) -> anyhow::Result<bool> {
    let number = cut.event.partition;
    if !files::partitions(state)?.contains(&number) {
        return Ok(true);
    }
    if stopped || !files::is_in_use(state, number)? {
        files::discard(state, number).context("the state cannot be removed")?;
        return Ok(true);
    }
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if is_folded(state, cut)? && files::empty_journal(state, number)? {
            return Ok(true);
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(false)
}

fn is_folded(state: &Path, cut: &Cut) -> anyhow::Result<bool> {
    let Some(reached) = files::checkpoint(state, cut.event.partition)? else { return Ok(false) };
    Ok(reached.next(Topic::LineEvents) > cut.event.offset && reached.next(Topic::HubspotContacts) > cut.contact.offset)
}

/// Removes the bytes of what has a tombstone.
pub(super) async fn compact(log: &Arc<EmbeddedLog>, topics: impl Iterator<Item = Topic>) -> anyhow::Result<bool> {
    let until = Instant::now() + PATIENCE;
    for topic in topics {
        loop {
            let log = Arc::clone(log);
            match tokio::task::spawn_blocking(move || log.compact(topic)).await? {
                Ok(_) => break,
                Err(eventlog::Error::Unavailable(_)) if Instant::now() < until => sleep(LOOK_AGAIN).await,
                Err(error) => {
                    return Err(error)
                        .context("the person is erased, but the bytes are still on the disk: run this again");
                }
            }
        }
    }
    Ok(true)
}

/// Does the spool hold events that are still to come into the log?
pub(super) fn spool_holds_events(spool: &Path, clock: &Arc<dyn Clock>) -> anyhow::Result<bool> {
    if !spool.join("log.sqlite3").exists() {
        return Ok(false);
    }
    let log = EmbeddedLog::open(spool, Options::new(Arc::clone(clock))).context("the spool cannot be looked into")?;
    for partition in 0..log.partitions(Topic::LineEvents) {
        if log.held(Topic::LineEvents, partition)?.records > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use eventlog::NewRecord;
    use runtime::clock::SystemClock;

    #[tokio::test]
    async fn a_spool_holds_events_until_they_are_forwarded() {
        let directory = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let holds = || spool_holds_events(directory.path(), &clock).unwrap();
        assert!(!holds(), "there is none");
        let spool = EmbeddedLog::open(directory.path(), Options::new(Arc::clone(&clock))).unwrap();
        assert!(!holds());
        let event = NewRecord { topic: Topic::LineEvents, key: b"U/1/1".to_vec(), value: Some(b"event".to_vec()) };
        spool.append(vec![event]).await.unwrap();
        assert!(holds());
        spool.remove_before(Topic::LineEvents, 0, 1).unwrap();
        assert!(!holds());
    }
}
