//! The projector under every fault that a seed can bring; and whether the checker would notice if it broke a rule.

#![allow(clippy::unwrap_used)]

use kizuna_tests::simulation::{Plan, Stage, Wrong, play, play_all};

/// Seeds within which a deliberate mistake must be noticed.
const SEEDS_TO_NOTICE: u64 = 20;

#[test]
fn two_thousand_seeds_break_no_rule() {
    let summary = play_all(0..2_000, &Stage::set().unwrap());
    println!("{summary}");
    assert!(summary.failed.is_empty(), "{summary}");
    assert!(summary.faults_least >= Some(10), "{summary}");
    assert!(summary.events >= 300 * summary.runs, "{summary}");
}

#[test]
fn a_seed_plays_the_same_run_again() {
    let stage = Stage::set().unwrap();
    for seed in 0..5 {
        let fingerprint = play(&Plan::of(seed), &stage).fingerprint;
        assert_eq!(play(&Plan::of(seed), &stage).fingerprint, fingerprint, "seed {seed}");
    }
    assert_ne!(play(&Plan::of(0), &stage).fingerprint, play(&Plan::of(1), &stage).fingerprint);
}

#[test]
fn every_deliberate_mistake_is_noticed() {
    let stage = Stage::set().unwrap();
    for wrong in Wrong::ALL {
        let mut runs = (0..SEEDS_TO_NOTICE).map(|seed| play(&Plan::of(seed).with(wrong), &stage));
        assert!(
            runs.any(|report| !report.violations.is_empty()),
            "{wrong:?} was not noticed within {SEEDS_TO_NOTICE} seeds"
        );
    }
}
