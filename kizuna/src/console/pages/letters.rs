//! Dead letters: what could not be used and why, tried again or forgotten.

use crate::console::Console;
use crate::console::access::Role;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page, plain};
use crate::recovery::letters::{self, Letter};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

/// Letters on the page.
const SHOWN_MAX: usize = 200;

#[derive(Template)]
#[template(path = "letters.html")]
struct Letters {
    frame: Frame,
    rows: Vec<Row>,
    count: usize,
}

struct Row {
    key: String,
    reason: String,
    from: String,
    age: String,
    /// It may speak of a person; `None` for those who may not see that.
    detail: Option<String>,
    connection: Option<u32>,
}

/// The list, newest first.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Fault> {
    let mut found = letters::all(&console.0.installation).await?;
    found.sort_by_key(|letter| std::cmp::Reverse(letter.content.as_ref().map(|content| content.at_ms)));
    let now_ms = console.0.installation.clock.now_ms();
    let sees_details = visitor.may(Role::Operator);
    let row = |letter: &Letter| {
        let content = letter.content.as_ref();
        Row {
            key: letter.short_key(),
            reason: letter.reason().to_owned(),
            from: content.map(|it| it.topic.clone()).unwrap_or_default(),
            age: content.map(|it| visitor.language.ago(now_ms - it.at_ms)).unwrap_or_default(),
            detail: content.map(|it| it.detail.clone()).filter(|_| sees_details),
            connection: content.and_then(|it| it.connection),
        }
    };
    let (count, rows) = (found.len(), found.iter().take(SHOWN_MAX).map(row).collect());
    Ok(page(&Letters { rows, count, frame: Frame::new(visitor) }))
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
enum End {
    Retried,
    Dropped,
}

impl Console {
    async fn settle_letter(&self, visitor: Visitor, key: &str, end: End) -> Result<Response, Fault> {
        let installation = &self.0.installation;
        let found = letters::all(installation).await?.into_iter().find(|letter| letter.is_called(key));
        let Some(letter) = found else { return Ok(plain(StatusCode::NOT_FOUND, visitor.language)) };
        match end {
            End::Dropped => {
                letters::forget(installation, &[letter]).await?;
                self.record(&visitor, "letter_dropped", key).await?;
            }
            End::Retried if letters::retry(installation, vec![letter]).await?.iter().all(Result::is_ok) => {
                self.record(&visitor, "letter_retried", key).await?;
            }
            End::Retried => {}
        }
        Ok(Redirect::to("/dead-letters").into_response())
    }
}
