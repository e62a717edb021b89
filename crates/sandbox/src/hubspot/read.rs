//! Reading contacts: one, by batch, by list.

use serde_json::{Value, json};

use super::batch::{Done, Outcome};
use super::call::Call;
use super::contact::{Contact, RecordId};
use super::contacts::Whereabouts;
use super::input::Batch;
use super::portal::Portal;
use super::refusal::Refusal;
use super::view::{Shown, View};
use crate::exchange::{Request, Response};
use crate::fields::Fields;

impl Portal {
    /// `GET …/contacts/{id}`.
    pub(super) fn read(&mut self, call: &Call, subject: &str, request: &Request) -> Result<Response, Refusal> {
        let shown = self.shown(call, &request.query);
        if request.query.get("archived") == Some("true") {
            numeric(subject)?;
            let id = self.find(subject, None, true);
            let contact = id.and_then(|id| self.contacts.archived(id)).ok_or_else(Refusal::not_found)?;
            return Ok(Response::json(200, &View::new(contact, &shown, self.settings.portal_id)));
        }
        let id = self.find_live(subject, request.query.get("idProperty"))?;
        Ok(self.show(id, &shown, 200, &[]))
    }

    /// `POST …/batch/read`. IDs that were merged away lead to the surviving record, once.
    pub(super) fn batch_read(&mut self, call: &Call, request: &Request) -> Result<Response, Refusal> {
        let batch = Batch::read(&request.body, 100)?;
        if !batch.properties_with_history.is_empty() && batch.inputs.len() > 50 {
            return Err(Refusal::too_many_inputs(50));
        }
        let key = batch.id_property.as_deref().filter(|property| *property != "hs_object_id");
        if key.is_some_and(|property| !self.unique_names().contains(property)) {
            return Err(Refusal::non_unique_property(key.unwrap_or_default()));
        }
        batch.refuse_duplicates(|input| match key {
            Some("email") => input.id.0.trim().to_lowercase(),
            _ => input.id.0.clone(),
        })?;
        let archived = request.query.get("archived") == Some("true");
        let shown = Shown::asked(&batch.properties, &self.catalogue, call.now_ms);
        let mut outcome = Outcome::default();
        for input in &batch.inputs {
            match self.find(&input.id.0, key, archived) {
                Some(id) if outcome.done.iter().any(|done| done.id == id) => {}
                Some(id) => {
                    outcome.done.push(Done { id, shown: shown.clone(), new: None, trace: None, warnings: Vec::new() });
                }
                None => outcome.missing.push(input.id.0.clone()),
            }
        }
        Ok(self.batch_answer(call, 200, outcome))
    }

    /// `GET …/contacts`.
    pub(super) fn list(&mut self, call: &Call, request: &Request) -> Result<Response, Refusal> {
        let number = |name: &str, otherwise: u64| match request.query.get(name) {
            None => Ok(otherwise),
            Some(text) => text.parse::<u64>().map_err(|_| Refusal::validation(format!("{name} must be a number"))),
        };
        let limit = usize::try_from(number("limit", 10)?).unwrap_or(usize::MAX);
        if !(1..=100).contains(&limit) {
            return Err(Refusal::validation("limit must be between 1 and 100"));
        }
        let archived = request.query.get("archived") == Some("true");
        let shown = self.shown(call, &request.query);
        let wanted = |contact: &&std::sync::Arc<Contact>| contact.archived_ms.is_some() == archived;
        let mut page: Vec<_> = self.contacts.from(number("after", 0)?).filter(wanted).take(limit + 1).collect();
        let next = (page.len() > limit).then(|| page.pop()).flatten().map(|contact| contact.id);
        let results: Vec<View<'_>> =
            page.into_iter().map(|each| View::new(each, &shown, self.settings.portal_id)).collect();
        let mut body = json!({"results": results});
        if let Some(after) = next {
            let link = format!("https://api.hubapi.com{}?limit={limit}&after={after}", request.path);
            body["paging"] = json!({"next": {"after": after.to_string(), "link": link}});
        }
        Ok(Response::json(200, &body))
    }

    /// The live contact a path names, following merges.
    pub(super) fn find_live(&self, subject: &str, property: Option<&str>) -> Result<RecordId, Refusal> {
        let property = property.filter(|property| *property != "hs_object_id");
        if property.is_some_and(|property| !self.unique_names().contains(property)) {
            return Err(Refusal::non_unique_property(property.unwrap_or_default()));
        }
        if property.is_none() {
            numeric(subject)?;
        }
        self.find(subject, property, false).ok_or_else(Refusal::not_found)
    }

    fn find(&self, subject: &str, property: Option<&str>, archived: bool) -> Option<RecordId> {
        match property {
            // The recycle bin is asked by ID; by address HubSpot knows live contacts only.
            Some(_) if archived => None,
            Some("email") => self.contacts.by_email(subject),
            Some(property) => self.contacts.by_unique(property, subject),
            None => {
                let id = subject.parse().ok()?;
                match self.contacts.whereabouts(id) {
                    Whereabouts::Live if !archived => Some(id),
                    Whereabouts::Merged(into) if !archived => Some(into),
                    Whereabouts::Archived(id) if archived => Some(id),
                    _ => None,
                }
            }
        }
    }

    fn shown(&self, call: &Call, query: &Fields) -> Shown {
        let names: Vec<String> = query
            .all("properties")
            .flat_map(|list| list.split(','))
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        Shown::asked(&names, &self.catalogue, call.now_ms)
    }
}

fn numeric(subject: &str) -> Result<RecordId, Refusal> {
    subject.parse().map_err(|_| Refusal::not_numeric(subject))
}

/// An ID that comes as a JSON number or text.
pub(super) fn id_of(value: &Value) -> Option<RecordId> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
