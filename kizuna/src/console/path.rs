//! What an address has in its braces. What cannot stand there leads to the page for addresses that do not exist.

use super::guard::Visitor;
use super::language::Language;
use super::page::plain;
use axum::extract::{self, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

/// A parameter of the address.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let language = parts.extensions.get::<Visitor>().map_or(Language::English, |visitor| visitor.language);
        let found = extract::Path::from_request_parts(parts, state).await;
        found.map(|extract::Path(parameter)| Self(parameter)).map_err(|_| plain(StatusCode::NOT_FOUND, language))
    }
}
