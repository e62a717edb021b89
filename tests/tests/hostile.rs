//! Every kind of input from outside: the seeds, what changes make of them, and bytes without sense. `fuzz` looks for more.
//!
//! ```text
//! cargo test -p kizuna-tests --test hostile
//! PROPTEST_CASES=1000000 cargo test -p kizuna-tests --test hostile
//! ```

use kizuna_tests::hostile::{TARGETS, Target, target};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Changes made to a seed, at most.
const CHANGES_MAX: usize = 6;

/// Inputs of a kind, at least.
const CASES_MIN: u32 = 10_000;

/// What is done to an input at a place, which is a fraction of its length.
#[derive(Clone, Debug)]
enum Change {
    Put(u16, u8),
    Insert(u16, u8),
    Remove(u16),
    Cut(u16),
    Splice(u16, u16),
}

fn change() -> impl Strategy<Value = Change> {
    // Bytes that mean something to one of the formats come more often.
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"\0\x01\xff\xc3{}[]\"\\,:0-".to_vec())];
    prop_oneof![
        (any::<u16>(), byte.clone()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (any::<u16>(), byte).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<u16>().prop_map(Change::Remove),
        any::<u16>().prop_map(Change::Cut),
        (any::<u16>(), any::<u16>()).prop_map(|(at, from)| Change::Splice(at, from)),
    ]
}

fn changed(mut input: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |at: &u16| input.len() * usize::from(*at) / (usize::from(u16::MAX) + 1);
        match change {
            Change::Put(at, byte) if !input.is_empty() => {
                let at = place(at);
                input[at] = *byte;
            }
            Change::Insert(at, byte) => input.insert(place(at), *byte),
            Change::Remove(at) if !input.is_empty() => drop(input.remove(place(at))),
            Change::Cut(at) => input.truncate(place(at)),
            Change::Splice(at, from) => {
                let (at, tail) = (place(at), input[place(from)..].to_vec());
                input.splice(at.., tail);
            }
            Change::Put(..) | Change::Remove(_) => {}
        }
    }
    input
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder");
    let mut files = Vec::new();
    target.corpora.iter().for_each(|folder| gather(&root.join(folder), &mut files));
    files.sort();
    files.iter().map(|file| fs::read(file).expect("readable")).collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() { gather(&path, files) } else { files.push(path) }
    }
}

fn withstands(name: &str) {
    let target = target(name);
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| (target.take)(seed));
    let from_seed = (proptest::sample::select(seeds), proptest::collection::vec(change(), 1..=CHANGES_MAX))
        .prop_map(|(seed, changes)| changed(seed, &changes));
    let input = prop_oneof![9 => from_seed, 1 => proptest::collection::vec(any::<u8>(), 0..200)];
    let usual = ProptestConfig::default();
    let config = ProptestConfig { cases: usual.cases.max(CASES_MIN), failure_persistence: None, ..usual };
    proptest!(config, |(input in input)| (target.take)(&input));
}

#[test]
fn a_webhook_is_split_without_changing_a_byte() {
    withstands("webhook");
}

#[test]
fn only_the_right_signature_verifies() {
    withstands("signature");
}

#[test]
fn a_record_is_decoded_as_it_was_encoded_or_not_at_all() {
    withstands("avro");
}

#[test]
fn an_answer_of_hubspot_counts_for_no_more_than_it_shows() {
    withstands("hubspot");
}

#[test]
fn an_answer_of_line_is_a_success_only_with_2xx_and_tells_of_nobody() {
    withstands("line");
}

#[test]
fn a_settings_file_is_read_or_its_faults_are_named() {
    withstands("settings");
}

#[test]
fn every_kind_of_input_has_seeds() {
    assert!(TARGETS.iter().all(|target| !seeds(target).is_empty()));
}
