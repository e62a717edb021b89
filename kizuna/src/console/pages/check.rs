//! Is an account as it has to be? What `kizuna connection check` finds.

use crate::checkup::check;
use crate::console::Console;
use crate::console::deed::Deed;
use crate::console::findings::Told;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page, plain};
use crate::console::path::Path;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

#[derive(Template)]
#[template(path = "check.html")]
struct Check {
    frame: Frame,
    number: u32,
    name: String,
    report: Option<Shown>,
}

/// What was found.
struct Shown {
    is_broken: bool,
    at: String,
    findings: Vec<Told>,
}

/// The page.
pub async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
) -> Response {
    let Some(connection) = console.connection(number) else {
        return plain(StatusCode::NOT_FOUND, visitor.language);
    };
    page(&Check { frame: Frame::new(visitor), number, name: connection.name, report: None })
}

/// Checks it, from all sides. That LINE and HubSpot are called for it is why this is asked for by a form.
pub async fn run(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
) -> Result<Response, Fault> {
    let Some(connection) = console.connection(number) else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    let report = check(&console.0.installation, connection.number).await?;
    console.record(&visitor, Deed::Checked, &number.to_string()).await?;
    let language = visitor.language;
    let shown = Shown {
        is_broken: report.is_broken(),
        at: language.time(report.checked_at_ms),
        findings: report.findings.into_iter().map(|finding| Told::of(finding, language)).collect(),
    };
    Ok(page(&Check { frame: Frame::new(visitor), number, name: report.name, report: Some(shown) }))
}
