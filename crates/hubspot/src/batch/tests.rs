//! Which answer belongs to which input, on the bodies that HubSpot gives.

#![allow(clippy::unwrap_used)]

use super::*;
use contact::ContactId;
use proptest::prelude::*;

fn create(trace: &str, email: &str) -> CreateInput {
    let properties = [("email", email), ("line_user_name_1", "Taro")];
    CreateInput { trace: trace.into(), properties: properties.map(|(name, value)| (name.into(), value.into())).into() }
}

fn update(trace: &str, id: u64) -> UpdateInput {
    UpdateInput { trace: trace.into(), id: ContactId(id), properties: [("line_follow_1".into(), "Yes".into())].into() }
}

fn outcomes_of<I: Input>(inputs: &[I], answer: &str) -> Vec<I::Outcome> {
    let inputs: Vec<_> = inputs.iter().collect();
    outcomes(&inputs, &serde_json::from_str(answer).unwrap(), &Names::default())
}

const UPDATED: &str = r#"{"status":"COMPLETE","results":[
    {"id":"2","properties":{"hs_object_id":"2","line_follow_1":"Yes"},"archived":false},
    {"id":"1","properties":{"hs_object_id":"1","line_follow_1":"No"},"archived":false}]}"#;

#[test]
fn results_are_matched_by_id_in_whatever_order_they_come() {
    let outcomes = outcomes_of(&[update("a", 1), update("b", 2)], UPDATED);
    let follows: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            UpdateOutcome::Updated(contact) => (contact.id.0, contact.properties["line_follow_1"].as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(follows, [(1, "No"), (2, "Yes")]);
}

#[test]
fn only_properties_that_were_written_are_shown() {
    let outcomes = outcomes_of(&[update("a", 1)], UPDATED);
    let UpdateOutcome::Updated(contact) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(contact.properties.keys().collect::<Vec<_>>(), ["line_follow_1"]);
}

#[test]
fn results_of_creation_are_matched_by_address_in_any_case() {
    let answer = r#"{"status":"COMPLETE","results":[
        {"id":"8","properties":{"email":"u2@line.me"}},{"id":"7","properties":{"email":"u1@line.me"}}]}"#;
    let outcomes = outcomes_of(&[create("a", "U1@line.me"), create("b", "u2@line.me")], answer);
    let ids: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            CreateOutcome::Created(contact) => contact.id.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [7, 8]);
}

#[test]
fn a_result_under_another_id_is_matched_by_its_trace_and_shows_the_new_id() {
    let answer = r#"{"results":[{"id":"9","objectWriteTraceId":"a","properties":{"line_follow_1":"Yes"}}]}"#;
    let outcomes = outcomes_of(&[update("a", 1)], answer);
    assert!(matches!(&outcomes[0], UpdateOutcome::Updated(contact) if contact.id == ContactId(9)), "{outcomes:?}");
}

#[test]
fn a_conflict_names_the_existing_contact_and_spares_the_others() {
    let answer = r#"{"status":"COMPLETE","results":[{"id":"171596044870","properties":{"email":"u1123456789abcdef0123456789abcdef@line.me"},"createdAt":"2026-10-20T01:02:03.632Z","updatedAt":"2026-10-20T01:02:03.632Z","archived":false}],"numErrors":1,
        "errors":[{"status":"error","category":"CONFLICT","message":"Contact already exists. Existing ID: 171591000198","context":{"objectWriteTraceId":["0"],"existingId":["171591000198"]}}],
        "startedAt":"2026-10-20T01:02:03.575Z","completedAt":"2026-10-20T01:02:03.918Z"}"#;
    let inputs = [create("0", "u0@line.me"), create("1", "u1123456789abcdef0123456789abcdef@line.me")];
    let outcomes = outcomes_of(&inputs, answer);
    assert_eq!(outcomes[0], CreateOutcome::Exists(ContactId(171_591_000_198)));
    assert!(matches!(&outcomes[1], CreateOutcome::Created(contact) if contact.id == ContactId(171_596_044_870)));
}

#[test]
fn a_conflict_without_an_id_is_unknown() {
    let answer = r#"{"results":[],"errors":[{"category":"CONFLICT","message":"Contact already exists","context":{"objectWriteTraceId":["0"]}}]}"#;
    assert_eq!(outcomes_of(&[create("0", "u0@line.me")], answer), [CreateOutcome::Unknown]);
}

