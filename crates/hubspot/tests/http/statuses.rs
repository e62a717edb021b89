//! Every call against every status: what the caller is told to do.

use crate::server::{Reply, Server, always, reply, reply_with};
use contact::{ConnectionNumber, ContactId, Names};
use hubspot::definition::of_connection;
use hubspot::{Client, ContactKey, CreateInput, Crm, Error, Group, Priority, UpdateInput};
use std::time::Duration;

const CALLS: [Call; 14] = [
    Call { name: "read_by_email", of: Of::Batch },
    Call { name: "read_many", of: Of::Batch },
    Call { name: "read_archived", of: Of::Batch },
    Call { name: "search_in", of: Of::Search },
    Call { name: "ensure_properties", of: Of::Batch },
    Call { name: "account", of: Of::Batch },
    Call { name: "read_one", of: Of::One },
    Call { name: "ensure_group", of: Of::Group },
    Call { name: "custom_property_room", of: Of::Extra },
    Call { name: "daily_usage", of: Of::Extra },
    Call { name: "create", of: Of::Write },
    Call { name: "update", of: Of::Write },
    Call { name: "archive", of: Of::Archive },
    Call { name: "gdpr_delete", of: Of::Erase },
];

struct Call {
    name: &'static str,
    of: Of,
}

/// Calls that answers mean the same for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    /// Reads at an address that is always there.
    Batch,
    /// Searches, which HubSpot counts for themselves.
    Search,
    /// Reads one thing that may be missing.
    One,
    /// Looks whether one thing is there.
    Group,
    /// Reads what HubSpot may keep to itself.
    Extra,
    /// Writes many contacts.
    Write,
    /// Deletes a contact.
    Archive,
    /// Erases a contact.
    Erase,
}

impl Of {
    const fn is_write(self) -> bool {
        matches!(self, Self::Write | Self::Archive | Self::Erase)
    }
}

/// Makes a call and tells what came of it in a word.
async fn outcome(client: &Client, name: &str) -> String {
    let ids = [ContactId(171_596_044_869)];
    let properties = ["line_follow_1".to_owned()];
    let values = ["u0123456789abcdef0123456789abcdef@line.me".to_owned()];
    let definitions = of_connection(&Names::default(), ConnectionNumber::new(1).unwrap());
    let fresh = Priority::Fresh;
    let value = |name: &str| [(name.to_owned(), values[0].clone())].into();
    let ok = |_| "ok".to_owned();
    let made = match name {
        "read_by_email" => client.read_by_email(&values, &properties, fresh).await.map(|found| found.len().to_string()),
        "read_many" => client.read_many(&ids, &properties, fresh).await.map(|found| found.len().to_string()),
        "read_archived" => client.read_archived(&ids, fresh).await.map(|found| found.len().to_string()),
        "search_in" => client.search_in("line_user_id_1", &values, &properties, fresh).await.map(|_| "ok".into()),
        "ensure_properties" => client.ensure_properties(&definitions, fresh).await.map(|_| "ok".into()),
        "account" => client.account(fresh).await.map(|_| "ok".into()),
        "read_one" => client.read_one(ids[0], &properties, fresh).await.map(|found| format!("{:?}", found.is_some())),
        "ensure_group" => client.ensure_group(&Group::line(), fresh).await.map(ok),
        "custom_property_room" => client.custom_property_room(fresh).await.map(|room| format!("{:?}", room.is_some())),
        "daily_usage" => client.daily_usage(fresh).await.map(|usage| format!("{:?}", usage.is_some())),
        "create" => {
            let input = CreateInput { trace: "t".into(), properties: value("email") };
            client.create(vec![input], &always, fresh).await.map(|outcomes| outcomes[0].1.as_str().into())
        }
        "update" => {
            let input = UpdateInput { trace: "t".into(), id: ids[0], properties: value("line_user_id_1") };
            client.update(vec![input], &always, fresh).await.map(|outcomes| outcomes[0].1.as_str().into())
        }
        "archive" => client.archive(ids[0], fresh).await.map(ok),
        "gdpr_delete" => client.gdpr_delete(ContactKey::Email(&values[0]), fresh).await.map(ok),
        other => panic!("{other}"),
    };
    made.unwrap_or_else(|error| word(&error))
}

fn word(error: &Error) -> String {
    match error {
        Error::RateLimited { policy, wait } => format!("{policy} {}", wait.as_secs()),
        Error::Locked { wait } => format!("locked {}", wait.as_secs()),
        Error::Migrating { wait } => format!("migrating {}", wait.as_secs()),
        Error::Unavailable { .. } => "unavailable".into(),
        Error::Unknown { .. } => "unknown".into(),
        Error::Unauthorized => "unauthorized".into(),
        Error::MissingScopes { scopes } => format!("scopes {}", scopes.join(" ")),
        Error::NotFound => "not_found".into(),
        Error::Rejected(refusal) => format!("rejected {}", refusal.code.as_deref().unwrap_or_default()),
        Error::Garbage { .. } => "garbage".into(),
        Error::Unfit(_) => "unfit".into(),
    }
}

/// Plays one answer to every call and compares.
async fn check(answer: Reply, expected: impl Fn(Of) -> &'static str) {
    let server = Server::replying([]).await;
    server.now_replies(answer.clone());
    let client = server.client();
    for call in CALLS {
        let outcome = outcome(&client, call.name).await;
        assert_eq!(outcome, expected(call.of), "{} answered with {answer:?}", call.name);
        let_a_day_pass().await;
    }
}

