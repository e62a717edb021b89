//! Cases about appending: order, places, contents, durability.

use super::{Case, Rig, assert_held, read_all, record, tombstone};
use eventlog::{Error, NewRecord, Position, Topic};
use runtime::clock::{Clock, SystemClock};
use std::collections::BTreeSet;
use std::sync::Arc;

pub fn records_are_at_the_positions_that_the_append_returned<R: Rig>() {
    let case = Case::<R>::start(3);
    let log = case.open();
    let appended: Vec<_> = (0..200)
        .map(|number| {
            record(Topic::ALL[number % Topic::ALL.len()], &format!("U{number}/{number}"), &format!("v{number}"))
        })
        .collect();
    let positions = case.append(&log, appended.clone());
    let held: Vec<_> = Topic::ALL.iter().flat_map(|topic| read_all::<R>(&log, *topic)).collect();
    assert_eq!(held.len(), appended.len());
    assert_held(&held, &appended, &positions);
}

pub fn appends_keep_their_order_within_a_partition<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    for batch in 0..20 {
        let numbers = batch * 10..(batch + 1) * 10;
        case.append(
            &log,
            numbers.map(|it| record(Topic::LineEvents, &format!("U{}/1/{it}", it % 7), &it.to_string())).collect(),
        );
    }
    let values: Vec<_> = read_all::<R>(&log, Topic::LineEvents).into_iter().map(|it| it.value.unwrap()).collect();
    assert_eq!(values, (0..200).map(|it| it.to_string().into_bytes()).collect::<Vec<_>>());
}

pub fn a_user_has_the_same_partition_on_every_topic_of_user_state<R: Rig>() {
    let case = Case::<R>::start(7);
    let log = case.open();
    let mut used = BTreeSet::new();
    for number in 0..30 {
        let user = format!("U{number:032x}");
        let records = Topic::USER_STATE.map(|topic| match topic {
            Topic::HubspotContacts => record(topic, &user, ""),
            Topic::LineEvents => record(topic, &format!("{user}/{number}/01H{number}"), ""),
            _ => record(topic, &format!("{user}/{number}"), ""),
        });
        let partitions: BTreeSet<_> = case.append(&log, records.into()).into_iter().map(|it| it.partition).collect();
        assert_eq!(partitions.len(), 1, "user {number} is on partitions {partitions:?}");
        used.extend(partitions);
    }
    assert!(used.len() > 4, "users are spread over {used:?} of 7 partitions");
}

pub fn connections_has_one_partition<R: Rig>() {
    let case = Case::<R>::start(3);
    let log = case.open();
    assert_eq!(log.partitions(Topic::Connections), 1);
    assert_eq!(log.partitions(Topic::LineEvents), 3);
    let positions = case.append(&log, (0..10).map(|it| record(Topic::Connections, &it.to_string(), "")).collect());
    assert_eq!(positions, (0..10).map(|offset| Position { partition: 0, offset }).collect::<Vec<_>>());
}

pub fn tombstones_and_values_of_any_kind_are_read_back_unchanged<R: Rig>() {
    let case = Case::<R>::start(2);
    let log = case.open();
    let topic = Topic::LineEvents;
    let with = |key: &[u8], value: &[u8]| NewRecord { topic, key: key.into(), value: Some(value.into()) };
    let every_byte: Vec<u8> = (0..=255).collect();
    let appended = vec![
        tombstone(topic, "Uone/1/a"),
        with(b"Uone/1/a", b""),
        with(b"Uone/1/large", &every_byte.repeat(4_096)),
        with(&every_byte, &every_byte),
        with(b"\0\xff/\0/\xff", b"\0"),
        with("友だち/一/😀".as_bytes(), "こんにちは 🎉\u{0}\u{202e}".as_bytes()),
        tombstone(topic, "Uone/1/a"),
    ];
    assert_eq!(appended[2].value.as_ref().unwrap().len(), 1 << 20);
    let positions = case.append(&log, appended.clone());
    let held = read_all::<R>(&log, topic);
    assert_eq!(held.len(), appended.len());
    assert_held(&held, &appended, &positions);
}

pub fn a_record_that_is_too_large_is_refused_and_the_log_goes_on<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    let largest = "x".repeat(NewRecord::MAX_BYTES - 1);
    case.append(&log, vec![record(Topic::LineEvents, "U", &largest)]);
    let too_large = vec![record(Topic::LineEvents, "Uone", &largest)];
    assert!(matches!(case.try_append(&log, too_large), Err(Error::Refused(_))));
    case.append_numbered(&log, Topic::LineEvents, 1);
    assert_eq!(log.span(Topic::LineEvents, 0).unwrap().next, 2);
}

pub fn an_append_of_nothing_appends_nothing<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    assert_eq!(case.append(&log, Vec::new()), Vec::new());
    assert_eq!(log.span(Topic::LineEvents, 0).unwrap().next, 0);
}

pub fn concurrent_appends_lose_and_double_nothing<R: Rig>() {
    const TASKS: usize = 32;
    const APPENDS: usize = 20;
    let case = Case::<R>::start(4);
    let log = case.open();
    let batch = |task: usize, append: usize| -> Vec<NewRecord> {
        (0..3)
            .map(|it| record(Topic::LineEvents, &format!("U{task}/1/{append}-{it}"), &format!("{task} {append} {it}")))
            .collect()
    };
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let log = Arc::clone(&log);
            case.runtime.spawn(async move {
                let mut places = Vec::new();
                for append in 0..APPENDS {
                    places.extend(log.append(batch(task, append)).await.unwrap());
                }
                places
            })
        })
        .collect();
    let (mut appended, mut positions) = (Vec::new(), Vec::new());
    for (task, places) in tasks.into_iter().enumerate() {
        let places = case.runtime.block_on(places).unwrap();
        assert!(places.is_sorted(), "the records of one user are in the order of their appends");
        appended.extend((0..APPENDS).flat_map(|append| batch(task, append)));
        positions.extend(places);
    }
    let held = read_all::<R>(&log, Topic::LineEvents);
    assert_eq!(held.len(), TASKS * APPENDS * 3);
    assert_held(&held, &appended, &positions);
}

pub fn records_carry_the_time_of_their_append<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    let before = SystemClock.now_ms();
    case.append_numbered(&log, Topic::LineEvents, 3);
    let after = SystemClock.now_ms();
    assert!(read_all::<R>(&log, Topic::LineEvents).iter().all(|it| (before..=after).contains(&it.appended_at_ms)));
}

pub fn records_survive_a_restart<R: Rig>() {
    let case = Case::<R>::start(2);
    let log = case.open();
    let first = case.append_numbered(&log, Topic::LineEvents, 10);
    let before = read_all::<R>(&log, Topic::LineEvents);
    drop(log);
    let log = case.open();
    assert_eq!(read_all::<R>(&log, Topic::LineEvents), before);
    let second = case.append_numbered(&log, Topic::LineEvents, 1);
    assert_eq!(second[0].offset, first[9].offset + 1, "numbering goes on");
}

pub fn a_healthy_log_says_so<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    case.runtime.block_on(log.check()).unwrap();
    case.append_numbered(&log, Topic::LineEvents, 1);
    case.runtime.block_on(log.check()).unwrap();
    assert!(!log.describe().is_empty());
}
