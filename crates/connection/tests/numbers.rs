//! The laws of connection numbers: what claims, definitions and removals in any order fold to.

#![allow(clippy::unwrap_used)]

use connection::Registry;
use connection::registry::{Decision, Entry};
use contact::ConnectionNumber;
use eventlog::{Record, Topic};
use proptest::prelude::*;
use schemas::{Codec, ConnectionClaim, ConnectionDefinition, ConnectionState};
use std::collections::{BTreeMap, BTreeSet};

/// A log of the topic, and what a reader that has read a part of it knows.
#[derive(Default)]
struct Topics {
    records: Vec<Record>,
}

impl Topics {
    fn append(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let offset = self.records.len() as u64;
        self.records.push(Record { topic: Topic::Connections, partition: 0, offset, appended_at_ms: 0, key, value });
    }

    fn claim(&mut self, channel_id: &str, connections_max: u32, known: &Registry) -> String {
        let id = format!("{:08}", self.records.len());
        let claim = ConnectionClaim {
            id: id.clone(),
            channel_id: channel_id.into(),
            connections_max,
            removed: known.removed().map(ConnectionNumber::get).collect(),
            at_ms: 0,
        };
        self.append(schemas::key::claim(&id), Some(Codec::default().encode(&claim)));
        id
    }

    fn define(&mut self, number: u32, state: ConnectionState, name: &str) {
        let key = match state {
            ConnectionState::Removed => schemas::key::removal(number),
            _ => schemas::key::connection(number),
        };
        self.append(key, Some(Codec::default().encode(&definition(number, state, name))));
    }

    fn fold(&self) -> Registry {
        fold(&self.records)
    }
}

fn definition(number: u32, state: ConnectionState, name: &str) -> ConnectionDefinition {
    ConnectionDefinition {
        number,
        name: name.into(),
        description: String::new(),
        icon: String::new(),
        channel_id: "2000000001".into(),
        channel_secrets: vec![],
        access_token: None,
        webhook_token: None,
        bot_user_id: None,
        auto_create: true,
        state,
        properties_existed: false,
        created_at_ms: 0,
        older_secrets_until_ms: None,
        made_from: None,
    }
}

fn fold(records: &[Record]) -> Registry {
    let mut registry = Registry::default();
    let entries = records.iter().filter_map(|record| Entry::read(&Codec::default(), record).unwrap());
    entries.for_each(|entry| registry.apply(entry));
    registry
}

fn number(number: u32) -> ConnectionNumber {
    ConnectionNumber::new(number).unwrap()
}

#[test]
fn numbers_count_up_in_the_order_of_claims() {
    let mut log = Topics::default();
    let ids = ["a", "b", "c"].map(|channel| log.claim(channel, 10, &Registry::default()));
    let registry = log.fold();
    assert_eq!(ids.map(|id| registry.decision(&id)), [1, 2, 3].map(|n| Some(Decision::Accepted(number(n)))));
}

#[test]
fn a_claim_over_the_quota_is_refused_and_uses_no_number() {
    let mut log = Topics::default();
    log.claim("a", 1, &Registry::default());
    let refused = log.claim("b", 1, &Registry::default());
    let accepted = log.claim("b", 2, &Registry::default());
    let registry = log.fold();
    assert_eq!(registry.decision(&refused), Some(Decision::QuotaReached { max: 1 }));
    assert_eq!(registry.decision(&accepted), Some(Decision::Accepted(number(2))));
}

#[test]
fn a_channel_claimed_again_keeps_its_number() {
    let mut log = Topics::default();
    log.claim("a", 2, &Registry::default());
    let again = log.claim("a", 2, &Registry::default());
    assert_eq!(log.fold().decision(&again), Some(Decision::Existing(number(1))));
}

#[test]
fn a_removed_connection_frees_quota_but_never_its_number() {
    let mut log = Topics::default();
    log.claim("a", 1, &Registry::default());
    log.define(1, ConnectionState::Active, "shop");
    log.define(1, ConnectionState::Removed, "shop");
    let known = log.fold();
    let after = log.claim("a", 1, &known);
    assert_eq!(log.fold().decision(&after), Some(Decision::Accepted(number(2))));
}

#[test]
fn removal_is_final() {
    let mut log = Topics::default();
    log.claim("a", 1, &Registry::default());
    log.define(1, ConnectionState::Removed, "shop");
    log.define(1, ConnectionState::Active, "back again");
    assert!(log.fold().is_removed(number(1)));
    assert_eq!(log.fold().definition(number(1)).unwrap().name, "shop");
}

#[test]
fn the_newest_definition_holds() {
    let mut log = Topics::default();
    log.define(1, ConnectionState::Active, "shop");
    log.define(1, ConnectionState::Paused, "shop in Osaka");
    assert_eq!(log.fold().definition(number(1)).unwrap().name, "shop in Osaka");
}

#[test]
fn a_number_claimed_but_never_defined_is_unfinished() {
    let mut log = Topics::default();
    log.claim("a", 2, &Registry::default());
    log.claim("b", 2, &Registry::default());
    log.define(1, ConnectionState::Active, "shop");
    assert_eq!(log.fold().unfinished(), [(number(2), "b".to_owned())]);
}

