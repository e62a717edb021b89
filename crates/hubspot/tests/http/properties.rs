//! Providing the group and the properties, against a portal that keeps them.

use crate::server::{Reply, Seen, Server, reply};
use contact::{ConnectionNumber, Names};
use hubspot::definition::of_connection;
use hubspot::{Crm, Ensured, Error, Group, Priority, PropertyDefinition};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const FRESH: Priority = Priority::Fresh;
const CREATE: &str = "POST /crm/properties/2026-09/contacts/batch/create";
const READ: &str = "POST /crm/properties/2026-09/contacts/batch/read";

fn seven() -> Vec<PropertyDefinition> {
    of_connection(&Names::default(), ConnectionNumber::new(1).unwrap())
}

/// A portal's properties.
#[derive(Default)]
struct Portal {
    properties: BTreeMap<String, Value>,
    /// For how many reads what was created stays unseen.
    unseen_reads: u32,
    /// Does a read show archived and other properties alike?
    shows_all: bool,
}

impl Portal {
    fn with(properties: impl IntoIterator<Item = Value>) -> Self {
        let properties =
            properties.into_iter().map(|property| (property["name"].as_str().unwrap().to_owned(), property));
        Self { properties: properties.collect(), ..Self::default() }
    }

    fn answer(&mut self, seen: &Seen) -> Reply {
        match &*seen.line {
            READ => self.read(seen),
            CREATE => self.create(seen),
            line => self.change(line.strip_prefix("PATCH /crm/properties/2026-09/contacts/").unwrap(), &seen.body),
        }
    }

    fn read(&mut self, seen: &Seen) -> Reply {
        let created = |property: &Value| property["created"] == true;
        let hidden = self.unseen_reads > 0 && self.properties.values().any(created);
        if hidden {
            self.unseen_reads -= 1;
        }
        let archived = seen.body["archived"] == true;
        let named = seen.inputs().iter().filter_map(|input| self.properties.get(input["name"].as_str()?));
        let found = named.filter(|property| {
            (self.shows_all || (property["archived"] == true) == archived) && !(hidden && created(property))
        });
        reply(200, json!({"status": "COMPLETE", "results": found.collect::<Vec<_>>()}))
    }

    fn create(&mut self, seen: &Seen) -> Reply {
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in seen.inputs() {
            let name = input["name"].as_str().unwrap();
            if self.properties.get(name).is_some_and(|property| property["archived"] != true) {
                errors.push(json!({"status": "error", "category": "OBJECT_ALREADY_EXISTS", "subCategory": "Properties.PROPERTY_WITH_NAME_EXISTS",
                    "message": format!("A property named '{name}' already exists."), "context": {"name": [name]}}));
                continue;
            }
            let mut property = self.properties.remove(name).unwrap_or_else(|| input.clone());
            property["archived"] = false.into();
            property["created"] = true.into();
            results.push(property.clone());
            self.properties.insert(name.into(), property);
        }
        let status = if errors.is_empty() { 201 } else { 207 };
        reply(status, json!({"status": "COMPLETE", "results": results, "numErrors": errors.len(), "errors": errors}))
    }

    fn change(&mut self, name: &str, change: &Value) -> Reply {
        let property = self.properties.get_mut(name).unwrap();
        property["options"] = change["options"].clone();
        reply(200, property)
    }

    async fn serve(mut self) -> Server {
        Server::answering(move |seen| self.answer(seen)).await
    }
}

/// As HubSpot shows a created property.
fn shown(name: &str, type_name: &str, field_type: &str, options: &[&str]) -> Value {
    let options: Vec<_> = options
        .iter()
        .map(|value| json!({"label": value, "value": value, "displayOrder": 0, "hidden": false}))
        .collect();
    json!({"name": name, "label": "changed by the team", "type": type_name, "fieldType": field_type, "options": options,
        "groupName": "line_integration", "calculated": false, "hasUniqueValue": false, "archived": false,
        "modificationMetadata": {"archivable": true, "readOnlyDefinition": false, "readOnlyValue": false}})
}

async fn ensure(portal: Portal) -> (BTreeMap<String, Ensured>, Vec<Seen>) {
    let server = portal.serve().await;
    let ensured = server.client().ensure_properties(&seven(), FRESH).await.unwrap();
    assert_eq!(
        ensured.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        seven().iter().map(|d| &d.name).collect::<Vec<_>>()
    );
    (ensured.into_iter().collect(), server.seen())
}

