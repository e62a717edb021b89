//! What every process of Kizuna needs around its work: time, settings, secrets, metrics, logs, health, shutdown.

pub mod clock;
pub mod metrics;
pub mod secret;

#[doc(hidden)]
pub use prometheus;
