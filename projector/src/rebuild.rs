//! The whole log → state, beside the live stores: for looking at what it gives, and for taking their place.

use crate::decode::Decoder;
use crate::fold::{Error, Folded, Partition};
use crate::store::{RESTORE_MEMORY, Stores};
use contact::Connections;
use eventlog::{Log, Topic};
use std::time::Duration;

/// Records read at a time.
pub const RECORDS_MAX: usize = 10_000;

/// How long the log may take to give what it holds. Where compaction removed the end of a partition, nothing comes.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// How often the log is followed while it grows; then what came last is left out.
const ROUNDS: usize = 3;

/// What HubSpot confirmed is read before what happened, so that what happens meanwhile seems still to be written, and never
/// the other way round.
const ORDER: [Topic; 4] = [Topic::HubspotContacts, Topic::LineProfiles, Topic::LineSent, Topic::LineEvents];

/// The state of all partitions, up to the end of the log.
pub struct Rebuilt {
    /// By number.
    pub partitions: Vec<Partition>,
    /// Records folded.
    pub records: u64,
    /// Records that cannot be used: the projector has set them aside, or will.
    pub unusable: u64,
}

/// Folds the log into these stores, from where they are. It writes nothing to the log and calls nobody; memory is bounded.
/// `progress` is told how many records of how many are done. Blocks.
///
/// # Errors
/// What only an operator can put right, and a log that is away.
pub fn rebuild(
    log: &dyn Log,
    decoder: &Decoder,
    stores: &dyn Stores,
    rules: &Connections,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rebuilt, Error> {
    let numbers = 0..log.partitions(Topic::LineEvents);
    let mut total = 0;
    for (topic, number) in numbers.clone().flat_map(|number| ORDER.map(|topic| (topic, number))) {
        let span = log.span(topic, number)?;
        total += span.next - span.first;
    }
    let mut rebuilt = Rebuilt { partitions: Vec::new(), records: 0, unusable: 0 };
    for number in numbers {
        let mut partition = Partition::new(number, stores.open(number)?);
        partition.store().limit_memory(RESTORE_MEMORY);
        for _ in 0..ROUNDS {
            let before = rebuilt.records;
            for topic in ORDER {
                let mut source = Source { log, decoder, topic, number };
                source.fold(&mut partition, &mut rebuilt, rules, &mut |done| progress(done, total))?;
            }
            if rebuilt.records == before {
                break;
            }
        }
        partition.flush(rules)?;
        partition.store().forget();
        rebuilt.partitions.push(partition);
    }
    Ok(rebuilt)
}

/// One partition of one topic.
struct Source<'a> {
    log: &'a dyn Log,
    decoder: &'a Decoder,
    topic: Topic,
    number: u32,
}

impl Source<'_> {
    fn fold(
        &mut self,
        partition: &mut Partition,
        rebuilt: &mut Rebuilt,
        rules: &Connections,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let span = self.log.span(self.topic, self.number)?;
        let mut next = partition.store().checkpoint().next(self.topic).max(span.first);
        if next >= span.next {
            return Ok(());
        }
        let mut reader = self.log.reader(self.topic, self.number, next)?;
        while next < span.next {
            let (mut folded, mut outcome) = (Folded::default(), Ok(()));
            let read = reader.visit(RECORDS_MAX, ANSWER_WAIT, &mut |record| {
                if outcome.is_ok() {
                    outcome = partition.fold(record, self.decoder, &mut folded);
                    next = record.offset + 1;
                }
            })?;
            outcome?;
            if read == 0 {
                break;
            }
            rebuilt.records += folded.records;
            rebuilt.unusable += folded.unusable.len() as u64;
            if partition.store().is_full() {
                partition.flush(rules)?;
            }
            progress(rebuilt.records);
        }
        Ok(())
    }
}
