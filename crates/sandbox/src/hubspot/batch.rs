//! Batches: all or nothing without trace IDs, item by item with them, results in another order than the inputs.

use serde::Serialize;
use serde_json::{Value, json};

use super::call::Call;
use super::contact::RecordId;
use super::contacts::Whereabouts;
use super::fact::Actor;
use super::fault::FaultKind;
use super::input::{Batch, Input, Scalar};
use super::portal::Portal;
use super::refusal::Refusal;
use super::view::{Shown, View};
use super::write::{Claims, Prepared};
use crate::exchange::Response;
use crate::stamp;

/// The most inputs of one batch.
const LIMIT: usize = 100;

/// What a batch does to its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Create,
    Update,
    Upsert,
}

/// Where one input leads.
enum Target {
    New,
    Existing(RecordId),
    /// Merged away: HubSpot mentions it neither in results nor in errors.
    Silent,
    Missing,
}

/// One input that passed every check.
struct Plan {
    target: Option<RecordId>,
    prepared: Prepared,
    trace: Option<Scalar>,
    mentioned: bool,
}

/// One result.
#[derive(Debug)]
pub(super) struct Done {
    pub id: RecordId,
    pub shown: Shown,
    pub new: Option<bool>,
    pub trace: Option<Scalar>,
    pub warnings: Vec<Value>,
}

/// What a batch has come to so far.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub done: Vec<Done>,
    pub errors: Vec<Value>,
    pub missing: Vec<String>,
    pub missing_traces: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status: &'static str,
    results: Vec<View<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_errors: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<Value>>,
    started_at: String,
    completed_at: String,
}

impl Portal {
    /// `POST …/batch/create`.
    pub(super) fn batch_create(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let batch = Batch::read(body, LIMIT)?;
        self.batch_write(call, Verb::Create, &batch)
    }

    /// `POST …/batch/update`.
    pub(super) fn batch_update(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let batch = Batch::read(body, LIMIT)?;
        for property in batch.inputs.iter().filter_map(|input| input.id_property.as_deref()) {
            // An e-mail is refused here as non-unique, although it is unique.
            if property != "hs_object_id" && !self.contacts.unique_properties().contains(property) {
                return Err(Refusal::non_unique_property(property));
            }
        }
        batch.refuse_duplicates(|input| input.id.0.clone())?;
        self.batch_write(call, Verb::Update, &batch)
    }

    /// `POST …/batch/upsert`.
    pub(super) fn batch_upsert(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let batch = Batch::read(body, LIMIT)?;
        let unique = self.unique_names();
        for input in &batch.inputs {
            let property = input.id_property.as_deref().unwrap_or("hs_object_id");
            if !unique.contains(property) {
                return Err(Refusal::non_unique_property(property));
            }
        }
        batch.refuse_duplicates(key_of)?;
        self.batch_write(call, Verb::Upsert, &batch)
    }

    fn batch_write(&mut self, call: &Call, verb: Verb, batch: &Batch) -> Result<Response, Refusal> {
        let traced = batch.traced()?;
        let spoilt = self.spoil(call, batch.inputs.len());
        let unique = self.unique_names();
        let (mut outcome, mut claims, mut plans) = (Outcome::default(), Claims::default(), Vec::new());
        for (place, input) in batch.inputs.iter().enumerate() {
            let spoilt = spoilt.filter(|(spoilt, _)| *spoilt == place).map(|(_, kind)| kind);
            match spoilt {
                Some(FaultKind::ItemSkipped) => continue,
                Some(FaultKind::ItemRefused) => {
                    outcome.errors.push(Refusal::validation("The item could not be processed").item(&input.traces()));
                    continue;
                }
                _ => {}
            }
            match self.plan(call, verb, input, &claims) {
                Ok(Some(mut plan)) => {
                    plan.mentioned = spoilt != Some(FaultKind::ItemUnmentioned);
                    if traced {
                        self.apply(call, verb, plan, &mut outcome);
                    } else {
                        claims.add(&plan.prepared, &unique);
                        plans.push(plan);
                    }
                }
                Ok(None) => self.note_absent(input, &mut outcome),
                Err(refusal) if traced => outcome.errors.push(refusal.item(&input.traces())),
                Err(refusal) if refusal.category == Some("CONFLICT") => return Err(Refusal::some_contact_exists()),
                Err(refusal) => return Err(refusal),
            }
        }
        for plan in plans {
            self.apply(call, verb, plan, &mut outcome);
        }
        Ok(self.batch_answer(call, if verb == Verb::Create { 201 } else { 200 }, outcome))
    }

