//! Deleted, restored, erased and merged contacts.

use super::*;
use sandbox::hubspot::Impossible;

fn deleted(account: &mut Account) -> String {
    let id = account.contact(&dummy(1));
    assert_eq!(account.delete(&format!("{CONTACTS}/{id}")).status, 204);
    id
}

#[test]
fn a_deleted_contact_is_not_found_any_more() {
    let mut account = Account::new();
    let id = deleted(&mut account);
    let not_found = json!({"status": "error", "message": "resource not found"});
    assert_eq!(*account.read(&id).is(404), not_found);
    let update = json!({"properties": {"line_follow_1": "Yes"}});
    assert_eq!(*account.patch(&format!("{CONTACTS}/{id}"), update).is(404), not_found);
    let context = json!({"ids": [id]});
    for verb in ["read", "update"] {
        let batch = account.batch(verb, json!({"inputs": [{"id": id, "properties": {}}]}));
        assert_eq!(batch.is(207)["errors"][0]["category"], "OBJECT_NOT_FOUND");
        assert_eq!(batch.body["errors"][0]["context"], context);
        assert_eq!(batch.body["results"], json!([]));
    }
    let by_email = json!({"idProperty": "email", "inputs": [{"id": dummy(1)}], "properties": []});
    account.batch("read", by_email).is(207);
}

#[test]
fn a_deleted_contact_is_read_from_the_recycle_bin_with_its_time() {
    let mut account = Account::new();
    let id = account.contact(&dummy(1));
    account.read(&format!("{id}?archived=true")).is(404);
    account.now_ms += 68;
    account.delete(&format!("{CONTACTS}/{id}"));
    let read = account.read(&format!("{id}?archived=true"));
    assert_eq!(read.is(200)["archived"], json!(true));
    assert_eq!(read.body["archivedAt"], "2026-10-20T01:02:03.700Z");
    let batch = account.batch("read?archived=true", json!({"inputs": [{"id": id}], "properties": []}));
    assert_eq!(batch.is(200)["results"][0]["archivedAt"], "2026-10-20T01:02:03.700Z");
    let list = account.get(&format!("{CONTACTS}?archived=true"));
    assert_eq!(list.ids(), [id]);
    assert_eq!(account.get(CONTACTS).ids(), [""; 0]);
}

#[test]
fn deleting_what_never_existed_is_no_error() {
    assert_eq!(Account::new().delete(&format!("{CONTACTS}/1")).status, 204);
}

#[test]
fn the_address_of_a_deleted_contact_can_be_used_again() {
    let mut account = Account::new();
    let id = deleted(&mut account);
    assert_ne!(account.contact(&dummy(1)), id);

    let id = account.contact(&dummy(2));
    account.delete(&format!("{CONTACTS}/{id}"));
    let input = json!({"id": dummy(2), "idProperty": "email", "properties": {}});
    let upserted = account.batch("upsert", json!({"inputs": [input]}));
    assert_eq!(upserted.is(200)["results"][0]["new"], json!(true));
    assert_ne!(upserted.ids(), [id]);
}

#[test]
fn a_contact_comes_back_with_its_id_unless_another_holds_its_address() {
    let mut account = Account::new();
    let id: u64 = deleted(&mut account).parse().unwrap();
    account.portal.restore(NOW_MS, id).unwrap();
    account.read(&id.to_string()).is(200);
    assert_eq!(account.portal.restore(NOW_MS, id), Err(Impossible::NoSuchContact));

    account.portal.add_email(NOW_MS, id, "taro@example.com").unwrap();
    account.portal.delete(NOW_MS, id).unwrap();
    // An additional address counts like the primary one.
    let other = account.contact("taro@example.com");
    assert_eq!(account.portal.restore(NOW_MS, id), Err(Impossible::AddressTaken(other.parse().unwrap())));
    account.portal.delete(NOW_MS, other.parse().unwrap()).unwrap();
    account.portal.restore(NOW_MS, id).unwrap();
}

/// Two contacts that became one: the primary's ID, the other's, and the survivor's.
fn merged(account: &mut Account) -> (String, String, String) {
    let (primary, other) = (account.contact(&dummy(1)), account.contact(&dummy(2)));
    for (id, name) in [(&primary, "first"), (&other, "second")] {
        let body = json!({"properties": {"firstname": name}});
        account.patch(&format!("{CONTACTS}/{id}"), body).is(200);
    }
    account.patch(&format!("{CONTACTS}/{other}"), json!({"properties": {"lastname": "only here"}})).is(200);
    let answer =
        account.post(&format!("{CONTACTS}/merge"), json!({"primaryObjectId": primary, "objectIdToMerge": other}));
    let survivor = answer.is(200)["id"].as_str().unwrap().to_owned();
    (primary, other, survivor)
}

