//! What connecting an account did, step by step.

use crate::bilingual::Bilingual;
use serde::Serialize;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is as it should be.
    Done,
    /// It was left out, as asked or for want of a setting.
    Skipped,
    /// It could not be done; running the same command again tries it again.
    Failed,
    /// LINE and HubSpot have no interface for it: a person has to do it.
    ByHand,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name, stable, for programs.
    pub name: &'static str,
    /// How it ended.
    pub result: Outcome,
    /// What was found or done.
    pub detail: Bilingual,
    /// What a person has to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<Bilingual>,
}

impl Step {
    /// A step that ended well.
    pub fn done(name: &'static str, detail: impl Into<Bilingual>) -> Self {
        Self { name, result: Outcome::Done, detail: detail.into(), by_hand: None }
    }

    /// A step that was left out.
    pub fn skipped(name: &'static str, detail: impl Into<Bilingual>) -> Self {
        Self { name, result: Outcome::Skipped, detail: detail.into(), by_hand: None }
    }

    /// A step that failed.
    pub fn failed(name: &'static str, detail: impl Into<Bilingual>) -> Self {
        Self { name, result: Outcome::Failed, detail: detail.into(), by_hand: None }
    }

    /// A step for a person.
    pub fn by_hand(name: &'static str, detail: impl Into<Bilingual>, what: impl Into<Bilingual>) -> Self {
        Self { name, result: Outcome::ByHand, detail: detail.into(), by_hand: Some(what.into()) }
    }

    /// With what a person has to do about it.
    #[must_use]
    pub fn with_by_hand(mut self, what: impl Into<Bilingual>) -> Self {
        self.by_hand = Some(what.into());
        self
    }
}
