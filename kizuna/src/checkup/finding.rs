//! One thing that was looked at, and how it is.

use crate::bilingual::{Bilingual, bilingual};
use serde::Serialize;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is as it should be.
    Good,
    /// The connection works; somebody should know this.
    Warning,
    /// The connection does not work until somebody acts.
    Broken,
    /// It could not be found out.
    Unknown,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, stable, for programs.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What was found. Without secrets.
    pub sentence: Bilingual,
    /// What a person does about it; nothing where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Bilingual>,
}

impl Finding {
    /// It is as it should be.
    pub fn good(code: &'static str, sentence: Bilingual) -> Self {
        Self { code, severity: Severity::Good, sentence, remedy: None }
    }

    /// It works, but.
    pub fn warning(code: &'static str, sentence: Bilingual, remedy: Bilingual) -> Self {
        Self { code, severity: Severity::Warning, sentence, remedy: Some(remedy) }
    }

    /// It does not work.
    pub fn broken(code: &'static str, sentence: Bilingual, remedy: Bilingual) -> Self {
        Self { code, severity: Severity::Broken, sentence, remedy: Some(remedy) }
    }

    /// It could not be found out.
    pub fn unknown(code: &'static str, sentence: Bilingual, remedy: Bilingual) -> Self {
        Self { code, severity: Severity::Unknown, sentence, remedy: Some(remedy) }
    }
}

/// What to do where LINE or HubSpot did not answer.
pub fn later() -> Bilingual {
    bilingual!("check again later", "時間をおいてもう一度チェックしてください。")
}
