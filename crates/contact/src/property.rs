//! The seven properties of a connection and their names in HubSpot.

use crate::{ConnectionNumber, UserId};
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

/// Are the properties of this connection another LINE user's, on a contact that shows these values?
///
/// Somebody merged the contacts of two people. Whom it shows to a connection has that connection's properties.
pub fn is_anothers(values: &Values, user: UserId, connection: ConnectionNumber) -> bool {
    let shown = values.get(&Property { connection, field: Field::UserId }).and_then(|id| UserId::parse(id));
    shown.is_some_and(|shown| shown != user)
}

/// Bytes of memory that values own, about.
pub fn weight(values: &Values) -> usize {
    let fixed = values.len().saturating_mul(size_of::<(Property, Box<str>)>());
    values.values().map(|value| value.len()).fold(fixed, usize::saturating_add)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn property(field: Field, number: u32) -> Property {
        Property { connection: ConnectionNumber::new(number).expect("not 0"), field }
    }

    #[test]
    fn labels_and_internal_names_carry_the_connection_number() {
        for (field, label, name) in [
            (Field::UserId, "LINE User ID _ 1", "line_user_id_1"),
            (Field::UserName, "LINE User Name _ 1", "line_user_name_1"),
            (Field::UserPicture, "LINE User Picture _ 1", "line_user_picture_1"),
            (Field::Follow, "LINE Follow _ 1", "line_follow_1"),
            (Field::SyncDate, "LINE ID Sync Date _ 1", "line_id_sync_date_1"),
            (Field::Unanswered, "LINE Unanswered _ 1", "line_unanswered_1"),
            (Field::LastResponse, "LINE Last Response _ 1", "line_last_response_1"),
        ] {
            assert_eq!(property(field, 1).label(), label);
            assert_eq!(Names::default().name(property(field, 1)), name);
            assert_eq!(property(field, 23).label(), label.replace('1', "23"));
            assert_eq!(Names::default().name(property(field, 23)), name.replace('1', "23"));
        }
    }

    #[test]
    fn a_connection_has_seven_properties() {
        let connection = ConnectionNumber::new(3).expect("not 0");
        let names = Names::default().of_connection(connection);
        assert!(names.iter().all(|(property, name)| {
            property.connection == connection && Names::default().property(name) == Some(*property)
        }));
        assert_eq!(names.map(|(property, _)| property.field), Field::ALL);
    }

    #[test]
    fn the_prefix_is_a_setting() {
        let names = Names::with_prefix("kizuna_").expect("well spelt");
        assert_eq!(names.prefix(), "kizuna_");
        assert_eq!(names.name(property(Field::Follow, 2)), "kizuna_follow_2");
        assert_eq!(names.property("line_follow_2"), None);
        assert_eq!(names.property("kizuna_follow_2"), Some(property(Field::Follow, 2)));
    }

    #[test]
    fn a_prefix_that_hubspot_would_refuse_is_refused() {
        let longest = "a".repeat(60);
        assert!(Names::with_prefix(&longest).is_some());
        for bad in ["", "_line", "1line", "Line", "line-", "line ", "ライン", &format!("{longest}a")] {
            assert_eq!(Names::with_prefix(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_of_others_are_not_ours() {
        for name in [
            "",
            "line_",
            "line_follow",
            "line_follow_",
            "line_follow_0",
            "line_follow_01",
            "line_follow_+1",
            "line_follow_-1",
            "line_follow_4294967296",
            "line_follow_1_1",
            "line_follower_1",
            "Line_follow_1",
            "xline_follow_1",
            "email",
        ] {
            assert_eq!(Names::default().property(name), None, "{name}");
        }
    }

    fn thorough() -> ProptestConfig {
        let config = ProptestConfig::default();
        ProptestConfig { cases: config.cases.max(1_000), ..config }
    }

    proptest! {
        #![proptest_config(thorough())]

        #[test]
        fn a_name_leads_back_to_its_property(
            prefix in "[a-z][a-z0-9_]{0,59}",
            number in 1..=u32::MAX,
            field in 0..Field::ALL.len(),
        ) {
            let names = Names::with_prefix(&prefix).expect("well spelt");
            let property = property(Field::ALL[field], number);
            let name = names.name(property);
            prop_assert_eq!(names.property(&name), Some(property));
            prop_assert!(name.len() <= 100, "HubSpot takes names of 100 characters");
        }

        #[test]
        fn any_text_is_read_as_at_most_one_property(name in "(line_)?[a-z_]{0,14}(_[0-9+-]{0,11})?") {
            if let Some(property) = Names::default().property(&name) {
                prop_assert_eq!(Names::default().name(property), name);
            }
        }
    }
}
