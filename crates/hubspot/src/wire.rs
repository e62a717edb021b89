//! HubSpot's JSON, read with patience: every field may be missing or of another type than promised.

use crate::{Contact, definition};
use contact::{ContactId, Names};
use serde_json::Value;

/// A text, also where HubSpot writes a number or a truth value.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The texts of a list, or the one text that stands in place of a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(text).collect(),
        other => text(other).into_iter().collect(),
    }
}

/// The elements of a list; none if it is not a list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A number, also where HubSpot writes it as a text.
pub(crate) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A record ID.
pub(crate) fn contact_id(value: &Value) -> Option<ContactId> {
    text(value)?.trim().parse().ok()
}

/// An ISO 8601 time, or milliseconds, as milliseconds since 1970.
pub(crate) fn time_ms(value: &Value) -> Option<i64> {
    number(value).or_else(|| Some(value.as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond()))
}

/// A contact with those of its properties that `wanted` names; `None` without an ID.
pub(crate) fn contact(value: &Value, names: &Names, wanted: impl Fn(&str) -> bool) -> Option<Contact> {
    let properties = value["properties"].as_object().into_iter().flatten();
    let properties = properties.filter(|(name, _)| wanted(name)).filter_map(|(name, value)| {
        let text = property_value(names, name, value)?;
        Some((name.clone(), text))
    });
    Some(Contact {
        id: contact_id(&value["id"])?,
        properties: properties.collect(),
        archived_at_ms: time_ms(&value["archivedAt"]),
        created_at_ms: time_ms(&value["createdAt"]),
    })
}

/// Datetimes of ours become milliseconds again: written so, they are read back as ISO 8601.
fn property_value(names: &Names, name: &str, value: &Value) -> Option<String> {
    let text = text(value).filter(|text| !text.is_empty())?;
    if !definition::is_datetime(names, name) {
        return Some(text);
    }
    Some(time_ms(value).map_or(text, |ms| ms.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Contact {
        contact(value, &Names::default(), |name| name.starts_with("line_")).unwrap()
    }

    #[test]
    fn our_datetimes_are_read_back_as_milliseconds_and_no_other_text_is_touched() {
        let contact = read(&json!({"id": "1", "properties": {
            "line_id_sync_date_1": "2026-10-20T01:02:03.632Z",
            "line_id_sync_date_2": "1792458123632",
            "line_last_response_1": "2026-10-20T01:02:03.632Z",
        }}));
        assert_eq!(contact.properties["line_id_sync_date_1"], "1792458123632");
        assert_eq!(contact.properties["line_id_sync_date_2"], "1792458123632");
        assert_eq!(contact.properties["line_last_response_1"], "2026-10-20T01:02:03.632Z");
    }

    #[test]
    fn a_property_without_a_value_or_not_asked_for_is_left_out() {
        let contact = read(&json!({"id": "1", "properties": {
            "line_follow_1": null, "line_user_name_1": "", "line_user_id_1": "U1", "firstname": "Taro",
        }}));
        assert_eq!(contact.properties.keys().collect::<Vec<_>>(), ["line_user_id_1"]);
    }

    #[test]
    fn an_id_is_read_as_text_and_as_number_beyond_32_bits() {
        assert_eq!(read(&json!({"id": "171596044869"})).id, ContactId(171_596_044_869));
        assert_eq!(read(&json!({"id": 171_596_044_869_u64})).id, ContactId(171_596_044_869));
        assert_eq!(contact(&json!({"id": "abc"}), &Names::default(), |_| true), None);
    }

    #[test]
    fn times_of_deletion_and_creation_are_milliseconds() {
        let contact = read(&json!({"id": "1", "archived": true, "createdAt": "2026-10-20T01:02:03.632Z",
            "archivedAt": "2026-10-20T01:02:04Z"}));
        assert_eq!((contact.created_at_ms, contact.archived_at_ms), (Some(1_792_458_123_632), Some(1_792_458_124_000)));
    }
}
