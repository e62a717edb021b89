//! Batches.

use super::*;

fn unknown_property() -> Value {
    json!({"properties": {"email": dummy(9), "missing": "1"}})
}

const UNKNOWN_PROPERTY: &str = r#"Property values were not valid: [{"isValid":false,"message":"Property \"missing\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"missing","localizedErrorMessage":"Property \"missing\" does not exist","portalId":12345678}]"#;

#[test]
fn a_created_contact_is_shown_with_everything_hubspot_sets() {
    let mut account = Account::new();
    let user = "U0123456789abcdef0123456789abcdef";
    let body = json!({"properties": {"email": format!("{user}@line.me"), "line_user_id_1": user}, "associations": []});
    let expected = json!({
        "id": FIRST,
        "properties": {
            "createdate": NOW, "email": "u0123456789abcdef0123456789abcdef@line.me", "hs_all_contact_vids": FIRST,
            "hs_email_domain": "line.me", "hs_is_contact": "true", "hs_is_unworked": "true",
            "hs_lifecyclestage_lead_date": "1792458123632", "hs_object_id": FIRST, "hs_object_source": "INTEGRATION",
            "hs_object_source_id": "19083857", "hs_object_source_label": "INTEGRATION",
            "hs_pipeline": "contacts-lifecycle-pipeline", "lastmodifieddate": NOW, "lifecyclestage": "lead",
            "line_user_id_1": user,
        },
        "createdAt": NOW, "updatedAt": NOW, "archived": false,
        "url": format!("https://app.hubspot.com/contacts/12345678/record/0-1/{FIRST}"),
    });
    assert_eq!(*account.post(CONTACTS, body).is(201), expected);
}

#[test]
fn a_read_shows_what_was_asked_for_and_null_for_what_is_not_set() {
    let mut account = Account::new();
    let id = account.contact(&dummy(1));
    let email = dummy(1).to_lowercase();
    let expected = json!({"createdate": NOW, "email": email, "firstname": null, "hs_object_id": id,
                          "lastmodifieddate": NOW, "lastname": null});
    assert_eq!(account.read(&id).is(200)["properties"], expected);
    let asked = account.read(&format!("{id}?properties=line_follow_1,email&properties=unheard_of"));
    let expected = json!({"createdate": NOW, "email": email, "hs_object_id": id,
                          "lastmodifieddate": NOW, "line_follow_1": null});
    assert_eq!(asked.is(200)["properties"], expected);
}

#[test]
fn an_update_shows_what_was_written_and_the_times() {
    let mut account = Account::new();
    let id = account.contact(&dummy(1));
    account.now_ms += 68;
    let updated = account.batch("update", json!({"inputs": [{"id": id, "properties": {"line_follow_1": "Yes"}}]}));
    let later = "2026-10-20T01:02:03.700Z";
    let result = json!({
        "id": id,
        "properties": {"createdate": NOW, "hs_object_id": id, "lastmodifieddate": later, "line_follow_1": "Yes"},
        "createdAt": NOW, "updatedAt": later, "archived": false,
        "url": format!("https://app.hubspot.com/contacts/12345678/record/0-1/{id}"),
    });
    let expected = json!({"status": "COMPLETE", "results": [result], "startedAt": later, "completedAt": later});
    assert_eq!(*updated.is(200), expected);
    assert_eq!(
        *account.patch(&format!("{CONTACTS}/{id}"), json!({"properties": {"line_follow_1": "Yes"}})).is(200),
        result
    );
}

#[test]
fn one_bad_item_without_trace_ids_rejects_the_whole_batch() {
    let mut account = Account::new();
    let refused = account.batch("create", json!({"inputs": [creation(&dummy(1)), unknown_property()]}));
    let errors = json!([{"message": "Property \"missing\" does not exist", "code": "PROPERTY_DOESNT_EXIST",
                         "context": {"propertyName": ["missing"]}}]);
    let expected =
        json!({"status": "error", "message": UNKNOWN_PROPERTY, "errors": errors, "category": "VALIDATION_ERROR"});
    assert_eq!(*refused.is(400), expected);
    assert_eq!(account.live(), 0);
}

#[test]
fn one_item_without_a_trace_id_is_enough_to_reject_the_whole_batch() {
    let mut account = Account::new();
    let inputs = json!([creation(&dummy(1)), traced(unknown_property(), "a")]);
    account.batch("create", json!({"inputs": inputs})).is(400);
    assert_eq!(account.live(), 0);
}

