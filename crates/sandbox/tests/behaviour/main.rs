//! Every behaviour of the sandbox under its own name, with the bodies the two platforms are known to send.

#![allow(clippy::unwrap_used)]

mod control;
mod examples;
mod hubspot;
mod line;
mod page;
