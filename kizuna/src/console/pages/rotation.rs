//! New credentials for a connected account, as `kizuna connection rotate` takes them.

use crate::console::Console;
use crate::console::deed::Deed;
use crate::console::form::{Form, NoSecret};
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page_as, plain};
use crate::console::path::Path;
use crate::console::steps::Told;
use crate::onboarding::rotation::{AccessToken, Report, Rotation, rotate};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

#[derive(Template)]
#[template(path = "rotation.html")]
struct Rotating {
    frame: Frame,
    number: u32,
    name: String,
    has_long_lived_token: bool,
    problem: Option<&'static str>,
    /// What came of it: is it in force, and each step.
    outcome: Option<(bool, Vec<Told>)>,
}

/// The form.
pub async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
) -> Response {
    console.rotation_page(visitor, number, None, None)
}

/// Proves new credentials with LINE and puts them in force.
pub async fn enter(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(number): Path<u32>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let words = visitor.language.words();
    let Some(known) = console.connection(number).map(|connection| connection.number) else {
        return Ok(plain(StatusCode::NOT_FOUND, visitor.language));
    };
    let rotation = match rotation(&form) {
        Ok(rotation) if rotation.is_new() => rotation,
        Ok(_) => return Ok(console.rotation_page(visitor, number, Some(words.nothing_new), None)),
        Err(NoSecret) => return Ok(console.rotation_page(visitor, number, Some(words.bad_secret), None)),
    };
    let report = rotate(&console.0.installation, known, rotation).await?;
    let deed = if report.is_good() { Deed::Rotated } else { Deed::RotationRefused };
    console.record(&visitor, deed, &known.to_string()).await?;
    Ok(console.rotation_page(visitor, number, None, Some(report)))
}

fn rotation(form: &Form) -> Result<Rotation, NoSecret> {
    let access_token = match form.secret("access_token")? {
        Some(token) => AccessToken::LongLived(token),
        None if form.is_ticked("stateless") => AccessToken::Stateless,
        None => AccessToken::Unchanged,
    };
    Ok(Rotation { channel_secret: form.secret("channel_secret")?, access_token, skip_line_checks: false })
}

impl Console {
    fn rotation_page(
        &self,
        visitor: Visitor,
        number: u32,
        problem: Option<&'static str>,
        report: Option<Report>,
    ) -> Response {
        let Some(connection) = self.connection(number) else {
            return plain(StatusCode::NOT_FOUND, visitor.language);
        };
        let language = visitor.language;
        let is_refused = problem.is_some() || report.as_ref().is_some_and(|report| !report.is_good());
        let status = if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let told =
            |report: Report| (report.is_good(), report.steps.iter().map(|step| Told::of(step, language)).collect());
        page_as(
            status,
            &Rotating {
                frame: Frame::new(visitor),
                number,
                name: connection.name,
                has_long_lived_token: connection.access_token.is_some(),
                problem,
                outcome: report.map(told),
            },
        )
    }
}
