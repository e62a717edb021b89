//! Looking after what is there: the state rebuilt, HubSpot compared, dead letters seen to, people erased.
//!
//! Nothing here writes to HubSpot behind the log's back, except to delete the contact of a person who is erased. What is to
//! change goes into the log as a record, and the projector does the rest.

pub mod beside;
pub mod drift;
pub mod erasure;
pub mod letters;
pub mod listing;
pub mod plan;
pub mod progress;
