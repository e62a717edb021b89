//! The platform: what it holds, and the way of a call through it.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::account::PageTokens;
use super::answer;
use super::bonds::{Bond, Bonds};
use super::channel::Channel;
use super::fact::Fact;
use super::fault::{Fault, FaultKind, Faults};
use super::mail::Mail;
use super::oauth::IssuedToken;
use super::person::Person;
use super::retry::RetryKeys;
use super::route::Endpoint;
use super::send::{Replies, Sent};
use super::settings::Settings;
use crate::delivery::{Delivery, Reaction};
use crate::dice::Dice;
use crate::exchange::{Request, Response};
use crate::history::{Calls, History};
use crate::meter::Meter;

/// The largest request body.
const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// What a request comes to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The answer.
    Answer(Response),
    /// The answer depends on how a webhook URL reacts: post this and report with [`Platform::probed`].
    Probe(Delivery),
}

impl Outcome {
    /// The answer, when there is one already.
    pub fn answer(self) -> Option<Response> {
        match self {
            Self::Answer(response) => Some(response),
            Self::Probe(_) => None,
        }
    }
}

/// The Messaging API with its channels and people.
#[derive(Debug)]
pub struct Platform {
    pub(super) settings: Settings,
    pub(super) dice: Dice,
    pub(super) channels: BTreeMap<String, Channel>,
    pub(super) people: BTreeMap<(String, String), Person>,
    pub(super) bonds: Bonds,
    pub(super) tokens: HashMap<String, IssuedToken>,
    pub(super) page_tokens: PageTokens,
    pub(super) retry_keys: RetryKeys,
    pub(super) replies: Replies,
    pub(super) sent: Vec<Sent>,
    pub(super) consumption: HashMap<String, u64>,
    pub(super) mail: Mail,
    pub(super) history: History<Fact>,
    meters: HashMap<(String, Endpoint), Meter>,
    faults: Faults,
    calls: Calls,
}

/// One call on its way.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub now_ms: i64,
    pub request_id: String,
    pub request: &'a Request,
    /// User ID of a profile call.
    pub subject: String,
}

impl Call<'_> {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Response> {
        let wrong = |_| answer::error(400, "The request body could not be parsed as JSON");
        serde_json::from_slice(&self.request.body).map_err(wrong)
    }
}

impl Platform {
    /// A platform with these channels.
    pub fn new(settings: Settings, channels: impl IntoIterator<Item = Channel>) -> Self {
        Self {
            dice: Dice::new(settings.seed, "line"),
            channels: channels.into_iter().map(|channel| (channel.id.clone(), channel)).collect(),
            people: BTreeMap::new(),
            bonds: Bonds::default(),
            tokens: HashMap::new(),
            page_tokens: PageTokens::default(),
            retry_keys: RetryKeys::default(),
            replies: Replies::default(),
            sent: Vec::new(),
            consumption: HashMap::new(),
            mail: Mail::default(),
            history: History::new(settings.history_limit),
            meters: HashMap::new(),
            faults: Faults::default(),
            calls: Calls::default(),
            settings,
        }
    }

    /// Answers one request made at `now_ms`.
    pub fn handle(&mut self, now_ms: i64, request: &Request) -> Outcome {
        let request_id = self.dice.uuid();
        let Some((endpoint, subject)) = Endpoint::of(&request.method, &request.path) else {
            return Outcome::Answer(answer::not_found().with_header("x-line-request-id", request_id));
        };
        let channel_id = self.channel_of(now_ms, request, endpoint);
        let call = Call { now_ms, request_id: request_id.clone(), request, subject };
        let (outcome, fault) = self.admit(&call, endpoint, channel_id.as_deref());
        let status = match &outcome {
            Outcome::Answer(response) => response.status,
            Outcome::Probe(_) => 200,
        };
        self.note_call(&call, endpoint, channel_id, &outcome, status, fault);
        match outcome {
            Outcome::Answer(response) => Outcome::Answer(response.with_header("x-line-request-id", request_id)),
            probe @ Outcome::Probe(_) => probe,
        }
    }

    fn admit(&mut self, call: &Call<'_>, endpoint: Endpoint, channel_id: Option<&str>) -> (Outcome, Option<FaultKind>) {
        let refused = |response| (Outcome::Answer(response), None);
        if call.request.body.len() > BODY_LIMIT {
            return refused(answer::error(413, "Request entity too large"));
        }
        let channel = channel_id.and_then(|id| self.channels.get(id)).cloned();
        if channel.is_none() && !endpoint.is_token_call() {
            return refused(answer::unauthenticated());
        }
        if self.settings.rate_limits && !self.count(call.now_ms, endpoint, channel_id.unwrap_or_default()) {
            return refused(answer::rate_limited());
        }
        let fault = self.faults.draw(endpoint, channel_id);
        let kind = fault.as_ref().map(|fault| fault.kind);
        if let Some(response) = fault.as_ref().and_then(Fault::instead) {
            return (Outcome::Answer(response), kind);
        }
        let outcome = match channel {
            Some(channel) => self.carry_out(call, endpoint, &channel),
            None => Outcome::Answer(self.token_call(call, endpoint)),
        };
        match (outcome, fault) {
            (Outcome::Answer(response), Some(fault)) => (Outcome::Answer(fault.afterwards(response)), kind),
            (outcome, _) => (outcome, kind),
        }
    }

