//! What values a property takes.

use super::*;

/// Writes one value into a new contact.
fn write(account: &mut Account, property: &str, value: &str) -> Answer {
    account.post(CONTACTS, json!({"properties": {"email": dummy(1), property: value}}))
}

#[test]
fn an_unknown_property_is_refused() {
    let mut account = Account::new();
    let refused = write(&mut account, "x", "1");
    let errors = json!([{"message": "Property \"x\" does not exist", "code": "PROPERTY_DOESNT_EXIST",
                         "context": {"propertyName": ["x"]}}]);
    assert_eq!(refused.is(400)["errors"], errors);
    assert_eq!(refused.body["category"], "VALIDATION_ERROR");
}

#[test]
fn an_option_is_taken_in_its_exact_case_only() {
    let mut account = Account::new();
    let refused = write(&mut account, "line_follow_1", "yes");
    let errors = json!([{"message": "yes was not one of the allowed options: [Yes, No]", "code": "INVALID_OPTION",
                         "context": {"propertyName": ["line_follow_1"]}}]);
    assert_eq!(refused.is(400)["errors"], errors);
    write(&mut account, "line_follow_1", "Yes").is(201);
}

#[test]
fn a_datetime_is_taken_in_two_forms_and_read_back_as_iso() {
    for sent in ["1792458123632", NOW, "2026-10-20T10:02:03.632+09:00"] {
        let created = write(&mut Account::new(), "line_id_sync_date_1", sent);
        assert_eq!(created.is(201)["properties"]["line_id_sync_date_1"], NOW);
    }
    let refused = write(&mut Account::new(), "line_id_sync_date_1", "yesterday");
    assert_eq!(refused.is(400)["errors"][0]["code"], "INVALID_DATE");
}

#[test]
fn a_text_of_65536_characters_is_the_longest() {
    let mut account = Account::new();
    write(&mut account, "line_last_response_1", &"あ".repeat(65_537)).is(400);
    write(&mut account, "line_last_response_1", &"あ".repeat(65_536)).is(201);
}

#[test]
fn what_hubspot_sets_itself_cannot_be_written() {
    let refused = write(&mut Account::new(), "createdate", NOW);
    assert_eq!(refused.is(400)["errors"][0]["code"], "READ_ONLY_VALUE");
}

#[test]
fn an_empty_value_clears_and_a_property_left_out_stays() {
    let mut account = Account::new();
    let id = write(&mut account, "line_follow_1", "Yes").is(201)["id"].as_str().unwrap().to_owned();
    account.patch(&format!("{CONTACTS}/{id}"), json!({"properties": {"firstname": "太郎"}})).is(200);
    assert_eq!(account.value(&id, "line_follow_1").as_deref(), Some("Yes"));
    account.patch(&format!("{CONTACTS}/{id}"), json!({"properties": {"line_follow_1": ""}})).is(200);
    assert_eq!(account.value(&id, "line_follow_1"), None);
}

#[test]
fn a_write_that_changes_nothing_leaves_the_time_of_the_last_change() {
    let mut account = Account::new();
    let id = write(&mut account, "line_follow_1", "Yes").is(201)["id"].as_str().unwrap().to_owned();
    account.now_ms += 1_000;
    let same = account.patch(&format!("{CONTACTS}/{id}"), json!({"properties": {"line_follow_1": "Yes"}}));
    assert_eq!(same.is(200)["updatedAt"], NOW);
}

#[test]
fn a_property_can_be_mandatory_on_creation_from_2026_09_on() {
    let mut account = Account::with(|settings| settings.required_on_create = vec!["firstname".to_owned()]);
    let refused = account.post(CONTACTS, creation(&dummy(1)));
    let expected = json!({
        "status": "error", "category": "VALIDATION_ERROR", "message": "The property values provided are invalid",
        "errors": [{"code": "MISSING_REQUIRED_PROPERTY", "message": "A value for firstname must be provided",
                    "context": {"propertyName": ["firstname"]}}],
    });
    assert_eq!(*refused.is(400), expected);
    let batch = account.batch("create", json!({"inputs": [traced(creation(&dummy(1)), "a")]}));
    assert_eq!(batch.is(207)["errors"][0]["context"], json!({"objectWriteTraceId": ["a"]}));
    account.post("/crm/v3/objects/contacts", creation(&dummy(1))).is(201);
    account.post("/crm/objects/2026-03/contacts", creation(&dummy(2))).is(201);
    write(&mut account, "firstname", "花子").is(409);
}

#[test]
fn a_date_with_a_time_is_normalised_with_a_warning() {
    let mut account = Account::new();
    let created = write(&mut account, "date_of_birth", "1990-01-01T00:00:00Z");
    assert_eq!(created.is(201)["properties"]["date_of_birth"], "1990-01-01");
    let expected = json!([{
        "category": "PROPERTY_VALUE_NORMALIZED", "message": "date_of_birth was normalized",
        "context": {"propertyName": "date_of_birth", "rawValue": "1990-01-01T00:00:00Z",
                    "normalizedValue": "631152000000"},
    }]);
    assert_eq!(created.body["warnings"], expected);
    let plain = account.patch(
        &format!("{CONTACTS}/{FIRST}"),
        json!({"properties": {"date_of_birth": "631152000000", "firstname": "太郎"}}),
    );
    assert_eq!(plain.is(200).get("warnings"), None);
}

#[test]
fn a_text_on_the_list_of_refused_ones_makes_a_write_invalid() {
    let mut account = Account::with(|settings| settings.refused_texts = vec!["毒".to_owned()]);
    let refused = write(&mut account, "firstname", "毒りんご");
    assert_eq!(refused.is(400)["errors"][0]["context"], json!({"propertyName": ["firstname"]}));
    write(&mut account, "firstname", "りんご").is(201);
}
