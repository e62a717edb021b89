//! Faults on order: the next calls of an endpoint go wrong in a chosen way.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::gate::Policy;
use super::refusal::Refusal;
use super::route::Endpoint;
use crate::exchange::{Fate, Response};
use crate::stamp;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// 429, policy `TEN_SECONDLY_ROLLING`.
    #[serde(rename = "429-burst")]
    Burst,
    /// 429, policy `DAILY`.
    #[serde(rename = "429-daily")]
    Daily,
    /// 429, policy `SECONDLY`.
    #[serde(rename = "429-search")]
    Search,
    /// 423: the record is locked.
    #[serde(rename = "423")]
    Locked,
    /// 477: the account is moving, with `Retry-After` in seconds.
    #[serde(rename = "477")]
    Migrating,
    /// 401, although the token is good.
    #[serde(rename = "401")]
    Unauthenticated,
    /// 403, although the scopes are granted.
    #[serde(rename = "403")]
    Forbidden,
    /// 500 with a JSON body.
    #[serde(rename = "500")]
    Internal,
    /// 502 with an HTML body.
    #[serde(rename = "502-html")]
    BadGateway,
    /// 503 with a JSON body.
    #[serde(rename = "503")]
    Unavailable,
    /// 504 with an HTML body; nothing was done.
    #[serde(rename = "504")]
    GatewayTimeout,
    /// 524 with an HTML body, after the call was carried out.
    #[serde(rename = "524-after-write")]
    TimeoutAnswerAfterWrite,
    /// The call is carried out and no answer ever comes.
    TimeoutAfterWrite,
    /// Nothing is done and no answer ever comes.
    Timeout,
    /// The call is carried out and the connection breaks within the answer.
    CutAfterWrite,
    /// The call is carried out and answered with 500.
    #[serde(rename = "500-after-write")]
    InternalAfterWrite,
    /// 2xx with empty `results` and no `errors`; nothing was done.
    #[serde(rename = "empty-2xx")]
    Empty,
    /// One item of the batch is refused, the others go through: 207 even without trace IDs.
    #[serde(rename = "207-item")]
    ItemRefused,
    /// One item of the batch is neither carried out nor mentioned.
    ItemSkipped,
    /// One item of the batch is carried out but not mentioned.
    ItemUnmentioned,
    /// The answer comes late, after `delay_ms`.
    Slow,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only calls whose endpoint ends so (`batch/update`, `contacts/search`); none = any.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many calls.
    #[serde(default = "one")]
    pub count: u32,
    /// How many matching calls are let through first.
    #[serde(default)]
    pub skip: u32,
    /// Seconds in `Retry-After` (477 only).
    #[serde(default)]
    pub retry_after: Option<u32>,
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
        Self { endpoint: None, kind, count: 1, skip: 0, retry_after: None, delay_ms: None }
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

    fn concerns(&self, endpoint: Endpoint) -> bool {
        self.endpoint.as_ref().is_none_or(|wanted| endpoint.name().ends_with(wanted.trim_start_matches('/')))
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
    pub fn draw(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let place = self.0.iter().position(|fault| fault.count > 0 && fault.concerns(endpoint))?;
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

impl Fault {
    /// The answer given instead of carrying the call out; none when it is carried out.
    pub(super) fn instead(&self, now_ms: i64, correlation_id: &str, endpoint: Endpoint) -> Option<Response> {
        let plain = |status: u16, message: &str| {
            let body = json!({"status": "error", "message": message, "correlationId": correlation_id});
            Some(Response::json(status, &body))
        };
        match self.kind {
            FaultKind::Burst => Some(Policy::TenSecondly.response(correlation_id)),
            FaultKind::Daily => Some(Policy::Daily.response(correlation_id)),
            FaultKind::Search => Some(Policy::Secondly.response(correlation_id)),
            FaultKind::Locked => plain(423, "Locked"),
            FaultKind::Migrating => plain(477, "This account is being migrated between data centres")
                .map(|answer| answer.with_header("retry-after", self.retry_after.unwrap_or(60).to_string())),
            FaultKind::Unauthenticated => Some(Refusal::unauthenticated().response(correlation_id)),
            FaultKind::Forbidden => Some(Refusal::missing_scopes(endpoint.scopes()).response(correlation_id)),
            FaultKind::Internal => plain(500, "internal error"),
            FaultKind::Unavailable => plain(503, "service unavailable"),
            FaultKind::BadGateway => Some(page(502, "Bad gateway")),
            FaultKind::GatewayTimeout => Some(page(504, "Gateway time-out")),
            FaultKind::Timeout => Some(Response { fate: Fate::Never, ..Response::empty(504) }),
            FaultKind::Empty => Some(empty(now_ms, endpoint)),
            _ => None,
        }
    }

    /// What becomes of the answer after the call was carried out.
    pub(super) fn afterwards(&self, correlation_id: &str, response: Response) -> Response {
        match self.kind {
            FaultKind::TimeoutAnswerAfterWrite => page(524, "A timeout occurred"),
            FaultKind::TimeoutAfterWrite => Response { fate: Fate::Never, ..response },
            FaultKind::CutAfterWrite => Response { fate: Fate::Cut, ..response },
            FaultKind::Slow => Response { fate: Fate::Late(self.delay_ms.unwrap_or(1_000)), ..response },
            FaultKind::InternalAfterWrite => {
                let body = json!({"status": "error", "message": "internal error", "correlationId": correlation_id});
                Response::json(500, &body)
            }
            _ => response,
        }
    }
}

fn page(status: u16, title: &str) -> Response {
    let body = format!(
        "<!DOCTYPE html>\n<html><head><title>api.hubapi.com | {status}: {title}</title></head>\
         <body><h1>{title}</h1><p>Error code {status}</p></body></html>\n"
    );
    Response::html(status, &body)
}

fn empty(now_ms: i64, endpoint: Endpoint) -> Response {
    let status = if endpoint == Endpoint::BatchCreate { 201 } else { 200 };
    let now = stamp::iso(now_ms);
    Response::json(status, &json!({"status": "COMPLETE", "results": [], "startedAt": now, "completedAt": now}))
}
