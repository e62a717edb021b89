//! Records for the tests: fixed ones with every optional part present, absent and empty, and arbitrary ones.

#![allow(dead_code, reason = "each test program uses a part of it")]

mod connection;
mod hubspot;
mod line;
mod message;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schemas::{Codec, Error, Record};
use std::collections::BTreeMap;

const USER: &str = "U8e742f61d673b39c7fff3cecb7536ef0";
const NOON_MS: i64 = 1_790_000_000_000;
const CONTACT: u64 = 51_234_567_890;

/// A record type with samples.
pub trait Sampled: Record + PartialEq + std::fmt::Debug + Sized {
    /// The folder of its golden files.
    const FOLDER: &'static str;
    /// Named records, which golden files hold for ever.
    fn samples() -> Vec<(&'static str, Self)>;
    /// Any record.
    fn any() -> BoxedStrategy<Self>;
    /// Reads one record.
    fn read(codec: &Codec, bytes: &[u8]) -> Result<Self, Error>;
    /// Reads a body that was written with another version of the schema.
    fn read_written_with(schema: &serde_avro_fast::Schema, body: &[u8]) -> Self;
}

/// Checks a law for any values.
pub fn check<S: Strategy>(strategy: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    runner.run(&strategy, law).unwrap();
}

/// Calls a generic test function for each record type.
macro_rules! for_each_record {
    ($test:ident $(in $context:ident)?) => {{
        $test::<schemas::LineEvent<'static>>($(&$context)?);
        $test::<schemas::LineProfile>($(&$context)?);
        $test::<schemas::HubspotContact>($(&$context)?);
        $test::<schemas::OutboxMessage>($(&$context)?);
        $test::<schemas::SentMessage>($(&$context)?);
        $test::<schemas::HubspotEvent>($(&$context)?);
        $test::<schemas::ConnectionClaim>($(&$context)?);
        $test::<schemas::ConnectionDefinition>($(&$context)?);
        $test::<schemas::DeadLetter>($(&$context)?);
    }};
}
pub(crate) use for_each_record;

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..200)
}

fn map() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(any::<String>(), any::<String>(), 0..9)
}
