//! The tools that look after an installation: commands run as processes of their own, beside sandboxes and a running up.

#![allow(clippy::unwrap_used)]

mod dead_letters;
mod erase;
#[allow(dead_code, reason = "the rig of the other suite, which uses all of it")]
#[path = "../program/place.rs"]
mod place;
mod replay;
mod restore;
mod verify;
mod world;
