//! The rules about the tree itself that no compiler and no lint keeps.
//!
//! Each test collects everything that is wrong before it fails, so that one run is enough to put it right.

mod documents;
mod layers;
mod sources;
mod tree;
