//! The portal: what it holds, and the way of a call through it.

use serde_json::json;

use super::call::Call;
use super::contact::{Contact, RecordId};
use super::contacts::Contacts;
use super::fact::Fact;
use super::fault::{Fault, FaultKind, Faults};
use super::gate::Gate;
use super::index::SearchIndex;
use super::property::Catalogue;
use super::refusal::Refusal;
use super::route::{Endpoint, Route};
use super::settings::Settings;
use super::webhook::{Outbox, Subscriber};
use crate::dice::Dice;
use crate::exchange::{Request, Response};
use crate::history::{Calls, History};

/// The first record ID handed out, of the size HubSpot's have.
const FIRST_ID: RecordId = 171_596_044_869;

/// One HubSpot account.
#[derive(Debug)]
pub struct Portal {
    pub(super) settings: Settings,
    pub(super) dice: Dice,
    pub(super) catalogue: Catalogue,
    pub(super) contacts: Contacts,
    pub(super) index: SearchIndex,
    pub(super) gate: Gate,
    pub(super) erased_emails: std::collections::HashSet<String>,
    pub(super) history: History<Fact>,
    pub(super) outbox: Outbox,
    next_id: RecordId,
    faults: Faults,
    calls: Calls,
}

impl Portal {
    /// A new portal without contacts, created at `now_ms`.
    pub fn new(now_ms: i64, settings: Settings) -> Self {
        Self {
            dice: Dice::new(settings.seed, "hubspot"),
            catalogue: Catalogue::new(now_ms),
            contacts: Contacts::default(),
            index: SearchIndex::default(),
            gate: Gate::new(&settings),
            erased_emails: std::collections::HashSet::new(),
            history: History::new(settings.history_limit),
            outbox: Outbox::new(settings.seed),
            next_id: FIRST_ID,
            faults: Faults::default(),
            calls: Calls::default(),
            settings,
        }
    }

    /// Answers one request made at `now_ms`.
    pub fn handle(&mut self, now_ms: i64, request: &Request) -> Response {
        let correlation_id = self.dice.uuid();
        let Some(route) = Route::of(&request.method, &request.path) else {
            return Refusal::not_found().response(&correlation_id);
        };
        let call = Call { now_ms, version: route.version, correlation_id, spoilt: None };
        let (response, fault) = self.admit(call, &route, request);
        self.note_call(now_ms, &route, request, &response, fault);
        response
    }

    fn admit(&mut self, mut call: Call, route: &Route, request: &Request) -> (Response, Option<FaultKind>) {
        let (now_ms, endpoint) = (call.now_ms, route.endpoint);
        let correlation_id = call.correlation_id.clone();
        let finish = |portal: &mut Self, response: Response| {
            let response = response.with_header("x-hubspot-correlation-id", correlation_id.clone());
            portal.gate.label(now_ms, endpoint, &portal.settings, response)
        };
        if let Err(refusal) = self.gate.admit(now_ms, request.bearer(), endpoint) {
            let response = refusal.response(&call.correlation_id);
            return (response.with_header("x-hubspot-correlation-id", correlation_id), None);
        }
        if let Err(policy) = self.gate.count(now_ms, endpoint, &self.settings) {
            let response = policy.response(&call.correlation_id);
            return (finish(self, response), None);
        }
        let Some(fault) = self.faults.draw(endpoint) else {
            let response = self.carry_out(&call, route, request);
            return (finish(self, response), None);
        };
        let response = fault.instead(now_ms, &call.correlation_id, endpoint).unwrap_or_else(|| {
            call.spoilt = Some(fault.kind);
            let response = self.carry_out(&call, route, request);
            fault.afterwards(&call.correlation_id, response)
        });
        (finish(self, response), Some(fault.kind))
    }

    fn carry_out(&mut self, call: &Call, route: &Route, request: &Request) -> Response {
        let subject = &route.subject;
        let answer = match route.endpoint {
            Endpoint::ContactList => self.list(call, request),
            Endpoint::ContactRead => self.read(call, subject, request),
            Endpoint::ContactCreate => self.create_one(call, &request.body),
            Endpoint::ContactUpdate => self.update_one(call, subject, request),
            Endpoint::ContactArchive => self.archive_one(call, subject),
            Endpoint::BatchRead => self.batch_read(call, request),
            Endpoint::BatchCreate => self.batch_create(call, &request.body),
            Endpoint::BatchUpdate => self.batch_update(call, &request.body),
            Endpoint::BatchUpsert => self.batch_upsert(call, &request.body),
            Endpoint::BatchArchive => self.batch_archive(call, &request.body),
            Endpoint::Search => self.search(call, &request.body),
            Endpoint::Merge => self.merge_call(call, &request.body),
            Endpoint::GdprDelete => self.gdpr_delete(call, &request.body),
            Endpoint::PropertyList => self.property_list(call, request),
            Endpoint::PropertyRead => self.property_read(call, subject, request),
            Endpoint::PropertyCreate => self.property_create(call, &request.body),
            Endpoint::PropertyUpdate => self.property_update(call, subject, &request.body),
            Endpoint::PropertyArchive => self.property_archive(call, subject),
            Endpoint::PropertyBatchRead => self.property_batch_read(call, &request.body),
            Endpoint::PropertyBatchCreate => self.property_batch_create(call, &request.body),
            Endpoint::PropertyBatchArchive => self.property_batch_archive(call, &request.body),
            Endpoint::GroupList => self.group_list(),
            Endpoint::GroupRead => self.group_read(subject),
            Endpoint::GroupCreate => self.group_create(&request.body),
            Endpoint::GroupUpdate => self.group_update(subject, &request.body),
            Endpoint::GroupArchive => self.group_archive(subject),
            Endpoint::CustomPropertyLimits => Ok(self.custom_property_limits()),
            Endpoint::AccountDetails => Ok(self.account_details()),
            Endpoint::DailyUsage => Ok(self.daily_usage(call.now_ms)),
        };
        answer.unwrap_or_else(|refusal| refusal.response(&call.correlation_id))
    }