#[tokio::test]
async fn the_seven_are_created_as_section_2_3_defines_them() {
    let (ensured, seen) = ensure(Portal::default()).await;
    assert!(ensured.values().all(|end| *end == Ensured::Created && end.is_usable()), "{ensured:?}");
    let create = seen.iter().find(|seen| seen.line == CREATE).unwrap();
    assert_eq!(create.inputs().len(), 7);
    assert_eq!(
        create.inputs()[3],
        json!({"name": "line_follow_1", "label": "LINE Follow _ 1", "groupName": "line_integration", "type": "enumeration",
            "fieldType": "select", "displayOrder": -1, "formField": false, "hidden": false, "hasUniqueValue": false,
            "options": [{"label": "Yes", "value": "Yes", "displayOrder": 0, "hidden": false},
                {"label": "No", "value": "No", "displayOrder": 1, "hidden": false}]})
    );
    assert_eq!((&create.inputs()[4]["type"], &create.inputs()[4]["fieldType"]), (&json!("datetime"), &json!("date")));
}

#[tokio::test]
async fn doing_it_again_changes_nothing() {
    let all = seven();
    let all = all.iter().map(|d| shown(&d.name, d.kind.type_name(), d.kind.field_type(), d.kind.options()));
    let (ensured, seen) = ensure(Portal::with(all)).await;
    assert!(ensured.values().all(|end| *end == Ensured::Existed), "{ensured:?}");
    assert_eq!(seen.iter().map(|seen| &*seen.line).collect::<Vec<_>>(), [READ]);
}

#[tokio::test]
async fn only_the_missing_ones_are_created() {
    let (ensured, seen) = ensure(Portal::with([shown("line_user_name_1", "string", "textarea", &[])])).await;
    assert_eq!(ensured["line_user_name_1"], Ensured::Existed, "a field of several lines holds a name as well");
    assert_eq!(ensured["line_user_id_1"], Ensured::Created);
    assert_eq!(seen.iter().find(|seen| seen.line == CREATE).unwrap().inputs().len(), 6);
}

#[tokio::test]
async fn an_archived_property_is_restored_and_told_apart_from_a_new_one() {
    let mut archived = shown("line_follow_1", "enumeration", "select", &["Yes", "No"]);
    archived["archived"] = true.into();
    let (ensured, _) = ensure(Portal::with([archived])).await;
    assert_eq!((&ensured["line_follow_1"], &ensured["line_unanswered_1"]), (&Ensured::Restored, &Ensured::Created));
}

#[tokio::test]
async fn an_archived_property_that_a_read_shows_all_the_same_is_not_taken_for_a_live_one() {
    let mut archived = shown("line_follow_1", "enumeration", "select", &["Yes", "No"]);
    archived["archived"] = true.into();
    let (ensured, _) = ensure(Portal { shows_all: true, ..Portal::with([archived]) }).await;
    assert_eq!((&ensured["line_follow_1"], &ensured["line_unanswered_1"]), (&Ensured::Restored, &Ensured::Created));
}

