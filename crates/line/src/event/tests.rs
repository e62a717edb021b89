//! The table of what events mean, row by row.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::webhook::{RawEvent, split};

const USER: &str = "U8e742f61d673b39c7fff3cecb7536ef0";

/// The event of this JSON, as if it had been received and stored.
fn read_json(event: &str) -> Option<Event> {
    let body = format!(r#"{{"events":[{event}]}}"#);
    let webhook = split(body.as_bytes()).unwrap();
    read(&stored(&webhook.events[0]), &Labels::default())
}

fn stored<'a>(event: &'a RawEvent<'_>) -> Stored<'a> {
    Stored {
        connection: ConnectionNumber::new(3).unwrap(),
        webhook_event_id: &event.webhook_event_id,
        event_type: &event.event_type,
        user_id: event.user_id.as_deref(),
        occurred_at_ms: event.occurred_at_ms,
        raw: event.raw,
    }
}

/// What an event of this type, with these members, from a user's own chat means.
fn kind_of(event_type: &str, rest: &str) -> Option<Kind> {
    kind_from(&format!(r#"{{"type":"user","userId":"{USER}"}}"#), event_type, rest)
}

fn kind_from(source: &str, event_type: &str, rest: &str) -> Option<Kind> {
    let event = format!(r#"{{"type":"{event_type}","timestamp":7,"webhookEventId":"id","source":{source}{rest}}}"#);
    read_json(&event).map(|event| event.kind)
}

fn response(message: &str) -> Option<String> {
    match kind_of("message", &format!(r#","message":{{"id":"9",{message}}}"#))? {
        Kind::Messaged { message, text } if message == "9".into() => Some(text.into()),
        _ => None,
    }
}

#[test]
fn an_event_carries_user_connection_and_moment() {
    let event = read_json(&format!(
        r#"{{"type":"follow","timestamp":1705891467176,"webhookEventId":"01HMQGW40RZJPJM3RAJP7BHC2Q",
            "source":{{"type":"user","userId":"{USER}"}}}}"#
    ));
    let at = Moment { time_ms: 1_705_891_467_176, id: event_id("01HMQGW40RZJPJM3RAJP7BHC2Q") };
    let connection = ConnectionNumber::new(3).unwrap();
    assert_eq!(event, Some(Event { user: UserId::parse(USER).unwrap(), connection, at, kind: Kind::Followed }));
}

#[test]
fn follow_and_unfollow_need_no_detail() {
    assert_eq!(kind_of("follow", ""), Some(Kind::Followed));
    assert_eq!(kind_of("follow", r#","follow":{"isUnblocked":true}"#), Some(Kind::Followed));
    assert_eq!(kind_of("unfollow", ""), Some(Kind::Unfollowed));
}

#[test]
fn a_text_message_shows_its_text_as_sent() {
    assert_eq!(response(r#""type":"text","text":" a\nb (love) あ\ud83e\udd28""#).unwrap(), " a\nb (love) あ🤨");
}

#[test]
fn a_sticker_shows_its_text_else_a_label_but_never_its_keywords() {
    assert_eq!(response(r#""type":"sticker","text":"またね","keywords":["bye"]"#).unwrap(), "またね");
    assert_eq!(response(r#""type":"sticker","keywords":["bye"]"#).unwrap(), "[スタンプ]");
    assert_eq!(response(r#""type":"sticker","text":"""#).unwrap(), "[スタンプ]");
}

#[test]
fn image_video_and_audio_show_a_label() {
    assert_eq!(response(r#""type":"image""#).unwrap(), "[画像]");
    assert_eq!(response(r#""type":"video","duration":1"#).unwrap(), "[動画]");
    assert_eq!(response(r#""type":"audio""#).unwrap(), "[音声]");
}

#[test]
fn a_file_shows_its_name() {
    assert_eq!(response(r#""type":"file","fileName":"見積.pdf""#).unwrap(), "[ファイル] 見積.pdf");
    assert_eq!(response(r#""type":"file""#).unwrap(), "[ファイル]");
}

#[test]
fn a_location_shows_title_else_address_else_coordinates() {
    let place = r#""latitude":35.67966,"longitude":139.73669"#;
    assert_eq!(
        response(&format!(r#""type":"location","title":"駅","address":"東京",{place}"#)).unwrap(),
        "[位置情報] 駅"
    );
    assert_eq!(response(&format!(r#""type":"location","address":"東京",{place}"#)).unwrap(), "[位置情報] 東京");
    assert_eq!(response(&format!(r#""type":"location",{place}"#)).unwrap(), "[位置情報] 35.67966, 139.73669");
    assert_eq!(response(r#""type":"location""#).unwrap(), "[位置情報]");
}

#[test]
fn a_message_of_a_new_type_shows_the_type() {
    assert_eq!(response(r#""type":"hologram","text":"x""#).unwrap(), "[hologram]");
    assert_eq!(response(r#""text":"x""#).unwrap(), "[メッセージ]");
}

#[test]
fn a_text_message_without_text_still_counts() {
    assert_eq!(response(r#""type":"text""#).unwrap(), "[text]");
    assert_eq!(response(r#""type":"text","text":"""#).unwrap(), "[text]");
    assert_eq!(response(r#""type":"text","text":["a"]"#).unwrap(), "[text]");
}

#[test]
fn half_a_surrogate_pair_does_not_hide_a_message() {
    assert_eq!(response(r#""type":"text","text":"a\ud83e""#).unwrap(), "a\u{fffd}");
}

#[test]
fn labels_can_be_configured() {
    let labels: Labels = serde_json::from_str(r#"{"image":"[photo]"}"#).unwrap();
    let message = Message { event: b"", kind: Some(br#""image""#), text: None };
    assert_eq!(&*message.shown(&labels), "[photo]");
    assert_eq!(labels.video, Labels::default().video);
}

#[test]
fn a_message_without_id_goes_by_its_event() {
    let kind = kind_of("message", r#","message":{"type":"text","text":"a"}"#);
    assert_eq!(kind, Some(Kind::Messaged { message: "id".into(), text: "a".into() }));
}

#[test]
fn a_message_event_without_message_means_nothing() {
    assert_eq!(kind_of("message", ""), None);
    assert_eq!(kind_of("message", r#","message":"hi""#), None);
    assert_eq!(kind_of("message", r#","message":{}"#), None);
}

#[test]
fn an_edited_message_shows_the_new_text() {
    let kind = kind_of("messageEdited", r#","message":{"id":"9","type":"text","text":"b"}"#);
    assert_eq!(kind, Some(Kind::Edited { message: "9".into(), text: "b".into() }));
    assert_eq!(kind_of("messageEdited", r#","message":{"type":"text","text":"b"}"#), None);
}

#[test]
fn an_unsent_message_is_named_by_its_id() {
    assert_eq!(kind_of("unsend", r#","unsend":{"messageId":"9"}"#), Some(Kind::Unsent { message: "9".into() }));
    assert_eq!(kind_of("unsend", r#","unsend":{}"#), None);
    assert_eq!(kind_of("unsend", ""), None);
}

#[test]
fn postback_video_and_membership_are_actions() {
    assert_eq!(kind_of("postback", r#","postback":{"data":"x"}"#), Some(Kind::Acted));
    assert_eq!(kind_of("videoPlayComplete", r#","videoPlayComplete":{"trackingId":"x"}"#), Some(Kind::Acted));
    for change in ["joined", "left", "renewed"] {
        let membership = format!(r#","membership":{{"type":"{change}","membershipId":3189}}"#);
        assert_eq!(kind_of("membership", &membership), Some(Kind::Acted));
    }
}

#[test]
fn only_an_account_link_that_succeeded_is_an_action() {
    assert_eq!(kind_of("accountLink", r#","link":{"result":"ok"}"#), Some(Kind::Acted));
    assert_eq!(kind_of("accountLink", r#","link":{"result":"failed"}"#), None);
    assert_eq!(kind_of("accountLink", ""), None);
}

#[test]
fn a_beacon_counts_when_entered_or_tapped_but_not_while_staying() {
    assert_eq!(kind_of("beacon", r#","beacon":{"type":"enter"}"#), Some(Kind::Acted));
    assert_eq!(kind_of("beacon", r#","beacon":{"type":"banner"}"#), Some(Kind::Acted));
    assert_eq!(kind_of("beacon", r#","beacon":{"type":"stay"}"#), None);
    assert_eq!(kind_of("beacon", r#","beacon":{"type":"leave"}"#), None);
    assert_eq!(kind_of("beacon", ""), None);
}

#[test]
fn types_that_concern_no_contact_mean_nothing() {
    for event_type in [
        "join",
        "leave",
        "memberJoined",
        "memberLeft",
        "delivery",
        "module",
        "activated",
        "deactivated",
        "botSuspended",
        "botResumed",
        "things",
        "hologram",
        "unreadable",
        "",
    ] {
        assert_eq!(kind_of(event_type, r#","message":{"id":"9","type":"text","text":"a"}"#), None, "{event_type}");
    }
}

#[test]
fn groups_and_rooms_mean_nothing_whatever_happens_in_them() {
    let rest = r#","message":{"id":"9","type":"text","text":"a"},"unsend":{"messageId":"9"},"postback":{"data":""}"#;
    for source in [
        format!(r#"{{"type":"group","groupId":"C1","userId":"{USER}"}}"#),
        format!(r#"{{"type":"room","roomId":"R1","userId":"{USER}"}}"#),
        format!(r#"{{"userId":"{USER}"}}"#),
    ] {
        for event_type in ["message", "messageEdited", "unsend", "postback", "follow", "unfollow"] {
            assert_eq!(kind_from(&source, event_type, rest), None, "{event_type} from {source}");
        }
    }
}

#[test]
fn standby_mode_changes_contacts_too() {
    assert_eq!(kind_of("follow", r#","mode":"standby""#), Some(Kind::Followed));
}

#[test]
fn a_user_id_of_another_form_means_nothing() {
    for user in ["userid", "U4af4980629...", "Udeadbeefdeadbeefdeadbeefdeadbeef", "LUb577ef3cbe-U1", ""] {
        assert_eq!(kind_from(&format!(r#"{{"type":"user","userId":"{user}"}}"#), "follow", ""), None, "{user}");
    }
    assert_eq!(kind_from(r#"{"type":"user"}"#, "follow", ""), None);
    assert_eq!(kind_from("null", "follow", ""), None);
}

#[test]
fn an_event_without_a_time_means_nothing() {
    let source = format!(r#""source":{{"type":"user","userId":"{USER}"}}"#);
    assert_eq!(read_json(&format!(r#"{{"type":"follow",{source}}}"#)), None);
    assert_eq!(read_json(&format!(r#"{{"type":"follow","timestamp":-1,{source}}}"#)), None);
    assert!(read_json(&format!(r#"{{"type":"follow","timestamp":1,{source}}}"#)).is_some());
}

#[test]
fn damaged_bytes_mean_nothing() {
    for raw in ["", "{", "null", "{\"source\":", "\u{0}"] {
        let stored = Stored {
            connection: ConnectionNumber::new(1).unwrap(),
            webhook_event_id: "id",
            event_type: "follow",
            user_id: Some(USER),
            occurred_at_ms: 1,
            raw: raw.as_bytes(),
        };
        assert_eq!(read(&stored, &Labels::default()), None, "{raw:?}");
    }
}
