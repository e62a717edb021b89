//! LINE and HubSpot as local servers.
#![doc = include_str!("../README.md")]

mod clock;
mod control;
mod courier;
pub mod delivery;
pub mod dice;
pub mod exchange;
pub mod fields;
mod handle;
pub mod history;
pub mod hubspot;
pub mod line;
pub mod meter;
mod options;
mod page;
mod sandbox;
mod server;
mod stamp;

pub use clock::SandboxClock;
pub use handle::{Handle, Told};
pub use options::Options;
pub use sandbox::{Error, Sandbox, start};