#[test]
fn an_existing_contact_without_trace_ids_rejects_the_whole_batch_and_is_not_named() {
    let mut account = Account::new();
    account.contact(&dummy(1));
    let refused = account.batch("create", json!({"inputs": [creation(&dummy(2)), creation(&dummy(1))]}));
    let expected = json!({"status": "error", "message": "Contact already exists", "category": "CONFLICT"});
    assert_eq!(*refused.is(409), expected);
    assert_eq!(account.live(), 1);
    // The same address twice in one request is a conflict too.
    account.batch("create", json!({"inputs": [creation(&dummy(3)), creation(&dummy(3))]})).is(409);
    assert_eq!(account.live(), 1);
}

#[test]
fn with_trace_ids_the_good_items_go_through_and_each_bad_one_is_told() {
    let mut account = Account::new();
    let id = account.contact(&dummy(1));
    let inputs = [
        traced(creation(&dummy(1)), "0"),
        traced(creation(&dummy(2)), "1"),
        traced(unknown_property(), "549b1c2a9351"),
    ];
    let answer = account.batch("create", json!({"inputs": inputs}));
    let expected = json!([
        {"status": "error", "category": "CONFLICT", "message": format!("Contact already exists. Existing ID: {id}"),
         "context": {"objectWriteTraceId": ["0"], "existingId": [id]}},
        {"status": "error", "category": "VALIDATION_ERROR", "message": UNKNOWN_PROPERTY,
         "context": {"objectWriteTraceId": ["549b1c2a9351"]}},
    ]);
    assert_eq!(answer.is(207)["errors"], expected);
    assert_eq!(answer.body["numErrors"], 2);
    assert_eq!(answer.body["status"], "COMPLETE");
    assert_eq!(answer.body["results"].as_array().unwrap().len(), 1);
    assert_eq!(answer.body["results"][0]["properties"]["email"], json!(dummy(2).to_lowercase()));
    assert_eq!(account.live(), 2);
}

#[test]
fn a_trace_id_that_comes_twice_rejects_the_batch() {
    let mut account = Account::new();
    let inputs = [traced(creation(&dummy(1)), "0"), traced(creation(&dummy(2)), "0")];
    account.batch("create", json!({"inputs": inputs})).is(400);
    assert_eq!(account.live(), 0);
}

#[test]
fn results_come_in_another_order_than_the_inputs() {
    for (shuffles, same) in [(true, false), (false, true)] {
        let mut account = Account::with(|settings| settings.shuffle_results = shuffles);
        let ids: Vec<String> = (0..3).map(|number| account.contact(&dummy(number))).collect();
        for _ in 0..20 {
            let inputs: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
            let read = account.batch("read", json!({"inputs": inputs, "properties": []}));
            let order: Vec<&str> =
                read.is(200)["results"].as_array().unwrap().iter().map(|each| each["id"].as_str().unwrap()).collect();
            assert_eq!(order == ids, same, "{order:?}");
            assert_eq!(read.ids(), ids);
        }
    }
}

#[test]
fn an_id_that_comes_twice_rejects_the_batch_with_trace_ids_too() {
    let mut account = Account::new();
    let id = account.contact(&dummy(1));
    let input = |trace: &str| traced(json!({"id": id, "properties": {"line_follow_1": "Yes"}}), trace);
    let expected = json!({
        "status": "error", "message": format!("Duplicate IDs found in batch input: [{id}]. IDs must be unique"),
        "context": {"ids": [id]}, "category": "VALIDATION_ERROR",
    });
    for verb in ["update", "read"] {
        assert_eq!(*account.batch(verb, json!({"inputs": [input("a"), input("b")]})).is(400), expected);
    }
    assert_eq!(account.value(&id, "line_follow_1"), None);
    // An address is the same in any case.
    let by_email = |email: String| json!({"id": email, "idProperty": "email", "properties": {}});
    account.batch("upsert", json!({"inputs": [by_email(dummy(1)), by_email(dummy(1).to_lowercase())]})).is(400);
}

