//! The client against a scripted HubSpot: every call, every status, and the exact bodies that HubSpot gives.

#![allow(clippy::unwrap_used, missing_docs)]

mod portal;
mod properties;
mod reads;
mod server;
mod statuses;
mod transport;
mod writes;
