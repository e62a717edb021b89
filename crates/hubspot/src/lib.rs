//! HubSpot's CRM as Kizuna uses it: reading and writing contacts in batches, and the properties they need.
//!
//! ```text
//! Crm (trait) ── Client ─▶ limit::Budget ─▶ transport ─▶ HubSpot
//!                  ▲                            │
//!                  └── batch ◀── classify ◀─────┘
//! ```
//!
//! Only this crate knows HubSpot's JSON. [`Crm`] is what the projector sees; [`Client`] implements it over HTTP.
//! What an answer means is decided by pure functions in [`classify`] and [`batch`]: an answer that does not show that a
//! write happened never counts as one, and an answer that does not show that it failed never counts as failed.

pub mod crm;
pub mod definition;
pub mod error;
pub mod limit;
pub mod write;

pub use crm::{Account, Contact, ContactKey, Crm, DailyUsage, Room};
pub use definition::{Ensured, Group, PropertyDefinition};
pub use error::{Error, Policy};
pub use limit::Priority;
pub use write::{CreateInput, CreateOutcome, Refusal, UpdateInput, UpdateOutcome};
