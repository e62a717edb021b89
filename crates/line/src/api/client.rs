//! The calls themselves.

use super::classify::classify;
use super::endpoint::Endpoint;
use super::pace::Pace;
use super::token::{Channel, Issued, TokenSource, Tokens};
use crate::error::{Error, Unavailable};
use crate::object::{members, text};
use crate::telemetry::Metrics;
use contact::UserId;
use contact::profile::Likeness;
use reqwest::{RequestBuilder, Url};
use runtime::secret::Secret;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Longer answers are not read. LINE's longest, a page of followers, has 40 kB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Followers per page: LINE's maximum.
const FOLLOWERS_PER_PAGE: &str = "1000";

/// How the client reaches LINE.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base of all calls, `https://api.line.me` unless it is a sandbox.
    pub base_url: String,
    /// Time for a connection to come about.
    pub connect_timeout: Duration,
    /// Time for a call as a whole.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: "https://api.line.me".into(),
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
        }
    }
}

/// Calls LINE. Cheap to clone; the clones share connections, rate limits and tokens.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    base: String,
    pace: Pace,
    tokens: Tokens,
    metrics: Metrics,
}

/// The account behind an access token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BotInfo {
    /// Bot user ID: the `destination` of the account's webhooks.
    pub user_id: String,
    /// The account's public name, as `@216ruabc`.
    pub basic_id: String,
    /// Display name.
    pub display_name: String,
    /// Icon, if one is set.
    pub picture_url: Option<String>,
    /// `chat` if operators can chat by hand, `bot` if not.
    pub chat_mode: Option<String>,
    /// `auto` if messages are marked as read by themselves, `manual` if not.
    pub mark_as_read_mode: Option<String>,
}

/// What LINE knows about a long-lived token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TokenInfo {
    /// The channel that it belongs to.
    pub client_id: String,
    /// Its remaining life, seconds. More than 32 bits for tokens that do not expire.
    pub expires_in: u64,
}

/// The webhook address that LINE has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WebhookEndpoint {
    /// The address.
    pub endpoint: String,
    /// The console's switch "Use webhook": without it no event comes. No call can set it.
    pub active: bool,
}

/// How a test of the webhook address went.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTest {
    /// Did the address answer as LINE wants?
    #[serde(default)]
    pub success: bool,
    /// The status it answered; 0 or less if it did not answer.
    pub status_code: i64,
    /// LINE's reason, as `OK` or `COULD_NOT_CONNECT`.
    pub reason: String,
    /// More about the reason.
    pub detail: String,
}

/// One page of an account's followers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerPage {
    /// Followers; IDs that must not become contacts are left out.
    pub users: Vec<UserId>,
    /// Where the next page begins, good for 24 hours; `None` after the last one. A page may be short or empty before
    /// that.
    pub next: Option<String>,
}

