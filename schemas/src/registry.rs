//! A schema registry that speaks Confluent's API, as far as we need it: registering schemas.

use serde::{Deserialize, Serialize};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// What somebody who starts the process must do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one.
    #[error("KIZUNA_SCHEMA_REGISTRY_URL is not an http or https address")]
    Address,
    /// The registry cannot be reached, is busy or broken: try again.
    #[error("the schema registry is unavailable: {0}")]
    Unavailable(String),
    /// The registry wants other credentials.
    #[error("the schema registry refused our credentials: check those in KIZUNA_SCHEMA_REGISTRY_URL")]
    Unauthorized,
    /// The subject holds a schema that ours does not go with: another program writes to the topic, or a newer version of
    /// this one has run before.
    #[error("the schema registry holds an incompatible schema under {subject}")]
    Incompatible {
        /// The subject.
        subject: String,
    },
    /// The registry will not take the schema, however often it is tried.
    #[error("the schema registry refused {subject} with status {status}")]
    Refused {
        /// The subject.
        subject: String,
        /// The HTTP status.
        status: u16,
    },
}

/// A client of one registry.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: reqwest::Url,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registration<'a> {
    schema_type: &'static str,
    schema: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    id: u32,
}

impl Client {
    /// A client of the registry at `url`, which may carry a user and a password.
    ///
    /// # Errors
    /// [`Error::Address`], and [`Error::Unavailable`] where the machine cannot do TLS.
    pub fn new(url: &str) -> Result<Self, Error> {
        let mut base = reqwest::Url::parse(url).map_err(|_| Error::Address)?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(Error::Address);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(unavailable)?;
        Ok(Self { http, base })
    }

    /// Registers a schema under a subject and gives its ID; the same schema again gives the same ID.
    ///
    /// # Errors
    /// All variants but [`Error::Address`], by the registry's answer.
    pub async fn register(&self, subject: &str, schema: &str) -> Result<u32, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| Error::Address)?.pop_if_empty().extend(["subjects", subject, "versions"]);
        let request = self.http.post(url).header("accept", MEDIA_TYPE);
        let answer = request.json(&Registration { schema_type: "AVRO", schema }).send().await.map_err(unavailable)?;
        let subject = || subject.to_owned();
        match answer.status().as_u16() {
            200 => answer.json::<Answer>().await.map(|answer| answer.id).map_err(unavailable),
            401 | 403 => Err(Error::Unauthorized),
            409 => Err(Error::Incompatible { subject: subject() }),
            status @ (408 | 429 | 500..) => Err(Error::Unavailable(format!("status {status}"))),
            status => Err(Error::Refused { subject: subject(), status }),
        }
    }
}

/// Keeps the address out: it may carry a password.
fn unavailable(error: reqwest::Error) -> Error {
    Error::Unavailable(error.without_url().to_string())
}
