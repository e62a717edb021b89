//! The seven properties of a connection and their names in HubSpot.

use crate::ConnectionNumber;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One of the seven things HubSpot shows about a friend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Field {
    /// The LINE user ID.
    UserId,
    /// The display name.
    UserName,
    /// The address of the picture.
    UserPicture,
    /// Does the person follow the account? Yes or No.
    Follow,
    /// When the person was first seen; datetime, sent as milliseconds since 1970.
    SyncDate,
    /// Does the person wait for an answer? Yes or No.
    Unanswered,
    /// The newest message.
    LastResponse,
}

impl Field {
    /// All seven, in the order in which HubSpot shows them.
    pub const ALL: [Self; 7] = [
        Self::UserId,
        Self::UserName,
        Self::UserPicture,
        Self::Follow,
        Self::SyncDate,
        Self::Unanswered,
        Self::LastResponse,
    ];

    const fn stem(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::UserName => "user_name",
            Self::UserPicture => "user_picture",
            Self::Follow => "follow",
            Self::SyncDate => "id_sync_date",
            Self::Unanswered => "unanswered",
            Self::LastResponse => "last_response",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::UserId => "LINE User ID",
            Self::UserName => "LINE User Name",
            Self::UserPicture => "LINE User Picture",
            Self::Follow => "LINE Follow",
            Self::SyncDate => "LINE ID Sync Date",
            Self::Unanswered => "LINE Unanswered",
            Self::LastResponse => "LINE Last Response",
        }
    }
}

/// One field of one connection: what HubSpot calls a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Property {
    /// The connection.
    pub connection: ConnectionNumber,
    /// The field.
    pub field: Field,
}

impl Property {
    /// The label that the team sees, as `LINE Follow _ 1`.
    pub fn label(self) -> String {
        format!("{} _ {}", self.field.title(), self.connection)
    }
}

/// Property values as HubSpot gets them; an empty text is an empty property.
pub type Values = BTreeMap<Property, Box<str>>;

/// The internal names of the properties; their prefix is a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: Box<str>,
}

impl Default for Names {
    fn default() -> Self {
        Self { prefix: "line_".into() }
    }
}

impl Names {
    /// `None` unless the prefix makes names that HubSpot accepts: lower-case letters, digits and underscores, starting with
    /// a letter, at most 60 characters.
    pub fn with_prefix(prefix: &str) -> Option<Self> {
        let starts_well = prefix.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        let spelt_well = prefix.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        (starts_well && spelt_well && prefix.len() <= 60).then(|| Self { prefix: prefix.into() })
    }

    /// The prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The internal name, as `line_follow_1`.
    pub fn name(&self, property: Property) -> String {
        format!("{}{}_{}", self.prefix, property.field.stem(), property.connection)
    }

    /// The property with this internal name, if it is one of ours.
    pub fn property(&self, name: &str) -> Option<Property> {
        let (stem, number) = name.strip_prefix(&*self.prefix)?.rsplit_once('_')?;
        if number.starts_with('0') || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let field = Field::ALL.into_iter().find(|field| field.stem() == stem)?;
        Some(Property { connection: ConnectionNumber::new(number.parse().ok()?)?, field })
    }

    /// The seven properties of a connection with their names.
    pub fn of_connection(&self, connection: ConnectionNumber) -> [(Property, String); 7] {
        Field::ALL.map(|field| {
            let property = Property { connection, field };
            (property, self.name(property))
        })
    }
}
