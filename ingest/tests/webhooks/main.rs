//! Receiving webhooks over real sockets, with a log that can be made to fail, stall and go on.

#![allow(clippy::unwrap_used)]

mod answers;
mod bounds;
mod client;
mod embedded;
mod failures;
mod lines;
mod log;
mod shutdown;
mod silence;
mod spool;
mod spool_killed;
mod stored;
mod world;
