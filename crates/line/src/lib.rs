//! Everything the project knows about LINE: its webhooks, what its events mean, and its Messaging API.
//!
//! | Module | Says |
//! | --- | --- |
//! | [`signature`] | whether a body comes from LINE |
//! | [`webhook`] | which events a body holds, each as the exact bytes that were signed |
//! | [`event`] | what an event means for a contact |
//! | [`api`] | the calls to LINE: profiles, tokens, webhook settings, followers |
//!
//! No other crate reads LINE's JSON. Everything here is tolerant: LINE adds event types, properties and enum values
//! without notice, so what is unknown is kept, and only what a rule needs is read.

pub mod api;
pub mod error;
pub mod event;
mod marks;
mod object;
pub mod signature;
pub mod telemetry;
pub mod webhook;

pub use error::Error;
