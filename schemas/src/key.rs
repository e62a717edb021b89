//! The keys of the log's records. Compaction keeps the newest record of a key; the leading part chooses the partition.
//!
//! Parts are joined by `/`. A slash or percent sign inside a part is written `%2F` or `%25`, so that different parts never
//! give the same key.

use crate::record::HubspotEvent;

/// Of a LINE event: `{userId}/{connection}/{webhookEventId}`. Events without a user are spread by their event ID, which then
/// stands in the user's place.
pub fn line_event(user_or_event: &str, connection: u32, event_id: &str) -> Vec<u8> {
    join(&[user_or_event, &connection.to_string(), event_id])
}

/// The parts of a key of [`line_event`]: user or event ID, connection, event ID, as they stand in it.
pub fn read_line_event(key: &[u8]) -> Option<(&str, u32, &str)> {
    let mut parts = std::str::from_utf8(key).ok()?.splitn(3, '/');
    Some((parts.next()?, parts.next()?.parse().ok()?, parts.next()?))
}

/// Of a profile look-up: `{userId}/{connection}`.
pub fn line_profile(user: &str, connection: u32) -> Vec<u8> {
    join(&[user, &connection.to_string()])
}

/// Of what HubSpot confirmed about a user's contact: `{userId}`.
pub fn hubspot_contact(user: &str) -> Vec<u8> {
    join(&[user])
}

/// Of the erasure of a person among the answers about contacts: `{userId}/erased`. Its own key, because what HubSpot answers
/// about a later contact must not make compaction forget it.
pub fn erasure(user: &str) -> Vec<u8> {
    join(&[user, "erased"])
}

/// Of a message to send: `{userId}/{commandId}`.
pub fn outbox(user: &str, command: &str) -> Vec<u8> {
    join(&[user, command])
}

/// Of how sending ended: the key of the message.
pub fn sent(user: &str, command: &str) -> Vec<u8> {
    outbox(user, command)
}

/// Of a HubSpot event: `{portal}/{object}/{eventId}/{subscriptionType}/{occurredAt}`. HubSpot's event ID alone is not unique.
pub fn hubspot_event(event: &HubspotEvent) -> Vec<u8> {
    let (portal, object) = (event.portal_id.to_string(), event.object_id.to_string());
    join(&[&portal, &object, &event.event_id, &event.subscription_type, &event.occurred_at_ms.to_string()])
}

/// Of a connection's definition: `{number}`.
pub fn connection(number: u32) -> Vec<u8> {
    join(&[&number.to_string()])
}

/// Of a connection's removal: `{number}/removed`. Its own key, because removal is final and a later definition must not
/// make compaction forget it.
pub fn removal(number: u32) -> Vec<u8> {
    join(&[&number.to_string(), "removed"])
}

/// Of a claim of a connection number: `claim/{id}`.
pub fn claim(id: &str) -> Vec<u8> {
    join(&["claim", id])
}

/// Of a dead letter: `{topic}/{source key}`. What fails again replaces what failed before.
pub fn dead_letter(topic: &str, source_key: &[u8]) -> Vec<u8> {
    let mut key = join(&[topic, ""]);
    key.extend_from_slice(source_key);
    key
}

fn join(parts: &[&str]) -> Vec<u8> {
    let mut key = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            key.push(b'/');
        }
        let mut ahead = *part;
        while let Some((plain, rest)) = ahead.split_once(['/', '%']) {
            key.extend_from_slice(plain.as_bytes());
            key.extend_from_slice(if ahead.as_bytes()[plain.len()] == b'/' { b"%2F" } else { b"%25" });
            ahead = rest;
        }
        key.extend_from_slice(ahead.as_bytes());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_event_is_keyed_by_user_connection_and_event() {
        assert_eq!(line_event("U1", 3, "01H"), b"U1/3/01H");
    }

    #[test]
    fn the_key_of_a_line_event_is_read_back() {
        assert_eq!(read_line_event(&line_event("U1", 3, "01H")), Some(("U1", 3, "01H")));
        for other in [&b"U1/3"[..], b"U1/x/01H", b"\xff/3/01H"] {
            assert_eq!(read_line_event(other), None);
        }
    }

    #[test]
    fn removal_has_a_key_of_its_own() {
        assert_eq!(connection(7), b"7");
        assert_eq!(removal(7), b"7/removed");
        assert_eq!(claim("x"), b"claim/x");
    }

    #[test]
    fn an_erasure_has_a_key_of_its_own() {
        assert_eq!(hubspot_contact("U1"), b"U1");
        assert_eq!(erasure("U1"), b"U1/erased");
    }

    #[test]
    fn a_dead_letter_keeps_its_source_key() {
        assert_eq!(dead_letter("line.events", b"U1/3/01H"), b"line.events/U1/3/01H");
    }

    proptest! {
        #[test]
        fn different_parts_give_different_keys(a: (String, u32, String), b: (String, u32, String)) {
            let same = line_event(&a.0, a.1, &a.2) == line_event(&b.0, b.1, &b.2);
            prop_assert_eq!(same, a == b);
        }

        #[test]
        fn no_part_leaks_into_its_neighbour(user in "[a/%]{0,4}", event in "[a/%]{0,4}") {
            let key = line_event(&user, 1, &event);
            prop_assert_eq!(key.iter().filter(|byte| **byte == b'/').count(), 2);
        }
    }
}
