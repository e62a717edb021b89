//! Faults on order: the next calls of an endpoint go wrong in a chosen way.

use serde::{Deserialize, Serialize};

use super::answer;
use super::route::Endpoint;
use crate::exchange::{Fate, Response};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// 500; nothing was done.
    #[serde(rename = "500")]
    Internal,
    /// 500 after the call was carried out.
    #[serde(rename = "500-after-write")]
    InternalAfterWrite,
    /// 503 with an HTML body; nothing was done.
    #[serde(rename = "503-html")]
    Unavailable,
    /// 429, the text about the rate limit.
    #[serde(rename = "429")]
    RateLimited,
    /// 429, the text about the monthly limit.
    #[serde(rename = "429-monthly")]
    MonthlyLimit,
    /// 401, although the token is good.
    #[serde(rename = "401")]
    Unauthenticated,
    /// 403: the plan does not allow the call.
    #[serde(rename = "403")]
    Forbidden,
    /// 404, although there is something.
    #[serde(rename = "404")]
    NotFound,
    /// Nothing is done and no answer ever comes.
    Timeout,
    /// The call is carried out and no answer ever comes.
    TimeoutAfterWrite,
    /// The call is carried out and the connection breaks within the answer.
    CutAfterWrite,
    /// The answer comes late, after `delay_ms`.
    Slow,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only calls whose endpoint ends so (`profile`, `message/push`); none = any.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Only calls of this channel; none = any.
    #[serde(default)]
    pub channel_id: Option<String>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many calls.
    #[serde(default = "one")]
    pub count: u32,
    /// How many matching calls are let through first.
    #[serde(default)]
    pub skip: u32,
    /// Milliseconds of delay (`slow` only).
    #[serde(default)]
    pub delay_ms: Option<u64>,
}

fn one() -> u32 {
    1
}

impl Fault {
    /// A fault for the next call of any endpoint.
    pub fn next(kind: FaultKind) -> Self {
        Self { endpoint: None, channel_id: None, kind, count: 1, skip: 0, delay_ms: None }
    }

    /// The same for `endpoint` only.
    pub fn at(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// The same for `count` calls.
    pub fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    fn concerns(&self, endpoint: Endpoint, channel_id: Option<&str>) -> bool {
        let path =
            self.endpoint.as_ref().is_none_or(|wanted| endpoint.name().ends_with(wanted.trim_start_matches('/')));
        path && self.channel_id.as_ref().is_none_or(|wanted| Some(wanted.as_str()) == channel_id)
    }

    /// The answer given instead of carrying the call out; none when it is carried out.
    pub(super) fn instead(&self) -> Option<Response> {
        match self.kind {
            FaultKind::Internal => Some(answer::error(500, "Internal server error")),
            FaultKind::Unavailable => {
                Some(Response::html(503, "<html><body><h1>Service Unavailable</h1></body></html>"))
            }
            FaultKind::RateLimited => Some(answer::rate_limited()),
            FaultKind::MonthlyLimit => Some(answer::error(429, "You have reached your monthly limit.")),
            FaultKind::Unauthenticated => Some(answer::unauthenticated()),
            FaultKind::Forbidden => Some(answer::error(403, "Access to this API is not available for your account")),
            FaultKind::NotFound => Some(answer::not_found()),
            FaultKind::Timeout => Some(Response { fate: Fate::Never, ..Response::empty(504) }),
            FaultKind::InternalAfterWrite
            | FaultKind::TimeoutAfterWrite
            | FaultKind::CutAfterWrite
            | FaultKind::Slow => None,
        }
    }

    /// What becomes of the answer after the call was carried out.
    pub(super) fn afterwards(&self, response: Response) -> Response {
        match self.kind {
            FaultKind::InternalAfterWrite => answer::error(500, "Internal server error"),
            FaultKind::TimeoutAfterWrite => Response { fate: Fate::Never, ..response },
            FaultKind::CutAfterWrite => Response { fate: Fate::Cut, ..response },
            FaultKind::Slow => Response { fate: Fate::Late(self.delay_ms.unwrap_or(1_000)), ..response },
            _ => response,
        }
    }
}

/// The open orders.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault of this call, if there is one for it.
    pub fn draw(&mut self, endpoint: Endpoint, channel_id: Option<&str>) -> Option<Fault> {
        let place = self.0.iter().position(|fault| fault.count > 0 && fault.concerns(endpoint, channel_id))?;
        if self.0[place].skip > 0 {
            self.0[place].skip -= 1;
            return None;
        }
        self.0[place].count -= 1;
        let fault = self.0[place].clone();
        self.0.retain(|fault| fault.count > 0);
        Some(fault)
    }
}
