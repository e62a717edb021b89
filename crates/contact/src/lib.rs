//! The pure core: what happened to a LINE friend → what is known → what HubSpot should show → what to do about it.
//!
//! ```text
//! Event ─┐
//! Profile ├─ apply ─▶ User ─ wanted ─▶ Values ─ decide(confirmed) ─▶ Action
//! Confirmation ┘
//! ```
//!
//! Nothing here does I/O, reads a clock, draws a random number or can fail: every function is total, and every fold is a
//! maximum over what was seen, so any order and any duplication of the same records gives the same state.
//! The rules of a friend's state and of what is done in HubSpot each have a test named after them in `tests/rules`; the
//! laws of the folds are in `tests/laws.rs`.

#![deny(clippy::arithmetic_side_effects)]

pub mod action;
pub mod event;
pub mod id;
pub mod link;
pub mod messages;
pub mod plan;
pub mod profile;
pub mod property;
pub mod state;
pub mod wanted;

pub use action::{Action, decide, is_due};
pub use event::{Event, Kind, Moment};
pub use id::{ConnectionNumber, ContactId, EventId, MessageId, UserId};
pub use link::{Confirmation, Link};
pub use plan::Plan;
pub use profile::{Likeness, Profile, ProfileDue};
pub use property::{Field, Names, Property, Values, is_anothers};
pub use state::{Friend, User};
pub use wanted::{Connection, Connections, wanted};