    fn carry_out(&mut self, call: &Call<'_>, endpoint: Endpoint, channel: &Channel) -> Outcome {
        let response = match endpoint {
            Endpoint::WebhookTest => return self.test_endpoint(call, channel),
            Endpoint::Profile => self.profile(call, channel),
            Endpoint::BotInfo => self.bot_info(channel),
            Endpoint::Followers => self.followers(call, channel),
            Endpoint::Push => self.push(call, channel),
            Endpoint::Reply => self.reply(call, channel),
            Endpoint::Multicast => self.multicast(call, channel),
            Endpoint::Broadcast => self.broadcast(call, channel),
            Endpoint::Quota => self.quota(channel),
            Endpoint::Consumption => self.quota_consumption(channel),
            Endpoint::WebhookRead => self.endpoint(channel),
            Endpoint::WebhookSet => self.set_endpoint(call, channel),
            Endpoint::Verify | Endpoint::ShortLived | Endpoint::Stateless | Endpoint::Revoke => {
                self.token_call(call, endpoint)
            }
        };
        Outcome::Answer(response)
    }

    fn count(&mut self, now_ms: i64, endpoint: Endpoint, channel_id: &str) -> bool {
        let meter =
            self.meters.entry((channel_id.to_owned(), endpoint)).or_insert_with(|| Meter::new(endpoint.limit()));
        meter.take(now_ms)
    }

    fn note_call(
        &mut self,
        call: &Call<'_>,
        endpoint: Endpoint,
        channel_id: Option<String>,
        outcome: &Outcome,
        status: u16,
        fault: Option<FaultKind>,
    ) {
        self.calls.count(endpoint.name(), status);
        let text = |bytes: &[u8]| self.settings.keep_bodies.then(|| String::from_utf8_lossy(bytes).into_owned());
        let answer = match outcome {
            Outcome::Answer(response) => text(&response.body),
            Outcome::Probe(_) => None,
        };
        let fact = Fact::Call {
            endpoint: endpoint.name(),
            channel_id,
            method: call.request.method.to_string(),
            path: call.request.path.clone(),
            status,
            fault,
            request: text(&call.request.body),
            answer,
        };
        self.history.note(call.now_ms, fact);
    }

    /// The answer to a webhook test whose delivery got this reaction.
    pub fn probed(&mut self, now_ms: i64, reaction: Reaction) -> Response {
        let body = json!({
            "success": reaction.accepted(), "timestamp": crate::stamp::iso(now_ms), "statusCode": reaction.status(),
            "reason": reaction.reason(), "detail": reaction.status().to_string(),
        });
        Response::json(200, &body).with_header("x-line-request-id", self.dice.uuid())
    }
}

/// What happens outside the API, and looking in from outside.
impl Platform {
    /// How it behaves now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes how it behaves. Seed and history limit hold from the start and stay.
    pub fn adjust(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.clone();
        change(&mut settings);
        (settings.seed, settings.history_limit) = (self.settings.seed, self.settings.history_limit);
        self.settings = settings;
    }

    /// The channels, by ID.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.values()
    }

    /// A channel.
    pub fn channel(&self, channel_id: &str) -> Option<&Channel> {
        self.channels.get(channel_id)
    }

    /// Changes a channel, as its owner can in LINE's console; adds it when there is none of this ID.
    pub fn put_channel(&mut self, channel: Channel) {
        self.channels.insert(channel.id.clone(), channel);
    }

    /// A person of a provider.
    pub fn person(&self, provider: &str, user_id: &str) -> Option<&Person> {
        self.people.get(&(provider.to_owned(), user_id.to_owned()))
    }

    /// What a person is to a channel.
    pub fn bond(&self, channel_id: &str, user_id: &str) -> Option<&Bond> {
        self.bonds.get(channel_id, user_id)
    }

    /// Everybody who ever had to do with a channel, by user ID.
    pub fn bonds(&self, channel_id: &str) -> impl Iterator<Item = (&String, &Bond)> {
        self.bonds.all(channel_id)
    }

    /// Every message that was accepted, oldest first.
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// Everything that happened.
    pub fn history(&self) -> &History<Fact> {
        &self.history
    }

    /// Calls by endpoint and status.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Orders a fault.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Drops all faults that are still open.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }
}
