//! The embedded log passes the conformance suite.

#![allow(clippy::unwrap_used)]

mod conformance;

use conformance::Rig;
use eventlog::Log;
use eventlog::embedded::{EmbeddedLog, Options};
use proptest::prelude::*;
use runtime::clock::SystemClock;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A log in a directory that goes away with the case.
struct Directory {
    dir: TempDir,
    partitions: u32,
}

impl Rig for Directory {
    const PATIENCE: Duration = Duration::from_secs(20);

    fn start(partitions: u32) -> Self {
        Self { dir: TempDir::new().unwrap(), partitions }
    }

    fn open(&self) -> Arc<dyn Log> {
        let options = Options { partitions: Some(self.partitions), ..Options::new(Arc::new(SystemClock)) };
        EmbeddedLog::open(self.dir.path(), options).unwrap()
    }
}

conformance!(Directory);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_interleaving_of_appends_reads_and_restarts_equals_a_vector(actions in conformance::model::actions()) {
        conformance::model::check::<Directory>(actions);
    }
}
