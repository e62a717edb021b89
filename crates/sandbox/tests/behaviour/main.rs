//! Every behaviour of the sandbox under its own name, with the bodies the two platforms are known to send.

#![allow(clippy::unwrap_used)]

mod hubspot;
mod line;
