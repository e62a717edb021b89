//! Finds a consumer that gets no records although there are some: some versions of librdkafka can miss a wake-up for hours.

use super::cluster::Cluster;
use crate::record::Topic;
use crate::{Error, Reader as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long silence is taken for an idle log.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a second reader is given to find a record.
const SECOND_READER_WAIT: Duration = Duration::from_secs(3);

/// What a look found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// There is nothing to read.
    None,
    /// There is something to read which the consumer does not get.
    Stalled,
}

/// How sure it is that the consumer stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspicion {
    None,
    /// The last look found a record; it may just have been written.
    Raised,
    /// The consumer was replaced, and the new one has got nothing yet.
    Replaced,
}

/// Watches one consumer.
pub(super) struct Watchdog {
    progressed_at: Instant,
    silence: Duration,
    suspicion: Suspicion,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self { progressed_at: Instant::now(), silence: SILENCE, suspicion: Suspicion::None }
    }
}

impl Watchdog {
    /// The consumer got something.
    pub(super) fn got_records(&mut self) {
        self.progressed_at = Instant::now();
        self.suspicion = Suspicion::None;
    }

    /// The consumer has got new partitions: its silence begins anew.
    pub(super) fn restart(&mut self) {
        self.progressed_at = Instant::now();
    }

    /// Has nothing come for so long that a look is worth it?
    pub(super) fn is_due(&self) -> bool {
        self.progressed_at.elapsed() >= self.silence
    }

    /// To be called when due. Asks Kafka, and where it has more than `positions` (next offset by topic and partition) a second reader, whether there
    /// is something to read. Offsets that hold nothing, as compaction leaves them at the end, are skipped in `positions`.
    ///
    /// # Errors
    /// [`Error::Unfit`] when replacing the consumer did not help; [`Error::Unavailable`].
    pub(super) fn look(
        &mut self,
        cluster: &Arc<Cluster>,
        positions: &mut BTreeMap<(Topic, u32), u64>,
    ) -> Result<Alarm, Error> {
        self.restart();
        for ((topic, partition), position) in positions {
            let next = cluster.span(*topic, *partition)?.next;
            if next <= *position {
                continue;
            }
            let mut second = Arc::clone(cluster).reader(*topic, *partition, *position)?;
            if second.visit_to_end(1, SECOND_READER_WAIT, &mut |_| {})? == 0 {
                *position = next;
            } else {
                return self.found_record(*topic, *partition);
            }
        }
        Ok(Alarm::None)
    }

    fn found_record(&mut self, topic: Topic, partition: u32) -> Result<Alarm, Error> {
        match self.suspicion {
            Suspicion::None => {
                self.suspicion = Suspicion::Raised;
                Ok(Alarm::None)
            }
            Suspicion::Raised => {
                self.suspicion = Suspicion::Replaced;
                Ok(Alarm::Stalled)
            }
            Suspicion::Replaced => Err(Error::Unfit(format!(
                "the Kafka consumer gets no records of {topic} partition {partition}, also when new"
            ))),
        }
    }

    #[cfg(test)]
    pub(super) fn with_silence(silence: Duration) -> Self {
        Self { silence, ..Self::default() }
    }
}
