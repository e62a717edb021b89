//! From a template to an answer.

use super::Console;
use super::access::Role;
use super::deed::Deed;
use super::guard::Visitor;
use super::language::Language;
use super::words::Words;
use askama::Template;
use axum::Extension;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

/// What every page shows around its content.
pub struct Frame {
    /// The texts of its language.
    pub words: &'static Words,
    /// Its language.
    pub language: Language,
    /// Whom it is for.
    pub visitor: Visitor,
    /// What its forms carry.
    pub proof: String,
}

impl Frame {
    /// The frame of a page for this visitor.
    pub fn new(visitor: Visitor) -> Self {
        let (language, proof) = (visitor.language, visitor.proof());
        Self { words: language.words(), language, visitor, proof }
    }

    /// The frame of a page that also answers to what is sent elsewhere: another language leads back to where it can be seen.
    pub fn at(address: &str, visitor: Visitor) -> Self {
        Self::new(Visitor { address: address.to_owned(), ..visitor })
    }

    /// May they look around?
    pub fn is_viewer(&self) -> bool {
        self.visitor.may(Role::Viewer)
    }

    /// May they do what operators do?
    pub fn is_operator(&self) -> bool {
        self.visitor.may(Role::Operator)
    }

    /// May they do what administrators do?
    pub fn is_admin(&self) -> bool {
        self.visitor.may(Role::Admin)
    }

    /// Is this part of the console open? Its pages begin with this path.
    pub fn is_in(&self, path: &str) -> bool {
        let asked = &*self.visitor.path;
        asked == path || (path != "/" && asked.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// The page.
pub fn page(template: &impl Template) -> Response {
    page_as(StatusCode::OK, template)
}

/// The page, with a status.
pub fn page_as(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => Fault::from(error).into_response(),
    }
}

/// A page that says no more than that something is not to be had.
pub fn plain(status: StatusCode, language: Language) -> Response {
    let words = language.words();
    let text = match status {
        StatusCode::NOT_FOUND => words.not_found,
        StatusCode::FORBIDDEN => words.forbidden,
        StatusCode::MISDIRECTED_REQUEST => words.misdirected,
        StatusCode::INTERNAL_SERVER_ERROR => words.broken,
        _ => words.refused,
    };
    page_as(status, &Plain { words, language, text })
}

#[derive(Template)]
#[template(path = "plain.html")]
struct Plain {
    words: &'static Words,
    language: Language,
    text: &'static str,
}

/// Something that should work did not. The log says what; the page does not. What others removed meanwhile is simply not there.
pub struct Fault(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// Marks the answer to a request that failed: whoever knows the language of the reader makes the page.
#[derive(Clone, Copy)]
pub struct Failed;

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        if matches!(self.0.downcast_ref(), Some(connection::Error::NotFound(_))) {
            return (StatusCode::NOT_FOUND, Extension(Failed)).into_response();
        }
        tracing::error!(error = format!("{:#}", self.0), "the console cannot answer");
        (StatusCode::INTERNAL_SERVER_ERROR, Extension(Failed)).into_response()
    }
}

impl Console {
    /// Records what somebody changed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn record(&self, visitor: &Visitor, deed: Deed, subject: &str) -> Result<(), Fault> {
        let (actor, subject) = (visitor.name().to_owned(), subject.to_owned());
        Ok(self.0.accounts.ask(move |accounts| accounts.record(&actor, deed, &subject)).await?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use contact::ConnectionNumber;

    #[test]
    fn an_account_that_others_removed_meanwhile_is_not_there_and_all_else_that_fails_is_a_fault() {
        let number = ConnectionNumber::new(1).unwrap();
        for (error, status) in [
            (connection::Error::NotFound(number), StatusCode::NOT_FOUND),
            (connection::Error::Contended(number), StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            assert_eq!(Fault::from(error).into_response().status(), status);
        }
    }
}
