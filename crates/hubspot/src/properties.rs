//! Bringing the properties of a portal to their definitions.

use crate::classify::Failure;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::problem::Problem;
use crate::transport::Request;
use crate::{Ensured, Error, Group, Priority, PropertyDefinition, Refusal, Standing, batch, wire};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A new property can be read, and written to, after 0.25 to 0.7 s: so often it is looked for …
const LOOKS_MAX: u32 = 10;

/// … and so long between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Properties by internal name, as HubSpot shows them.
type Shown = BTreeMap<String, Value>;

impl Client {
    pub(crate) async fn ensure_group(&self, group: &Group, priority: Priority) -> Result<(), Error> {
        if self.has_group(group, priority).await? {
            return Ok(());
        }
        let body = json!({"name": group.name, "label": group.label});
        let created = self.call(&Request::new(Endpoint::GroupCreate).with(body), priority).await;
        match created.map_err(Error::from) {
            // Somebody else was faster, or the answer was lost: look whether it is there.
            Err(error @ (Error::Rejected(_) | Error::Unknown { .. })) => {
                if self.has_group(group, priority).await? {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            created => created.map(drop),
        }
    }

    async fn has_group(&self, group: &Group, priority: Priority) -> Result<bool, Error> {
        match self.read(&Request::of(Endpoint::GroupRead, &group.name), priority).await {
            Ok(answer) => Ok(answer["archived"] != true),
            Err(Error::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn ensure_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<Vec<(String, Ensured)>, Error> {
        let mut ensured = Vec::with_capacity(definitions.len());
        for definitions in definitions.chunks(batch::INPUTS_MAX) {
            let existing = self.read_properties(&names(definitions), false, priority).await?;
            let missing: Vec<_> =
                definitions.iter().filter(|definition| !existing.contains_key(&definition.name)).cloned().collect();
            let mut added = self.add_properties(&missing, priority).await?;
            for definition in definitions {
                let name = definition.name.clone();
                let end = match (existing.get(&name), added.remove(&name)) {
                    (Some(shown), _) => self.fit(definition, shown, Ensured::Existed, priority).await?,
                    (None, Some(Added::As(end, shown))) => self.fit(definition, &shown, end, priority).await?,
                    (None, Some(Added::Refused(refusal))) => Ensured::Refused(refusal),
                    (None, None) => Ensured::Unseen,
                };
                ensured.push((name, end));
            }
        }
        Ok(ensured)
    }

    pub(crate) async fn inspect_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<Vec<(String, Standing)>, Error> {
        let mut standings = Vec::with_capacity(definitions.len());
        for definitions in definitions.chunks(batch::INPUTS_MAX) {
            let existing = self.read_properties(&names(definitions), false, priority).await?;
            let missing: Vec<_> = names(definitions).into_iter().filter(|name| !existing.contains_key(name)).collect();
            let archived = self.read_properties(&missing, true, priority).await?;
            standings.extend(definitions.iter().map(|definition| {
                let standing = match existing.get(&definition.name) {
                    Some(shown) => standing(definition, shown),
                    None if archived.contains_key(&definition.name) => Standing::Archived,
                    None => Standing::Missing,
                };
                (definition.name.clone(), standing)
            }));
        }
        Ok(standings)
    }

    /// Creates properties, which also brings archived ones back, and looks until they can be read. What is not in the
    /// answer could not be seen in time.
    async fn add_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<BTreeMap<String, Added>, Error> {
        if definitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let archived = self.read_properties(&names(definitions), true, priority).await?;
        let refused = self.create_properties(definitions, priority).await?;
        let mut awaited = names(definitions);
        awaited.retain(|name| refused.get(name).is_none_or(already_exists));
        let shown = self.look_for(&awaited, priority).await?;
        let added = definitions.iter().filter_map(|definition| {
            let name = &definition.name;
            let added = match (shown.get(name), refused.get(name)) {
                (Some(shown), Some(_)) => Added::As(Ensured::Existed, shown.clone()),
                (Some(shown), None) if archived.contains_key(name) => Added::As(Ensured::Restored, shown.clone()),
                (Some(shown), None) => Added::As(Ensured::Created, shown.clone()),
                (None, Some(refusal)) => Added::Refused(refusal.clone()),
                (None, None) => return None,
            };
            Some((name.clone(), added))
        });
        Ok(added.collect())
    }

    /// Gives what HubSpot refused, by name.
    async fn create_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<BTreeMap<String, Refusal>, Error> {
        let inputs: Vec<_> = definitions.iter().map(wire_definition).collect();
        let request = Request::new(Endpoint::PropertyBatchCreate).with(json!({"inputs": inputs}));
        let problems = match self.call(&request, priority).await {
            Ok(answer) => wire::list(&answer["errors"]).iter().map(Problem::read).collect(),
            Err(Failure { error: Error::Rejected(_), problem }) => vec![*problem],
            Err(Failure { error: Error::Unknown { .. }, .. }) => Vec::new(),
            Err(failure) => return Err(failure.error),
        };
        let mut refused = BTreeMap::new();
        for problem in problems {
            // A problem that names no property is that of the whole request.
            let names = if problem.names.is_empty() { names(definitions) } else { problem.names.clone() };
            let refusal = problem.refusal([]);
            refused.extend(names.into_iter().map(|name| (name, refusal.clone())));
        }
        Ok(refused)
    }

    async fn look_for(&self, names: &[String], priority: Priority) -> Result<Shown, Error> {
        for _ in 1..LOOKS_MAX {
            let shown = self.read_properties(names, false, priority).await?;
            if shown.len() == names.len() {
                return Ok(shown);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.read_properties(names, false, priority).await
    }

    async fn read_properties(&self, names: &[String], archived: bool, priority: Priority) -> Result<Shown, Error> {
        if names.is_empty() {
            return Ok(Shown::new());
        }
        let inputs: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        let body = json!({"archived": archived, "dataSensitivity": "non_sensitive", "inputs": inputs});
        let answer = self.read(&Request::new(Endpoint::PropertyBatchRead).with(body), priority).await?;
        let results = wire::list(&answer["results"]).iter();
        let results = results.filter(|result| (result["archived"] == true) == archived);
        Ok(results.filter_map(|result| Some((wire::text(&result["name"])?, result.clone()))).collect())
    }

    /// Adds the options that a property lacks. `fits` is what to say when it lacks none.
    async fn fit(
        &self,
        definition: &PropertyDefinition,
        shown: &Value,
        fits: Ensured,
        priority: Priority,
    ) -> Result<Ensured, Error> {
        if let Some(reason) = conflict(definition, shown) {
            return Ok(Ensured::Conflicting { reason });
        }
        let Some(options) = options_to_write(definition, shown) else { return Ok(fits) };
        let request = Request::of(Endpoint::PropertyUpdate, &definition.name).with(json!({"options": options}));
        match self.call(&request, priority).await {
            Ok(answer) if options_to_write(definition, &answer).is_none() => Ok(Ensured::Repaired),
            Ok(_) => Ok(Ensured::Unseen),
            Err(Failure { error: Error::Rejected(refusal), .. }) => Ok(Ensured::Refused(refusal)),
            Err(failure) => Err(failure.error),
        }
    }
}

/// What became of a property that was to be created.
enum Added {
    As(Ensured, Value),
    Refused(Refusal),
}

fn names(definitions: &[PropertyDefinition]) -> Vec<String> {
    let distinct: BTreeSet<_> = definitions.iter().map(|definition| definition.name.clone()).collect();
    distinct.into_iter().collect()
}

fn already_exists(refusal: &Refusal) -> bool {
    refusal.code.as_deref() == Some("OBJECT_ALREADY_EXISTS")
}

fn wire_definition(definition: &PropertyDefinition) -> Value {
    let options: Vec<_> =
        definition.kind.options().iter().enumerate().map(|(order, value)| option(value, order)).collect();
    json!({
        "name": definition.name,
        "label": definition.label,
        "groupName": definition.group,
        "type": definition.kind.type_name(),
        "fieldType": definition.kind.field_type(),
        "options": options,
        "displayOrder": -1,
        "formField": false,
        "hidden": false,
        "hasUniqueValue": false,
    })
}

fn option(value: &str, order: usize) -> Value {
    json!({"label": value, "value": value, "displayOrder": order, "hidden": false})
}

/// Why a property cannot hold our values, if it cannot.
fn conflict(definition: &PropertyDefinition, shown: &Value) -> Option<String> {
    let PropertyDefinition { name, kind, .. } = definition;
    let (type_name, field_type) = (wire::text(&shown["type"])?, wire::text(&shown["fieldType"]));
    if type_name != kind.type_name() {
        return Some(format!("{name} is of type {type_name} in the portal; Kizuna needs {}", kind.type_name()));
    }
    if let Some(field_type) = field_type.filter(|field_type| !kind.fitting_field_types().contains(&&**field_type)) {
        let fitting = kind.fitting_field_types().join(" or ");
        return Some(format!("{name} is a field of type {field_type} in the portal; Kizuna needs {fitting}"));
    }
    if shown["calculated"] == true || shown["modificationMetadata"]["readOnlyValue"] == true {
        return Some(format!("{name} is read-only in the portal"));
    }
    (shown["hasUniqueValue"] == true).then(|| format!("{name} takes each value only once in the portal"))
}

fn standing(definition: &PropertyDefinition, shown: &Value) -> Standing {
    match conflict(definition, shown) {
        Some(reason) => Standing::Conflicting { reason },
        None if options_to_write(definition, shown).is_some() => Standing::ShortOfOptions,
        None => Standing::Fits,
    }
}

/// All options of a property with those that it lacks; `None` if it lacks none. HubSpot replaces the whole list.
fn options_to_write(definition: &PropertyDefinition, shown: &Value) -> Option<Vec<Value>> {
    let options = wire::list(&shown["options"]);
    let has = |value: &str| options.iter().any(|option| option["value"] == value);
    let lacking: Vec<_> = definition.kind.options().iter().filter(|value| !has(value)).collect();
    if lacking.is_empty() {
        return None;
    }
    let added = lacking.into_iter().enumerate().map(|(place, value)| option(value, options.len() + place));
    Some(options.iter().cloned().chain(added).collect())
}
