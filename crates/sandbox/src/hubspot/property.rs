//! Contact properties: their definitions, and the catalogue a portal has of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::stamp;

/// What a property's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text of at most 65,536 characters.
    String,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Bool,
    /// One of the options; several, separated by `;`, with checkboxes.
    Enumeration,
    /// A day.
    Date,
    /// An instant, echoed as ISO 8601.
    DateTime,
}

impl Kind {
    const ALL: [(Kind, &'static str, &'static [&'static str]); 6] = [
        (Kind::String, "string", &["text", "textarea", "html", "file", "phonenumber", "calculation_equation"]),
        (Kind::Number, "number", &["number", "calculation_equation"]),
        (Kind::Bool, "bool", &["booleancheckbox", "calculation_equation"]),
        (Kind::Enumeration, "enumeration", &["select", "radio", "checkbox", "booleancheckbox", "calculation_equation"]),
        (Kind::Date, "date", &["date"]),
        (Kind::DateTime, "datetime", &["date"]),
    ];

    /// The kind HubSpot calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(kind, _, _)| kind)
    }

    /// HubSpot's name for it.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _, _)| *kind == self).map_or("string", |(_, name, _)| name)
    }

    /// Whether a form field of this type can show it.
    pub fn takes_field(self, field_type: &str) -> bool {
        Self::ALL.into_iter().any(|(kind, _, fields)| kind == self && fields.contains(&field_type))
    }
}

/// One option of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What people see.
    pub label: String,
    /// What is stored.
    pub value: String,
    /// Explanation; may be empty.
    pub description: String,
    /// Place in the list.
    pub display_order: i64,
    /// Not offered in forms.
    pub hidden: bool,
}

/// The definition of one contact property.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Internal name; permanent.
    pub name: Arc<str>,
    /// What people see.
    pub label: String,
    /// Kind of its values.
    pub kind: Kind,
    /// How forms show it.
    pub field_type: String,
    /// Explanation; may be empty.
    pub description: String,
    /// Internal name of its group.
    pub group: String,
    /// Options of an enumeration.
    pub options: Vec<Choice>,
    /// Place in its group; -1 = after the others.
    pub display_order: i64,
    /// No two contacts share a value.
    pub unique: bool,
    /// Not shown to people.
    pub hidden: bool,
    /// Offered in forms.
    pub form_field: bool,
    /// HubSpot's own, not counted against the limit.
    pub built_in: bool,
    /// Written by HubSpot only.
    pub read_only: bool,
    /// Used by a list or workflow, so it cannot be archived.
    pub in_use: bool,
    /// When it was created.
    pub created_ms: i64,
    /// When it was last changed.
    pub updated_ms: i64,
    /// From when on the API knows it: creation takes a moment to spread.
    pub known_from_ms: i64,
    /// When it was archived.
    pub archived_ms: Option<i64>,
}

impl Definition {
    /// The JSON HubSpot answers.
    pub(super) fn body(&self) -> Value {
        let options: Vec<Value> = self
            .options
            .iter()
            .map(|choice| {
                json!({"label": choice.label, "value": choice.value, "description": choice.description,
                       "displayOrder": choice.display_order, "hidden": choice.hidden})
            })
            .collect();
        let mut body = json!({
            "name": &*self.name, "label": self.label, "type": self.kind.name(), "fieldType": self.field_type,
            "description": self.description, "groupName": self.group, "options": options,
            "displayOrder": self.display_order, "calculated": false, "externalOptions": false,
            "hasUniqueValue": self.unique, "hidden": self.hidden,
            "modificationMetadata": {"archivable": !self.built_in, "readOnlyDefinition": self.built_in,
                                     "readOnlyValue": self.read_only},
            "formField": self.form_field, "dataSensitivity": "non_sensitive",
            "createdAt": stamp::iso(self.created_ms), "updatedAt": stamp::iso(self.updated_ms),
            "archived": self.archived_ms.is_some(),
        });
        if self.built_in {
            body["hubspotDefined"] = json!(true);
        }
        if let Some(at_ms) = self.archived_ms {
            body["archivedAt"] = json!(stamp::iso(at_ms));
        }
        body
    }
}

/// A group of properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Internal name.
    pub name: String,
    /// What people see.
    pub label: String,
    /// Place among the groups.
    pub display_order: i64,
}

impl Group {
    /// The JSON HubSpot answers.
    pub(super) fn body(&self) -> Value {
        json!({"name": self.name, "label": self.label, "displayOrder": self.display_order, "archived": false})
    }
}

