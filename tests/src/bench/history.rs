//! Friends of an account and what they did, as LINE would tell it: the same for the same numbers.

use contact::UserId;
use eventlog::{Log, NewRecord, Topic};
use schemas::{Codec, LineEvent};

/// When the first of them did something. Milliseconds.
const BEGAN_MS: i64 = 1_780_000_000_000;
/// Records in one append.
const APPEND_MAX: usize = 2_000;
/// Crockford's digits, of which LINE's event IDs are made.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// One event of a friend.
pub struct Event {
    /// LINE's ID of it.
    pub id: String,
    /// LINE's type.
    pub kind: &'static str,
    /// Whose.
    pub user: UserId,
    /// When. Milliseconds since 1970.
    pub at_ms: i64,
    /// As it stands in a webhook.
    pub raw: String,
}

/// The user with this number. Spread over the whole range, as real IDs are.
pub fn user(friend: u64) -> UserId {
    let spread = friend.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    UserId::from_u128((u128::from(spread) << 64) | u128::from(spread.rotate_left(17)))
}

/// What the friend does in a round: everybody follows first; of twenty later acts sixteen are texts, two are stickers, one is
/// a button, and one takes the message before it back.
pub fn event(friend: u64, round: u64) -> Event {
    match (round, (friend + round) % 20) {
        (0, _) => whole(friend, round, "follow", r#""follow":{"isUnblocked":false}"#),
        (_, 0) => whole(friend, round, "postback", r#""postback":{"data":"menu=opening-hours"}"#),
        (2.., 1) => {
            let unsent = format!(r#""unsend":{{"messageId":"{}"}}"#, message_id(friend, round - 1));
            whole(friend, round, "unsend", &unsent)
        }
        (_, 2 | 3) => {
            let sticker = r#""type":"sticker","packageId":"446","stickerId":"1988","stickerResourceType":"STATIC""#;
            message(friend, round, sticker)
        }
        _ => text(friend, round),
    }
}

/// The friend writes [`words`].
pub fn text(friend: u64, round: u64) -> Event {
    message(friend, round, &format!(r#""type":"text","text":"{}""#, words(round)))
}

/// What is written in a round.
pub fn words(round: u64) -> String {
    format!("こんにちは。{round}回目のお問い合わせです。明日の営業時間を教えてください。")
}

/// The event as ingest stores it, received when it happened.
pub fn record(codec: &Codec, connection: u32, friend: u64, round: u64) -> NewRecord {
    let Event { id, kind, user, at_ms, raw } = event(friend, round);
    let user = user.to_string();
    let event = LineEvent {
        connection,
        webhook_event_id: id.as_str().into(),
        event_type: kind.into(),
        user_id: Some(user.as_str().into()),
        occurred_at_ms: at_ms,
        received_at_ms: at_ms,
        redelivery: false,
        raw: raw.as_bytes().into(),
    };
    let key = schemas::key::line_event(&user, connection, &id);
    NewRecord { topic: Topic::LineEvents, key, value: Some(codec.encode(&event)) }
}

/// Appends what all friends do in all rounds, a round after the other. The friends are spread over so many connections.
/// Returns the bytes of keys and values.
///
/// # Errors
/// When the log does not take it.
pub async fn fill(log: &dyn Log, friends: u64, rounds: u64, connections: u32) -> anyhow::Result<u64> {
    let codec = Codec::default();
    let mut bytes = 0;
    for round in 0..rounds {
        for begin in (0..friends).step_by(APPEND_MAX) {
            let some = begin..friends.min(begin + APPEND_MAX as u64);
            let connection = |friend| (friend % u64::from(connections)) as u32 + 1;
            let records: Vec<_> = some.map(|friend| record(&codec, connection(friend), friend, round)).collect();
            bytes += records.iter().map(|record| record.size() as u64).sum::<u64>();
            log.append(records).await?;
        }
    }
    Ok(bytes)
}

fn message(friend: u64, round: u64, content: &str) -> Event {
    let id = message_id(friend, round);
    whole(friend, round, "message", &format!(r#""message":{{"id":"{id}","quoteToken":"q3Plxr4AgKd",{content}}}"#))
}

fn message_id(friend: u64, round: u64) -> String {
    format!("{}", 400_000_000_000_000_000 + friend * 1_000 + round)
}

fn whole(friend: u64, round: u64, kind: &'static str, content: &str) -> Event {
    let user = user(friend);
    let at_ms = BEGAN_MS + i64::try_from(round).unwrap_or(i64::MAX) * 60_000;
    let id = ulid(at_ms, friend, round);
    let raw = format!(
        r#"{{"type":"{kind}","mode":"active","timestamp":{at_ms},"source":{{"type":"user","userId":"{user}"}},"webhookEventId":"{id}","deliveryContext":{{"isRedelivery":false}},"replyToken":"38ef843bde154d9b91c21320ffd17a0f",{content}}}"#
    );
    Event { id, kind, user, at_ms, raw }
}

/// Ordered by time, and different for each friend and round.
fn ulid(at_ms: i64, friend: u64, round: u64) -> String {
    let low = (u128::from(friend) << 20) | u128::from(round & 0xF_FFFF);
    let value = (u128::from(at_ms.unsigned_abs()) << 80) | (low & ((1 << 80) - 1));
    (0..26).rev().map(|digit| char::from(DIGITS[(value >> (5 * digit)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contact::ConnectionNumber;
    use line::event::{Labels, Stored, event_id, read};
    use std::collections::BTreeSet;

    #[test]
    fn every_event_means_something_and_has_an_id_of_its_own() {
        let (mut ids, mut kinds) = (BTreeSet::new(), BTreeSet::new());
        for (friend, round) in (0..40).flat_map(|friend| (0..40).map(move |round| (friend, round))) {
            let Event { id, kind, user, at_ms, raw } = event(friend, round);
            let stored = Stored {
                connection: ConnectionNumber::new(1).expect("not 0"),
                webhook_event_id: &id,
                event_type: kind,
                user_id: Some(&user.to_string()),
                occurred_at_ms: at_ms,
                raw: raw.as_bytes(),
            };
            let read = read(&stored, &Labels::default()).unwrap_or_else(|| panic!("it means nothing: {raw}"));
            assert_eq!((read.user, read.at.id), (user, event_id(&id)));
            kinds.insert(kind);
            assert!(ids.insert(id));
        }
        assert_eq!(kinds, BTreeSet::from(["follow", "message", "postback", "unsend"]));
    }
}
