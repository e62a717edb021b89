//! The program as its users meet it: commands run as processes of their own, beside sandboxes of LINE and HubSpot.

#![allow(clippy::unwrap_used)]

mod changing;
mod checking;
mod connecting;
mod contacts;
mod demo;
mod importing;
mod interrupted;
#[allow(dead_code)]
mod place;
mod secrets;
mod serving;
mod terminal;
mod usage;
