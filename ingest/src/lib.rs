//! Receives LINE's webhooks and puts every event, byte for byte, into the log.
//!
//! ```text
//! POST /line/webhook/{token}
//!   body ─▶ account of the token ─▶ signature ─▶ destination ─▶ events ─▶ records ─▶ log ─▶ 200
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
//! | `intake` | when the log has it |
//!
//! **Guarantee.** 200 means that every event of the body is durable in the log. Any other answer means that it may or
//! may not be: the same event can come twice, and has the same key each time.
//!
//! **What is absent.** The request path calls neither LINE nor HubSpot, knows no database, and never looks at what an
//! event means.

mod account;
mod body;
mod intake;
mod receiver;
mod records;
mod server;
pub mod settings;
mod stream;
pub mod telemetry;

pub use server::run;
pub use settings::Settings;
pub use telemetry::Metrics;

/// How receiving can end other than by its shutdown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Shutdown did not wait any longer: `connections` were still open, or events still on their way into the log. LINE
    /// has no 200 for them.
    #[error("shutdown gave up on work that did not end within {} s", .within.as_secs())]
    Unfinished {
        /// How long it had waited.
        within: std::time::Duration,
    },
}
