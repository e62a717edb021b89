//! What the state store keeps, and what it notices.

#![allow(clippy::unwrap_used)]

use super::*;
use contact::{ConnectionNumber, Event, EventId, Kind, Moment};
use eventlog::{Record, Topic};

const FORMAT: &str = "test 1";

fn id(number: u128) -> UserId {
    UserId::from_u128(number)
}

fn followed(user: UserId, time_ms: i64) -> Event {
    let connection = ConnectionNumber::new(1).unwrap();
    Event { user, connection, at: Moment { time_ms, id: EventId(0) }, kind: Kind::Followed }
}

fn record(offset: u64, value: &str) -> Record {
    let (key, value) = (b"k".to_vec(), Some(value.as_bytes().to_vec()));
    Record { topic: Topic::LineEvents, partition: 0, offset, appended_at_ms: 7, key, value }
}

fn followed_ms(store: &mut Store, user: UserId) -> Option<i64> {
    let connection = ConnectionNumber::new(1).unwrap();
    store.user(user).unwrap().and_then(|user| user.friend(connection)?.followed_ms())
}

#[test]
fn state_and_place_come_back_together_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    store.user_mut(id(1)).unwrap().apply(followed(id(1), 10));
    assert!(store.checkpoint_mut().pass(record(41, "a").lend()));
    store.flush(|_, _| false).unwrap();
    store.user_mut(id(1)).unwrap().apply(followed(id(1), 99));
    store.checkpoint_mut().pass(record(42, "b").lend());
    drop(store);

    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    assert_eq!(followed_ms(&mut store, id(1)), Some(10), "what was not flushed is folded again");
    assert_eq!(store.checkpoint().next(Topic::LineEvents), 42);
    assert!(store.checkpoint().recognises(record(41, "a").lend()));
    assert!(!store.checkpoint().recognises(record(41, "another log").lend()));
}

#[test]
fn a_record_is_passed_once() {
    let mut checkpoint = Checkpoint::default();
    assert!(checkpoint.pass(record(0, "a").lend()));
    assert!(!checkpoint.pass(record(0, "a").lend()));
    assert!(checkpoint.pass(record(5, "a").lend()), "compaction leaves gaps");
}

#[test]
fn users_that_share_the_first_half_of_their_id_are_kept_apart() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    let (one, two) = (id((7 << 64) | 1), id((7 << 64) | 2));
    store.user_mut(one).unwrap().apply(followed(one, 10));
    store.checkpoint_mut().pass(record(0, "a").lend());
    store.flush(|_, _| true).unwrap();
    store.user_mut(two).unwrap().apply(followed(two, 20));
    store.flush(|_, _| true).unwrap();
    drop(store);

    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    assert_eq!(followed_ms(&mut store, one), Some(10));
    assert_eq!(followed_ms(&mut store, two), Some(20));
    assert_eq!(store.pending(None, 10).unwrap().users.len(), 2);
}

/// More of them than the database holds in memory.
const MANY: i64 = 20_000;

fn row(key: i64) -> Result<Row, Error> {
    Ok(Row { key, sealed: vec![7; 1_000], pending: false })
}

fn place(offset: u64) -> Checkpoint {
    let mut place = Checkpoint::default();
    place.pass(record(offset, "a").lend());
    place
}

#[test]
fn a_first_write_that_is_cut_short_leaves_a_store_that_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (mut file, _) = File::open(directory.path(), 0, FORMAT).unwrap();
    let cut_short = |first| (first..first + MANY).map(row).chain([Err(Error::Damaged)]);
    file.write(&mut cut_short(0), &place(41)).unwrap_err();
    drop(file);
    let (mut file, found) = File::open(directory.path(), 0, FORMAT).unwrap();
    assert!(found.is_empty());
    assert_eq!(file.read(7).unwrap(), None);
    file.write(&mut [row(7)].into_iter(), &place(41)).unwrap();
    file.write(&mut cut_short(8), &place(42)).unwrap_err();
    assert_eq!(file.read(8).unwrap(), None, "from its first place on, a store changes as a whole or not at all");
    drop(file);
    let (file, found) = File::open(directory.path(), 0, FORMAT).unwrap();
    assert_eq!(found, place(41));
    assert!(file.read(7).unwrap().is_some());
}

#[test]
fn a_first_write_succeeds_beside_somebody_who_reads_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let (mut file, _) = File::open(directory.path(), 0, FORMAT).unwrap();
    let reader = File::read_only(directory.path(), 0, FORMAT).unwrap().unwrap();
    assert_eq!(reader.read(7).unwrap(), None);
    file.write(&mut [row(7)].into_iter(), &place(41)).unwrap();
    assert!(reader.read(7).unwrap().is_some());
    drop(file);
    assert_eq!(File::open(directory.path(), 0, FORMAT).unwrap().1, place(41));
}

