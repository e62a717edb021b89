//! The whole log → state, beside the live stores: for looking at what it gives, and for taking their place.

use crate::fold::{Error, Folded, Partition};
use crate::records::Decoder;
use crate::store::{Slice, Stores};
use contact::Connections;
use eventlog::{Log, Record, Span, Topic};
use std::time::Duration;

/// Records read at a time.
pub const RECORDS_MAX: usize = 10_000;

/// How long the log may take to give what it holds.
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

/// Folds the log into these stores, from where they are. It writes nothing to the log and calls nobody. Users take so many
/// bytes of memory at the most: the log is read once for as many of them as fit. `progress` is told how many records of how
/// many are done. Blocks.
///
/// # Errors
/// What only an operator can put right, and a log that is away.
pub fn rebuild(
    memory: usize,
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
        partition.store().limit_memory(memory);
        if partition.store().is_blank() {
            let mut slices = Slices { log, decoder, rules, number, slice: Slice::ALL };
            slices.fold(&mut partition, &mut rebuilt, &mut |done| progress(done, total))?;
        }
        for _ in 0..ROUNDS {
            let before = rebuilt.records;
            let source = Source { log, decoder, rules, number };
            source.fold(&mut partition, &mut |folded| {
                rebuilt.records += folded.records;
                rebuilt.unusable += folded.unusable.len() as u64;
                progress(rebuilt.records, total);
            })?;
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

/// One partition, a slice of its users after the other. All slices are folded up to the same place in the log.
struct Slices<'a> {
    log: &'a dyn Log,
    decoder: &'a Decoder,
    rules: &'a Connections,
    number: u32,
    /// Whose turn it is.
    slice: Slice,
}

impl Slices<'_> {
    fn fold(
        &mut self,
        partition: &mut Partition,
        rebuilt: &mut Rebuilt,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let mut ends = Vec::with_capacity(ORDER.len());
        for topic in ORDER {
            ends.push((topic, self.log.span(topic, self.number)?));
        }
        let all = ends.iter().map(|(_, span)| span.next - span.first).sum();
        let before = rebuilt.records;
        loop {
            let (mut passed, mut unusable) = (0, Vec::new());
            for (topic, span) in &ends {
                self.pass(partition, *topic, span, &mut unusable, &mut |slices, records| {
                    passed += records;
                    progress(before + slices.slice.done(passed, all));
                })?;
            }
            unusable.retain(|record: &Record| self.slice.holds(record.lend()));
            rebuilt.unusable += unusable.len() as u64;
            let Some(next) = self.slice.next() else {
                rebuilt.records += passed;
                return Ok(partition.flush(self.rules)?);
            };
            partition.flush_slice(self.rules)?;
            self.slice = next;
        }
    }

    /// Reads one topic for the slice, and tells how many records there were.
    fn pass(
        &mut self,
        partition: &mut Partition,
        topic: Topic,
        span: &Span,
        unusable: &mut Vec<Record>,
        passed: &mut dyn FnMut(&Self, u64),
    ) -> Result<(), Error> {
        let mut next = span.first;
        if next >= span.next {
            return Ok(());
        }
        let mut reader = self.log.reader(topic, self.number, next)?;
        while next < span.next {
            let (mut folded, mut outcome, mut records) = (Folded::default(), Ok(()), 0);
            let read = reader.visit_to_end(RECORDS_MAX, ANSWER_WAIT, &mut |record| {
                if outcome.is_ok() && record.offset < span.next {
                    outcome = partition.fold_slice(&mut self.slice, record, self.decoder, &mut folded);
                    records += 1;
                }
                next = record.offset + 1;
            })?;
            outcome?;
            if read == 0 {
                break;
            }
            unusable.extend(folded.unusable.into_iter().map(|(record, _)| record));
            passed(self, records);
        }
        Ok(())
    }
}

/// Folds what came into the log since this partition was rebuilt. Blocks.
///
/// # Errors
/// As [`rebuild`].
pub fn catch_up(
    partition: &mut Partition,
    number: u32,
    log: &dyn Log,
    decoder: &Decoder,
    rules: &Connections,
) -> Result<(), Error> {
    Source { log, decoder, rules, number }.fold(partition, &mut |_| {})?;
    Ok(partition.flush(rules)?)
}

/// One partition of the log.
struct Source<'a> {
    log: &'a dyn Log,
    decoder: &'a Decoder,
    rules: &'a Connections,
    number: u32,
}

