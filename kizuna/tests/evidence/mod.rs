//! What a run left behind, and the verdict over it. Knows nothing of Kizuna's rules: events are read back from the log as LINE
//! sent them, folded by the plainest means ([`expected`]), and compared with the portal and with its history.

mod expected;

use eventlog::{Log, Topic};
use expected::{Event, expected};
use sandbox::Sandbox;
use sandbox::hubspot::{Actor, Contact, Fact, RecordId};
use schemas::{Codec, LineEvent};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How many violations of a kind are printed.
const SHOWN_MAX: usize = 5;

/// The events in the log, as often as they are there.
#[derive(Default)]
pub struct Logged {
    /// By user.
    events: BTreeMap<String, Vec<Event>>,
    /// By LINE's event ID.
    known: HashSet<String>,
    /// Records, repetitions too.
    pub records: u64,
}

/// What was found. Each list names its violations.
#[derive(Default)]
pub struct Verdict {
    /// Webhooks answered with 200.
    pub accepted: u64,
    /// Users looked at.
    pub users: u64,
    /// Events of webhooks answered with 200 that the log does not have.
    pub lost: Vec<String>,
    /// Creations beside a live contact of the same user.
    pub doubled: Vec<String>,
    /// Creations after a deletion without a later message or follow.
    pub revived: Vec<String>,
    /// Contacts that differ from the fold, are missing, or should not be there.
    pub wrong: Vec<String>,
}

impl Verdict {
    /// Is there no violation?
    pub fn is_clean(&self) -> bool {
        self.all().iter().all(|(_, found)| found.is_empty())
    }

    /// Some of the violations, for people.
    pub fn complaint(&self) -> String {
        let shown = |(kind, found): &(&str, &Vec<String>)| {
            found.iter().take(SHOWN_MAX).map(|one| format!("{kind}: {one}")).collect::<Vec<_>>()
        };
        self.all().iter().flat_map(shown).collect::<Vec<_>>().join("\n")
    }

    fn all(&self) -> [(&'static str, &Vec<String>); 4] {
        [("lost", &self.lost), ("doubled", &self.doubled), ("revived", &self.revived), ("wrong", &self.wrong)]
    }
}

/// Reads the events that came since `from`; answers the offsets to go on from.
pub fn read(log: &dyn Log, from: &mut BTreeMap<u32, u64>, logged: &mut Logged) -> Result<(), eventlog::Error> {
    let codec = Codec::default();
    for partition in 0..log.partitions(Topic::LineEvents) {
        let next = from.entry(partition).or_default();
        let end = log.span(Topic::LineEvents, partition)?.next;
        if *next >= end {
            continue;
        }
        let mut reader = log.reader(Topic::LineEvents, partition, *next)?;
        while *next < end {
            for record in reader.next(10_000, Duration::from_secs(5))? {
                *next = record.offset + 1;
                let value = record.value.expect("events are never deleted");
                let event = codec.decode::<LineEvent<'_>>(&value).expect("a record of this version");
                logged.note(&event);
            }
        }
    }
    Ok(())
}

impl Logged {
    fn note(&mut self, event: &LineEvent<'_>) {
        self.records += 1;
        if !self.known.insert(event.webhook_event_id.to_string()) {
            return;
        }
        let raw = serde_json::from_slice(&event.raw).expect("an event is JSON");
        if let Some(event) = Event::read(event.connection, raw) {
            self.events.entry(event.user.clone()).or_default().push(event);
        }
    }

