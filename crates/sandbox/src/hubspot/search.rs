//! Search: filters over what the index knows, which is a few seconds old.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::contact::Contact;
use super::input::{self, Scalar};
use super::portal::Portal;
use super::property::Kind;
use super::refusal::{Flaw, Refusal};
use super::view::{Shown, View};
use crate::exchange::Response;
use crate::stamp;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Query {
    filter_groups: Vec<Group>,
    /// A single group may be written without its list.
    filters: Vec<Filter>,
    sorts: Vec<Sort>,
    query: Option<String>,
    properties: Vec<String>,
    limit: Option<usize>,
    after: Option<Scalar>,
}

#[derive(Clone, Deserialize)]
struct Group {
    filters: Vec<Filter>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    property_name: String,
    operator: Operator,
    #[serde(default)]
    value: Scalar,
    #[serde(default)]
    high_value: Scalar,
    #[serde(default)]
    values: Vec<Scalar>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    Between,
    In,
    NotIn,
    HasProperty,
    NotHasProperty,
    ContainsToken,
    NotContainsToken,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Sort {
    Rule {
        #[serde(rename = "propertyName")]
        property: String,
        #[serde(default)]
        direction: Option<String>,
    },
    Name(String),
}

impl Portal {
    /// `POST …/search`.
    pub(super) fn search(&mut self, call: &Call, body: &[u8]) -> Result<Response, Refusal> {
        if String::from_utf8_lossy(body).chars().count() > 3_000 {
            return Err(Refusal::validation("The request body of a search must not be longer than 3000 characters"));
        }
        let query: Query = input::read(body)?;
        let (limit, after) = self.refuse_unsearchable(call, &query)?;
        self.index.settle(call.now_ms);
        let found = self.found(call, &query);
        let shown = Shown::asked(&query.properties, &self.catalogue, call.now_ms);
        let page = found.iter().skip(after).take(limit);
        let results: Vec<View<'_>> = page.map(|each| View::new(each, &shown, self.settings.portal_id)).collect();
        let mut body = json!({"total": found.len(), "results": results});
        let end = after + limit;
        if end < found.len() {
            body["paging"] = json!({"next": {"after": end.to_string()}});
        }
        Ok(Response::json(200, &body))
    }

    fn refuse_unsearchable(&self, call: &Call, query: &Query) -> Result<(usize, usize), Refusal> {
        let limit = query.limit.unwrap_or(10);
        if limit > 200 {
            return Err(Refusal::validation("The limit of a search is 200"));
        }
        let after = match query.after.as_ref().map(|after| after.0.as_str()) {
            None | Some("") => 0,
            Some(text) => text.parse().map_err(|_| Refusal::validation("after must be an integer"))?,
        };
        if after + limit > 10_000 {
            return Err(Refusal::validation("Paging past 10000 results is not supported"));
        }
        let filters = || query.groups().flatten();
        if query.filter_groups.len() > 5 || query.groups().any(|group| group.len() > 6) || filters().count() > 18 {
            return Err(Refusal::validation("A search has at most 5 filter groups of 6 filters, 18 filters in all"));
        }
        let sorted = query.sorts.iter().map(|sort| match sort {
            Sort::Rule { property, .. } => property,
            Sort::Name(name) => name,
        });
        let named = filters().map(|filter| &filter.property_name).chain(sorted);
        let unknown: Vec<Flaw> = named
            .filter(|name| self.catalogue.active(name, call.now_ms).is_none())
            .map(|name| Flaw::unknown_property(name))
            .collect();
        if unknown.is_empty() { Ok((limit, after)) } else { Err(Refusal::invalid(&unknown, self.settings.portal_id)) }
    }