impl Source<'_> {
    /// Folds each topic up to where it ends when its turn comes. `passed` is told what was folded.
    fn fold(&self, partition: &mut Partition, passed: &mut dyn FnMut(&Folded)) -> Result<(), Error> {
        for topic in ORDER {
            self.fold_topic(topic, partition, passed)?;
        }
        Ok(())
    }

    fn fold_topic(
        &self,
        topic: Topic,
        partition: &mut Partition,
        passed: &mut dyn FnMut(&Folded),
    ) -> Result<(), Error> {
        let span = self.log.span(topic, self.number)?;
        let mut next = partition.store().checkpoint().next(topic).max(span.first);
        if next >= span.next {
            return Ok(());
        }
        let mut reader = self.log.reader(topic, self.number, next)?;
        while next < span.next {
            let (mut folded, mut outcome) = (Folded::default(), Ok(()));
            let read = reader.visit_to_end(RECORDS_MAX, ANSWER_WAIT, &mut |record| {
                if outcome.is_ok() {
                    outcome = partition.fold(record, self.decoder, &mut folded);
                    next = record.offset + 1;
                }
            })?;
            outcome?;
            if read == 0 {
                break;
            }
            if partition.store().is_full() {
                partition.flush(self.rules)?;
            }
            passed(&folded);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::store::{Directory, RESTORE_MEMORY, ReadOnly};
    use contact::{Connection, ConnectionNumber, Names, User, UserId};
    use eventlog::NewRecord;
    use eventlog::embedded::{EmbeddedLog, Options};
    use line::event::Labels;
    use runtime::clock::SystemClock;
    use schemas::{Codec, LineEvent};
    use std::path::Path;
    use std::sync::Arc;

    const USERS: u128 = 97;

    fn follow(user: UserId, round: i64) -> NewRecord {
        let event = LineEvent {
            connection: 1,
            webhook_event_id: format!("{round}").into(),
            event_type: "follow".into(),
            user_id: Some(user.to_string().into()),
            occurred_at_ms: 1 + round,
            received_at_ms: 1 + round,
            redelivery: false,
            raw: br#"{"type":"follow","source":{"type":"user"},"follow":{}}"#.into(),
        };
        let key = schemas::key::line_event(&user.to_string(), 1, &event.webhook_event_id);
        NewRecord { topic: Topic::LineEvents, key, value: Some(Codec::default().encode(&event)) }
    }

    async fn log(directory: &Path) -> Arc<EmbeddedLog> {
        let log = EmbeddedLog::open(directory, Options::new(Arc::new(SystemClock))).unwrap();
        for round in 0..3 {
            let user = |number: u128| UserId::from_u128(number.wrapping_mul(u128::MAX / USERS));
            let mut records: Vec<_> = (1..=USERS).map(|number| follow(user(number), round)).collect();
            let key = schemas::key::line_event(&user(50).to_string(), 1, &format!("bad {round}"));
            records.push(NewRecord { topic: Topic::LineEvents, key, value: Some(b"no record".to_vec()) });
            log.append(records).await.unwrap();
        }
        log
    }

    fn rebuilt(log: &EmbeddedLog, memory: usize, directory: &Path) -> (u64, u64, Vec<(UserId, User)>) {
        let stores = Directory { path: directory.to_owned(), format: "test".to_owned() };
        let decoder = Decoder::new(Codec::default(), Labels::default(), Names::default());
        let connection = Connection { number: ConnectionNumber::new(1).unwrap(), auto_create: true };
        let rules = [connection].into_iter().collect();
        let mut done = 0;
        let progress = |records, total| {
            assert!(done <= records && records <= total, "{done} {records} {total}");
            done = records;
        };
        let mut rebuilt = rebuild(memory, log, &decoder, &stores, &rules, progress).unwrap();
        let due = rebuilt.partitions[0].backlog(None, 1_000, &rules).unwrap().work.len();
        assert_eq!(due, USERS as usize);
        let next = rebuilt.partitions[0].store().checkpoint().next(Topic::LineEvents);
        assert_eq!(next, log.span(Topic::LineEvents, 0).unwrap().next);
        drop(rebuilt.partitions);
        let store: ReadOnly = stores.read_only(0).unwrap().unwrap();
        let users = store.rows(None, 1_000).unwrap().rows.into_iter().flat_map(|(_, users)| users).collect();
        (rebuilt.records, rebuilt.unusable, users)
    }

    #[tokio::test]
    async fn a_rebuild_in_slices_gives_what_one_at_once_gives() {
        let place = tempfile::tempdir().unwrap();
        let log = log(&place.path().join("log")).await;
        let at_once = rebuilt(&log, RESTORE_MEMORY, &place.path().join("at once"));
        assert_eq!((at_once.0, at_once.1, at_once.2.len()), (3 * (USERS as u64 + 1), 3, USERS as usize));
        for memory in [1, 5_000, 20_000] {
            let in_slices = rebuilt(&log, memory, &place.path().join(memory.to_string()));
            assert!(in_slices == at_once, "{memory} bytes");
        }
    }
}
