//! Dead letters: what could not be used and why, tried again or forgotten.

use crate::console::Console;
use crate::console::access::Role;
use crate::console::deed::Deed;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page_as, plain};
use crate::console::path::Path;
use crate::console::reasons::{explained, told};
use crate::recovery::letters::{self, Hopeless, Letter};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

/// Letters on the page.
const SHOWN_MAX: usize = 200;

#[derive(Template)]
#[template(path = "letters.html")]
struct Letters {
    frame: Frame,
    problem: Option<&'static str>,
    rows: Vec<Row>,
    count: usize,
}

struct Row {
    key: String,
    reason: String,
    /// The reason as the command line and the documents say it.
    code: String,
    from: String,
    age: String,
    /// What it means, and what to do about it.
    explanation: &'static str,
    /// In English, or in HubSpot's words. It may speak of a person; `None` for those who may not see that.
    detail: Option<String>,
    connection: Option<u32>,
}

/// The list, newest first.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Fault> {
    console.letters_page(visitor, None).await
}

/// Tries one again.
pub async fn retry(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
) -> Result<Response, Fault> {
    console.settle_letter(visitor, &key, End::Retried).await
}

/// Forgets one.
pub async fn forget(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
) -> Result<Response, Fault> {
    console.settle_letter(visitor, &key, End::Dropped).await
}

/// What becomes of a letter.
#[derive(Clone, Copy)]
enum End {
    Retried,
    Dropped,
}

impl Console {
    async fn settle_letter(&self, visitor: Visitor, key: &str, end: End) -> Result<Response, Fault> {
        let installation = &self.0.installation;
        let found = letters::all(installation).await?.into_iter().find(|letter| letter.is_called(key));
        let Some(letter) = found else { return Ok(plain(StatusCode::NOT_FOUND, visitor.language)) };
        let hopeless = match end {
            End::Dropped => letters::forget(installation, &[letter]).await.map(|()| None)?,
            End::Retried => letters::retry(installation, vec![letter]).await?.into_iter().find_map(Result::err),
        };
        if let Some(why) = hopeless {
            let words = visitor.language.words();
            let problem = match why {
                Hopeless::Unreadable => words.letter_unreadable,
                Hopeless::NoRecord => words.letter_no_record,
                Hopeless::TooLarge => words.letter_too_large,
            };
            return self.letters_page(visitor, Some(problem)).await;
        }
        let deed = match end {
            End::Dropped => Deed::LetterDropped,
            End::Retried => Deed::LetterRetried,
        };
        self.record(&visitor, deed, key).await?;
        Ok(Redirect::to("/dead-letters").into_response())
    }

    async fn letters_page(&self, visitor: Visitor, problem: Option<&'static str>) -> Result<Response, Fault> {
        let mut found = letters::all(&self.0.installation).await?;
        found.sort_by_key(|letter| std::cmp::Reverse(letter.content.as_ref().map(|content| content.at_ms)));
        let now_ms = self.0.installation.clock.now_ms();
        let rows = found.iter().take(SHOWN_MAX).map(|letter| Row::of(letter, &visitor, now_ms)).collect();
        let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let count = found.len();
        Ok(page_as(status, &Letters { problem, rows, count, frame: Frame::at("/dead-letters", visitor) }))
    }
}

impl Row {
    fn of(letter: &Letter, visitor: &Visitor, now_ms: i64) -> Self {
        let content = letter.content.as_ref();
        Self {
            key: letter.short_key(),
            reason: told(letter.reason(), visitor.language).to_owned(),
            code: letter.reason().as_str().to_owned(),
            explanation: explained(letter.reason(), visitor.language),
            from: content.map(|it| it.topic.clone()).unwrap_or_default(),
            age: content.map(|it| visitor.language.ago(now_ms - it.at_ms)).unwrap_or_default(),
            detail: content.map(|it| it.detail.clone()).filter(|_| visitor.may(Role::Operator)),
            connection: content.and_then(|it| it.connection),
        }
    }
}
