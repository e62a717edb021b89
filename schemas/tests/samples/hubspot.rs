//! Contacts and webhook events of HubSpot.

use super::{CONTACT, NOON_MS, Sampled, USER, bytes, map};
use proptest::prelude::*;
use schemas::{Codec, ContactLink, Error, HubspotContact, HubspotEvent};
use std::collections::{BTreeMap, BTreeSet};

impl Sampled for HubspotContact {
    const FOLDER: &'static str = "hubspot_contact";

    fn samples() -> Vec<(&'static str, Self)> {
        let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let live = Self {
            user_id: USER.into(),
            revision: 7,
            observed_at_ms: NOON_MS,
            link: ContactLink::Live { contact_id: CONTACT },
            values: [value("line_follow_1", "Yes"), value("line_user_name_1", "山田 太郎")].into(),
            refused: Some([value("line_user_picture_1", "")].into()),
            reason: Some("INVALID_URL".into()),
            covers_ms: Some(NOON_MS - 60_000),
            in_doubt: ["line_last_response_1".into(), "line_unanswered_1".into()].into(),
        };
        let with_link = |link| Self {
            link,
            values: BTreeMap::new(),
            refused: None,
            reason: None,
            covers_ms: None,
            in_doubt: BTreeSet::new(),
            ..live.clone()
        };
        vec![
            ("unknown", with_link(ContactLink::Unknown)),
            ("gone", with_link(ContactLink::Gone { contact_id: CONTACT, since_ms: NOON_MS })),
            ("erased", with_link(ContactLink::Erased { since_ms: NOON_MS })),
            ("merged", with_link(ContactLink::Merged { into: CONTACT })),
            ("live", live),
        ]
    }

    fn any() -> BoxedStrategy<Self> {
        let link = prop_oneof![
            Just(ContactLink::Unknown),
            any::<u64>().prop_map(|contact_id| ContactLink::Live { contact_id }),
            any::<(u64, i64)>().prop_map(|(contact_id, since_ms)| ContactLink::Gone { contact_id, since_ms }),
            any::<i64>().prop_map(|since_ms| ContactLink::Erased { since_ms }),
            any::<u64>().prop_map(|into| ContactLink::Merged { into }),
        ];
        (
            any::<(String, u64, i64, Option<String>, Option<i64>, BTreeSet<String>)>(),
            link,
            map(),
            prop::option::of(map()),
        )
            .prop_map(|((user_id, revision, observed_at_ms, reason, covers_ms, in_doubt), link, values, refused)| {
                Self { user_id, revision, observed_at_ms, link, values, refused, reason, covers_ms, in_doubt }
            })
            .boxed()
    }

    fn read(codec: &Codec, bytes: &[u8]) -> Result<Self, Error> {
        codec.decode(bytes)
    }

    fn read_written_with(schema: &serde_avro_fast::Schema, body: &[u8]) -> Self {
        serde_avro_fast::from_datum_slice(body, schema).unwrap()
    }
}

impl Sampled for HubspotEvent {
    const FOLDER: &'static str = "hubspot_event";

    fn samples() -> Vec<(&'static str, Self)> {
        let deletion = Self {
            portal_id: 62_515,
            object_id: 51_234_567_890,
            event_id: "3816279480".into(),
            subscription_type: "contact.deletion".into(),
            occurred_at_ms: NOON_MS,
            received_at_ms: NOON_MS + 900,
            raw: br#"{"eventId":3816279480,"objectId":51234567890}"#.into(),
        };
        vec![("deletion", deletion)]
    }

    fn any() -> BoxedStrategy<Self> {
        (any::<(i64, i64, String, String, i64, i64)>(), bytes())
            .prop_map(|((portal_id, object_id, event_id, subscription_type, occurred_at_ms, received_at_ms), raw)| {
                Self { portal_id, object_id, event_id, subscription_type, occurred_at_ms, received_at_ms, raw }
            })
            .boxed()
    }

    fn read(codec: &Codec, bytes: &[u8]) -> Result<Self, Error> {
        codec.decode(bytes)
    }

    fn read_written_with(schema: &serde_avro_fast::Schema, body: &[u8]) -> Self {
        serde_avro_fast::from_datum_slice(body, schema).unwrap()
    }
}