/// All properties and groups of a portal's contacts.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// By internal name, archived ones too.
    pub(super) definitions: BTreeMap<Arc<str>, Definition>,
    /// By internal name.
    pub(super) groups: BTreeMap<String, Group>,
}

impl Catalogue {
    /// The properties a new portal has.
    pub(super) fn new(created_ms: i64) -> Self {
        let group =
            Group { name: "contactinformation".to_owned(), label: "Contact information".to_owned(), display_order: 0 };
        let definitions =
            BUILT_IN.iter().map(|row| built_in(row, created_ms)).map(|each| (each.name.clone(), each)).collect();
        Self { definitions, groups: BTreeMap::from([(group.name.clone(), group)]) }
    }

    /// The definition of a property in use that the API knows at `now_ms`.
    pub(super) fn active(&self, name: &str, now_ms: i64) -> Option<&Definition> {
        self.definitions.get(name).filter(|each| each.archived_ms.is_none() && each.known_from_ms <= now_ms)
    }

    /// Custom properties in use.
    pub fn custom(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values().filter(|each| !each.built_in && each.archived_ms.is_none())
    }

    /// Properties and groups by name, for looking at from outside.
    pub fn get(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }
}

/// Name, label, kind, form field, read-only.
type Row = (&'static str, &'static str, Kind, &'static str, bool);

const BUILT_IN: &[Row] = &[
    ("email", "Email", Kind::String, "text", false),
    ("firstname", "First Name", Kind::String, "text", false),
    ("lastname", "Last Name", Kind::String, "text", false),
    ("phone", "Phone Number", Kind::String, "phonenumber", false),
    ("mobilephone", "Mobile Phone Number", Kind::String, "phonenumber", false),
    ("company", "Company Name", Kind::String, "text", false),
    ("jobtitle", "Job Title", Kind::String, "text", false),
    ("address", "Street Address", Kind::String, "text", false),
    ("city", "City", Kind::String, "text", false),
    ("state", "State/Region", Kind::String, "text", false),
    ("zip", "Postal Code", Kind::String, "text", false),
    ("country", "Country/Region", Kind::String, "text", false),
    ("website", "Website URL", Kind::String, "text", false),
    ("date_of_birth", "Date of birth", Kind::Date, "date", false),
    ("lifecyclestage", "Lifecycle Stage", Kind::Enumeration, "radio", false),
    ("createdate", "Create Date", Kind::DateTime, "date", true),
    ("lastmodifieddate", "Last Modified Date", Kind::DateTime, "date", true),
    ("hs_object_id", "Record ID", Kind::Number, "number", true),
    ("hs_additional_emails", "Additional email addresses", Kind::Enumeration, "checkbox", true),
    ("hs_all_contact_vids", "All vids for a contact", Kind::Enumeration, "checkbox", true),
    ("hs_merged_object_ids", "Merged record IDs", Kind::Enumeration, "checkbox", true),
    ("hs_calculated_merged_vids", "Merged vids with timestamps of a contact", Kind::Enumeration, "checkbox", true),
    ("hs_email_domain", "Email Domain", Kind::String, "text", true),
    ("hs_is_contact", "Is a contact", Kind::Bool, "booleancheckbox", true),
    ("hs_is_unworked", "Contact unworked", Kind::Bool, "booleancheckbox", true),
    ("hs_lifecyclestage_lead_date", "Became a Lead Date", Kind::DateTime, "date", true),
    ("hs_object_source", "Record source", Kind::String, "text", true),
    ("hs_object_source_id", "Record source ID", Kind::String, "text", true),
    ("hs_object_source_label", "Record source label", Kind::String, "text", true),
    ("hs_pipeline", "Pipeline", Kind::String, "text", true),
];

const STAGES: &[&str] = &[
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
];

fn built_in(&(name, label, kind, field_type, read_only): &Row, created_ms: i64) -> Definition {
    let stages = if name == "lifecyclestage" { STAGES } else { &[] };
    let choice = |(order, stage): (i64, &&str)| Choice {
        label: (*stage).to_owned(),
        value: (*stage).to_owned(),
        description: String::new(),
        display_order: order,
        hidden: false,
    };
    Definition {
        name: Arc::from(name),
        label: label.to_owned(),
        kind,
        field_type: field_type.to_owned(),
        description: String::new(),
        group: "contactinformation".to_owned(),
        options: (0..).zip(stages).map(choice).collect(),
        display_order: -1,
        unique: name == "email",
        hidden: false,
        form_field: !read_only,
        built_in: true,
        read_only,
        in_use: true,
        created_ms,
        updated_ms: created_ms,
        known_from_ms: created_ms,
        archived_ms: None,
    }
}
