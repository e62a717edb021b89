//! The request budget of a portal: never more calls than HubSpot allows, and the urgent ones first.

use std::time::Duration;

/// The longest pause that a call waits through before it fails instead.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// How urgent a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Something just happened: people wait for it.
    Fresh,
    /// Catching up, replay, repair: as fast as fresh calls leave room for, but never not at all.
    Backfill,
}
