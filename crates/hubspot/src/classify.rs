//! What an answer means for the caller. Pure.

use crate::endpoint::{Effect, Endpoint};
use crate::problem::Problem;
use crate::transport::{Answer, Loss, Request};
use crate::{Error, Policy};
use serde_json::Value;
use std::time::Duration;

/// How long to wait after each refusal where HubSpot does not say.
const BURST_WAIT: Duration = Duration::from_secs(10);
const SEARCH_WAIT: Duration = Duration::from_secs(1);
const LOCK_WAIT: Duration = Duration::from_secs(2);
const MIGRATION_WAIT: Duration = Duration::from_secs(5 * 60);

/// HubSpot moves a portal within this time, and counts calls anew every day: no wait is longer.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a call failed.
#[derive(Clone)]
pub(crate) struct Failure {
    /// What the caller must do.
    pub(crate) error: Error,
    /// What HubSpot said, where it said something.
    pub(crate) problem: Box<Problem>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, problem: Box::default() }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// The body of an answer that says that the call succeeded; null where there is none.
pub(crate) fn classify(request: &Request, exchange: Result<Answer, Loss>) -> Result<Value, Failure> {
    let endpoint = request.endpoint;
    let answer = match exchange {
        Ok(answer) => answer,
        Err(Loss::NotSent(detail)) => return Err(Error::Unavailable { detail }.into()),
        Err(Loss::Lost(detail)) => return Err(outage(endpoint.effect(), detail).into()),
        Err(Loss::TooLong) => return Err(garbage(endpoint.effect(), "an answer beyond all measure".into()).into()),
    };
    let body = serde_json::from_slice::<Value>(&answer.body).ok();
    match answer.status {
        200..=299 if answer.body.is_empty() => Ok(Value::Null),
        200..=299 => body.filter(Value::is_object).ok_or_else(|| {
            let detail = format!("{} without JSON", describe(&answer));
            garbage(endpoint.effect(), detail).into()
        }),
        _ => {
            let body = body.filter(Value::is_object);
            let problem = Box::new(body.as_ref().map(Problem::read).unwrap_or_default());
            Err(Failure { error: refused(request, &answer, body.is_some(), &problem), problem })
        }
    }
}

/// How long HubSpot, overloaded or away, asks to be left alone, where it says so.
pub(crate) fn outage_wait(answer: &Answer) -> Option<Duration> {
    let is_outage = (500..=599).contains(&answer.status);
    answer.retry_after.filter(|_| is_outage).map(|asked| asked.min(WAIT_MAX))
}

fn refused(request: &Request, answer: &Answer, is_json: bool, problem: &Problem) -> Error {
    let wait = |default: Duration| answer.retry_after.map_or(default, |asked| asked.max(default)).min(WAIT_MAX);
    match answer.status {
        401 => Error::Unauthorized,
        403 => Error::MissingScopes { scopes: problem.scopes.clone() },
        404 if is_json && request.endpoint.may_be_missing() => Error::NotFound,
        400 | 409 | 413 | 414 | 422 if is_json => Error::Rejected(problem.refusal(request.values())),
        423 => Error::Locked { wait: wait(LOCK_WAIT) },
        429 => {
            let policy = policy(request.endpoint, problem);
            Error::RateLimited { policy, wait: wait(if policy == Policy::Search { SEARCH_WAIT } else { BURST_WAIT }) }
        }
        477 => Error::Migrating { wait: answer.retry_after.unwrap_or(MIGRATION_WAIT).min(WAIT_MAX) },
        // The network in front of HubSpot says that it did not reach it.
        521 | 523 => Error::Unavailable { detail: describe(answer) },
        500..=599 => outage(request.endpoint.effect(), describe(answer)),
        _ => Error::Garbage { detail: describe(answer) },
    }
}

fn policy(endpoint: Endpoint, problem: &Problem) -> Policy {
    let limit = problem.limit();
    if limit.contains("DAILY") {
        Policy::Daily
    } else if limit.contains("TEN_SECONDLY") {
        Policy::Burst
    } else if limit.contains("SECONDLY") && endpoint == Endpoint::ContactSearch {
        Policy::Search
    } else {
        Policy::Unknown
    }
}

fn outage(effect: Effect, detail: String) -> Error {
    match effect {
        Effect::Read => Error::Unavailable { detail },
        Effect::Write => Error::Unknown { detail },
    }
}

fn garbage(effect: Effect, detail: String) -> Error {
    match effect {
        Effect::Read => Error::Garbage { detail },
        Effect::Write => Error::Unknown { detail },
    }
}

fn describe(answer: &Answer) -> String {
    match &answer.correlation_id {
        Some(id) => format!("status {}, correlation ID {}", answer.status, id.escape_default()),
        None => format!("status {}", answer.status),
    }
}

#[cfg(test)]
mod tests;