#[test]
fn a_merge_makes_a_third_record_to_which_both_old_ids_lead() {
    let mut account = Account::new();
    let (primary, other, survivor) = merged(&mut account);
    assert!(survivor != primary && survivor != other);
    assert_eq!(account.live(), 1);
    for old in [&primary, &other] {
        assert_eq!(account.read(old).is(200)["id"], json!(survivor));
    }
    let asked = "hs_merged_object_ids,hs_calculated_merged_vids,firstname,lastname,email,hs_additional_emails";
    let read = account.read(&format!("{survivor}?properties={asked}"));
    let expected = json!({
        "createdate": NOW, "email": dummy(1).to_lowercase(), "firstname": "first",
        "hs_additional_emails": dummy(2).to_lowercase(),
        "hs_calculated_merged_vids": format!("{primary}:{NOW_MS};{other}:{NOW_MS}"),
        "hs_merged_object_ids": format!("{primary};{other}"), "hs_object_id": survivor, "lastmodifieddate": NOW,
        "lastname": "only here",
    });
    assert_eq!(read.is(200)["properties"], expected);
}

#[test]
fn an_id_that_was_merged_away_is_left_out_of_a_batch_update_without_a_word() {
    let mut account = Account::new();
    let (primary, other, survivor) = merged(&mut account);
    let input = |id: &str, trace: &str| traced(json!({"id": id, "properties": {"line_follow_1": "Yes"}}), trace);
    let answer = account.batch("update", json!({"inputs": [input(&primary, "a"), input(&other, "b")]}));
    let expected = json!({"status": "COMPLETE", "results": [], "startedAt": NOW, "completedAt": NOW});
    assert_eq!(*answer.is(200), expected);
    assert_eq!(account.value(&survivor, "line_follow_1"), None);
    account.batch("update", json!({"inputs": [input(&survivor, "a")]})).is(200);
    assert_eq!(account.value(&survivor, "line_follow_1").as_deref(), Some("Yes"));
}

#[test]
fn a_single_update_of_a_merged_id_reaches_the_survivor() {
    let mut account = Account::new();
    let (primary, _, survivor) = merged(&mut account);
    let updated = account.patch(&format!("{CONTACTS}/{primary}"), json!({"properties": {"line_follow_1": "Yes"}}));
    assert_eq!(updated.is(200)["id"], json!(survivor));
    assert_eq!(account.value(&survivor, "line_follow_1").as_deref(), Some("Yes"));
}

#[test]
fn a_batch_read_of_merged_ids_shows_the_survivor_once() {
    let mut account = Account::new();
    let (primary, other, survivor) = merged(&mut account);
    let inputs = [primary, other, survivor.clone()].map(|id| json!({"id": id}));
    assert_eq!(account.batch("read", json!({"inputs": inputs, "properties": []})).ids(), [survivor]);
}

#[test]
fn a_portal_can_keep_the_id_of_the_primary() {
    let mut account = Account::with(|settings| settings.keep_primary_id = true);
    let (primary, other, survivor) = merged(&mut account);
    assert_eq!(survivor, primary);
    assert_eq!(account.read(&other).is(200)["id"], json!(primary));
    let update = account.batch("update", json!({"inputs": [{"id": primary, "properties": {"line_follow_1": "Yes"}}]}));
    assert_eq!(update.ids(), [primary]);
}

#[test]
fn merges_of_merges_still_lead_to_the_last_survivor() {
    let mut account = Account::new();
    let (primary, _, survivor) = merged(&mut account);
    let third = account.contact(&dummy(3));
    let last = account.portal.merge(NOW_MS, third.parse().unwrap(), survivor.parse().unwrap()).unwrap();
    assert_eq!(account.read(&primary).is(200)["id"], json!(last.to_string()));
    account.portal.delete(NOW_MS, last).unwrap();
    account.read(&primary).is(404);
}

#[test]
fn an_id_that_is_no_number_is_told_so() {
    let expected = json!({"status": "error", "message": "Object not found.  objectId are usually numeric.",
                          "context": {"id": ["abc"]}, "category": "OBJECT_NOT_FOUND"});
    assert_eq!(*Account::new().read("abc").is(404), expected);
}

#[test]
fn a_list_is_paged_by_the_next_record() {
    let mut account = Account::new();
    let ids: Vec<String> = (0..3).map(|number| account.contact(&dummy(number))).collect();
    let first = account.get(&format!("{CONTACTS}?limit=2"));
    assert_eq!(first.ids(), ids[..2]);
    let link = format!("https://api.hubapi.com{CONTACTS}?limit=2&after={}", ids[2]);
    assert_eq!(first.body["paging"], json!({"next": {"after": ids[2], "link": link}}));
    let last = account.get(&format!("{CONTACTS}?limit=2&after={}", ids[2]));
    assert_eq!(last.ids(), ids[2..]);
    assert_eq!(last.body.get("paging"), None);
    account.get(&format!("{CONTACTS}?limit=101")).is(400);
}
