//! The calls to LINE's Messaging API that the project makes.
//!
//! | Module | Says |
//! | --- | --- |
//! | [`client`] | the calls |
//! | [`endpoint`] | their names, paths and rate limits |
//! | [`classify`] | what an answer means, without I/O |
//! | [`pace`] | when a call may be sent |
//! | [`token`] | where the access token comes from |

pub mod classify;
pub mod client;
pub mod endpoint;
pub mod pace;
pub mod token;

pub use client::{BotInfo, Client, FollowerPage, Settings, TokenInfo, WebhookEndpoint, WebhookTest};
pub use endpoint::Endpoint;
pub use token::{Channel, TokenSource};
