//! Properties and their groups.

use super::*;

#[test]
fn a_new_property_is_known_after_half_a_second() {
    let mut account = Account::new();
    let draft = json!({"name": "late", "label": "Late", "type": "string", "fieldType": "text",
                       "groupName": "line_integration"});
    account.post(PROPERTIES, draft).is(201);
    account.now_ms += 499;
    account.get(&format!("{PROPERTIES}/late")).is(404);
    let write = || json!({"properties": {"email": dummy(1), "late": "1"}});
    assert_eq!(account.post(CONTACTS, write()).is(400)["errors"][0]["code"], "PROPERTY_DOESNT_EXIST");
    account.now_ms += 1;
    account.get(&format!("{PROPERTIES}/late")).is(200);
    account.post(CONTACTS, write()).is(201);
}

#[test]
fn a_created_property_and_its_group_are_shown_in_full() {
    let mut account = Account::empty(|_| {});
    let group = account
        .post(&format!("{PROPERTIES}/groups"), json!({"name": "line_integration", "label": "LINE", "displayOrder": 9}));
    assert_eq!(
        *group.is(201),
        json!({"name": "line_integration", "label": "LINE", "displayOrder": 9, "archived": false})
    );
    let created = account.post(PROPERTIES, follow());
    let expected = json!({
        "name": "line_follow_1", "label": "LINE Follow _ 1", "type": "enumeration", "fieldType": "select",
        "description": "", "groupName": "line_integration", "options": [option("Yes", 0), option("No", 1)],
        "displayOrder": -1,
        "calculated": false, "externalOptions": false, "hasUniqueValue": false, "hidden": false,
        "modificationMetadata": {"archivable": true, "readOnlyDefinition": false, "readOnlyValue": false},
        "formField": false, "dataSensitivity": "non_sensitive", "createdAt": NOW, "updatedAt": NOW, "archived": false,
    });
    assert_eq!(*created.is(201), expected);
    assert_eq!(created.header("location"), Some("/crm/properties/2026-09/contacts/line_follow_1"));
}

#[test]
fn a_property_that_exists_is_not_created_again() {
    let mut account = Account::new();
    let mut draft = follow();
    draft["label"] = json!("Another");
    let expected = json!({
        "status": "error", "message": "A property named 'line_follow_1' already exists.",
        "category": "OBJECT_ALREADY_EXISTS", "subCategory": "Properties.PROPERTY_WITH_NAME_EXISTS",
        "context": {"name": ["line_follow_1"]},
    });
    assert_eq!(*account.post(PROPERTIES, draft).is(409), expected);
    assert_eq!(account.get(&format!("{PROPERTIES}/line_follow_1")).is(200)["label"], "LINE Follow _ 1");
    account.post(&format!("{PROPERTIES}/groups"), json!({"name": "line_integration", "label": "LINE"})).is(409);
}

#[test]
fn a_batch_of_properties_creates_what_is_missing_even_without_trace_ids() {
    let mut account = Account::new();
    let mut fresh = follow();
    fresh["name"] = json!("line_follow_2");
    let answer = account.post(&format!("{PROPERTIES}/batch/create"), json!({"inputs": [follow(), fresh]}));
    let expected = json!([{
        "status": "error", "category": "OBJECT_ALREADY_EXISTS", "subCategory": "Properties.PROPERTY_WITH_NAME_EXISTS",
        "message": "A property named 'line_follow_1' already exists.", "context": {"name": ["line_follow_1"]},
    }]);
    assert_eq!(answer.is(207)["errors"], expected);
    assert_eq!(answer.body["results"][0]["name"], "line_follow_2");
    account.now_ms += 500;
    account.get(&format!("{PROPERTIES}/line_follow_2")).is(200);
}

#[test]
fn an_unknown_property_is_not_found() {
    let answer = Account::new().get(&format!("{PROPERTIES}/missing"));
    assert_eq!(answer.is(404)["category"], "OBJECT_NOT_FOUND");
}

