//! One request, from its head to its answer.

use crate::account::{Account, Accounts, Stranger};
use crate::alarm::Alarm;
use crate::body::{self, Refused};
use crate::intake::{Intake, NotTaken};
use crate::telemetry::{Events, Metrics};
use crate::{Settings, records};
use bytes::Bytes;
use connection::View;
use eventlog::NewRecord;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Response, StatusCode};
use line::webhook::{Webhook, split};
use runtime::clock::Clock;
use runtime::crash;
use schemas::Codec;
use std::mem::take;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::Instant;

const WEBHOOK_PATH: &str = "/line/webhook/";

pub(crate) type Answer = Response<Empty<Bytes>>;

/// Answers requests.
pub(crate) struct Receiver {
    pub settings: Settings,
    pub view: Arc<View>,
    pub codec: Codec,
    pub clock: Arc<dyn Clock>,
    pub accounts: Accounts,
    pub intake: Intake,
    /// For bodies that nobody has verified yet, a permit for each byte.
    pub room: Semaphore,
    pub events: Events,
    pub metrics: Metrics,
}

/// How a webhook request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Every event is in the log or in the spool.
    Accepted,
    /// A signed body that is no webhook is among the dead letters. LINE would only send the same bytes again.
    DeadLetter,
    /// Nobody's address, or not signed with the account's secret.
    Unauthorized,
    /// Signed by the account, but addressed to another one.
    WrongDestination,
    /// Neither the log nor the spool took the events in time.
    Unavailable,
    /// There was no body to use.
    Unread(Refused),
}

/// What is left to do for a webhook once it was looked at.
enum Verdict {
    /// Nothing.
    Ended(Outcome),
    /// These records have to get into the log; then the outcome is this one.
    Append { records: Arc<[NewRecord]>, then: Outcome },
}

impl Receiver {
    /// Answers one request of the connection whose alarm this is. What of the head is used up is gone then.
    pub async fn answer(&self, head: &mut Parts, body: Incoming, alarm: &Alarm) -> Answer {
        let started = Instant::now();
        if webhook_token(head).is_none() {
            self.metrics.misdirected.inc();
            return empty(StatusCode::NOT_FOUND);
        }
        if head.method != Method::POST {
            self.metrics.misdirected.inc();
            let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return answer;
        }
        let (sender, outcome) = self.webhook(head, body, started, alarm).await;
        match &sender {
            Some(account) if outcome == Outcome::Accepted => account.accepted.inc(),
            sender => {
                let sender = sender.as_ref().map_or("none", |account| &account.label);
                self.metrics.webhooks.with_label_values(&[sender, outcome.label()]).inc();
            }
        }
        // Anybody can be slow.
        if sender.is_some() {
            self.metrics.request_seconds.observe(started.elapsed().as_secs_f64());
        }
        outcome.answer(take(&mut head.headers))
    }

    /// Receives a webhook; also says who sent it, once that is proved.
    async fn webhook(
        &self,
        head: &mut Parts,
        body: Incoming,
        started: Instant,
        alarm: &Alarm,
    ) -> (Option<Arc<Account>>, Outcome) {
        let body_by = started + self.settings.body_timeout;
        let (body, room) = match body::read(body, self.settings.body_bytes_max, &self.room, body_by, alarm).await {
            Ok(whole) => whole,
            Err(refused) => return (None, Outcome::Unread(refused)),
        };
        let begun = Instant::now().min(started + self.settings.body_grace);
        crash::point("ingest.received");
        let now_ms = self.clock.now_ms();
        let Some(account) = self.sender(head, &body, now_ms) else { return (None, Outcome::Unauthorized) };
        crash::point("ingest.verified");
        let connection = account.connection.number.get();
        let verdict = self.examine(&account, &body, now_ms);
        // All are parts of the connection's read buffer, which can be used again only once they are gone.
        drop((body, room, take(&mut head.uri)));
        head.headers.clear();
        let outcome = match verdict {
            Verdict::Ended(outcome) => outcome,
            Verdict::Append { records, then } => match self.intake.take(&records, begun, alarm).await {
                Ok(()) => {
                    crash::point("ingest.durable");
                    tracing::debug!(connection, event = first_event(&records), "stored");
                    then
                }
                Err(why) => not_taken(connection, first_event(&records), why),
            },
        };
        (Some(account), outcome)
    }

