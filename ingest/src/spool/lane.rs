//! One partition of the log, as the spool sees it.

use eventlog::Topic;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio::sync::Notify;

/// The way of one topic's partition through the spool.
pub(super) struct Lane {
    pub topic: Topic,
    pub partition: u32,
    /// Rings when there may be something to forward.
    pub filled: Notify,
    is_away: AtomicBool,
    /// When its oldest record was spooled, or [`NOTHING`].
    oldest_ms: AtomicI64,
}

/// No record waits.
const NOTHING: i64 = i64::MAX;

impl Lane {
    pub fn new(topic: Topic, partition: u32) -> Self {
        let (filled, is_away, oldest_ms) = (Notify::new(), AtomicBool::new(false), AtomicI64::new(NOTHING));
        Self { topic, partition, filled, is_away, oldest_ms }
    }

    /// Does the log not take this lane's records now, as far as is known?
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// Says whether that is news.
    pub fn set_away(&self, is_away: bool) -> bool {
        self.is_away.swap(is_away, Ordering::Relaxed) != is_away
    }

    /// When its oldest record was spooled, if one waits.
    pub fn oldest_ms(&self) -> Option<i64> {
        Some(self.oldest_ms.load(Ordering::Relaxed)).filter(|oldest| *oldest != NOTHING)
    }

    pub fn set_oldest(&self, oldest_ms: Option<i64>) {
        self.oldest_ms.store(oldest_ms.unwrap_or(NOTHING), Ordering::Relaxed);
    }
}
