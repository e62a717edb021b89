//! Reading, searching, deleting and erasing contacts.

use crate::server::{Seen, Server, reply};
use contact::ContactId;
use hubspot::{Contact, ContactKey, Crm, Error, Priority};
use serde_json::json;

const FRESH: Priority = Priority::Fresh;
const READ: &str = "POST /crm/objects/2026-09/contacts/batch/read";

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn ids(found: &[Contact]) -> Vec<u64> {
    found.iter().map(|contact| contact.id.0).collect()
}

#[tokio::test]
async fn contacts_are_found_by_primary_and_additional_address() {
    let answer = json!({"status": "COMPLETE", "numErrors": 1, "results": [
        {"id": "2", "properties": {"email": "taro@example.com", "hs_additional_emails": "x@y.jp;u2@line.me", "line_follow_1": "No"}},
        {"id": "1", "properties": {"email": "u1@line.me", "hs_additional_emails": null, "line_follow_1": "Yes"}}],
        "errors": [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.", "context": {"ids": ["u3@line.me"]}}]});
    let server = Server::replying([reply(207, answer)]).await;
    let emails = texts(&["U1@line.me", "u2@line.me", "u3@line.me", "u1@LINE.me"]);
    let mut found = server.client().read_by_email(&emails, &texts(&["line_follow_1"]), FRESH).await.unwrap();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let found: Vec<_> = found.iter().map(|(email, contact)| (&**email, contact.id.0, &contact.properties)).collect();
    let follow = |yes: &str| [("line_follow_1".to_owned(), yes.to_owned())].into();
    assert_eq!(found, [("u1@line.me", 1, &follow("Yes")), ("u2@line.me", 2, &follow("No"))]);
    let seen = server.seen();
    assert_eq!(seen[0].line, READ);
    assert_eq!(
        seen[0].body,
        json!({"idProperty": "email", "properties": ["email", "hs_additional_emails", "line_follow_1"],
            "inputs": [{"id": "u1@line.me"}, {"id": "u2@line.me"}, {"id": "u3@line.me"}]})
    );
}

#[tokio::test]
async fn an_address_that_the_answer_passes_over_is_asked_for_by_itself() {
    let strange = r#"{"results":[{"id":"9","properties":{"email":"moved@example.com"}},{"id":"1","properties":{"email":"u1@line.me"}}]}"#;
    let single = r#"{"results":[{"id":"9","properties":{"email":"moved@example.com"}}]}"#;
    let server = Server::replying([reply(200, strange), reply(200, single)]).await;
    let found = server.client().read_by_email(&texts(&["u1@line.me", "u2@line.me"]), &[], FRESH).await.unwrap();
    let found: Vec<_> = found.iter().map(|(email, contact)| (&**email, contact.id.0)).collect();
    assert_eq!(found, [("u1@line.me", 1), ("u2@line.me", 9)]);
    assert_eq!(server.seen()[1].inputs(), [json!({"id": "u2@line.me"})]);
}

#[tokio::test]
async fn more_than_a_hundred_are_read_in_several_requests() {
    let server = Server::answering(|seen| {
        let results: Vec<_> = seen.inputs().iter().map(|input| json!({"id": input["id"], "properties": {}})).collect();
        reply(200, json!({"results": results}))
    })
    .await;
    let asked: Vec<_> = (1..=101).map(ContactId).chain([ContactId(5)]).collect();
    let found = server.client().read_many(&asked, &[], FRESH).await.unwrap();
    assert_eq!(found.len(), 101);
    assert_eq!(server.seen().iter().map(|seen| seen.inputs().len()).collect::<Vec<_>>(), [100, 1]);
}

#[tokio::test]
async fn a_merged_contact_that_a_batch_passes_over_is_followed_to_its_new_id() {
    let batch = r#"{"status":"COMPLETE","results":[{"id":"1","properties":{"line_follow_1":"Yes"}}],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["3"]}}]}"#;
    let one = r#"{"id":"20","properties":{"hs_object_id":"20"},"createdAt":"2026-10-20T01:02:03.632Z","updatedAt":"2026-10-20T01:02:03.632Z","archived":false}"#;
    let new = r#"{"status":"COMPLETE","results":[{"id":"20","properties":{"line_follow_1":"No"}}]}"#;
    let server = Server::replying([reply(207, batch), reply(200, one), reply(200, new)]).await;
    let asked = [ContactId(1), ContactId(2), ContactId(3)];
    let found = server.client().read_many(&asked, &texts(&["line_follow_1"]), FRESH).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|(asked, contact)| (asked.0, contact.id.0, &*contact.properties["line_follow_1"])).collect();
    assert_eq!(found, [(1, 1, "Yes"), (2, 20, "No")]);
}

#[tokio::test]
async fn no_address_is_longer_for_the_properties_of_many_connections() {
    let answer = |seen: &Seen| match (seen.line.starts_with("GET"), seen.inputs().first()) {
        (true, _) => reply(200, r#"{"id":"20","properties":{}}"#),
        (false, Some(input)) if input["id"] == "20" => reply(200, r#"{"results":[{"id":"20","properties":{}}]}"#),
        (false, _) => reply(200, r#"{"results":[]}"#),
    };
    let server = Server::answering(answer).await;
    let properties: Vec<_> = (1..=500).map(|number| format!("line_user_picture_{number}")).collect();
    let found = server.client().read_many(&[ContactId(2)], &properties, FRESH).await.unwrap();
    assert_eq!((found[0].0.0, found[0].1.id.0), (2, 20));
    assert_eq!(server.lines(), [READ, "GET /crm/objects/2026-09/contacts/2?properties=hs_object_id", READ]);
}

#[tokio::test]
async fn a_contact_whose_reading_failed_is_read_once_more_instead_of_being_missing() {
    let batch =
        r#"{"status":"COMPLETE","results":[],"errors":[{"category":"INTERNAL_ERROR","context":{"ids":["1"]}}]}"#;
    let server = Server::replying([
        reply(207, batch),
        reply(200, r#"{"id":"1","properties":{}}"#),
        reply(200, r#"{"results":[{"id":"1","properties":{}}]}"#),
    ])
    .await;
    let found = server.client().read_many(&[ContactId(1)], &[], FRESH).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn the_time_of_deletion_is_read_from_the_recycle_bin() {
    let batch = r#"{"status":"COMPLETE","results":[{"id":"1","properties":{"hs_object_id":"1"},"createdAt":"2026-10-20T01:02:03.632Z","archived":true,"archivedAt":"2026-10-21T00:00:00.500Z"}],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["2"]}}]}"#;
    let single = r#"{"id":"3","properties":{},"archived":true,"archivedAt":"2026-10-22T00:00:00Z"}"#;
    let server = Server::replying([reply(207, batch), reply(200, single)]).await;
    let found = server.client().read_archived(&[ContactId(1), ContactId(2), ContactId(3)], FRESH).await.unwrap();
    let times: Vec<_> = found.iter().map(|(asked, contact)| (asked.0, contact.archived_at_ms)).collect();
    assert_eq!(times, [(1, Some(1_792_540_800_500)), (3, Some(1_792_627_200_000))]);
    let lines = server.lines();
    assert_eq!(lines[0], format!("{READ}?archived=true"));
    assert_eq!(lines[1], "GET /crm/objects/2026-09/contacts/3?archived=true&properties=hs_object_id");
}

#[tokio::test]
async fn a_contact_that_was_merged_before_it_was_deleted_is_found_in_the_recycle_bin_under_its_new_id() {
    let moved = r#"{"id":"20","properties":{},"archived":true,"archivedAt":"2026-10-22T00:00:00Z"}"#;
    let batch = format!(r#"{{"status":"COMPLETE","results":[{moved}]}}"#);
    let server = Server::replying([reply(200, &batch), reply(200, moved)]).await;
    let found = server.client().read_archived(&[ContactId(2)], FRESH).await.unwrap();
    let found: Vec<_> = found.iter().map(|(asked, contact)| (asked.0, contact.id.0, contact.archived_at_ms)).collect();
    assert_eq!(found, [(2, 20, Some(1_792_627_200_000))]);
}

#[tokio::test]
async fn a_contact_that_lives_is_not_in_the_recycle_bin() {
    let server = Server::replying([
        reply(200, r#"{"results":[{"id":"1","properties":{},"archived":false}]}"#),
        reply(404, r#"{"status":"error","message":"resource not found","correlationId":"c"}"#),
    ])
    .await;
    assert_eq!(server.client().read_archived(&[ContactId(1)], FRESH).await, Ok(Vec::new()));
}

#[tokio::test]
async fn reading_one_contact_shows_where_a_merge_took_it() {
    let answer = r#"{"id":"171596044990","properties":{"createdate":"2026-10-20T01:02:03.632Z","email":"u0123456789abcdef0123456789abcdef@line.me","firstname":null,"line_id_sync_date_1":"2026-10-20T01:02:03.632Z"},"createdAt":"2026-10-20T01:02:03.632Z","updatedAt":"2026-10-20T01:02:03.632Z","archived":false,"url":"https://app.hubspot.com/contacts/12345678/record/0-1/171596044869"}"#;
    let server = Server::replying([reply(200, answer)]).await;
    let properties = texts(&["firstname", "line_id_sync_date_1"]);
    let contact = server.client().read_one(ContactId(171_596_044_869), &properties, FRESH).await.unwrap().unwrap();
    assert_eq!(contact.id, ContactId(171_596_044_990));
    assert_eq!(contact.properties, [("line_id_sync_date_1".to_owned(), "1792458123632".to_owned())].into());
    assert_eq!(
        server.lines(),
        ["GET /crm/objects/2026-09/contacts/171596044869?properties=firstname%2Cline_id_sync_date_1"]
    );
}

#[tokio::test]
async fn search_asks_in_lower_case_reads_all_pages_and_then_the_contacts() {
    let server = Server::replying([
        reply(200, r#"{"total":2,"results":[{"id":"1","properties":{}}],"paging":{"next":{"after":"200"}}}"#),
        reply(200, r#"{"total":2,"results":[{"id":"2","properties":{}}]}"#),
        reply(207, r#"{"results":[{"id":"1","properties":{"line_follow_1":"Yes"}}],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["2"]}}]}"#),
    ])
    .await;
    let values = texts(&["U0123456789ABCDEF0123456789abcdef"]);
    let found = server.client().search_in("line_user_id_1", &values, &texts(&["line_follow_1"]), FRESH).await.unwrap();
    assert_eq!(ids(&found), [1], "deleted between search and reading");
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /crm/objects/2026-09/contacts/search");
    assert_eq!(
        seen[0].body,
        json!({"filterGroups": [{"filters": [{"propertyName": "line_user_id_1", "operator": "IN",
            "values": ["u0123456789abcdef0123456789abcdef"]}]}], "properties": ["line_user_id_1"], "limit": 200, "after": "0"})
    );
    assert_eq!((&seen[1].body["after"], &*seen[2].line), (&json!("200"), READ));
}

#[tokio::test]
async fn a_search_that_finds_nobody_is_one_call() {
    let server = Server::replying([reply(200, r#"{"total":0,"results":[]}"#)]).await;
    assert_eq!(server.client().search_in("line_user_id_1", &texts(&["U1"]), &[], FRESH).await, Ok(Vec::new()));
    assert_eq!(server.client().search_in("line_user_id_1", &[], &[], FRESH).await, Ok(Vec::new()));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn deleting_and_erasing_are_answered_204_without_a_body() {
    let server = Server::replying([reply(204, ""), reply(204, ""), reply(204, "")]).await;
    let client = server.client();
    assert_eq!(client.archive(ContactId(1), FRESH).await, Ok(()));
    assert_eq!(client.gdpr_delete(ContactKey::Email("U1@line.me"), FRESH).await, Ok(()));
    assert_eq!(client.gdpr_delete(ContactKey::Id(ContactId(1)), FRESH).await, Ok(()));
    let seen = server.seen();
    assert_eq!(seen[0].line, "DELETE /crm/objects/2026-09/contacts/1");
    assert_eq!(seen[1].line, "POST /crm/objects/2026-09/contacts/gdpr-delete");
    assert_eq!(seen[1].body, json!({"objectId": "u1@line.me", "idProperty": "email"}));
    assert_eq!(seen[2].body, json!({"objectId": "1"}));
}

#[tokio::test]
async fn asking_for_nobody_makes_no_call() {
    let server = Server::replying([]).await;
    let client = server.client();
    assert_eq!(client.read_by_email(&texts(&["", " "]), &[], FRESH).await, Ok(Vec::new()));
    assert_eq!(client.read_many(&[], &[], FRESH).await, Ok(Vec::new()));
    assert_eq!(client.read_archived(&[], FRESH).await, Ok(Vec::new()));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_contact_without_an_id_is_garbage() {
    let server = Server::replying([reply(200, r#"{"properties":{}}"#)]).await;
    assert!(matches!(server.client().read_one(ContactId(1), &[], FRESH).await, Err(Error::Garbage { .. })));
}
