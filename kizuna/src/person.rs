//! What the log holds of one person: read from one partition of each topic, without the state store.

use crate::explain::Fact;
use anyhow::Context;
use contact::{User, UserId};
use eventlog::partitioning::partition;
use eventlog::{Log, Record, Topic};
use projector::records::{self, Decoder, Input};
use schemas::{Codec, LineEvent};
use std::time::Duration;

/// Records read at a time.
const AT_A_TIME: usize = 10_000;

/// How long a partition may take to give what it holds.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Visits every record that a partition holds now, in order.
///
/// # Errors
/// When the log cannot be read, and what `visit` ends with.
pub fn each_record(
    log: &dyn Log,
    topic: Topic,
    partition: u32,
    mut visit: impl FnMut(Record) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let span = log.span(topic, partition)?;
    let mut reader = log.reader(topic, partition, span.first)?;
    let mut next = span.first;
    while next < span.next {
        let mut records = Vec::new();
        reader.visit_to_end(AT_A_TIME, ANSWER_WAIT, &mut |record| records.push(record.to_record()))?;
        let Some(last) = records.last() else { break };
        next = last.offset + 1;
        records.into_iter().try_for_each(&mut visit)?;
    }
    Ok(())
}

/// Visits the records of a topic that are keyed by the person, in order.
///
/// # Errors
/// When the log cannot be read, and what `visit` ends with.
pub fn each_of(
    log: &dyn Log,
    topic: Topic,
    user: UserId,
    mut visit: impl FnMut(Record) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let id = user.to_string();
    let number = partition(topic, id.as_bytes(), log.partitions(topic));
    each_record(log, topic, number, |record| {
        let is_its = topic.partition_key(&record.key) == id.as_bytes();
        if is_its { visit(record) } else { Ok(()) }
    })
}

/// How many records [`facts`] reads to find those of a person.
///
/// # Errors
/// When the log cannot be asked.
pub fn records_to_read(log: &dyn Log, user: UserId) -> anyhow::Result<u64> {
    let id = user.to_string();
    let mut records = 0;
    for topic in Topic::USER_STATE {
        let span = log.span(topic, partition(topic, id.as_bytes(), log.partitions(topic)))?;
        records += span.next - span.first;
    }
    Ok(records)
}

/// What the log says of a person, as far as the fold hears it: of the events, what stands after the last erasure.
///
/// # Errors
/// When the log cannot be read, or a newer version wrote it.
pub fn facts(log: &dyn Log, codec: &Codec, decoder: &Decoder, user: UserId) -> anyhow::Result<Vec<Fact>> {
    let mut facts = Vec::new();
    for topic in Topic::USER_STATE {
        let first = facts.len();
        each_of(log, topic, user, |record| {
            let fact = fact(codec, decoder, &record)?;
            if matches!(fact, Some(Fact::Erased(_))) {
                facts.truncate(first);
            }
            facts.extend(fact);
            Ok(())
        })?;
    }
    Ok(facts)
}

/// A person's state, folded as the projector folds it, from the records that `counts` lets through.
///
/// # Errors
/// As [`facts`].
pub fn state(log: &dyn Log, decoder: &Decoder, user: UserId, counts: impl Fn(&Record) -> bool) -> anyhow::Result<User> {
    let mut state = User::default();
    for topic in Topic::USER_STATE {
        each_of(log, topic, user, |record| {
            if !counts(&record) {
                return Ok(());
            }
            match input(decoder, &record)? {
                Input::Event { event, .. } => state.apply(event),
                Input::Profile(_, connection, profile) => state.apply_profile(connection, profile),
                Input::Confirmation(_, confirmation) => state.apply_confirmation(confirmation),
                Input::Erased(_, since_ms) => state.erase(since_ms),
                Input::Nothing => {}
            }
            Ok(())
        })?;
    }
    Ok(state)
}

/// What a record means; one that cannot be used means nothing.
fn input(decoder: &Decoder, record: &Record) -> anyhow::Result<Input> {
    match decoder.input(record.lend()) {
        Ok(input) => Ok(input),
        Err(records::Error::Unusable(_)) => Ok(Input::Nothing),
        Err(error @ records::Error::Newer { .. }) => Err(error.into()),
    }
}

fn fact(codec: &Codec, decoder: &Decoder, record: &Record) -> anyhow::Result<Option<Fact>> {
    Ok(match input(decoder, record)? {
        Input::Event { event, .. } => {
            let (id, name) = named(codec, record).context("the log gave a record that it cannot name")?;
            Some(Fact::Event { event, id, name })
        }
        Input::Profile(_, connection, profile) => Some(Fact::Profile(connection, profile)),
        Input::Confirmation(_, confirmation) => Some(Fact::Confirmation(confirmation)),
        Input::Erased(_, since_ms) => Some(Fact::Erased(since_ms)),
        Input::Nothing => None,
    })
}

/// Identity and kind of an event as the log has them: LINE's, or of an answer the command that sent it.
fn named(codec: &Codec, record: &Record) -> Option<(String, String)> {
    let value = record.value.as_deref()?;
    if record.topic == Topic::LineEvents {
        let event: LineEvent<'_> = codec.decode(value).ok()?;
        return Some((event.webhook_event_id.into_owned(), event.event_type.into_owned()));
    }
    let sent: schemas::SentMessage = codec.decode(value).ok()?;
    Some((sent.command_id, "answered".to_owned()))
}