    fn found(&mut self, call: &Call, query: &Query) -> Vec<Arc<Contact>> {
        let mut found: Vec<Arc<Contact>> = Vec::new();
        if query.groups().next().is_none() {
            found.extend(self.index.all().cloned());
        }
        for group in query.groups() {
            found.extend(
                self.candidates(group)
                    .into_iter()
                    .filter(|each| group.iter().all(|filter| self.holds(call, filter, each))),
            );
        }
        found.sort_unstable_by_key(|contact| contact.id);
        found.dedup_by_key(|contact| contact.id);
        // Search never answers with what is archived or erased by now.
        found.retain(|contact| self.contacts.live(contact.id).is_some());
        if let Some(text) = query.query.as_ref().map(|text| text.to_lowercase()).filter(|text| !text.is_empty()) {
            let searched = ["email", "firstname", "lastname", "phone", "company", "hs_additional_emails"];
            let mentions =
                |contact: &Contact, name| contact.value(name).is_some_and(|value| value.to_lowercase().contains(&text));
            found.retain(|contact| searched.iter().any(|name| mentions(contact, name)));
        }
        if let Some(sort) = query.sorts.first() {
            let (name, descending) = match sort {
                Sort::Rule { property, direction } => (property.as_str(), direction.as_deref() == Some("DESCENDING")),
                Sort::Name(name) => (name.trim_start_matches('-'), name.starts_with('-')),
            };
            found.sort_by(|one, other| {
                let order =
                    compare(one.value(name).as_deref().unwrap_or(""), other.value(name).as_deref().unwrap_or(""));
                if descending { order.reverse() } else { order }
            });
        }
        found
    }

    /// The contacts among which a group can find anything: by index where a filter names values.
    fn candidates(&mut self, group: &[Filter]) -> Vec<Arc<Contact>> {
        for filter in group {
            let values: Vec<String> = match filter.operator {
                Operator::Eq => vec![filter.value.0.to_lowercase()],
                Operator::In => filter.values.iter().map(|value| value.0.to_lowercase()).collect(),
                _ => continue,
            };
            // Instants are compared as such, whatever way they are written.
            if values.iter().all(|value| stamp::instant_ms(value).is_none()) {
                return self.index.with_any(&filter.property_name, &values);
            }
        }
        self.index.all().cloned().collect()
    }

    fn holds(&self, call: &Call, filter: &Filter, contact: &Contact) -> bool {
        let value = contact.value(&filter.property_name);
        let exact = self
            .catalogue
            .active(&filter.property_name, call.now_ms)
            .is_some_and(|each| each.kind == Kind::Enumeration);
        let equal = |value: &str, wanted: &str| {
            if exact { value == wanted } else { compare(&value.to_lowercase(), &wanted.to_lowercase()).is_eq() }
        };
        // Texts are indexed in lower case, and IN compares them with the values as they were sent.
        let listed = |value: &str| {
            filter.values.iter().any(|wanted| if exact { value == wanted.0 } else { value.to_lowercase() == wanted.0 })
        };
        let token = |value: &str| {
            let wanted = filter.value.0.to_lowercase();
            let wanted = wanted.trim_matches('*');
            value
                .to_lowercase()
                .split(|each: char| !each.is_alphanumeric() && each != '_')
                .any(|token| token.contains(wanted))
        };
        let relation = |wanted: &Scalar| value.as_ref().map(|value| compare(value, &wanted.0));
        match filter.operator {
            Operator::Eq => value.is_some_and(|value| equal(&value, &filter.value.0)),
            Operator::Neq => value.is_none_or(|value| !equal(&value, &filter.value.0)),
            Operator::Lt => relation(&filter.value).is_some_and(Ordering::is_lt),
            Operator::Lte => relation(&filter.value).is_some_and(Ordering::is_le),
            Operator::Gt => relation(&filter.value).is_some_and(Ordering::is_gt),
            Operator::Gte => relation(&filter.value).is_some_and(Ordering::is_ge),
            Operator::Between => {
                relation(&filter.value).is_some_and(Ordering::is_ge)
                    && relation(&filter.high_value).is_some_and(Ordering::is_le)
            }
            Operator::In => value.is_some_and(|value| listed(&value)),
            Operator::NotIn => value.is_none_or(|value| !listed(&value)),
            Operator::HasProperty => value.is_some(),
            Operator::NotHasProperty => value.is_none(),
            Operator::ContainsToken => value.is_some_and(|value| token(&value)),
            Operator::NotContainsToken => value.is_none_or(|value| !token(&value)),
        }
    }
}

impl Query {
    fn groups(&self) -> impl Iterator<Item = &Vec<Filter>> {
        let single = (!self.filters.is_empty()).then_some(&self.filters);
        self.filter_groups.iter().map(|group| &group.filters).chain(single)
    }
}

/// Instants by time, numbers by size, everything else as text.
fn compare(one: &str, other: &str) -> Ordering {
    if let (Ok(one), Ok(other)) = (one.parse::<f64>(), other.parse::<f64>()) {
        return one.total_cmp(&other);
    }
    match (stamp::instant_ms(one), stamp::instant_ms(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}
