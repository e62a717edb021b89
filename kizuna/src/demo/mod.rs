//! A short story of friends of two official accounts, played through real signed webhooks, and what HubSpot shows of it.
//!
//! [`stage`] puts the sandboxes and a whole Kizuna on this machine; [`story`] lets people act and waits until HubSpot shows
//! what it should; [`narrator`] tells it.

pub mod narrator;
pub mod stage;
pub mod story;
