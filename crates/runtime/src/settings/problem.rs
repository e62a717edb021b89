//! What is wrong with the settings, said so that the operator can put it right.

use std::fmt;

/// One thing that is wrong. It never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A value that cannot be used, or a setting that does not exist.
    Value {
        /// Where: the variable, or the key and its file.
        place: String,
        /// What was found there.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// Settings that are good each for itself and do not go together.
    Rule(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { place, found, expected } => write!(f, "{place}: found {found}, expected {expected}"),
            Self::Rule(text) => f.write_str(text),
        }
    }
}

/// The settings cannot be used: everything that is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub Vec<Problem>);

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(problems) = self;
        write!(f, "{} of the settings cannot be used:", problems.len())?;
        problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}
