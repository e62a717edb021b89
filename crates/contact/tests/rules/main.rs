//! The rules of a contact, one test for each: what happened → what HubSpot is told.

mod friend;
mod reconcile;
mod story;
#[path = "../support/mod.rs"]
mod support;