    /// The events of a user, in LINE's order.
    fn of(&self, user: &str) -> Vec<&Event> {
        let mut events: Vec<&Event> = self.events.get(user).into_iter().flatten().collect();
        events.sort_by_key(|event| (event.time_ms, &event.id));
        events
    }
}

/// How many events LINE told of and nobody has answered with 200 yet.
pub fn undelivered(sandbox: &Sandbox) -> u64 {
    sandbox.handle().line(|platform, _| {
        let (mut played, mut taken) = (HashSet::new(), Vec::new());
        for entry in platform.history().entries() {
            match &entry.fact {
                sandbox::line::Fact::Played { webhook_event_id, .. } => drop(played.insert(webhook_event_id)),
                sandbox::line::Fact::Webhook { webhook_event_ids, reaction, .. } if reaction.accepted() => {
                    taken.extend(webhook_event_ids);
                }
                _ => {}
            }
        }
        taken.iter().for_each(|id: &&String| _ = played.remove(id));
        played.len() as u64
    })
}

/// Holds the sandbox against the log: is everything as it must be when nothing is under way any more?
pub fn judge(sandbox: &Sandbox, logged: &Logged) -> Verdict {
    let mut verdict = Verdict::default();
    sandbox.handle().line(|platform, _| {
        for entry in platform.history().entries() {
            if let sandbox::line::Fact::Webhook { webhook_event_ids, reaction, .. } = &entry.fact
                && reaction.accepted()
            {
                verdict.accepted += 1;
                let lost = webhook_event_ids.iter().filter(|id| !logged.known.contains(*id));
                verdict.lost.extend(lost.cloned());
            }
        }
    });
    let deletions = judge_history(sandbox, logged, &mut verdict);
    judge_contacts(sandbox, logged, &deletions, &mut verdict);
    verdict
}

/// Goes through what happened in HubSpot, in order. Answers when each user's contact was last deleted.
fn judge_history(sandbox: &Sandbox, logged: &Logged, verdict: &mut Verdict) -> HashMap<String, i64> {
    let (mut owner, mut live) = (HashMap::<RecordId, String>::new(), BTreeSet::<RecordId>::new());
    let mut deletions = HashMap::<String, i64>::new();
    sandbox.handle().hubspot(|portal, _| {
        for entry in portal.history().entries() {
            match &entry.fact {
                Fact::Created { id, by, properties } => {
                    let user = properties.iter().find(|(name, _)| name.starts_with("line_user_id_"));
                    live.insert(*id);
                    let Some((_, user)) = user.filter(|_| *by == Actor::Api) else { continue };
                    if let Some(other) = live.iter().find(|other| *other != id && owner.get(other) == Some(user)) {
                        verdict.doubled.push(format!("{user}: {id} beside {other}"));
                    }
                    if let Some(since_ms) = deletions.get(user)
                        && !logged.of(user).iter().any(|event| event.brings_back() && event.time_ms > *since_ms)
                    {
                        verdict.revived.push(format!("{user}: {id}, deleted at {since_ms}"));
                    }
                    owner.insert(*id, user.clone());
                }
                Fact::Archived { id, .. } | Fact::Erased { id, .. } => {
                    live.remove(id);
                    if let Some(user) = owner.get(id) {
                        deletions.insert(user.clone(), entry.at_ms);
                    }
                }
                Fact::Restored { id, .. } => drop(live.insert(*id)),
                Fact::Merged { primary, other, into, .. } => {
                    live.remove(primary);
                    live.remove(other);
                    live.insert(*into);
                    if let Some(user) = owner.get(primary).or_else(|| owner.get(other)).cloned() {
                        owner.insert(*into, user);
                    }
                }
                _ => {}
            }
        }
    });
    deletions
}

/// Compares every user's live contact with the fold of the user's events.
fn judge_contacts(sandbox: &Sandbox, logged: &Logged, deletions: &HashMap<String, i64>, verdict: &mut Verdict) {
    let provider = sandbox.line_channels().swap_remove(0).provider;
    let mut contacts = HashMap::<String, Vec<Arc<Contact>>>::new();
    sandbox.handle().hubspot(|portal, _| {
        for contact in portal.contacts().iter().filter(|contact| contact.archived_ms.is_none()) {
            let ids = contact.values.iter().filter(|(name, _)| name.starts_with("line_user_id_"));
            let users: BTreeSet<&String> = ids.map(|(_, user)| user).collect();
            for user in users {
                contacts.entry(user.clone()).or_default().push(Arc::clone(contact));
            }
        }
    });
    for user in logged.events.keys() {
        verdict.users += 1;
        let person = sandbox.handle().line(|platform, _| platform.person(&provider, user).cloned());
        let person = person.expect("whoever did something is somebody");
        let expected = expected(&logged.of(user), deletions.get(user).copied(), &person);
        let found = contacts.remove(user).unwrap_or_default();
        if let Some(difference) = expected.difference(&found) {
            verdict.wrong.push(format!("{} ({user}): {difference}", person.display_name));
        }
    }
    verdict.wrong.extend(contacts.into_keys().map(|user| format!("{user}: a contact of somebody without events")));
}
