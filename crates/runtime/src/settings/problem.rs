//! What is wrong with the settings, said so that the operator can put it right.

use std::fmt;

/// One thing that is wrong: a value that cannot be used, or a setting that does not exist. It never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: the variable, or the key and its file.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// What would be right.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, found, expected } = self;
        write!(f, "{place}: found {found}, expected {expected}")
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
