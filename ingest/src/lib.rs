//! Receives LINE's webhooks and puts every event, byte for byte, into the log.
//!
//! ```text
//! POST /line/webhook/{token}
//!   body ─▶ account of the token ─▶ signature ─▶ destination ─▶ events ─▶ records ─▶ log, else spool ─▶ 200
//! ```
//!
//! | Module | Says |
//! | --- | --- |
//! | `server` | who may be connected, and how work ends at shutdown |
//! | `stream` | how long a client may be silent |
//! | `receiver` | what is answered: one request from its head to its status |
//! | `body` | how large and how slow a body may be |
//! | `account` | whose signature it is |
//! | `records` | what is written |
//! | `intake` | when the log, or the spool, has it |
//! | `spool` | how events outlast a log that is away |
//! | `steadfast` | how work goes on that nobody waits for |
//! | `alarm` | how one timer serves all deadlines of a connection |
//! | `shutdown` | how a connection learns that it is to end |
//!
//! **Guarantee.** 200 means that every event of the body is durable in the log, or in the spool that is forwarded to it.
//! Any other answer means that it may or
//! may not be: the same event can come twice, and has the same key each time.
//!
//! **What is absent.** The request path calls neither LINE nor HubSpot, knows no database, and never looks at what an
//! event means.

mod account;
mod alarm;
mod body;
mod intake;
mod receiver;
mod records;
mod server;
pub mod settings;
mod shutdown;
pub mod spool;
mod steadfast;
mod stream;
pub mod telemetry;

pub use server::{Outside, run};
pub use settings::Settings;
pub use spool::Spool;
pub use telemetry::Metrics;

/// How receiving can fail to start, or end other than by its shutdown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Shutdown did not wait any longer: `connections` were still open, or events still on their way into the log. LINE
    /// has no 200 for them.
    #[error("shutdown gave up on work that did not end within {} s", .within.as_secs())]
    Unfinished {
        /// How long it had waited.
        within: std::time::Duration,
    },
    /// Another process uses this spool.
    #[error(
        "another process uses the spool in {}: each process that takes webhooks in needs a data directory of its own",
        .directory.display()
    )]
    SpoolInUse {
        /// Where it is.
        directory: std::path::PathBuf,
    },
    /// The spool cannot be opened.
    #[error("the spool in {} cannot be used: {cause}", .directory.display())]
    Spool {
        /// Where it is.
        directory: std::path::PathBuf,
        /// Why.
        cause: eventlog::Error,
    },
}
