//! What every process of Kizuna needs around its work: time, settings, secrets, metrics, logs, health, shutdown.

pub mod admin;
pub mod backoff;
pub mod clock;
pub mod crash;
pub mod logging;
pub mod metrics;
pub mod secret;
pub mod settings;
pub mod shutdown;
pub mod web;

#[doc(hidden)]
pub use prometheus;