    fn note_call(
        &mut self,
        now_ms: i64,
        route: &Route,
        request: &Request,
        response: &Response,
        fault: Option<FaultKind>,
    ) {
        let endpoint = route.endpoint.name();
        self.calls.count(endpoint, response.status);
        let text = |bytes: &[u8]| self.settings.keep_bodies.then(|| String::from_utf8_lossy(bytes).into_owned());
        let fact = Fact::Call {
            endpoint,
            method: request.method.to_string(),
            path: request.path.clone(),
            status: response.status,
            items: if endpoint.contains("/batch/") { super::input::count(&request.body) } else { 1 },
            fault,
            request: text(&request.body),
            answer: text(&response.body),
        };
        self.history.note(now_ms, fact);
    }

    /// The next record ID; not the one after the last, as HubSpot's are not either.
    pub(super) fn issue_id(&mut self) -> RecordId {
        let id = self.next_id;
        self.next_id += 1 + self.dice.below(64);
        id
    }

    /// Stores a record and lets search know in time.
    pub(super) fn store(&mut self, now_ms: i64, contact: Contact) {
        let contact = self.contacts.put(contact);
        let visible = contact.archived_ms.is_none().then(|| contact.clone());
        self.index.note(now_ms, now_ms + self.settings.search_delay_ms, contact.id, visible);
    }

    /// Drops a record for good.
    pub(super) fn drop_record(&mut self, now_ms: i64, id: RecordId) {
        self.contacts.take(id);
        self.index.note(now_ms, now_ms + self.settings.search_delay_ms, id, None);
    }
}

/// What happens outside the API, and looking in from outside.
impl Portal {
    /// The contacts.
    pub fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// The properties.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// How it behaves now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes how it behaves. Seed, token and history limit hold from the start and stay.
    pub fn adjust(&mut self, now_ms: i64, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.clone();
        change(&mut settings);
        settings.seed = self.settings.seed;
        settings.token.clone_from(&self.settings.token);
        settings.history_limit = self.settings.history_limit;
        self.index.hasten(now_ms + settings.search_delay_ms);
        self.gate.adjust(&settings);
        self.settings = settings;
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

    /// Lets every token expire, as when nobody rotated it.
    pub fn expire_tokens(&mut self, now_ms: i64) {
        self.gate.expire_all(now_ms);
    }

    /// Accepts a token: a new one, or one that had expired.
    pub fn accept_token(&mut self, token: &str) {
        self.gate.accept(token);
    }

    /// Makes up and accepts a new token.
    pub fn issue_token(&mut self) -> String {
        let token = format!("pat-na1-{}", self.dice.uuid());
        self.gate.accept(&token);
        token
    }

    /// Refuses a token from now on.
    pub fn revoke_token(&mut self, token: &str) {
        self.gate.revoke(token);
    }

    /// Replaces the scopes that were granted.
    pub fn grant(&mut self, scopes: impl IntoIterator<Item = String>) {
        self.gate.grant(scopes);
    }

    /// Sends the portal's webhooks to somebody from now on, or to nobody.
    pub fn subscribe(&mut self, subscriber: Option<Subscriber>) {
        self.outbox.subscribe(subscriber);
    }

    /// Marks a property as used by a list or workflow, so that it cannot be archived. False when it does not exist.
    pub fn use_property(&mut self, name: &str, in_use: bool) -> bool {
        self.catalogue.definitions.get_mut(name).map(|definition| definition.in_use = in_use).is_some()
    }

    /// A short account of the portal's state.
    pub fn summary(&mut self, now_ms: i64) -> serde_json::Value {
        json!({
            "portal_id": self.settings.portal_id, "live_contacts": self.contacts.live_count(),
            "custom_properties": self.catalogue.custom().count(), "calls": self.calls,
            "calls_total": self.calls.total(), "calls_today": self.gate.calls_today(now_ms),
            "facts": self.history.total(),
        })
    }
}
