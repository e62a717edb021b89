#![doc = include_str!("../README.md")]

pub mod delivery;
pub mod dice;
pub mod exchange;
pub mod fields;
pub mod history;
pub mod hubspot;
pub mod meter;
mod stamp;