#[test]
fn an_unknown_property_is_told_with_its_name() {
    let answer = r#"{"results":[],"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Property \\\"missing\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"missing\",\"localizedErrorMessage\":\"Property \\\"missing\\\" does not exist\",\"portalId\":12345678}]","context":{"objectWriteTraceId":["549b1c2a9351"]}}]}"#;
    let outcomes = outcomes_of(&[update("549b1c2a9351", 1)], answer);
    let UpdateOutcome::Refused(refusal) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(
        (refusal.broken_property(), &*refusal.reason),
        (Some("missing"), "missing does not exist in the portal")
    );
}

#[test]
fn all_ids_of_a_grouped_error_are_missing() {
    let answer = r#"{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":["171596044869","171596044870"]}}]}"#;
    let outcomes = outcomes_of(&[update("a", 171_596_044_869), update("b", 171_596_044_870), update("c", 3)], answer);
    assert_eq!(outcomes, [UpdateOutcome::Missing, UpdateOutcome::Missing, UpdateOutcome::Unknown]);
}

#[test]
fn success_that_shows_nothing_is_unknown() {
    for nothing in ["{}", "null", r#"{"status":"COMPLETE","results":[]}"#, r#"{"results":[],"errors":[]}"#] {
        assert_eq!(
            outcomes_of(&[update("a", 1), update("b", 2)], nothing),
            [UpdateOutcome::Unknown, UpdateOutcome::Unknown]
        );
    }
}

#[test]
fn a_merged_contact_that_the_answer_leaves_out_is_unknown() {
    assert_eq!(outcomes_of(&[update("a", 1), update("m", 3)], UPDATED)[1], UpdateOutcome::Unknown);
}

#[test]
fn a_failure_of_hubspot_within_an_answer_is_no_refusal() {
    let answer = r#"{"results":[],"errors":[{"category":"INTERNAL_ERROR","message":"oops","context":{"objectWriteTraceId":["a"]}},
        {"context":{"objectWriteTraceId":["b"]}}]}"#;
    assert_eq!(
        outcomes_of(&[update("a", 1), update("b", 2)], answer),
        [UpdateOutcome::Unknown, UpdateOutcome::Unknown]
    );
}

#[test]
fn addresses_go_out_in_lower_case_and_every_input_with_its_trace() {
    let body = body(&[&create("t1", "U1@LINE.me")]);
    assert_eq!(
        body,
        json!({"inputs": [{"objectWriteTraceId": "t1", "associations": [],
        "properties": {"email": "u1@line.me", "line_user_name_1": "Taro"}}]})
    );
}

#[test]
fn the_101st_input_goes_into_a_second_request() {
    let inputs: Vec<_> = (0..101).map(|n| update(&n.to_string(), n)).collect();
    let sizes: Vec<_> = requests(&inputs).iter().map(Vec::len).collect();
    assert_eq!(sizes, [100, 1]);
}

proptest! {
    #[test]
    fn no_request_is_too_large_or_has_a_target_or_trace_twice_and_a_targets_writes_keep_their_order(
        sorts in prop::collection::vec((0..40_u64, 0..300_u32), 0..260),
    ) {
        let inputs: Vec<_> = sorts.iter().map(|(id, trace)| update(&trace.to_string(), *id)).collect();
        let requests = requests(&inputs);
        let mut sent: Vec<_> = requests.concat();
        for request in &requests {
            prop_assert!(request.len() <= INPUTS_MAX);
            let targets: std::collections::BTreeSet<_> = request.iter().map(|place| inputs[*place].id).collect();
            let traces: std::collections::BTreeSet<_> = request.iter().map(|place| &inputs[*place].trace).collect();
            prop_assert_eq!((targets.len(), traces.len()), (request.len(), request.len()));
        }
        for id in 0..40 {
            let order: Vec<_> = sent.iter().filter(|place| inputs[**place].id == ContactId(id)).collect();
            prop_assert!(order.is_sorted());
        }
        sent.sort_unstable();
        prop_assert_eq!(sent, (0..inputs.len()).collect::<Vec<_>>());
    }

    #[test]
    fn whatever_the_answer_there_is_one_outcome_for_each_input(answer in json()) {
        let inputs = [update("a", 1), update("b", 2)];
        prop_assert_eq!(outcomes(&[&inputs[0], &inputs[1]], &answer, &Names::default()).len(), 2);
    }
}

/// Answers that are HubSpot's in form and nonsense in content.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(vec!["a", "b", "1", "2", "CONFLICT", "OBJECT_NOT_FOUND", "Existing ID: 5"])
            .prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "results",
        "errors",
        "id",
        "context",
        "ids",
        "objectWriteTraceId",
        "existingId",
        "category",
        "message",
        "properties",
    ]);
    leaf.prop_recursive(5, 60, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|fields| Value::Object(
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}
