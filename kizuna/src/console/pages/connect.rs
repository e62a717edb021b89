//! "Connect a new LINE account": one form, and what came of each step.

use crate::console::Console;
use crate::console::deed::Deed;
use crate::console::form::Form;
use crate::console::guard::Visitor;
use crate::console::page::{Fault, Frame, page, page_as};
use crate::console::steps::Told;
use crate::onboarding::{self, Report, Request};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

#[derive(Template)]
#[template(path = "connect.html")]
struct Connect {
    frame: Frame,
    problem: Option<&'static str>,
    channel_id: String,
    name: String,
    description: String,
    auto_create: bool,
}

#[derive(Template)]
#[template(path = "connected.html")]
struct Connected {
    frame: Frame,
    report: Report,
    steps: Vec<Told>,
}

/// The form.
pub async fn show(Extension(visitor): Extension<Visitor>) -> Response {
    page(&Connect {
        frame: Frame::new(visitor),
        problem: None,
        channel_id: String::new(),
        name: String::new(),
        description: String::new(),
        auto_create: true,
    })
}

/// Connects.
pub async fn connect(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Fault> {
    let frame = Frame::new(visitor);
    let request = match request(&form, &frame) {
        Ok(request) => request,
        Err(problem) => {
            let text = |name| form.text(name).to_owned();
            let (channel_id, name, description) = (text("channel_id"), text("name"), text("description"));
            let auto_create = form.is_ticked("auto_create");
            let again = Connect { frame, problem: Some(problem), channel_id, name, description, auto_create };
            return Ok(page_as(StatusCode::UNPROCESSABLE_ENTITY, &again));
        }
    };
    let report = onboarding::add(&console.0.installation, request).await?;
    let subject = report.number.map_or_else(|| form.text("channel_id").to_owned(), |number| number.to_string());
    let deed = if report.number.is_some() { Deed::Connected } else { Deed::ConnectionRefused };
    console.record(&frame.visitor, deed, &subject).await?;
    let steps = report.steps.iter().map(|step| Told::of(step, frame.language)).collect();
    Ok(page(&Connected { frame, report, steps }))
}

fn request(form: &Form, frame: &Frame) -> Result<Request, &'static str> {
    let channel_id = form.text("channel_id").to_owned();
    if channel_id.is_empty() || !channel_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(frame.words.bad_channel_id);
    }
    let secret = |name| form.secret(name).map_err(|_| frame.words.bad_secret);
    Ok(Request {
        name: form.given("name"),
        description: form.given("description"),
        icon: None,
        channel_id,
        channel_secret: secret("channel_secret")?.ok_or(frame.words.bad_secret)?,
        access_token: secret("access_token")?,
        // The box is ticked unless somebody unticks it, so that only its absence says something about an account that is known.
        auto_create: (!form.is_ticked("auto_create")).then_some(false),
        skip_line_checks: false,
    })
}
