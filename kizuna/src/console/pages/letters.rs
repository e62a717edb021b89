//! Dead letters: what could not be used and why, tried again or forgotten.

use crate::console::Console;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page, plain};
use crate::recovery::letters::{self, Letter, Retry};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use projector::decode::Decoder;

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
    detail: String,
    connection: Option<u32>,
}

/// The list, newest first.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Fault> {
    let mut found = console.letters().await?;
    found.sort_by_key(|letter| std::cmp::Reverse(letter.content.as_ref().map(|content| content.at_ms)));
    let now_ms = console.0.installation.clock.now_ms();
    let row = |letter: &Letter| {
        let content = letter.content.as_ref();
        Row {
            key: letter.short_key(),
            reason: letter.reason().to_owned(),
            from: content.map(|it| it.topic.clone()).unwrap_or_default(),
            age: content.map(|it| visitor.language.ago(now_ms - it.at_ms)).unwrap_or_default(),
            detail: content.map(|it| it.detail.clone()).unwrap_or_default(),
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
    let Some(letter) = console.letter(&key).await? else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    let installation = console.0.installation.clone();
    let records = tokio::task::spawn_blocking(move || {
        let names = installation.settings.property_prefix.0.clone();
        let decoder = Decoder::new(installation.codec.clone(), installation.settings.labels(), names.clone());
        let now_ms = installation.clock.now_ms();
        let (log, codec) = (&*installation.log, &installation.codec);
        Retry { log, codec, decoder: &decoder, names: &names, now_ms }.records(&letter)
    });
    if let Ok(records) = records.await?? {
        console.0.installation.log.append(records.into()).await?;
        console.record(&visitor, "letter_retried", &key)?;
    }
    Ok(Redirect::to("/dead-letters").into_response())
}

/// Forgets one.
pub async fn forget(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
) -> Result<Response, Fault> {
    let Some(letter) = console.letter(&key).await? else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    console.0.installation.log.append(vec![letter.tombstone()]).await?;
    console.record(&visitor, "letter_dropped", &key)?;
    Ok(Redirect::to("/dead-letters").into_response())
}

impl Console {
    async fn letters(&self) -> anyhow::Result<Vec<Letter>> {
        let installation = self.0.installation.clone();
        tokio::task::spawn_blocking(move || letters::read(&*installation.log, &installation.codec)).await?
    }

    async fn letter(&self, key: &str) -> anyhow::Result<Option<Letter>> {
        Ok(self.letters().await?.into_iter().find(|letter| letter.is_called(key)))
    }
}
