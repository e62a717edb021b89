//! What comes from outside and may be anything: each kind of input with what must hold of it, whatever the bytes are.
//!
//! One definition serves both the test program `hostile`, which plays the seeds and what it makes of them on
//! the stable toolchain, and the targets in `fuzz`, which look for more with libFuzzer. A target panics when something
//! does not hold.

mod avro;
mod hubspot;
mod line;
mod settings;
mod webhook;

/// A kind of input, and what is done with it.
pub struct Target {
    /// Its name, and that of the program in `fuzz`.
    pub name: &'static str,
    /// The folders of its seeds.
    pub corpora: &'static [&'static str],
    /// Takes an input.
    pub take: fn(&[u8]),
}

/// Every one.
pub const TARGETS: [Target; 6] = [
    Target { name: "webhook", corpora: &["tests/corpora/webhook", "crates/line/tests/samples"], take: webhook::body },
    Target { name: "signature", corpora: &["tests/corpora/signature"], take: webhook::signature },
    Target { name: "avro", corpora: &["tests/corpora/avro", "schemas/golden"], take: avro::record },
    Target { name: "hubspot", corpora: &["tests/corpora/hubspot"], take: hubspot::answer },
    Target { name: "line", corpora: &["tests/corpora/line"], take: line::answer },
    Target { name: "settings", corpora: &["tests/corpora/settings"], take: settings::file },
];

/// The target of this name.
///
/// # Panics
/// When there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target {name:?}"))
}
