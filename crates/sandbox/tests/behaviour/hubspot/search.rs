//! Search.

use super::*;

fn search(account: &mut Account, filter: Value) -> Answer {
    account.post(&format!("{CONTACTS}/search"), json!({"filterGroups": [{"filters": [filter]}]}))
}

/// A contact of the LINE user that the tests search for; search knows it already.
fn indexed(account: &mut Account) -> String {
    let properties = json!({"email": dummy(10), "line_user_id_1": USER, "line_follow_1": "Yes"});
    let id = account.post(CONTACTS, json!({"properties": properties})).is(201)["id"].as_str().unwrap().to_owned();
    account.now_ms += SETTLED_MS;
    id
}

const USER: &str = "U0000000000000000000000000000000a";

#[test]
fn search_knows_of_a_change_only_after_a_while() {
    let mut account = Account::new();
    let filter = || json!({"propertyName": "email", "operator": "EQ", "value": dummy(1)});
    account.contact(&dummy(1));
    account.now_ms += SETTLED_MS - 1;
    assert_eq!(search(&mut account, filter()).is(200)["total"], 0);
    account.now_ms += 1;
    let id = search(&mut account, filter()).is(200)["results"][0]["id"].as_str().unwrap().to_owned();

    account.patch(&format!("{CONTACTS}/{id}"), creation("taro@example.com")).is(200);
    assert_eq!(search(&mut account, filter()).ids(), [&*id]);
    account.now_ms += SETTLED_MS;
    assert_eq!(search(&mut account, filter()).is(200)["total"], 0);
}

#[test]
fn search_answers_with_the_properties_asked_for() {
    let mut account = Account::new();
    let id = indexed(&mut account);
    let filter = json!({"propertyName": "line_user_id_1", "operator": "EQ", "value": USER});
    let body = json!({"filterGroups": [{"filters": [filter]}], "properties": ["line_user_id_1"], "limit": 1});
    let answer = account.post(&format!("{CONTACTS}/search"), body);
    let result = json!({
        "id": id,
        "properties": {"createdate": NOW, "hs_object_id": id, "lastmodifieddate": NOW, "line_user_id_1": USER},
        "createdAt": NOW, "updatedAt": NOW, "archived": false,
        "url": format!("https://app.hubspot.com/contacts/12345678/record/0-1/{id}"),
    });
    assert_eq!(*answer.is(200), json!({"total": 1, "results": [result]}));
}

#[test]
fn equality_of_texts_ignores_case() {
    let mut account = Account::new();
    let id = indexed(&mut account);
    for value in [USER.to_owned(), USER.to_lowercase(), USER.to_uppercase()] {
        let filter = json!({"propertyName": "line_user_id_1", "operator": "EQ", "value": value});
        assert_eq!(search(&mut account, filter).ids(), [&*id]);
    }
}

#[test]
fn in_finds_texts_by_lower_case_values_only() {
    let mut account = Account::new();
    let id = indexed(&mut account);
    let mut found = |operator: &str, value: &str| {
        search(&mut account, json!({"propertyName": "line_user_id_1", "operator": operator, "values": [value]})).ids()
    };
    assert_eq!(found("IN", &USER.to_lowercase()), [&*id]);
    assert_eq!(found("IN", USER), [""; 0]);
    assert_eq!(found("NOT_IN", &USER.to_lowercase()), [""; 0]);
    assert_eq!(found("NOT_IN", USER), [&*id]);
}

#[test]
fn options_are_searched_in_their_exact_case() {
    let mut account = Account::new();
    let id = indexed(&mut account);
    let mut found = |value: &str| {
        search(&mut account, json!({"propertyName": "line_follow_1", "operator": "EQ", "value": value})).ids()
    };
    assert_eq!(found("Yes"), [&*id]);
    assert_eq!(found("yes"), [""; 0]);
}

