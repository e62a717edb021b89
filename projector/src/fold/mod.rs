//! The log → state. One thread reads the partitions that this process owns, folds them into their stores, and tells the
//! sync side who has something to be done. It calls nobody: neither LINE nor HubSpot.

mod member;
mod partition;
mod restore;
mod session;

pub use member::{Error, Member};
pub use partition::{Folded, Partition, Touched};
pub use session::Session;