#[test]
fn a_store_of_another_format_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    store.user_mut(id(1)).unwrap().apply(followed(id(1), 10));
    store.checkpoint_mut().pass(record(0, "a").lend());
    store.flush(|_, _| true).unwrap();
    drop(store);

    let mut store = Store::open(directory.path(), 0, "test 2").unwrap();
    assert!(store.checkpoint().is_empty());
    assert_eq!(followed_ms(&mut store, id(1)), None);
}

#[test]
fn a_file_that_is_no_database_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("partition-0.db"), vec![7; 10_000]).unwrap();
    let store = Store::open(directory.path(), 0, FORMAT).unwrap();
    assert!(store.checkpoint().is_empty());
}

#[test]
fn a_flipped_bit_in_a_row_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    store.user_mut(id(1)).unwrap().apply(followed(id(1), 10));
    store.checkpoint_mut().pass(record(0, "a").lend());
    store.flush(|_, _| true).unwrap();
    drop(store);
    let database = rusqlite::Connection::open(directory.path().join("partition-0.db")).unwrap();
    let mut row: Vec<u8> = database.query_row("SELECT bucket FROM user", [], |row| row.get(0)).unwrap();
    row[3] ^= 1;
    database.execute("UPDATE user SET bucket = ?1", [row]).unwrap();
    drop(database);

    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    assert!(matches!(store.user(id(1)), Err(Error::Damaged)));
    store.wipe().unwrap();
    assert!(store.checkpoint().is_empty());
    assert!(store.user(id(1)).unwrap().is_none());
}

#[test]
fn the_pending_users_are_paged_in_order_and_settle() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    let users: Vec<_> = (0..10_u128).map(|n| id(n << 100)).collect();
    for user in &users {
        store.user_mut(*user).unwrap().apply(followed(*user, 1));
    }
    store.flush(|_, _| true).unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.pending(after, 3).unwrap();
        seen.extend(page.users.into_iter().map(|(user, _)| user));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, users);

    store.user_mut(users[4]).unwrap();
    store.flush(|_, _| false).unwrap();
    assert_eq!(store.pending(None, 100).unwrap().users.len(), 9);
    assert_eq!(store.users(None, 100).unwrap().users.len(), 10);
}

/// A store that remembers many friends in a row, in so little memory, and how many flushes that took.
fn fold_many(directory: &std::path::Path, memory: usize, friends: u128) -> (Store, u32) {
    let mut store = Store::open(directory, 0, FORMAT).unwrap();
    store.limit_memory(memory);
    let mut flushes = 0;
    for (round, friend) in (0..3).flat_map(|round| (0..friends).map(move |friend| (round, id(friend << 64)))) {
        store.user_mut(friend).unwrap().apply(followed(friend, 10 + round));
        store.grew(64);
        if store.is_full() {
            store.flush(|_, _| false).unwrap();
            flushes += 1;
        }
    }
    store.flush(|_, _| false).unwrap();
    (store, flushes)
}

#[test]
fn little_memory_costs_flushes_and_no_state() {
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (mut little, flushes) = fold_many(directories[0].path(), 100_000, 2_000);
    let (mut much, none) = fold_many(directories[1].path(), 1 << 30, 2_000);
    assert!(flushes > 10 && none == 0, "{flushes} {none}");
    assert!(little.cache.len() < 200, "{} users in memory", little.cache.len());
    assert_eq!(little.users(None, 10_000).unwrap().users, much.users(None, 10_000).unwrap().users);
}

#[test]
fn what_users_gave_back_makes_room_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    store.limit_memory(100_000);
    for time_ms in 0..10_000 {
        store.user_mut(id(7)).unwrap().apply(followed(id(7), time_ms));
        store.grew(64);
        assert!(!store.is_full(), "one user fills nothing");
    }
    assert_eq!(store.cache.len(), 1);
}

#[test]
fn a_store_whose_rebuild_was_interrupted_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    store.user_mut(id(1)).unwrap().apply(followed(id(1), 10));
    store.checkpoint_mut().pass(record(0, "a").lend());
    store.flush_slice(|_, _| true).unwrap();
    assert!(store.is_blank() && store.users(None, 10).unwrap().users.len() == 1);
    drop(store);
    let mut store = Store::open(directory.path(), 0, FORMAT).unwrap();
    assert!(store.users(None, 10).unwrap().users.is_empty() && store.pending(None, 10).unwrap().users.is_empty());
}