#[test]
fn every_operator_compares_as_its_name_says() {
    let mut account = Account::new();
    indexed(&mut account);
    let sent = |operator: &str, more: Value| {
        let mut filter = json!({"propertyName": "createdate", "operator": operator});
        filter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        filter
    };
    let (before, at, after) = (NOW_MS - 1, NOW_MS, NOW_MS + 1);
    let cases = [
        (sent("GT", json!({"value": before})), 1),
        (sent("GT", json!({"value": at})), 0),
        (sent("GTE", json!({"value": at})), 1),
        (sent("LT", json!({"value": after})), 1),
        (sent("LT", json!({"value": at})), 0),
        (sent("LTE", json!({"value": at})), 1),
        (sent("BETWEEN", json!({"value": before, "highValue": after})), 1),
        (sent("BETWEEN", json!({"value": after, "highValue": after})), 0),
        (sent("NEQ", json!({"value": at})), 0),
        (json!({"propertyName": "firstname", "operator": "HAS_PROPERTY"}), 0),
        (json!({"propertyName": "firstname", "operator": "NOT_HAS_PROPERTY"}), 1),
        (json!({"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "LINE"}), 1),
        (json!({"propertyName": "email", "operator": "NOT_CONTAINS_TOKEN", "value": "line"}), 0),
    ];
    for (filter, total) in cases {
        account.now_ms += 1_000;
        assert_eq!(search(&mut account, filter.clone()).is(200)["total"], total, "{filter}");
    }
}

#[test]
fn groups_are_alternatives_and_filters_add_up() {
    let mut account = Account::new();
    let id = indexed(&mut account);
    let user = json!({"propertyName": "line_user_id_1", "operator": "EQ", "value": USER});
    let nobody = json!({"propertyName": "email", "operator": "EQ", "value": "nobody@line.me"});
    let mut found = |groups: Value| account.post(&format!("{CONTACTS}/search"), json!({"filterGroups": groups})).ids();
    assert_eq!(found(json!([{"filters": [user, nobody]}])), [""; 0]);
    assert_eq!(found(json!([{"filters": [nobody]}, {"filters": [user]}])), [id]);
}

#[test]
fn what_is_deleted_is_never_found() {
    let mut account = Account::new();
    let id = indexed(&mut account);
    account.delete(&format!("{CONTACTS}/{id}"));
    let filter = json!({"propertyName": "line_user_id_1", "operator": "EQ", "value": USER});
    assert_eq!(search(&mut account, filter).is(200)["total"], 0);
}

#[test]
fn the_sixth_search_within_a_second_is_refused_and_no_search_tells_what_is_left() {
    let mut account = Account::new();
    let filter = || json!({"propertyName": "email", "operator": "HAS_PROPERTY"});
    for _ in 0..5 {
        let answer = search(&mut account, filter());
        answer.is(200);
        assert_eq!(answer.header("x-hubspot-ratelimit-remaining"), None);
        assert_eq!(answer.header("x-hubspot-ratelimit-daily-remaining"), None);
    }
    account.now_ms += 999;
    let refused = search(&mut account, filter());
    assert_eq!(refused.is(429)["policyName"], "SECONDLY");
    assert_eq!(refused.body["message"], "You have reached your secondly limit.");
    assert_eq!(refused.header("retry-after"), None);
    account.now_ms += 1;
    search(&mut account, filter()).is(200);
}

#[test]
fn pages_go_by_offset_up_to_10000() {
    let mut account = Account::new();
    let ids: Vec<String> = (0..3).map(|number| account.contact(&dummy(number))).collect();
    account.now_ms += SETTLED_MS;
    let sorts = json!([{"propertyName": "hs_object_id", "direction": "DESCENDING"}]);
    let mut page = |after: &str, limit: u32| {
        account.now_ms += 1_000;
        account.post(&format!("{CONTACTS}/search"), json!({"sorts": sorts, "limit": limit, "after": after}))
    };
    let first = page("0", 2);
    assert_eq!(first.is(200)["total"], 3);
    assert_eq!(first.body["results"][0]["id"], json!(ids[2]));
    assert_eq!(first.body["paging"], json!({"next": {"after": "2"}}));
    let last = page("2", 2);
    assert_eq!(last.ids(), ids[..1]);
    assert_eq!(last.body.get("paging"), None);
    page("9900", 100).is(200);
    page("9901", 100).is(400);
    page("0", 201).is(400);
}

#[test]
fn a_search_that_is_too_large_is_refused() {
    let mut account = Account::new();
    let filter = json!({"propertyName": "email", "operator": "HAS_PROPERTY"});
    let mut status = |groups: usize, filters: usize| {
        account.now_ms += 1_000;
        let groups = vec![json!({"filters": vec![filter.clone(); filters]}); groups];
        account.post(&format!("{CONTACTS}/search"), json!({"filterGroups": groups})).status
    };
    assert_eq!((status(5, 3), status(6, 1), status(1, 6), status(1, 7), status(4, 5)), (200, 400, 200, 400, 400));
    let long = |length: usize| json!({"propertyName": "email", "operator": "EQ", "value": "x".repeat(length)});
    account.now_ms += 1_000;
    search(&mut account, long(2_900)).is(200);
    search(&mut account, long(3_000)).is(400);
}

#[test]
fn a_search_by_an_unknown_property_is_refused() {
    let refused = search(&mut Account::new(), json!({"propertyName": "missing", "operator": "HAS_PROPERTY"}));
    assert_eq!(refused.is(400)["errors"][0]["code"], "PROPERTY_DOESNT_EXIST");
}
