//! HubSpot's CRM as Kizuna uses it: reading and writing contacts in batches, and the properties they need.
//!
//! ```text
//! Crm (trait) ── Client ── limit::Budget ── transport ─▶ HubSpot
//!                  ▲                            │
//!                  └── batch ◀── classify ◀─────┘
//! ```
//!
//! Only this crate knows HubSpot's JSON. [`Crm`] is what the projector sees; [`Client`] implements it over HTTP. What
//! an answer means is decided by pure functions: what it does not show to have happened never counts as done, and what
//! it does not show to have failed never counts as failed.

mod batch;
mod classify;
pub mod client;
mod contacts;
pub mod crm;
pub mod definition;
mod endpoint;
pub mod error;
pub mod limit;
mod portal;
mod problem;
mod properties;
mod reason;
mod retry;
mod scopes;
mod search;
pub mod telemetry;
pub mod transport;
mod wire;
pub mod write;
mod writing;

pub use client::{Client, Settings};
pub use crm::{Account, Contact, ContactKey, Crm, DailyUsage, Room};
pub use definition::{Ensured, Group, PropertyDefinition, Standing};
pub use endpoint::{BASE_URL, VERSION};
pub use error::{Error, Policy};
pub use limit::Priority;
pub use telemetry::Metrics;
pub use transport::Transport;
pub use write::{CreateInput, CreateOutcome, MaySend, Refusal, UpdateInput, UpdateOutcome};
