//! Requests for many contacts, and which answer belongs to which of them. Pure.
//!
//! HubSpot answers in its own order, and may leave an input out: results are matched by trace, record ID or e-mail,
//! never by position, and what the answer does not show has an unknown outcome.

use crate::endpoint::Endpoint;
use crate::problem::Problem;
use crate::{Contact, CreateInput, CreateOutcome, Refusal, UpdateInput, UpdateOutcome, wire};
use contact::Names;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// HubSpot takes no more inputs in one request.
pub(crate) const INPUTS_MAX: usize = 100;

/// An input of a batch write.
pub(crate) trait Input: Sync {
    /// What may become of it.
    type Outcome: Clone + Send;

    const ENDPOINT: Endpoint;

    fn trace(&self) -> &str;

    /// What it is written to: no two inputs of a request may have the same.
    fn target(&self) -> String;

    /// The target of a result.
    fn target_of(result: &Value) -> Option<String>;

    fn properties(&self) -> &BTreeMap<String, String>;

    fn wire(&self) -> Value;

    fn written(contact: Contact) -> Self::Outcome;

    /// HubSpot says that this input failed.
    fn failed(&self, problem: &Problem) -> Self::Outcome;

    fn refused(refusal: Refusal) -> Self::Outcome;

    const UNKNOWN: Self::Outcome;

    const NOT_SENT: Self::Outcome;

    /// The values sent, which must not come back in reasons.
    fn sent(&self) -> impl Iterator<Item = &str> {
        self.properties().values().map(String::as_str)
    }
}

impl Input for CreateInput {
    type Outcome = CreateOutcome;

    const ENDPOINT: Endpoint = Endpoint::ContactBatchCreate;
    const UNKNOWN: CreateOutcome = CreateOutcome::Unknown;
    const NOT_SENT: CreateOutcome = CreateOutcome::NotSent;

    fn trace(&self) -> &str {
        &self.trace
    }

    fn target(&self) -> String {
        self.properties.get("email").map_or_else(|| self.trace.clone(), |email| lower(email))
    }

    fn target_of(result: &Value) -> Option<String> {
        wire::text(&result["properties"]["email"]).map(|email| lower(&email))
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    fn wire(&self) -> Value {
        let mut properties = self.properties.clone();
        if let Some(email) = properties.get_mut("email") {
            *email = lower(email);
        }
        json!({"objectWriteTraceId": self.trace, "properties": properties, "associations": []})
    }

    fn written(contact: Contact) -> CreateOutcome {
        CreateOutcome::Created(contact)
    }

    fn failed(&self, problem: &Problem) -> CreateOutcome {
        match problem.existing {
            Some(existing) => CreateOutcome::Exists(existing),
            None if problem.category == "CONFLICT" || problem.is_passing() => CreateOutcome::Unknown,
            None => CreateOutcome::Refused(problem.refusal(self.sent())),
        }
    }

    fn refused(refusal: Refusal) -> CreateOutcome {
        CreateOutcome::Refused(refusal)
    }
}

impl Input for UpdateInput {
    type Outcome = UpdateOutcome;

    const ENDPOINT: Endpoint = Endpoint::ContactBatchUpdate;
    const UNKNOWN: UpdateOutcome = UpdateOutcome::Unknown;
    const NOT_SENT: UpdateOutcome = UpdateOutcome::NotSent;

    fn trace(&self) -> &str {
        &self.trace
    }

    fn target(&self) -> String {
        self.id.to_string()
    }

    fn target_of(result: &Value) -> Option<String> {
        wire::contact_id(&result["id"]).map(|id| id.to_string())
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    fn wire(&self) -> Value {
        json!({"objectWriteTraceId": self.trace, "id": self.id.to_string(), "properties": self.properties})
    }

    fn written(contact: Contact) -> UpdateOutcome {
        UpdateOutcome::Updated(contact)
    }

    fn failed(&self, problem: &Problem) -> UpdateOutcome {
        if problem.category == "OBJECT_NOT_FOUND" {
            UpdateOutcome::Missing
        } else if problem.is_passing() {
            UpdateOutcome::Unknown
        } else {
            UpdateOutcome::Refused(problem.refusal(self.sent()))
        }
    }

    fn refused(refusal: Refusal) -> UpdateOutcome {
        UpdateOutcome::Refused(refusal)
    }
}

/// HubSpot keeps addresses in lower case.
pub(crate) fn lower(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Shares inputs out to requests: at most [`INPUTS_MAX`] in each, no target or trace twice in one, and what is written
/// to one target in the order given. Gives the places of the inputs.
pub(crate) fn requests<I: Input>(inputs: &[I]) -> Vec<Vec<usize>> {
    let mut requests: Vec<Vec<usize>> = Vec::new();
    let mut after_target: HashMap<String, usize> = HashMap::new();
    let mut after_trace: HashMap<&str, usize> = HashMap::new();
    for (place, input) in inputs.iter().enumerate() {
        let target = input.target();
        let earliest = after_target.get(&target).max(after_trace.get(input.trace())).copied().unwrap_or(0);
        let free = requests.iter().skip(earliest).position(|request| request.len() < INPUTS_MAX);
        let request = free.map_or(requests.len(), |free| earliest + free);
        if request == requests.len() {
            requests.push(Vec::new());
        }
        requests[request].push(place);
        after_target.insert(target, request + 1);
        after_trace.insert(input.trace(), request + 1);
    }
    requests
}

/// The body of a request.
pub(crate) fn body<I: Input>(inputs: &[&I]) -> Value {
    json!({"inputs": inputs.iter().map(|input| input.wire()).collect::<Vec<_>>()})
}

/// What an answer shows of each input, in the order of the inputs.
pub(crate) fn outcomes<I: Input>(inputs: &[&I], answer: &Value, names: &Names) -> Vec<I::Outcome> {
    let by_trace: HashMap<&str, usize> =
        inputs.iter().enumerate().map(|(place, input)| (input.trace(), place)).collect();
    let by_target: HashMap<String, usize> =
        inputs.iter().enumerate().map(|(place, input)| (input.target(), place)).collect();
    let mut outcomes: Vec<Option<I::Outcome>> = vec![None; inputs.len()];
    for result in wire::list(&answer["results"]) {
        let traced =
            wire::texts(&result["objectWriteTraceId"]).iter().find_map(|trace| by_trace.get(&**trace)).copied();
        let place = traced.or_else(|| by_target.get(&I::target_of(result)?).copied());
        let Some(place) = place else { continue };
        let contact = wire::contact(result, names, |name| inputs[place].properties().contains_key(name));
        outcomes[place] = contact.map(I::written);
    }
    for error in wire::list(&answer["errors"]) {
        let problem = Problem::read(error);
        let traced = problem.traces.iter().filter_map(|trace| by_trace.get(&**trace));
        let named = problem.ids.iter().filter_map(|id| by_target.get(&lower(id)));
        for place in traced.chain(named) {
            outcomes[*place].get_or_insert_with(|| inputs[*place].failed(&problem));
        }
    }
    outcomes.into_iter().map(|outcome| outcome.unwrap_or(I::UNKNOWN)).collect()
}

#[cfg(test)]
mod tests;
