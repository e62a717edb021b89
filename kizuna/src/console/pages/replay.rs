//! A replay: what it would change, how far it is, and its putting in force.

use crate::console::Console;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::page::{Frame, page, page_as};
use crate::console::replays::{Found, NotNow, Outcome, Stage};
use crate::recovery::plan::Row;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

/// Seconds after which the page looks again, while one runs.
const LOOK_AGAIN: u32 = 2;

#[derive(Template)]
#[template(path = "replay.html")]
struct Replay {
    frame: Frame,
    problem: Option<&'static str>,
    look_again: Option<u32>,
    running: Option<Progress>,
    /// How the last one ended, for the style sheet and in words.
    told: Option<(&'static str, String)>,
    found: Option<Shown>,
    /// Does this process have a projector, so that no state can be put in force from here?
    is_in_use: bool,
}

impl Replay {
    /// What is to be done about a contact.
    fn told_action(&self, row: &Row) -> &'static str {
        let words = self.frame.words;
        match row.action {
            "create" => words.replay_create,
            "update" => words.replay_update,
            "check" => words.replay_check,
            other => other,
        }
    }
}

/// One that runs.
struct Progress {
    what: &'static str,
    by: String,
    since: String,
    done: u64,
    total: u64,
}

/// What was found.
struct Shown {
    /// Label and number.
    numbers: Vec<(&'static str, u64)>,
    rows: Arc<Vec<Row>>,
    hidden: u64,
    /// May it be put in force as it is shown?
    digest: Option<String>,
}

/// The page.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Response {
    page(&console.replay_page(visitor, None))
}

/// Begins a dry run.
pub async fn look(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Response {
    let begun = console.look(visitor.name());
    console.answer(visitor, begun)
}

/// Begins to put in force what was found.
pub async fn apply(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Response {
    let begun = console.apply(visitor.name(), form.text("digest"));
    console.answer(visitor, begun)
}

impl Console {
    fn answer(&self, visitor: Visitor, begun: Result<(), NotNow>) -> Response {
        if begun.is_err() {
            let problem = Some(visitor.language.words().replay_not_now);
            return page_as(StatusCode::CONFLICT, &self.replay_page(visitor, problem));
        }
        Redirect::to("/replay").into_response()
    }

    fn replay_page(&self, visitor: Visitor, problem: Option<&'static str>) -> Replay {
        let stage = self.0.replays.stage();
        let frame = Frame::at("/replay", visitor);
        let (words, language) = (frame.words, frame.language);
        let running = match &stage {
            Stage::Running(running) => {
                let (done, total) = running.progress();
                let what = if running.applies { words.replay_applies } else { words.replay_looks };
                Some(Progress { what, by: running.by.clone(), since: language.time(running.since_ms), done, total })
            }
            Stage::Idle | Stage::Ended(_) => None,
        };
        let (told, found) = match &stage {
            Stage::Ended(ended) => {
                let (class, text, found) = tell(&ended.outcome, &frame);
                (Some((class, format!("{} · {text}", language.time(ended.at_ms)))), found)
            }
            Stage::Idle | Stage::Running(_) => (None, None),
        };
        Replay {
            look_again: running.is_some().then_some(LOOK_AGAIN),
            is_in_use: self.0.readiness.is_some(),
            problem,
            running,
            told,
            found,
            frame,
        }
    }
}

fn tell(outcome: &Outcome, frame: &Frame) -> (&'static str, String, Option<Shown>) {
    let words = frame.words;
    let may_apply = |found: &Found| Some(Shown { digest: Some(found.plan.digest.clone()), ..Shown::of(found, frame) });
    match outcome {
        Outcome::Found(found) if found.plan.contacts() + found.plan.checks == 0 => {
            ("done", words.replay_in_step.to_owned(), may_apply(found))
        }
        Outcome::Found(found) => ("by-hand", words.replay_found.to_owned(), may_apply(found)),
        Outcome::Overtaken(found) => ("by-hand", words.replay_overtaken.to_owned(), may_apply(found)),
        Outcome::InUse(found) => ("failed", words.replay_in_use.to_owned(), may_apply(found)),
        Outcome::Applied(found) => ("done", words.replay_applied.to_owned(), Some(Shown::of(found, frame))),
        Outcome::Failed(why) => ("failed", format!("{} {why}", words.replay_failed), None),
    }
}

impl Shown {
    fn of(found: &Found, frame: &Frame) -> Self {
        let (plan, words) = (&found.plan, frame.words);
        let numbers = vec![
            (words.replay_records, plan.records),
            (words.replay_unusable, plan.unusable),
            (words.replay_creates, plan.creates),
            (words.replay_updates, plan.updates),
            (words.replay_checks, plan.checks),
            (words.replay_changes, plan.changes),
            (words.replay_calls, plan.calls()),
        ];
        let rows = Arc::clone(&found.rows);
        Self { numbers, hidden: plan.contacts() - rows.len() as u64, rows, digest: None }
    }
}
