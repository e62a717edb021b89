//! HubSpot's CRM API as a state machine: requests in, answers out, no socket and no clock.
//!
//! Bodies and rules are those that HubSpot documents or that others published from live accounts; where there is
//! neither, the README's table "Choices" says what this model does.

mod account;
mod batch;
mod call;
mod contact;
mod contacts;
mod fact;
mod fault;
mod gate;
mod index;
mod input;
mod lifecycle;
mod portal;
mod property;
mod property_api;
mod read;
mod refusal;
mod route;
mod search;
mod settings;
mod value;
mod view;
mod webhook;
mod write;

pub use contact::{Contact, RecordId};
pub use contacts::{Contacts, Whereabouts};
pub use fact::{Actor, Fact};
pub use fault::{Fault, FaultKind};
pub use lifecycle::Impossible;
pub use portal::Portal;
pub use property::{Catalogue, Choice, Definition, Group, Kind};
pub use route::ENDPOINTS;
pub use settings::Settings;
pub use value::TEXT_LIMIT;
pub use webhook::{Event, Subscriber};