#[test]
fn an_archived_property_is_gone_and_comes_back_as_it_was_first_created() {
    let mut account = Account::new();
    let path = format!("{PROPERTIES}/line_follow_1");
    let first = account.get(&path).is(200)["createdAt"].clone();
    assert_eq!(account.delete(&path).status, 204);
    account.get(&path).is(404);
    assert_eq!(account.get(&format!("{path}?archived=true")).is(200)["archived"], json!(true));
    let write = json!({"properties": {"email": dummy(1), "line_follow_1": "Yes"}});
    assert_eq!(account.post(CONTACTS, write).is(400)["errors"][0]["code"], "PROPERTY_DOESNT_EXIST");
    assert_eq!(account.post(PROPERTIES, follow()).is(201)["createdAt"], first);
}

#[test]
fn a_property_in_use_cannot_be_archived_nor_a_group_with_properties() {
    let mut account = Account::new();
    assert!(account.portal.use_property("line_follow_1", true));
    let refused = account.delete(&format!("{PROPERTIES}/line_follow_1"));
    assert_eq!(refused.is(400)["subCategory"], "PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE");
    let refused = account.delete(&format!("{PROPERTIES}/groups/line_integration"));
    assert_eq!(refused.is(400)["subCategory"], "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES");
}

#[test]
fn options_are_replaced_as_a_whole_and_stay_when_left_out() {
    let mut account = Account::new();
    let path = format!("{PROPERTIES}/line_follow_1");
    let relabelled = account.patch(&path, json!({"label": "友だち"}));
    assert_eq!(relabelled.is(200)["options"].as_array().unwrap().len(), 2);
    let replaced = account.patch(&path, json!({"options": [option("Yes", 0)]}));
    assert_eq!(replaced.is(200)["options"], json!([option("Yes", 0)]));
    assert_eq!(replaced.body["label"], "友だち");
}

#[test]
fn no_more_custom_properties_fit_than_the_portal_has_room_for() {
    let mut account = Account::with(|settings| settings.custom_property_limit = 4);
    let limits = account.get("/crm/limits/2026-09/custom-properties");
    let contacts = &limits.is(200)["byObjectType"][0];
    assert_eq!(
        (&contacts["objectTypeId"], &contacts["limit"], &contacts["usage"]),
        (&json!("0-1"), &json!(4), &json!(4))
    );
    let mut fifth = follow();
    fifth["name"] = json!("line_follow_2");
    account.post(PROPERTIES, fifth).is(400);
}

#[test]
fn ten_properties_can_be_unique_and_two_contacts_never_share_a_value() {
    let mut account = Account::new();
    let draft = |number: usize| {
        json!({"name": format!("key_{number}"), "label": "Key", "type": "string", "fieldType": "text",
               "groupName": "line_integration", "hasUniqueValue": true})
    };
    for number in 1..=10 {
        account.post(PROPERTIES, draft(number)).is(201);
    }
    account.post(PROPERTIES, draft(11)).is(400);
    account.now_ms += 500;
    let contact = |number: u32| json!({"properties": {"email": dummy(number), "key_1": "a"}});
    account.post(CONTACTS, contact(1)).is(201);
    account.post(CONTACTS, contact(2)).is(400);
    let input = json!({"id": "a", "idProperty": "key_1", "properties": {"firstname": "太郎"}});
    assert_eq!(account.batch("upsert", json!({"inputs": [input]})).is(200)["results"][0]["new"], json!(false));
}

#[test]
fn a_definition_that_makes_no_sense_is_refused() {
    let mut account = Account::new();
    let wrong = [
        ("name", json!("LINE_Follow")),
        ("name", json!("1st")),
        ("type", json!("texts")),
        ("fieldType", json!("date")),
        ("groupName", json!("missing")),
        ("label", json!("")),
    ];
    for (field, value) in wrong {
        let mut draft = follow();
        draft["name"] = json!("line_follow_2");
        draft[field] = value;
        account.post(PROPERTIES, draft.clone()).is(400);
    }
}