#[test]
fn more_than_100_inputs_are_refused() {
    let mut account = Account::new();
    let inputs = |count: u32| json!({"inputs": (0..count).map(|number| creation(&dummy(number))).collect::<Vec<_>>()});
    let expected = json!({
        "status": "error", "category": "VALIDATION_ERROR",
        "message": "The maximum number of inputs supported in a batch is 100. Please reduce the number of items and \
                    try again",
    });
    for verb in ["read", "create", "update", "upsert", "archive"] {
        assert_eq!(*account.batch(verb, inputs(101)).is(400), expected, "{verb}");
    }
    assert_eq!(account.live(), 0);
    account.batch("create", inputs(100)).is(201);
    assert_eq!(account.live(), 100);
}

#[test]
fn more_than_50_reads_with_history_are_refused() {
    let mut account = Account::new();
    let mut read = |count: u32| {
        let inputs: Vec<Value> = (1..=count).map(|id| json!({"id": id.to_string()})).collect();
        account.batch("read", json!({"inputs": inputs, "properties": [], "propertiesWithHistory": ["email"]})).status
    };
    assert_eq!((read(51), read(50)), (400, 207));
}

#[test]
fn ids_that_are_not_there_are_told_in_one_error() {
    let mut account = Account::new();
    let message = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.";
    let missing = |context: Value| {
        let category = "OBJECT_NOT_FOUND";
        json!([{"status": "error", "category": category, "message": message, "context": context}])
    };
    let read = account.batch("read", json!({"inputs": [{"id": "1"}, {"id": "2"}], "properties": []}));
    let expected = json!({"status": "COMPLETE", "results": [], "numErrors": 1,
                          "errors": missing(json!({"ids": ["1", "2"]})), "startedAt": NOW, "completedAt": NOW});
    assert_eq!(*read.is(207), expected);

    let input = |id: &str, trace: &str| traced(json!({"id": id, "properties": {"line_follow_1": "Yes"}}), trace);
    let updated = account.batch("update", json!({"inputs": [input("1", "a"), input("2", "b")]}));
    assert_eq!(updated.is(207)["errors"], missing(json!({"ids": ["1", "2"], "objectWriteTraceId": ["a", "b"]})));

    let by_email = json!({"idProperty": "email", "inputs": [{"id": "nobody@line.me"}], "properties": []});
    assert_eq!(account.batch("read", by_email).is(207)["errors"], missing(json!({"ids": ["nobody@line.me"]})));
}

#[test]
fn an_upsert_says_what_is_new_and_names_the_trace() {
    let mut account = Account::new();
    account.contact(&dummy(1));
    let input = |number: u32, trace: &str| {
        traced(json!({"id": dummy(number), "idProperty": "email", "properties": {"line_follow_1": "Yes"}}), trace)
    };
    let answer = account.batch("upsert", json!({"inputs": [input(1, "old"), input(2, "new")]}));
    let results = answer.is(200)["results"].as_array().unwrap();
    for (trace, new) in [("old", false), ("new", true)] {
        let result = results.iter().find(|each| each["objectWriteTraceId"] == trace).unwrap();
        assert_eq!(result["new"], json!(new));
    }
    assert_eq!(account.live(), 2);
}

#[test]
fn a_property_with_duplicates_is_no_key() {
    let mut account = Account::new();
    let refused = |name: &str| {
        let message = format!("Unable to perform update/upsert by non-unique 0-1 property {name}");
        json!({"status": "error", "message": message, "category": "VALIDATION_ERROR"})
    };
    let input = |name: &str| json!({"inputs": [{"id": "x", "idProperty": name, "properties": {}}]});
    assert_eq!(*account.batch("upsert", input("line_user_id_1")).is(400), refused("line_user_id_1"));
    // By e-mail a batch can be upserted, but not updated.
    assert_eq!(*account.batch("update", input("email")).is(400), refused("email"));
}

#[test]
fn a_body_that_is_no_json_is_refused_without_a_category() {
    let mut account = Account::new();
    let mut request = Request::post(&format!("{CONTACTS}/batch/create"), &json!(null));
    request.body = b"{\"inputs\":".to_vec().into();
    let refused = account.request(&request.with_bearer(&account.portal.settings().token.clone()));
    let message = refused.is(400)["message"].as_str().unwrap();
    assert!(message.starts_with("Invalid input JSON on line 1, column 1: "), "{message}");
    assert_eq!(refused.body.get("category"), None);
}
