//! The record of changes.

use crate::console::Console;
use crate::console::accounts::Entry;
use crate::console::deed::told;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

/// Changes on the page.
const SHOWN_MAX: u32 = 500;

#[derive(Template)]
#[template(path = "audit.html")]
struct Changes {
    frame: Frame,
    /// When, who, what, to what.
    rows: Vec<[String; 4]>,
}

/// The newest changes.
pub async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Fault> {
    let changes = console.0.accounts.ask(|accounts| accounts.changes(SHOWN_MAX)).await?;
    let language = visitor.language;
    let row = |it: Entry| {
        let (what, subject) = told(&it.action, &it.subject, language);
        [language.time(it.at_ms), it.actor, what, subject]
    };
    let rows = changes.into_iter().map(row).collect();
    Ok(page(&Changes { frame: Frame::new(visitor), rows }))
}