#[test]
fn a_record_whose_key_and_content_disagree_is_refused() {
    let value = Codec::default().encode(&definition(2, ConnectionState::Active, "shop"));
    for key in [schemas::key::connection(1), schemas::key::removal(2), schemas::key::claim("2")] {
        let mut log = Topics::default();
        log.append(key, Some(value.clone()));
        assert!(Entry::read(&Codec::default(), &log.records[0]).is_err());
    }
}

#[test]
fn keys_of_later_versions_and_tombstones_change_nothing() {
    let mut log = Topics::default();
    for key in ["settings/theme", "1/settings", "-1"] {
        log.append(key.into(), Some(vec![1, 2, 3]));
    }
    log.append(schemas::key::connection(1), None);
    assert_eq!(log.fold(), Registry::default());
}

/// What happens in a run: somebody claims knowing an earlier state of the log, or a definition is written.
#[derive(Clone, Debug)]
enum Step {
    Claim { channel: u8, known: prop::sample::Index },
    Define { number: u32, active: bool, name: String },
    Remove { number: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..8_u8, any::<prop::sample::Index>()).prop_map(|(channel, known)| Step::Claim { channel, known }),
        2 => (1..6_u32, any::<bool>(), "[ab]").prop_map(|(number, active, name)| Step::Define { number, active, name }),
        2 => (1..6_u32).prop_map(|number| Step::Remove { number }),
    ]
}

/// Plays a run; only numbers that were given are defined or removed, as the commands do.
fn play(steps: &[Step], max: u32) -> (Topics, Vec<String>) {
    let (mut log, mut claims) = (Topics::default(), Vec::new());
    for step in steps {
        let given = log.fold().claimed().count() as u32;
        match step {
            Step::Claim { channel, known } => {
                let known = fold(&log.records[..known.index(log.records.len() + 1)]);
                claims.push(log.claim(&channel.to_string(), max, &known));
            }
            Step::Define { number, active, name } if *number <= given => {
                let state = if *active { ConnectionState::Active } else { ConnectionState::Paused };
                log.define(*number, state, name);
            }
            Step::Remove { number } if *number <= given => log.define(*number, ConnectionState::Removed, "gone"),
            Step::Define { .. } | Step::Remove { .. } => {}
        }
    }
    (log, claims)
}

/// What Kafka's compaction may leave: of each key the newest record, and any of the older ones.
fn compact(records: &[Record], kept: &[bool]) -> Vec<Record> {
    let newest: BTreeMap<_, _> = records.iter().map(|record| (&record.key, record.offset)).collect();
    let keep = |record: &&Record| newest[&record.key] == record.offset || kept[record.offset as usize % kept.len()];
    records.iter().filter(keep).cloned().collect()
}

proptest! {
    #[test]
    fn parallel_claims_get_distinct_numbers(steps in prop::collection::vec(step(), 0..40), max in 0..5_u32) {
        let (log, claims) = play(&steps, max);
        let registry = log.fold();
        let accepted: Vec<_> = claims
            .iter()
            .filter_map(|id| match registry.decision(id) {
                Some(Decision::Accepted(number)) => Some(number.get()),
                _ => None,
            })
            .collect();
        let expected: Vec<_> = (1..=accepted.len() as u32).collect();
        prop_assert_eq!(accepted, expected);
    }

    #[test]
    fn never_more_connections_than_the_quota(steps in prop::collection::vec(step(), 0..40), max in 0..5_u32) {
        let (log, _) = play(&steps, max);
        for end in 0..=log.records.len() {
            let registry = fold(&log.records[..end]);
            let open = registry.claimed().filter(|(number, _)| !registry.is_removed(*number)).count();
            prop_assert!(open <= max as usize, "{} open after {} records", open, end);
        }
    }

    #[test]
    fn no_channel_has_two_connections_at_a_time(steps in prop::collection::vec(step(), 0..40), max in 0..5_u32) {
        let (log, _) = play(&steps, max);
        let registry = log.fold();
        let open = registry.claimed().filter(|(number, _)| !registry.is_removed(*number));
        let channels: Vec<_> = open.map(|(_, channel)| channel.to_owned()).collect();
        prop_assert_eq!(channels.iter().collect::<BTreeSet<_>>().len(), channels.len());
    }

    #[test]
    fn compaction_changes_nothing(
        steps in prop::collection::vec(step(), 0..40),
        max in 0..5_u32,
        kept in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let (log, _) = play(&steps, max);
        prop_assert_eq!(fold(&compact(&log.records, &kept)), log.fold());
    }

    #[test]
    fn compaction_in_the_middle_of_a_run_changes_no_later_decision(
        steps in prop::collection::vec(step(), 0..40),
        at in any::<prop::sample::Index>(),
    ) {
        let (log, _) = play(&steps, 3);
        let (earlier, later) = log.records.split_at(at.index(log.records.len() + 1));
        let compacted = [compact(earlier, &[false]), later.to_vec()].concat();
        prop_assert_eq!(fold(&compacted), log.fold());
    }
}
