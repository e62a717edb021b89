//! The way to HubSpot and back: a model of HubSpot instead of a network, with everything that a network and HubSpot do.

use super::life::{Life, World};
use super::wrong::Wrong;
use async_trait::async_trait;
use hubspot::Transport;
use hubspot::transport::{Answer, Call, Loss};
use sandbox::exchange::{Fate, Request, Response};
use sandbox::hubspot::{Fault, FaultKind};
use std::sync::Arc;
use std::time::Duration;

/// How long the process waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The token that the process has.
pub const TOKEN: &str = "pat-na1-simulated";

const ANYWHERE: [FaultKind; 15] = [
    FaultKind::Burst,
    FaultKind::Burst,
    FaultKind::Daily,
    FaultKind::Locked,
    FaultKind::Migrating,
    FaultKind::Internal,
    FaultKind::BadGateway,
    FaultKind::Unavailable,
    FaultKind::GatewayTimeout,
    FaultKind::TimeoutAnswerAfterWrite,
    FaultKind::TimeoutAfterWrite,
    FaultKind::Timeout,
    FaultKind::CutAfterWrite,
    FaultKind::InternalAfterWrite,
    FaultKind::Slow,
];

const BATCH: [FaultKind; 4] =
    [FaultKind::Empty, FaultKind::ItemSkipped, FaultKind::ItemUnmentioned, FaultKind::ItemUnmentioned];

#[async_trait]
impl Transport for Life {
    async fn send(&self, call: Call<'_>) -> Result<Answer, Loss> {
        let world = &self.world;
        self.survive().await;
        let request = request(&call);
        let search = request.path.ends_with("/search");
        world.watch.sent(self.number, search, world.clock.now());
        if world.hazards.strikes("call not sent", world.plan.calls_unsent) {
            return Err(Loss::NotSent("a fault of the simulation".to_owned()));
        }
        let slow = world.hazards.between(0, if world.plan.strays { 9 } else { 49 }) == 0;
        let there_ms = world.hazards.between(5, if slow { 8_000 } else { 150 });
        let (travelling, number) = (Arc::clone(world), self.number);
        let arrival = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(there_ms)).await;
            if travelling.hazards.is_dead(number) && !travelling.plan.strays {
                std::future::pending::<()>().await;
            }
            arrive(&travelling, &request)
        });
        let answered = tokio::time::timeout(TIMEOUT, answer(arrival)).await;
        self.survive().await;
        let response = match answered {
            Ok(Some(response)) => response,
            Ok(None) | Err(_) => return Err(Loss::Lost("a fault of the simulation".to_owned())),
        };
        self.hear(&response, search);
        Ok(self.heard(response))
    }
}

/// The answer, if it arrives whole.
async fn answer(arrival: tokio::task::JoinHandle<Response>) -> Option<Response> {
    let response = arrival.await.ok()?;
    match response.fate {
        Fate::Prompt => {}
        Fate::Late(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Fate::Never => std::future::pending().await,
        Fate::Cut => return None,
    }
    Some(response)
}

fn request(call: &Call<'_>) -> Request {
    let mut request = Request::new(call.method.clone(), &format!("/{}", call.path.join("/"))).with_bearer(TOKEN);
    let query: Vec<_> = call.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    request.query = sandbox::fields::Fields::parse(&query.join("&"));
    match call.body {
        Some(body) => request.with_json(body),
        None => request,
    }
}

/// HubSpot gets a request.
fn arrive(world: &World, request: &Request) -> Response {
    let mut portal = world.portal();
    if world.hazards.strikes("call", world.plan.call_faults) {
        let writes = request.path.ends_with("/batch/update") || request.path.ends_with("/batch/create");
        let kinds: Vec<_> = match (writes, request.path.ends_with("/search")) {
            (true, _) => ANYWHERE.into_iter().chain(BATCH).chain(BATCH).collect(),
            (false, true) => ANYWHERE.into_iter().chain([FaultKind::Search; 5]).collect(),
            (false, false) => ANYWHERE.to_vec(),
        };
        if let Some(kind) = world.hazards.choose(&kinds) {
            let retry_after = u32::try_from(world.hazards.between(1, 60)).ok();
            world.hazards.count(name(kind));
            portal.inject(Fault { retry_after, delay_ms: Some(2_000), ..Fault::next(kind) });
        }
    }
    let mut response = portal.handle(world.clock.now(), request);
    if matches!(response.status, 423 | 429 | 500..=599) && world.hazards.between(0, 1) == 0 {
        response = response.with_header("retry-after", world.hazards.between(1, 40).to_string());
    }
    response
}

fn name(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Burst => "429 burst",
        FaultKind::Daily => "429 daily",
        FaultKind::Search => "429 search",
        FaultKind::Locked => "423",
        FaultKind::Migrating => "477",
        FaultKind::Empty => "empty 2xx",
        FaultKind::ItemRefused | FaultKind::ItemSkipped | FaultKind::ItemUnmentioned => "partial batch",
        FaultKind::Slow => "slow answer",
        FaultKind::TimeoutAnswerAfterWrite
        | FaultKind::TimeoutAfterWrite
        | FaultKind::CutAfterWrite
        | FaultKind::InternalAfterWrite => "answer lost after the write",
        _ => "5xx",
    }
}

impl Life {
    /// Remembers what the process was told, before the deliberately wrong one forgets it.
    fn hear(&self, response: &Response, search: bool) {
        let Some(seconds) = response.header("retry-after").and_then(|text| text.parse::<i64>().ok()) else { return };
        let by_search = search && response.status == 429 && response.value()["policyName"] == "SECONDLY";
        self.world.watch.told(self.number, by_search, self.world.clock.now() + seconds * 1_000);
    }

    fn heard(&self, mut response: Response) -> Answer {
        if self.world.plan.is(Wrong::RetryAfterIgnored) {
            for (_, value) in response.headers.iter_mut().filter(|(name, _)| *name == "retry-after") {
                "0".clone_into(value);
            }
        }
        let headers = response.headers.iter().filter_map(|(name, value)| {
            Some((http::HeaderName::try_from(*name).ok()?, http::HeaderValue::try_from(value).ok()?))
        });
        Answer::new(response.status, &headers.collect(), response.body)
    }
}