    /// Who signed the body, if it is the account whose address was called.
    fn sender(&self, head: &Parts, body: &[u8], now_ms: i64) -> Option<Arc<Account>> {
        self.metrics.body_bytes.inc_by(body.len() as u64);
        let signature = signature(&head.headers);
        match self.accounts.verify(&self.view.snapshot(), webhook_token(head)?, body, signature, now_ms) {
            Ok(account) => Some(account),
            Err(Stranger { called }) => {
                let called = called.as_ref().map_or("none", |account| &account.label);
                let reason = if signature.is_some() { "wrong" } else { "missing" };
                self.metrics.verification_failures.with_label_values(&[called, reason]).inc();
                None
            }
        }
    }

    /// What a signed body asks for.
    fn examine(&self, account: &Account, body: &[u8], now_ms: i64) -> Verdict {
        let connection = account.connection.number.get();
        let webhook = match split(body) {
            Ok(webhook) => webhook,
            Err(why) => {
                let reason = records::reason(why);
                tracing::warn!(
                    connection,
                    reason = reason.as_str(),
                    "a signed body is no webhook: to the dead letters"
                );
                let records = [records::dead_letter(&self.codec, connection, body, why, now_ms)].into();
                return Verdict::Append { records, then: Outcome::DeadLetter };
            }
        };
        if is_for_another(account, &webhook) {
            tracing::warn!(connection, "a webhook names another account as its destination: refused");
            return Verdict::Ended(Outcome::WrongDestination);
        }
        if webhook.events.is_empty() {
            return Verdict::Ended(Outcome::Accepted);
        }
        let record = |event| {
            self.events.received(event);
            records::event(&self.codec, connection, event, now_ms)
        };
        Verdict::Append { records: webhook.events.iter().map(record).collect(), then: Outcome::Accepted }
    }
}

fn first_event(records: &[NewRecord]) -> &str {
    records.first().map_or("", records::event_id)
}

/// Neither the log nor the spool has the events for sure. LINE sends them again, if the account has redelivery switched on.
fn not_taken(connection: u32, event: &str, why: NotTaken) -> Outcome {
    tracing::warn!(connection, event, %why, "a webhook was not stored: answering 503");
    Outcome::Unavailable
}

fn is_for_another(account: &Account, webhook: &Webhook<'_>) -> bool {
    match (&account.connection.bot_user_id, &webhook.destination) {
        (Some(known), Some(named)) => known.as_str() != named,
        _ => false,
    }
}

/// The signature header; none if there are several, because one of them could be anybody's.
fn signature(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(line::signature::HEADER).iter();
    values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
}

/// The token of a webhook's path; `None` for any other path.
fn webhook_token(head: &Parts) -> Option<&str> {
    head.uri.path().strip_prefix(WEBHOOK_PATH).filter(|token| !token.is_empty() && !token.contains('/'))
}

impl Outcome {
    const fn status(self) -> StatusCode {
        match self {
            Self::Accepted | Self::DeadLetter => StatusCode::OK,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::WrongDestination | Self::Unread(Refused::Broken) => StatusCode::BAD_REQUEST,
            Self::Unavailable | Self::Unread(Refused::NoRoom) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unread(Refused::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unread(Refused::TooSlow) => StatusCode::REQUEST_TIMEOUT,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::DeadLetter => "dead_letter",
            Self::Unauthorized => "unauthorized",
            Self::WrongDestination => "wrong_destination",
            Self::Unavailable => "unavailable",
            Self::Unread(Refused::TooLarge) => "too_large",
            Self::Unread(Refused::TooSlow) => "too_slow",
            Self::Unread(Refused::NoRoom) => "no_room",
            Self::Unread(Refused::Broken) => "broken",
        }
    }

    /// The answer, in the place of the request's headers: hyper puts the headers of the connection's next request where those of
    /// an answer were.
    fn answer(self, mut headers: HeaderMap) -> Answer {
        headers.clear();
        let mut answer = empty(self.status());
        *answer.headers_mut() = headers;
        if matches!(self, Self::Unread(_)) {
            // Where the next request begins is not known.
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self == Self::Unread(Refused::NoRoom) {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer
}