impl Client {
    /// A client that reaches LINE as set.
    ///
    /// # Errors
    /// [`Error::Misconfigured`].
    pub fn new(settings: &Settings, metrics: Metrics) -> Result<Self, Error> {
        let misconfigured = |why: String| Error::Misconfigured(why);
        let base =
            Url::parse(&settings.base_url).map_err(|error| misconfigured(format!("the base address: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(misconfigured("the base address must begin with https:// or http://".into()));
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("kizuna/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| misconfigured(error.to_string()))?;
        let base = base.as_str().trim_end_matches('/').into();
        Ok(Self(Arc::new(Shared { http, base, pace: Pace::default(), tokens: Tokens::default(), metrics })))
    }

    /// A person's name and picture.
    ///
    /// # Errors
    /// [`Error::NotFound`] when LINE does not show this person to the account; all others by status.
    pub async fn profile(&self, channel: &Channel, user: UserId) -> Result<Likeness, Error> {
        let url = format!("{}{user}", self.url(Endpoint::Profile));
        let answer = self.authorized(channel, Endpoint::Profile, |http| http.get(&url)).await?;
        // Read member by member: a name may hold escapes that no text can.
        let [name, picture] = members(&answer, ["displayName", "pictureUrl"]).ok_or(NO_JSON)?;
        let name = name.and_then(text).ok_or(Error::Garbage("a profile without a name"))?;
        let picture = picture.and_then(text).filter(|address| !address.is_empty());
        Ok(Likeness { name: name.into(), picture: picture.map(Cow::into) })
    }

    /// The account behind the channel's token.
    ///
    /// # Errors
    /// By status.
    pub async fn bot_info(&self, channel: &Channel) -> Result<BotInfo, Error> {
        let url = self.url(Endpoint::BotInfo);
        json(&self.authorized(channel, Endpoint::BotInfo, |http| http.get(&url)).await?)
    }

    /// The webhook address that LINE has, and whether it uses it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none is set; all others by status.
    pub async fn webhook_endpoint(&self, channel: &Channel) -> Result<WebhookEndpoint, Error> {
        let url = self.url(Endpoint::GetWebhook);
        json(&self.authorized(channel, Endpoint::GetWebhook, |http| http.get(&url)).await?)
    }

    /// Sets the webhook address. Takes up to a minute to have an effect.
    ///
    /// # Errors
    /// [`Error::Invalid`] when LINE does not accept the address; all others by status.
    pub async fn set_webhook_endpoint(&self, channel: &Channel, address: &str) -> Result<(), Error> {
        let (url, body) = (self.url(Endpoint::SetWebhook), json!({ "endpoint": address }));
        self.authorized(channel, Endpoint::SetWebhook, |http| http.put(&url).json(&body)).await.map(drop)
    }

    /// Lets LINE call `address`, or else the address it has. At most 60 times an hour.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when it was tried too often; all others by status.
    pub async fn test_webhook_endpoint(&self, channel: &Channel, address: Option<&str>) -> Result<WebhookTest, Error> {
        let url = self.url(Endpoint::TestWebhook);
        let body = address.map_or(json!({}), |address| json!({ "endpoint": address }));
        json(&self.authorized(channel, Endpoint::TestWebhook, |http| http.post(&url).json(&body)).await?)
    }

    /// A page of the account's followers, from the start or where the last page said.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless the account is verified or premium; [`Error::Invalid`] when `start` is older than
    /// 24 hours; all others by status.
    pub async fn follower_ids(&self, channel: &Channel, start: Option<&str>) -> Result<FollowerPage, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            user_ids: Vec<String>,
            next: Option<String>,
        }
        let url = self.url(Endpoint::FollowerIds);
        let query: Vec<_> =
            [("limit", FOLLOWERS_PER_PAGE)].into_iter().chain(start.map(|start| ("start", start))).collect();
        let page: Page =
            json(&self.authorized(channel, Endpoint::FollowerIds, |http| http.get(&url).query(&query)).await?)?;
        Ok(FollowerPage { users: page.user_ids.iter().filter_map(|id| UserId::parse(id)).collect(), next: page.next })
    }

    /// Asks LINE about a long-lived token. Its `client_id` must be the channel ID that was entered with it.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when the token is not valid; all others by status.
    pub async fn verify_token(&self, channel_id: &str, token: &Secret) -> Result<TokenInfo, Error> {
        let request = self.0.http.post(self.url(Endpoint::VerifyToken)).form(&[("access_token", token.expose())]);
        json(&self.send(channel_id, Endpoint::VerifyToken, request).await?)
    }

    /// Proves that a channel secret belongs to a channel ID: LINE issues a stateless token for the two.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when they do not belong together; all others by status.
    pub async fn check_secret(&self, channel_id: &str, secret: &Secret) -> Result<(), Error> {
        self.issue(channel_id, secret).await.map(drop)
    }

    async fn issue(&self, channel_id: &str, secret: &Secret) -> Result<Issued, Error> {
        #[derive(Deserialize)]
        struct Token {
            access_token: String,
            expires_in: u64,
        }
        let form =
            [("grant_type", "client_credentials"), ("client_id", channel_id), ("client_secret", secret.expose())];
        let request = self.0.http.post(self.url(Endpoint::IssueToken)).form(&form);
        let token: Token = json(&self.send(channel_id, Endpoint::IssueToken, request).await?)?;
        Ok(Issued { token: Secret::new(&token.access_token), lives: Duration::from_secs(token.expires_in) })
    }

    /// Sends a request with the channel's token. A stateless token that LINE refuses is replaced once.
    async fn authorized(
        &self,
        channel: &Channel,
        endpoint: Endpoint,
        request: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Vec<u8>, Error> {
        let send = |token: &Secret| self.send(&channel.id, endpoint, request(&self.0.http).bearer_auth(token.expose()));
        let secret = match &channel.token {
            TokenSource::LongLived(token) => return send(token).await,
            TokenSource::Stateless(secret) => secret,
        };
        let token = self.stateless(&channel.id, secret).await?;
        match send(&token).await {
            Err(Error::Unauthorized { .. }) => {
                self.0.tokens.discard(&channel.id, &token).await;
                send(&self.stateless(&channel.id, secret).await?).await
            }
            outcome => outcome,
        }
    }

    async fn stateless(&self, channel_id: &str, secret: &Secret) -> Result<Secret, Error> {
        self.0.tokens.current(channel_id, secret, async || self.issue(channel_id, secret).await).await
    }

    /// Sends a request as soon as the rate limit lets it, and reads the answer.
    async fn send(&self, channel_id: &str, endpoint: Endpoint, request: RequestBuilder) -> Result<Vec<u8>, Error> {
        let at = self.0.pace.admit(channel_id, endpoint, Instant::now()).map_err(|wait| {
            self.0.metrics.throttled(endpoint);
            Error::RateLimited { wait: Some(wait) }
        })?;
        sleep_until(at).await;
        let started = Instant::now();
        let answer = exchange(request).await;
        let status = match &answer {
            Ok(answer) => Cow::Owned(answer.status.as_u16().to_string()),
            Err(error) => Cow::Borrowed(unanswered(error)),
        };
        self.0.metrics.answered(endpoint, &status, started.elapsed());
        let (outcome, request_id) = match answer {
            Ok(answer) => {
                let outcome = classify(endpoint, answer.status, answer.retry_after.as_deref(), &answer.body);
                (outcome.map(|()| answer.body), answer.request_id)
            }
            Err(error) => (Err(error), None),
        };
        if let Err(error) = &outcome {
            tracing::debug!(endpoint = endpoint.name(), status = &*status, request_id, %error, "a call to LINE failed");
        }
        outcome
    }

    fn url(&self, endpoint: Endpoint) -> String {
        format!("{}{}", self.0.base, endpoint.path())
    }
}

const NO_JSON: Error = Error::Garbage("not the JSON that belongs to the call");

fn json<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(answer).map_err(|_| NO_JSON)
}

/// An answer as it came.
struct Answer {
    status: reqwest::StatusCode,
    /// LINE's name for the exchange, for questions to LINE.
    request_id: Option<String>,
    retry_after: Option<String>,
    body: Vec<u8>,
}

async fn exchange(request: RequestBuilder) -> Result<Answer, Error> {
    let mut response = request.send().await.map_err(|error| transport(&error))?;
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (request_id, retry_after) = (header("x-line-request-id"), header("retry-after"));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Error::Garbage("an answer of more than 1 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: response.status(), request_id, retry_after, body })
}

/// What a failed exchange means. The error itself goes no further: it names the address, and that may name a user.
fn transport(error: &reqwest::Error) -> Error {
    Error::Unavailable(match error {
        error if error.is_timeout() => Unavailable::Timeout,
        error if error.is_connect() => Unavailable::Unreachable,
        _ => Unavailable::Broken,
    })
}

/// The metric's word for an exchange without an answer.
const fn unanswered(error: &Error) -> &'static str {
    match error {
        Error::Unavailable(Unavailable::Timeout) => "timeout",
        Error::Unavailable(Unavailable::Unreachable) => "unreachable",
        _ => "broken",
    }
}
