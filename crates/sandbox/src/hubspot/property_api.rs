//! The properties API: definitions and groups.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::batch::{accepted, listed};
use super::call::Call;
use super::fact::Fact;
use super::input;
use super::portal::Portal;
use super::property::{Choice, Definition, Group, Kind};
use super::refusal::Refusal;
use crate::exchange::{Request, Response};
use crate::stamp;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Draft {
    name: Option<String>,
    label: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    field_type: Option<String>,
    group_name: Option<String>,
    description: Option<String>,
    options: Option<Vec<ChoiceDraft>>,
    display_order: Option<i64>,
    has_unique_value: Option<bool>,
    hidden: Option<bool>,
    form_field: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChoiceDraft {
    label: String,
    value: String,
    display_order: Option<i64>,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupDraft {
    name: Option<String>,
    label: Option<String>,
    display_order: Option<i64>,
}

#[derive(Deserialize)]
struct Drafts {
    inputs: Vec<Draft>,
    #[serde(default)]
    archived: bool,
}

/// The most unique-value properties of one object.
const UNIQUE_LIMIT: usize = 10;

impl Portal {
    pub(super) fn property_list(&self, call: &Call, request: &Request) -> Result<Response, Refusal> {
        let archived = request.query.get("archived") == Some("true");
        let wanted = |each: &&Definition| each.archived_ms.is_some() == archived && each.known_from_ms <= call.now_ms;
        Ok(listed(self.catalogue.definitions.values().filter(wanted).map(Definition::body).collect()))
    }

    pub(super) fn property_read(&self, call: &Call, name: &str, request: &Request) -> Result<Response, Refusal> {
        let archived = request.query.get("archived") == Some("true");
        self.definition(call.now_ms, name, archived).map(|each| Response::json(200, &each.body()))
    }

    fn definition(&self, now_ms: i64, name: &str, archived: bool) -> Result<&Definition, Refusal> {
        let found = self.catalogue.definitions.get(name);
        found
            .filter(|each| each.archived_ms.is_some() == archived && each.known_from_ms <= now_ms)
            .ok_or_else(|| Refusal::unknown_definition(name))
    }

    pub(super) fn property_create(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let body = self.define(call, &input::read(body)?)?;
        let name = body["name"].as_str().unwrap_or_default();
        let location = format!("/crm/properties/2026-09/contacts/{name}");
        Ok(Response::json(201, &body).with_header("location", location))
    }

    /// Partial success even without trace IDs: what exists is listed in `errors`, the rest is created.
    pub(super) fn property_batch_create(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let drafts: Drafts = input::read(body)?;
        if drafts.inputs.len() > 100 {
            return Err(Refusal::too_many_inputs(100));
        }
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for draft in &drafts.inputs {
            match self.define(call, draft) {
                Ok(body) => results.push(body),
                Err(refusal) => errors.push(refusal.item(&[])),
            }
        }
        Ok(definitions_answer(call, 201, results, errors))
    }

    pub(super) fn property_batch_read(&self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let drafts: Drafts = input::read(body)?;
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for name in drafts.inputs.iter().filter_map(|draft| draft.name.as_deref()) {
            match self.definition(call.now_ms, name, drafts.archived) {
                Ok(found) => results.push(found.body()),
                Err(refusal) => errors.push(refusal.item(&[])),
            }
        }
        Ok(definitions_answer(call, 200, results, errors))
    }

    /// Creates a property, or brings an archived one back as it was created first.
    fn define(&mut self, call: &Call, draft: &Draft) -> Result<Value, Refusal> {
        let definition = self.drafted(call, draft)?;
        let name = definition.name.clone();
        let definition = match self.catalogue.definitions.get(&name) {
            Some(known) if known.archived_ms.is_none() => return Err(Refusal::property_exists(&name)),
            Some(archived) => Definition { created_ms: archived.created_ms, ..definition },
            None => definition,
        };
        if definition.unique {
            self.contacts.keep_unique(name.clone());
        }
        let body = definition.body();
        self.catalogue.definitions.insert(name.clone(), definition);
        self.history.note(call.now_ms, Fact::PropertyCreated { name: name.to_string() });
        Ok(body)
    }

    fn drafted(&self, call: &Call, draft: &Draft) -> Result<Definition, Refusal> {
        let name = draft.name.as_deref().unwrap_or_default();
        if !well_named(name) {
            let rule = "must start with a letter and contain only lowercase letters, numbers and underscores";
            return Err(Refusal::validation(format!("The property name '{name}' {rule}")));
        }
        let invalid = |what: &str| Refusal::validation(format!("Property '{name}': {what}"));
        let label =
            draft.label.clone().filter(|label| !label.is_empty()).ok_or_else(|| invalid("label is required"))?;
        let kind = draft.kind.as_deref().and_then(Kind::named).ok_or_else(|| invalid("type is missing or unknown"))?;
        let field_type = draft.field_type.clone().unwrap_or_default();
        if !kind.takes_field(&field_type) {
            return Err(invalid(&format!("fieldType {field_type} does not fit type {}", kind.name())));
        }
        let group = draft.group_name.clone().unwrap_or_default();
        if !self.catalogue.groups.contains_key(&group) {
            return Err(invalid(&format!("group {group} does not exist")));
        }
        if self.catalogue.custom().count() >= self.settings.custom_property_limit {
            return Err(invalid("the limit of custom properties has been reached"));
        }
        let unique = draft.has_unique_value.unwrap_or_default();
        if unique && (self.unique_names().len() > UNIQUE_LIMIT || !matches!(kind, Kind::String | Kind::Number)) {
            return Err(invalid("no further unique-value property is possible"));
        }
        Ok(Definition {
            name: Arc::from(name),
            label,
            kind,
            field_type,
            description: draft.description.clone().unwrap_or_default(),
            group,
            options: choices(draft.options.as_deref().unwrap_or_default()),
            display_order: draft.display_order.unwrap_or(-1),
            unique,
            hidden: draft.hidden.unwrap_or_default(),
            form_field: draft.form_field.unwrap_or_default(),
            built_in: false,
            read_only: false,
            in_use: false,
            created_ms: call.now_ms,
            updated_ms: call.now_ms,
            known_from_ms: call.now_ms + self.settings.property_delay_ms,
            archived_ms: None,
        })
    }

    /// `options` replaces the whole list; what is left out stays.
    pub(super) fn property_update(&mut self, call: &Call, name: &str, body: &[u8]) -> Result<Response, Refusal> {
        let draft: Draft = input::read(body)?;
        self.definition(call.now_ms, name, false)?;
        let groups = &self.catalogue.groups;
        if let Some(group) = draft.group_name.as_ref().filter(|group| !groups.contains_key(*group)) {
            return Err(Refusal::validation(format!("Property '{name}': group {group} does not exist")));
        }
        let known = self.catalogue.definitions.get_mut(name).ok_or_else(|| Refusal::unknown_definition(name))?;
        let (kind, field_type) = (draft.kind.as_deref().and_then(Kind::named).unwrap_or(known.kind), draft.field_type);
        let field_type = field_type.unwrap_or_else(|| known.field_type.clone());
        if !kind.takes_field(&field_type) {
            return Err(Refusal::validation(format!("fieldType {field_type} does not fit type {}", kind.name())));
        }
        (known.kind, known.field_type) = (kind, field_type);
        if let Some(label) = draft.label {
            known.label = label;
        }
        if let Some(group) = draft.group_name {
            known.group = group;
        }
        if let Some(description) = draft.description {
            known.description = description;
        }
        if let Some(options) = &draft.options {
            known.options = choices(options);
        }
        known.display_order = draft.display_order.unwrap_or(known.display_order);
        known.hidden = draft.hidden.unwrap_or(known.hidden);
        known.form_field = draft.form_field.unwrap_or(known.form_field);
        known.updated_ms = call.now_ms;
        let body = known.body();
        self.history.note(call.now_ms, Fact::PropertyChanged { name: name.to_owned() });
        Ok(Response::json(200, &body))
    }

    pub(super) fn property_archive(&mut self, call: &Call, name: &str) -> Result<Response, Refusal> {
        self.definition(call.now_ms, name, false)?;
        if self.archive_property(call.now_ms, name) {
            return Ok(accepted());
        }
        Err(Refusal::in_use(
            "PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE",
            format!("Property {name} cannot be deleted because it is in use"),
        ))
    }

    pub(super) fn property_batch_archive(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        let drafts: Drafts = input::read(body)?;
        for name in drafts.inputs.iter().filter_map(|draft| draft.name.as_deref()) {
            self.archive_property(call.now_ms, name);
        }
        Ok(accepted())
    }

    /// Archives a custom property, as an administrator can; false when it is in use, HubSpot's own or not there.
    pub fn archive_property(&mut self, now_ms: i64, name: &str) -> bool {
        let found = self.catalogue.definitions.get_mut(name);
        let Some(known) = found.filter(|each| !each.in_use && !each.built_in && each.archived_ms.is_none()) else {
            return false;
        };
        known.archived_ms = Some(now_ms);
        self.history.note(now_ms, Fact::PropertyArchived { name: name.to_owned() });
        true
    }

    pub(super) fn group_list(&self) -> Result<Response, Refusal> {
        Ok(listed(self.catalogue.groups.values().map(Group::body).collect()))
    }

    pub(super) fn group_read(&self, name: &str) -> Result<Response, Refusal> {
        let found = self.catalogue.groups.get(name).ok_or_else(|| Refusal::unknown_definition(name))?;
        Ok(Response::json(200, &found.body()))
    }

    pub(super) fn group_create(&mut self, body: &[u8]) -> Result<Response, Refusal> {
        let draft: GroupDraft = input::read(body)?;
        let name =
            draft.name.filter(|name| well_named(name)).ok_or_else(|| Refusal::validation("Invalid group name"))?;
        if self.catalogue.groups.contains_key(&name) {
            return Err(Refusal::group_exists(&name));
        }
        let label =
            draft.label.filter(|label| !label.is_empty()).ok_or_else(|| Refusal::validation("label is required"))?;
        let next = i64::try_from(self.catalogue.groups.len()).unwrap_or_default();
        let order = draft.display_order.filter(|order| *order >= 0).unwrap_or(next);
        let group = Group { name: name.clone(), label, display_order: order };
        let body = group.body();
        self.catalogue.groups.insert(name, group);
        Ok(Response::json(201, &body))
    }

    pub(super) fn group_update(&mut self, name: &str, body: &[u8]) -> Result<Response, Refusal> {
        let draft: GroupDraft = input::read(body)?;
        let known = self.catalogue.groups.get_mut(name).ok_or_else(|| Refusal::unknown_definition(name))?;
        if let Some(label) = draft.label {
            known.label = label;
        }
        known.display_order = draft.display_order.unwrap_or(known.display_order);
        Ok(Response::json(200, &known.body()))
    }

    pub(super) fn group_archive(&mut self, name: &str) -> Result<Response, Refusal> {
        self.group_read(name)?;
        if self.catalogue.definitions.values().any(|each| each.group == name && each.archived_ms.is_none()) {
            let message = format!("Group {name} cannot be deleted because it has active properties");
            return Err(Refusal::in_use("PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES", message));
        }
        self.catalogue.groups.remove(name);
        Ok(accepted())
    }
}

fn well_named(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn choices(drafts: &[ChoiceDraft]) -> Vec<Choice> {
    let choice = |(place, draft): (i64, &ChoiceDraft)| Choice {
        label: draft.label.clone(),
        value: draft.value.clone(),
        description: draft.description.clone().unwrap_or_default(),
        display_order: draft.display_order.unwrap_or(place),
        hidden: draft.hidden,
    };
    (0..).zip(drafts).map(choice).collect()
}

fn definitions_answer(call: &Call, good: u16, results: Vec<Value>, errors: Vec<Value>) -> Response {
    let now = stamp::iso(call.now_ms);
    let mut body = serde_json::json!({"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now});
    if errors.is_empty() {
        return Response::json(good, &body);
    }
    body["numErrors"] = errors.len().into();
    body["errors"] = errors.into();
    Response::json(207, &body)
}
