//! The control API: what people do in LINE and in HubSpot's user interface, and what goes wrong, over HTTP.
//!
//! The README lists every endpoint.

mod body;
mod hubspot;
mod line;
mod watch;

use std::sync::Arc;

use serde_json::{Value, json};

use self::body::Body;
use crate::exchange::{Request, Response};
use crate::fields::{Fields, decode_path};
use crate::handle::Handle;
use crate::page::{self, Left};

/// Answers control requests.
#[derive(Clone)]
pub(crate) struct Control {
    handle: Arc<Handle>,
    announcement: Value,
}

/// Why a control request was not done: status and words.
#[derive(Clone, Debug)]
struct Refused(u16, String);

impl Refused {
    fn unknown(what: &str) -> Self {
        Self(404, format!("no such {what}"))
    }
}

/// What a control request comes to.
type Answered = Result<Value, Refused>;

impl Control {
    /// Controls the models behind `handle`; `announcement` tells newcomers the addresses.
    pub fn new(handle: Arc<Handle>, announcement: Value) -> Self {
        Self { handle, announcement }
    }

    /// Answers one request.
    pub async fn answer(&self, request: &Request) -> Response {
        // A page of another site in the same browser must not play with the sandbox.
        if request.header("sec-fetch-site") == Some("cross-site") {
            return Response::json(403, &json!({"error": "requests from other sites are refused"}));
        }
        let decoded: Vec<String> = request.path.split('/').filter(|part| !part.is_empty()).map(decode_path).collect();
        let path: Vec<&str> = decoded.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", []) => return page::index(&self.handle, &self.announcement, left(&request.query)),
            ("GET", ["table"]) => return page::table(&self.handle, left(&request.query)),
            _ => {}
        }
        let body = match Body::of(request) {
            Ok(body) => body,
            Err(refused) => return plain(Err(refused)),
        };
        let answered = match path.split_first() {
            Some((&"hubspot", rest)) => self.hubspot(request.method.as_str(), rest, &body),
            Some((&"line", rest)) => self.line(request.method.as_str(), rest, &body).await,
            _ => self.watch(request.method.as_str(), &path, &request.query, &body),
        };
        if body.is_form() { redirect(&path, &body, answered) } else { plain(answered) }
    }
}

fn left(query: &Fields) -> Left<'_> {
    Left { done: query.get("done"), user: query.get("user") }
}

/// Forms go back to where they came from, with what was done.
fn redirect(path: &[&str], body: &Body, answered: Answered) -> Response {
    let done = match answered {
        Ok(value) => value["summary"].as_str().unwrap_or("OK").to_owned(),
        Err(Refused(_, words)) => words,
    };
    let page = if path.first() == Some(&"hubspot") { "/table" } else { "/" };
    let mut location = format!("{page}?done={}", page::percent_encoded(&done));
    if let Some(user) = body.text("user") {
        location.push_str(&format!("&user={}", page::percent_encoded(user)));
    }
    Response::empty(303).with_header("location", location)
}

fn plain(answered: Answered) -> Response {
    match answered {
        Ok(value) => Response::json(200, &value),
        Err(Refused(status, words)) => Response::json(status, &json!({"error": words})),
    }
}

/// A number from a query.
fn number(query: &Fields, name: &str) -> Result<Option<u64>, Refused> {
    query.get(name).map(|text| text.parse().map_err(|_| Refused(400, format!("{name} must be a number")))).transpose()
}
