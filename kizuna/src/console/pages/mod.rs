//! The pages, one module each: what is asked for, looked up or changed, and what its template shows.

pub mod account;
pub mod audit;
pub mod check;
pub mod connect;
pub mod connection;
pub mod dashboard;
pub mod entry;
pub mod friend;
pub mod friends;
pub mod letters;
pub mod people;
pub mod replay;
pub mod rotation;
pub mod settings;
pub mod welcome;
