//! The property group and the seven properties of a connection, as HubSpot is told to define them.

use crate::Refusal;
use contact::{ConnectionNumber, Field, Names};

/// A group of properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Internal name.
    pub name: String,
    /// What the team sees.
    pub label: String,
}

impl Group {
    /// The group that all properties of Kizuna stand in.
    pub fn line() -> Self {
        Self { name: "line_integration".into(), label: "LINE".into() }
    }
}

/// A contact property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyDefinition {
    /// Internal name: lower-case letters, digits and underscores; permanent.
    pub name: String,
    /// What the team sees, and may change.
    pub label: String,
    /// Internal name of its group.
    pub group: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a property holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line of text.
    Text,
    /// Several lines of text.
    LongText,
    /// `Yes` or `No`, literally.
    YesNo,
    /// A point in time.
    DateTime,
}

impl Kind {
    /// HubSpot's `type`.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Text | Self::LongText => "string",
            Self::YesNo => "enumeration",
            Self::DateTime => "datetime",
        }
    }

    /// HubSpot's `fieldType`.
    pub const fn field_type(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "textarea",
            Self::YesNo => "select",
            Self::DateTime => "date",
        }
    }

    /// Every `fieldType` in which the values stay what they are: a team may well turn a line into a field of several.
    pub const fn fitting_field_types(self) -> &'static [&'static str] {
        match self {
            Self::Text | Self::LongText => &["text", "textarea"],
            Self::YesNo => &["select", "radio"],
            Self::DateTime => &["date"],
        }
    }

    /// The option values it needs.
    pub const fn options(self) -> &'static [&'static str] {
        match self {
            Self::YesNo => &["Yes", "No"],
            Self::Text | Self::LongText | Self::DateTime => &[],
        }
    }
}

/// The seven properties of a connection, in the order in which HubSpot shows them.
pub fn of_connection(names: &Names, connection: ConnectionNumber) -> Vec<PropertyDefinition> {
    let group = Group::line().name;
    let define = |(property, name): (contact::Property, String)| PropertyDefinition {
        name,
        label: property.label(),
        group: group.clone(),
        kind: kind(property.field),
    };
    names.of_connection(connection).into_iter().map(define).collect()
}

/// What a field is for HubSpot.
pub const fn kind(field: Field) -> Kind {
    match field {
        Field::UserId | Field::UserName | Field::UserPicture => Kind::Text,
        Field::LastResponse => Kind::LongText,
        Field::Follow | Field::Unanswered => Kind::YesNo,
        Field::SyncDate => Kind::DateTime,
    }
}

/// Is this the internal name of a datetime of ours? HubSpot reads those back in another form than they were written.
pub fn is_datetime(names: &Names, name: &str) -> bool {
    names.property(name).is_some_and(|property| kind(property.field) == Kind::DateTime)
}

/// What became of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// It was not there and was created: no contact has a value yet.
    Created,
    /// It was archived and was brought back; contacts may have old values.
    Restored,
    /// It was there and fits; contacts may have values.
    Existed,
    /// It was there without the options it needs; they were added.
    Repaired,
    /// A property of this name is something else, as the reason says. Only a person can decide which of the two to
    /// keep.
    Conflicting {
        /// What differs.
        reason: String,
    },
    /// HubSpot refuses to create or change it.
    Refused(Refusal),
    /// HubSpot took it, but did not show it within the time waited. Ask again.
    Unseen,
}

impl Ensured {
    /// Can values be written to it now?
    pub const fn is_usable(&self) -> bool {
        matches!(self, Self::Created | Self::Restored | Self::Existed | Self::Repaired)
    }
}

/// How a property of a portal stands to its definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can hold our values.
    Fits,
    /// The portal does not have it.
    Missing,
    /// Somebody archived it.
    Archived,
    /// Somebody removed options that it needs.
    ShortOfOptions,
    /// It is something else, as the reason says.
    Conflicting {
        /// What differs.
        reason: String,
    },
}

impl Standing {
    /// What differs, where it is something else.
    pub fn conflict(&self) -> Option<&str> {
        match self {
            Self::Conflicting { reason } => Some(reason),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_connection_has_the_seven_properties_of_the_design() {
        let definitions = of_connection(&Names::default(), ConnectionNumber::new(3).unwrap());
        let rows: Vec<_> = definitions
            .iter()
            .map(|d| (&*d.label, &*d.name, d.kind.type_name(), d.kind.field_type(), d.kind.options()))
            .collect();
        let none: &[&str] = &[];
        let yes_no: &[&str] = &["Yes", "No"];
        assert_eq!(
            rows,
            [
                ("LINE User ID _ 3", "line_user_id_3", "string", "text", none),
                ("LINE User Name _ 3", "line_user_name_3", "string", "text", none),
                ("LINE User Picture _ 3", "line_user_picture_3", "string", "text", none),
                ("LINE Follow _ 3", "line_follow_3", "enumeration", "select", yes_no),
                ("LINE ID Sync Date _ 3", "line_id_sync_date_3", "datetime", "date", none),
                ("LINE Unanswered _ 3", "line_unanswered_3", "enumeration", "select", yes_no),
                ("LINE Last Response _ 3", "line_last_response_3", "string", "textarea", none),
            ]
        );
        assert!(definitions.iter().all(|d| d.group == "line_integration"));
    }

    #[test]
    fn only_the_sync_date_is_a_datetime() {
        let names = Names::default();
        assert!(is_datetime(&names, "line_id_sync_date_12"));
        assert!(!is_datetime(&names, "line_last_response_12"));
        assert!(!is_datetime(&names, "closedate"));
    }
}
