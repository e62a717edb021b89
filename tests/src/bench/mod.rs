//! What the benchmarks share: webhooks ready to send, friends and their events, and what a process costs.

pub mod history;
pub mod plot;
pub mod process;
pub mod webhooks;