/// Longer than any pause that an answer causes.
async fn let_a_day_pass() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn status_401_unauthorized() {
    let body = r#"{"status":"error","message":"Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview","correlationId":"c","category":"INVALID_AUTHENTICATION"}"#;
    check(reply(401, body), |_| "unauthorized").await;
    let body = r#"{"status":"error","message":"The OAuth token used to make this call expired 7 second(s) ago.","correlationId":"c","category":"EXPIRED_AUTHENTICATION"}"#;
    check(reply(401, body), |_| "unauthorized").await;
}

#[tokio::test]
async fn status_403_names_the_scopes() {
    let body = r#"{"status":"error","message":"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.","correlationId":"c","errors":[{"message":"One or more of the following scopes are required.","context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}],"links":{"scopes":"https://developers.hubspot.com/scopes"},"category":"MISSING_SCOPES"}"#;
    check(reply(403, body), |of| if of == Of::Extra { "false" } else { "scopes crm.objects.contacts.write" }).await;
}

#[tokio::test]
async fn status_404_is_an_absence_only_where_one_thing_was_asked_for() {
    let expected = |of| match of {
        Of::One | Of::Extra => "false",
        Of::Archive => "ok",
        Of::Erase => "not_found",
        // The group is missing, and so is the place to create it.
        Of::Batch | Of::Search | Of::Write | Of::Group => "garbage",
    };
    check(reply(404, r#"{"status":"error","message":"resource not found","correlationId":"c"}"#), expected).await;
    let body = r#"{"status":"error","message":"Object not found.  objectId are usually numeric.","correlationId":"c","context":{"id":["abc"]},"category":"OBJECT_NOT_FOUND"}"#;
    check(reply(404, body), expected).await;
    check(reply(404, "<html>no such page</html>"), |_| "garbage").await;
}

#[tokio::test]
async fn status_423_locked() {
    check(reply(423, r#"{"status":"error","message":"Locked","correlationId":"c"}"#), |_| "locked 2").await;
}

#[tokio::test]
async fn status_429_by_policy() {
    let daily = r#"{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"DAILY","requestId":"r"}"#;
    check(reply(429, daily), |_| "daily 900").await;
    let burst = r#"{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"TEN_SECONDLY_ROLLING"}"#;
    check(reply(429, burst), |_| "burst 10").await;
    let search = r#"{"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"SECONDLY"}"#;
    check(reply(429, search), |of| if of == Of::Search { "search 1" } else { "unknown 10" }).await;
    check(reply(429, "<html>slow down</html>"), |_| "unknown 10").await;
}

#[tokio::test]
async fn status_477_moves_for_the_seconds_of_retry_after() {
    check(reply_with(477, ("retry-after", "7200"), "moving"), |_| "migrating 7200").await;
}

#[tokio::test]
async fn an_outage_harms_no_read_and_leaves_a_write_unknown() {
    for status in [500, 502, 503, 504, 524] {
        check(reply(status, "<html>oops</html>"), |of| if of.is_write() { "unknown" } else { "unavailable" }).await;
    }
}

#[tokio::test]
async fn where_hubspot_was_not_reached_nothing_was_done() {
    for status in [521, 523] {
        check(reply(status, "<html>oops</html>"), |_| "unavailable").await;
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    check(reply_with(302, ("location", "http://192.0.2.1/"), ""), |_| "garbage").await;
}

#[tokio::test]
async fn status_400_is_refused_with_its_code() {
    let body = r#"{"status":"error","message":"Property values were not valid: [{…}]","correlationId":"c","errors":[{"message":"Property \"x\" does not exist","code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["x"]}}],"category":"VALIDATION_ERROR"}"#;
    check(reply(400, body), |of| if of == Of::Write { "refused" } else { "rejected PROPERTY_DOESNT_EXIST" }).await;
    let body = r#"{"status":"error","message":"Invalid input JSON on line 1, column 1: c","correlationId":"c"}"#;
    check(reply(400, body), |of| if of == Of::Write { "refused" } else { "rejected " }).await;
    check(reply(400, "<html>bad gateway rules</html>"), |_| "garbage").await;
}

#[tokio::test]
async fn success_without_a_readable_body_is_never_taken_for_done() {
    for body in ["", "<html>", "[]", "\"ok\"", r#"{"results":"#] {
        let expected = |of: Of| match of {
            Of::Write => "unknown",
            // HubSpot answers these with 204 and no body; with another body nobody knows.
            Of::Archive | Of::Erase => {
                if body.is_empty() {
                    "ok"
                } else {
                    "unknown"
                }
            }
            _ => "garbage",
        };
        check(reply(200, body), expected).await;
    }
}

#[tokio::test]
async fn an_empty_object_as_success_shows_nothing() {
    let expected = |of| match of {
        Of::Write => "unknown",
        Of::Archive | Of::Erase | Of::Group => "ok",
        Of::Extra => "false",
        Of::One => "garbage",
        Of::Batch | Of::Search => "",
    };
    let server = Server::replying([]).await;
    server.now_replies(reply(200, "{}"));
    let client = server.client();
    for call in CALLS.into_iter().filter(|call| !matches!(call.of, Of::Batch | Of::Search)) {
        assert_eq!(outcome(&client, call.name).await, expected(call.of), "{}", call.name);
    }
    assert_eq!(outcome(&client, "read_by_email").await, "0");
    assert_eq!(outcome(&client, "read_many").await, "garbage", "asked again by itself");
    assert_eq!(outcome(&client, "read_archived").await, "0");
    assert_eq!(outcome(&client, "account").await, "garbage");
}