#[tokio::test]
async fn a_missing_option_is_added_and_the_others_are_kept() {
    let (ensured, seen) =
        ensure(Portal::with([shown("line_follow_1", "enumeration", "radio", &["Maybe", "Yes"])])).await;
    assert_eq!(ensured["line_follow_1"], Ensured::Repaired);
    let patch = seen.iter().find(|seen| seen.line == "PATCH /crm/properties/2026-09/contacts/line_follow_1").unwrap();
    let values: Vec<_> =
        patch.body["options"].as_array().unwrap().iter().map(|option| option["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["Maybe", "Yes", "No"]);
    assert_eq!(patch.body.as_object().unwrap().len(), 1, "nothing else is touched");
}

#[tokio::test]
async fn a_property_of_another_nature_is_left_alone_and_reported() {
    let mut calculated = shown("line_user_name_1", "string", "text", &[]);
    calculated["calculated"] = true.into();
    let mut unique = shown("line_user_picture_1", "string", "text", &[]);
    unique["hasUniqueValue"] = true.into();
    let portal = [
        shown("line_follow_1", "bool", "booleancheckbox", &["true", "false"]),
        shown("line_user_id_1", "string", "calculation_equation", &[]),
        calculated,
        unique,
    ];
    let (ensured, seen) = ensure(Portal::with(portal)).await;
    let reason = |name: &str| match &ensured[name] {
        Ensured::Conflicting { reason } => &**reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason("line_follow_1"), "line_follow_1 is of type bool in the portal; Kizuna needs enumeration");
    assert_eq!(
        reason("line_user_id_1"),
        "line_user_id_1 is a field of type calculation_equation in the portal; Kizuna needs text or textarea"
    );
    assert_eq!(reason("line_user_name_1"), "line_user_name_1 is read-only in the portal");
    assert_eq!(reason("line_user_picture_1"), "line_user_picture_1 takes each value only once in the portal");
    assert_eq!(ensured["line_unanswered_1"], Ensured::Created);
    assert!(seen.iter().all(|seen| !seen.line.starts_with("PATCH")));
}

#[tokio::test]
async fn a_new_property_is_waited_for_until_it_can_be_read() {
    let (ensured, seen) = ensure(Portal { unseen_reads: 1, ..Portal::default() }).await;
    assert!(ensured.values().all(|end| *end == Ensured::Created), "{ensured:?}");
    assert_eq!(seen.iter().filter(|seen| seen.line == READ && seen.body["archived"] == false).count(), 3);
}

#[tokio::test]
async fn a_property_that_somebody_else_created_meanwhile_existed() {
    let raced = shown("line_follow_1", "enumeration", "select", &["Yes", "No"]);
    let mut portal = Portal::default();
    let server = Server::answering(move |seen| {
        if seen.line == CREATE {
            portal.properties.insert("line_follow_1".into(), raced.clone());
        }
        portal.answer(seen)
    })
    .await;
    let ensured: BTreeMap<_, _> =
        server.client().ensure_properties(&seven(), FRESH).await.unwrap().into_iter().collect();
    assert_eq!((&ensured["line_follow_1"], &ensured["line_user_id_1"]), (&Ensured::Existed, &Ensured::Created));
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_looked_up() {
    let mut portal = Portal::default();
    let server = Server::answering(move |seen| {
        let answer = portal.answer(seen);
        if seen.line == CREATE { reply(504, "<html>") } else { answer }
    })
    .await;
    let ensured = server.client().ensure_properties(&seven(), FRESH).await.unwrap();
    assert!(ensured.iter().all(|(_, end)| *end == Ensured::Created), "{ensured:?}");
}

#[tokio::test]
async fn a_request_refused_as_a_whole_because_all_exist_already_is_no_failure() {
    let all: Vec<_> =
        seven().iter().map(|d| shown(&d.name, d.kind.type_name(), d.kind.field_type(), d.kind.options())).collect();
    let mut reads = 0;
    let server = Server::answering(move |seen| match &*seen.line {
        CREATE => reply(409, r#"{"status":"error","message":"A property named 'line_user_id_1' already exists.","correlationId":"c","category":"OBJECT_ALREADY_EXISTS","subCategory":"Properties.PROPERTY_WITH_NAME_EXISTS"}"#),
        _ => {
            reads += 1;
            reply(200, json!({"results": if reads <= 2 { Vec::new() } else { all.clone() }}))
        }
    })
    .await;
    let ensured = server.client().ensure_properties(&seven(), FRESH).await.unwrap();
    assert!(ensured.iter().all(|(_, end)| *end == Ensured::Existed), "{ensured:?}");
}

#[tokio::test]
async fn a_refusal_to_create_is_told_with_hubspots_reason() {
    let mut portal = Portal::default();
    let server = Server::answering(move |seen| match &*seen.line {
        CREATE => reply(
            400,
            r#"{"status":"error","message":"Too many properties","correlationId":"c","category":"VALIDATION_ERROR"}"#,
        ),
        _ => portal.answer(seen),
    })
    .await;
    let ensured = server.client().ensure_properties(&seven(), FRESH).await.unwrap();
    for (name, end) in ensured {
        assert!(
            matches!(&end, Ensured::Refused(refusal) if refusal.reason == "Too many properties"),
            "{name}: {end:?}"
        );
    }
}

#[tokio::test]
async fn the_group_is_created_once() {
    let group = r#"{"name":"line_integration","label":"LINE","displayOrder":9,"archived":false}"#;
    let missing = || reply(404, r#"{"status":"error","message":"not there","category":"OBJECT_NOT_FOUND"}"#);
    let server = Server::replying([missing(), reply(201, group), reply(200, group)]).await;
    let client = server.client();
    assert_eq!(client.ensure_group(&Group::line(), FRESH).await, Ok(()));
    assert_eq!(client.ensure_group(&Group::line(), FRESH).await, Ok(()));
    let look = "GET /crm/properties/2026-09/contacts/groups/line_integration";
    assert_eq!(server.lines(), [look, "POST /crm/properties/2026-09/contacts/groups", look]);
    assert_eq!(server.seen()[1].body, json!({"name": "line_integration", "label": "LINE"}));
}

#[tokio::test]
async fn a_group_that_somebody_else_created_meanwhile_is_fine() {
    let group = r#"{"name":"line_integration","label":"LINE","displayOrder":9,"archived":false}"#;
    for clash in [reply(409, r#"{"category":"OBJECT_ALREADY_EXISTS","message":"exists"}"#), reply(504, "<html>")] {
        let server = Server::replying([reply(404, "{}"), clash, reply(200, group)]).await;
        assert_eq!(server.client().ensure_group(&Group::line(), FRESH).await, Ok(()));
    }
}

#[tokio::test]
async fn a_group_that_hubspot_refuses_is_told() {
    let refusal = reply(400, r#"{"category":"VALIDATION_ERROR","message":"no more groups"}"#);
    let server = Server::replying([reply(404, "{}"), refusal, reply(404, "{}")]).await;
    let end = server.client().ensure_group(&Group::line(), FRESH).await;
    assert!(matches!(&end, Err(Error::Rejected(refusal)) if refusal.reason == "no more groups"), "{end:?}");
}
