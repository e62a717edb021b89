//! Who may call, and how often: tokens, scopes, burst, daily and search limits.

use std::collections::BTreeSet;

use serde_json::json;

use super::refusal::Refusal;
use super::route::Endpoint;
use super::settings::Settings;
use crate::exchange::Response;
use crate::meter::Meter;
use crate::stamp::DAY_MS;

/// The account's time zone, as an offset: Japan.
pub(super) const ZONE_OFFSET_MS: i64 = 9 * 3_600_000;

/// What a bearer token is good for.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    expired_ms: Option<i64>,
}

/// The state of authorisation and limits.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    tokens: Vec<Token>,
    scopes: BTreeSet<String>,
    burst: Option<Meter>,
    search: Option<Meter>,
    day: i64,
    calls_today: u64,
}

/// The three ways a limit is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    TenSecondly,
    Secondly,
    Daily,
}

impl Gate {
    /// A gate with the settings' token and limits and every scope the sync needs.
    pub fn new(settings: &Settings) -> Self {
        let scopes = [
            "crm.objects.contacts.read",
            "crm.objects.contacts.write",
            "crm.schemas.contacts.read",
            "crm.schemas.contacts.write",
        ];
        Self {
            tokens: vec![Token { text: settings.token.clone(), expired_ms: None }],
            scopes: scopes.into_iter().map(str::to_owned).collect(),
            burst: settings.burst.map(Meter::new),
            search: settings.search.map(Meter::new),
            day: i64::MIN,
            calls_today: 0,
        }
    }

    /// Takes changed limits over; a limit that did not change keeps its count.
    pub fn adjust(&mut self, settings: &Settings) {
        if self.burst.as_ref().map(Meter::limit) != settings.burst {
            self.burst = settings.burst.map(Meter::new);
        }
        if self.search.as_ref().map(Meter::limit) != settings.search {
            self.search = settings.search.map(Meter::new);
        }
    }

    /// Adds a token; one that was there is good again.
    pub fn accept(&mut self, token: &str) {
        self.revoke(token);
        self.tokens.push(Token { text: token.to_owned(), expired_ms: None });
    }

    /// Forgets a token.
    pub fn revoke(&mut self, token: &str) {
        self.tokens.retain(|known| known.text != token);
    }

    /// Lets every token expire.
    pub fn expire_all(&mut self, now_ms: i64) {
        for token in &mut self.tokens {
            token.expired_ms.get_or_insert(now_ms);
        }
    }

    /// Replaces the granted scopes.
    pub fn grant(&mut self, scopes: impl IntoIterator<Item = String>) {
        self.scopes = scopes.into_iter().collect();
    }

    /// Checks token and scopes.
    pub fn admit(&self, now_ms: i64, bearer: Option<&str>, endpoint: Endpoint) -> Result<(), Refusal> {
        let token = bearer.and_then(|text| self.tokens.iter().find(|known| known.text == text));
        match token.map(|token| token.expired_ms) {
            None => return Err(Refusal::unauthenticated()),
            Some(Some(at_ms)) => return Err(Refusal::expired((now_ms - at_ms) / 1_000)),
            Some(None) => {}
        }
        let needed = endpoint.scopes();
        if needed.is_empty() || needed.iter().any(|scope| self.scopes.contains(*scope)) {
            return Ok(());
        }
        Err(Refusal::missing_scopes(needed))
    }

    /// Counts one call, or says which limit it hits. A refused call is not counted.
    pub fn count(&mut self, now_ms: i64, endpoint: Endpoint, settings: &Settings) -> Result<(), Policy> {
        if self.calls_today(now_ms) >= settings.daily_limit {
            return Err(Policy::Daily);
        }
        let (meter, policy) = match endpoint {
            Endpoint::Search => (&mut self.search, Policy::Secondly),
            _ => (&mut self.burst, Policy::TenSecondly),
        };
        if meter.as_mut().is_some_and(|meter| !meter.take(now_ms)) {
            return Err(policy);
        }
        self.calls_today += 1;
        Ok(())
    }

    /// Calls counted since midnight of the account.
    pub fn calls_today(&mut self, now_ms: i64) -> u64 {
        let day = (now_ms + ZONE_OFFSET_MS).div_euclid(DAY_MS);
        if day != self.day {
            (self.day, self.calls_today) = (day, 0);
        }
        self.calls_today
    }

    /// When the daily count starts again.
    pub fn resets_ms(now_ms: i64) -> i64 {
        ((now_ms + ZONE_OFFSET_MS).div_euclid(DAY_MS) + 1) * DAY_MS - ZONE_OFFSET_MS
    }

    /// The headers that tell what is left. Search answers have none.
    pub fn label(&mut self, now_ms: i64, endpoint: Endpoint, settings: &Settings, mut response: Response) -> Response {
        if endpoint == Endpoint::Search {
            return response;
        }
        if let Some(meter) = &mut self.burst {
            let limit = meter.limit();
            response = response
                .with_header("x-hubspot-ratelimit-max", limit.max.to_string())
                .with_header("x-hubspot-ratelimit-remaining", meter.remaining(now_ms).to_string())
                .with_header("x-hubspot-ratelimit-interval-milliseconds", limit.window_ms.to_string());
        }
        let left = settings.daily_limit.saturating_sub(self.calls_today(now_ms));
        response
            .with_header("x-hubspot-ratelimit-daily", settings.daily_limit.to_string())
            .with_header("x-hubspot-ratelimit-daily-remaining", left.to_string())
    }
}

impl Policy {
    /// The 429 answer. It carries no `Retry-After`: HubSpot documents none.
    pub fn response(self, correlation_id: &str) -> Response {
        let (message, name) = match self {
            Self::TenSecondly => ("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING"),
            Self::Secondly => ("You have reached your secondly limit.", "SECONDLY"),
            Self::Daily => ("You have reached your daily limit.", "DAILY"),
        };
        let body = json!({"status": "error", "message": message, "errorType": "RATE_LIMIT", "policyName": name,
                          "correlationId": correlation_id, "requestId": correlation_id});
        Response::json(429, &body)
    }
}