    /// Checks one input; none when there is nothing to write to.
    fn plan(&self, call: &Call, verb: Verb, input: &Input, claims: &Claims) -> Result<Option<Plan>, Refusal> {
        let target = match self.target(verb, input) {
            Target::New => None,
            Target::Existing(id) => Some(id),
            Target::Silent | Target::Missing => return Ok(None),
        };
        let mut properties = input.properties.clone();
        if let (Verb::Upsert, None, Some(property)) = (verb, target, &input.id_property) {
            properties.entry(property.clone()).or_insert_with(|| input.id.clone());
        }
        let prepared = self.prepare(call.now_ms, call.version, &properties)?;
        if target.is_none() {
            self.refuse_incomplete(call.version, &prepared)?;
        }
        self.refuse_taken(&prepared, target, claims)?;
        Ok(Some(Plan { target, prepared, trace: input.trace.clone(), mentioned: true }))
    }

    fn target(&self, verb: Verb, input: &Input) -> Target {
        let found = match (verb, input.id_property.as_deref()) {
            (Verb::Create, _) => return Target::New,
            (_, Some("email")) => self.contacts.by_email(&input.id.0),
            (_, Some(property)) if property != "hs_object_id" => self.contacts.by_unique(property, &input.id.0),
            _ => {
                let Ok(id) = input.id.0.parse() else { return Target::Missing };
                return match self.contacts.whereabouts(id) {
                    Whereabouts::Live => Target::Existing(id),
                    Whereabouts::Merged(_) => Target::Silent,
                    Whereabouts::Archived(_) | Whereabouts::Unknown => Target::Missing,
                };
            }
        };
        match found {
            Some(id) => Target::Existing(id),
            None if verb == Verb::Upsert => Target::New,
            None => Target::Missing,
        }
    }

    fn note_absent(&self, input: &Input, outcome: &mut Outcome) {
        if matches!(self.target(Verb::Update, input), Target::Missing) {
            outcome.missing.push(input.id.0.clone());
            outcome.missing_traces.extend(input.traces());
        }
    }

    fn apply(&mut self, call: &Call, verb: Verb, plan: Plan, outcome: &mut Outcome) {
        let (id, shown) = match plan.target {
            Some(id) => {
                self.update(call.now_ms, Actor::Api, id, &plan.prepared);
                (id, plan.prepared.shown())
            }
            None => (self.create(call.now_ms, Actor::Api, &plan.prepared), Shown::All),
        };
        if plan.mentioned {
            let new = (verb == Verb::Upsert).then_some(plan.target.is_none());
            let trace = plan.trace.filter(|_| verb == Verb::Upsert);
            outcome.done.push(Done { id, shown, new, trace, warnings: plan.prepared.warnings });
        }
    }

    /// Chooses the item that goes wrong, when the call's fault wants one.
    fn spoil(&mut self, call: &Call, inputs: usize) -> Option<(usize, FaultKind)> {
        let kind = call.spoilt.filter(|kind| {
            matches!(kind, FaultKind::ItemRefused | FaultKind::ItemSkipped | FaultKind::ItemUnmentioned)
        })?;
        Some((usize::try_from(self.dice.below(inputs as u64)).unwrap_or(0), kind))
    }

    /// Puts the answer together: 207 as soon as there is an error.
    pub(super) fn batch_answer(&mut self, call: &Call, good: u16, mut outcome: Outcome) -> Response {
        if self.settings.shuffle_results {
            self.disorder(&mut outcome.done);
        }
        if !outcome.missing.is_empty() {
            outcome.errors.push(Refusal::missing(&outcome.missing).item(&outcome.missing_traces));
        }
        let failed = (!outcome.errors.is_empty()).then_some(outcome.errors.len());
        let answer = Answer {
            status: "COMPLETE",
            results: outcome.done.iter().filter_map(|done| self.view(done)).collect(),
            num_errors: failed,
            errors: failed.map(|_| outcome.errors.clone()),
            started_at: stamp::iso(call.now_ms),
            completed_at: stamp::iso(call.now_ms),
        };
        Response::json(if failed.is_some() { 207 } else { good }, &answer)
    }

    fn view<'a>(&'a self, done: &'a Done) -> Option<View<'a>> {
        let contact = self.contacts.get(done.id)?;
        let trace = done.trace.as_ref().map(|trace| trace.0.as_str());
        let base = View::new(contact, &done.shown, self.settings.portal_id);
        Some(View { new: done.new, trace, warnings: &done.warnings, ..base })
    }

    /// Another order than the given one, whenever there is another.
    fn disorder(&mut self, done: &mut [Done]) {
        let before: Vec<RecordId> = done.iter().map(|each| each.id).collect();
        self.dice.shuffle(done);
        if done.iter().map(|each| each.id).eq(before) && !done.is_empty() {
            done.rotate_left(1);
        }
    }
}

/// What makes two upsert inputs the same.
fn key_of(input: &Input) -> String {
    match input.id_property.as_deref() {
        Some("email") => input.id.0.trim().to_lowercase(),
        _ => input.id.0.clone(),
    }
}

/// The answer to a batch that has nothing to report.
pub(super) fn accepted() -> Response {
    Response::empty(204)
}

/// A list answer without paging.
pub(super) fn listed(results: Vec<Value>) -> Response {
    Response::json(200, &json!({"results": results}))
}
