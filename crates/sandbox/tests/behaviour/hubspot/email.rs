//! The address as the key of a contact.

use super::*;

#[test]
fn an_email_is_stored_in_lower_case_and_found_in_any_case() {
    let mut account = Account::new();
    let sent = "U0123456789ABCDEF0123456789abcdef@LINE.me";
    let stored = "u0123456789abcdef0123456789abcdef@line.me";
    let id = account.contact(sent);
    assert_eq!(account.value(&id, "email").as_deref(), Some(stored));
    for asked in [sent, stored] {
        let found = account.batch("read", json!({"idProperty": "email", "inputs": [{"id": asked}], "properties": []}));
        assert_eq!(found.is(200)["results"][0]["properties"]["email"], stored);
        assert_eq!(account.read(&format!("{asked}?idProperty=email")).is(200)["id"], json!(id));
    }
    account.post(CONTACTS, creation(sent)).is(409);
}

#[test]
fn an_additional_email_identifies_the_contact_too() {
    let mut account = Account::new();
    let id = account.contact("taro@example.com");
    account.portal.add_email(account.now_ms, id.parse().unwrap(), &dummy(1)).unwrap();

    let properties = json!(["hs_additional_emails"]);
    let found =
        account.batch("read", json!({"idProperty": "email", "inputs": [{"id": dummy(1)}], "properties": properties}));
    let found = &found.is(200)["results"][0];
    assert_eq!(found["id"], json!(id));
    assert_eq!(found["properties"]["hs_additional_emails"], json!(dummy(1).to_lowercase()));

    let refused = account.post(CONTACTS, creation(&dummy(1)));
    assert_eq!(*refused.is(409), taken(&id));

    let input = json!({"id": dummy(1), "idProperty": "email", "properties": {"firstname": "太郎"}});
    let upserted = account.batch("upsert", json!({"inputs": [input]}));
    assert_eq!(upserted.is(200)["results"][0]["new"], json!(false));
    assert_eq!(account.value(&id, "firstname").as_deref(), Some("太郎"));
    assert_eq!(account.value(&id, "email").as_deref(), Some("taro@example.com"));
}

#[test]
fn an_address_that_is_none_is_refused() {
    let mut account = Account::new();
    let refused = account.post(CONTACTS, creation("u1@line"));
    let message = "Email address u1@line is invalid";
    let errors = json!([{"message": message, "code": "INVALID_EMAIL", "context": {"propertyName": ["email"]}}]);
    assert_eq!(refused.is(400)["errors"], errors);
    assert_eq!(refused.body["category"], "VALIDATION_ERROR");
    assert_eq!(account.live(), 0);
}

#[test]
fn an_address_of_another_contact_cannot_be_taken() {
    let mut account = Account::new();
    let (one, other) = (account.contact(&dummy(1)), account.contact(&dummy(2)));
    let refused = account.patch(&format!("{CONTACTS}/{other}"), creation(&dummy(1)));
    assert_eq!(*refused.is(409), taken(&one));
    account.patch(&format!("{CONTACTS}/{other}"), creation(&dummy(2))).is(200);
}

#[test]
fn a_replaced_address_is_free_again_unless_the_portal_keeps_it() {
    for (keeps, status) in [(false, 201), (true, 409)] {
        let mut account = Account::with(|settings| settings.keep_replaced_email = keeps);
        let id = account.contact(&dummy(1));
        account.patch(&format!("{CONTACTS}/{id}"), creation("taro@example.com")).is(200);
        account.post(CONTACTS, creation(&dummy(1))).is(status);
    }
}

#[test]
fn an_erased_address_cannot_be_used_again() {
    let mut account = Account::new();
    let id = account.contact(&dummy(1));
    let body = json!({"objectId": dummy(1), "idProperty": "email"});
    assert_eq!(account.post(&format!("{CONTACTS}/gdpr-delete"), body).status, 204);
    account.read(&id).is(404);
    account.read(&format!("{id}?archived=true")).is(404);
    assert_eq!(account.post(CONTACTS, creation(&dummy(1))).is(400)["errors"][0]["code"], "INVALID_EMAIL");

    // An address nobody has is blocked all the same.
    let body = json!({"objectId": dummy(2), "idProperty": "email"});
    assert_eq!(account.post(&format!("{CONTACTS}/gdpr-delete"), body).status, 204);
    account.post(CONTACTS, creation(&dummy(2))).is(400);

    account.portal.adjust(NOW_MS, |settings| settings.block_erased_email = false);
    account.post(CONTACTS, creation(&dummy(1))).is(201);
}
