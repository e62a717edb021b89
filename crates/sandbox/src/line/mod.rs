//! LINE's Messaging API as a state machine: channels, people, sends, and the webhooks that people's doings cause.
//!
//! Requests in, answers out, no socket and no clock. Rules and bodies are those of LINE's documentation; where it is
//! silent, the README's table "Choices" says what this model does.

mod account;
mod act;
mod answer;
mod bonds;
mod channel;
mod event;
mod fact;
mod fault;
mod mail;
mod oauth;
mod person;
mod platform;
mod play;
mod retry;
mod route;
mod send;
mod settings;

pub use act::{Act, Manner};
pub use bonds::Bond;
pub use channel::Channel;
pub use fact::Fact;
pub use fault::{Fault, FaultKind};
pub use mail::Order;
pub use person::{Likeness, Person, user_id};
pub use platform::{Outcome, Platform};
pub use play::{Played, Unplayable};
pub use route::ENDPOINTS;
pub use send::Sent;
pub use settings::Settings;
