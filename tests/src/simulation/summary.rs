//! Many runs, and what they came to.

use super::{Plan, Report, Stage, play};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs.
    pub runs: u64,
    /// Records that LINE's side brought.
    pub events: u64,
    /// Live contacts at the end.
    pub contacts: u64,
    /// Faults by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// The fewest faults of a run.
    pub faults_least: Option<u64>,
    /// Runs that broke a rule, by seed.
    pub failed: BTreeMap<u64, Report>,
}

/// Plays these seeds, as many at a time as there are processors; each by itself, so their order means nothing.
pub fn play_all(seeds: Range<u64>, stage: &Stage) -> Summary {
    let (next, summary) = (AtomicU64::new(seeds.start), Mutex::new(Summary::default()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let report = play(&Plan::of(seed), stage);
                    summary.lock().unwrap_or_else(PoisonError::into_inner).add(seed, report);
                }
            });
        }
    });
    summary.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Summary {
    /// What one run came to.
    pub fn of(seed: u64, report: Report) -> Self {
        let mut summary = Self::default();
        summary.add(seed, report);
        summary
    }

    fn add(&mut self, seed: u64, report: Report) {
        let faults: u64 = report.faults.values().sum();
        self.runs += 1;
        self.events += report.events as u64;
        self.contacts += report.contacts as u64;
        self.faults_least = Some(self.faults_least.map_or(faults, |least| least.min(faults)));
        for (name, count) in &report.faults {
            *self.faults.entry(name).or_default() += count;
        }
        if !report.violations.is_empty() {
            self.failed.insert(seed, report);
        }
    }

    /// Violations of these rules.
    fn broken(&self, rules: &[&str]) -> usize {
        let violations = self.failed.values().flat_map(|report| &report.violations);
        violations.filter(|violation| rules.contains(&violation.rule)).count()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: u64 = self.faults.values().sum();
        writeln!(f, "runs      {}", self.runs)?;
        writeln!(f, "events    {}", self.events)?;
        writeln!(f, "contacts  {}", self.contacts)?;
        writeln!(f, "faults    {faults}, at least {} in each run", self.faults_least.unwrap_or(0))?;
        for (name, count) in &self.faults {
            writeln!(f, "  {count:>9}  {name}")?;
        }
        writeln!(f, "lost      {}", self.broken(&["INV-06", "INV-24"]))?;
        writeln!(f, "doubles   {}", self.broken(&["INV-08", "INV-17", "R9"]))?;
        writeln!(f, "wrong     {}", self.broken(&["INV-09", "INV-10", "INV-11", "INV-16", "INV-23"]))?;
        for (seed, report) in self.failed.iter().take(20) {
            writeln!(f, "\nseed {seed} failed; `simulate --seed {seed}` plays it again:")?;
            for violation in &report.violations {
                writeln!(f, "  {violation}")?;
            }
        }
        Ok(())
    }
}
