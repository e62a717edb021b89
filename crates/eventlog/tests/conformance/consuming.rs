//! Cases about consumer groups: assignment, start offsets, ownership, sharing.

use super::{Case, Rig, consume, poll, record};
use eventlog::{Consumer, Error, Log, Ownership, Polled, Record, StartOffset, Topic};
use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a member's next news is waited for before its ownership is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

const GROUP: &str = "projector";
const TOPICS: [Topic; 2] = [Topic::LineEvents, Topic::LineProfiles];

fn from_the_start() -> Arc<StartOffset> {
    Arc::new(|_, _| Ok(0))
}

/// Appends one record of each of many users to both topics.
fn append_users<R: Rig>(case: &Case<R>, log: &Arc<dyn Log>, users: usize) {
    let of = |topic| (0..users).map(move |user| record(topic, &format!("U{user}/1"), &user.to_string()));
    case.append(log, TOPICS.into_iter().flat_map(of).collect());
}

pub fn a_consumer_is_assigned_all_partitions_and_gets_the_records_of_all_topics<R: Rig>() {
    let case = Case::<R>::start(3);
    let log = case.open();
    append_users(&case, &log, 20);
    let mut consumer = log.subscribe(GROUP, &TOPICS, from_the_start()).unwrap();
    let (assigned, records) = consume::<R>(consumer.as_mut(), 40);
    assert_eq!(assigned, [0, 1, 2]);
    for topic in TOPICS {
        let users: BTreeSet<_> = records.iter().filter(|it| it.topic == topic).map(|it| &it.key).collect();
        assert_eq!(users.len(), 20, "{topic}");
    }
    assert_in_order(&records);
}

fn assert_in_order(records: &[Record]) {
    for topic in TOPICS {
        for partition in 0..3 {
            let of_partition = records.iter().filter(|it| it.topic == topic && it.partition == partition);
            let offsets: Vec<_> = of_partition.map(|it| it.offset).collect();
            assert!(offsets.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{topic} {partition}: {offsets:?}");
        }
    }
}

pub fn a_consumer_begins_where_the_start_offsets_say<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    append_users(&case, &log, 10);
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let start = {
        let asked = Arc::clone(&asked);
        move |topic, partition| {
            asked.lock().unwrap().insert((topic, partition));
            Ok(if topic == Topic::LineEvents { 7 } else { 10 })
        }
    };
    let mut consumer = log.subscribe(GROUP, &TOPICS, Arc::new(start)).unwrap();
    let (_, records) = consume::<R>(consumer.as_mut(), 3);
    assert_eq!(records.iter().map(|it| (it.topic, it.offset)).collect::<Vec<_>>(), [7, 8, 9].map(|it| (TOPICS[0], it)));
    assert_eq!(*asked.lock().unwrap(), TOPICS.map(|topic| (topic, 0)).into());
    case.append(&log, vec![record(Topic::LineProfiles, "Unew", "")]);
    assert!(matches!(poll::<R>(consumer.as_mut()).unwrap(), Polled::Records(some) if some[0].offset == 10));
}

pub fn a_consumer_that_joins_again_begins_where_the_start_offsets_say_not_where_it_reported<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    append_users(&case, &log, 5);
    let mut consumer = log.subscribe(GROUP, &TOPICS, from_the_start()).unwrap();
    consume::<R>(consumer.as_mut(), 10);
    consumer.report(&TOPICS.map(|topic| (topic, 0, 5)));
    drop(consumer);
    let mut consumer = log.subscribe(GROUP, &TOPICS, Arc::new(|_, _| Ok(2))).unwrap();
    let (_, records) = consume::<R>(consumer.as_mut(), 6);
    assert_eq!(records.iter().map(|it| it.offset).min(), Some(2));
}

pub fn a_start_offset_past_the_end_is_out_of_range<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    append_users(&case, &log, 5);
    let mut consumer = log.subscribe(GROUP, &TOPICS, Arc::new(|_, _| Ok(6))).unwrap();
    let error = loop {
        match poll::<R>(consumer.as_mut()) {
            Ok(Polled::Assigned(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::OutOfRange { partition: 0, first: 0, next: 5, asked: 6, .. }), "{error:?}");
}

pub fn topics_with_different_partition_counts_are_refused<R: Rig>() {
    let case = Case::<R>::start(3);
    let log = case.open();
    let refused = log.subscribe(GROUP, &[Topic::LineEvents, Topic::Connections], from_the_start());
    assert!(matches!(refused, Err(Error::Unfit(_))));
}

pub fn a_consumer_owns_its_partitions_from_the_assignment_until_it_is_dropped<R: Rig>() {
    let case = Case::<R>::start(2);
    let log = case.open();
    let mut consumer = log.subscribe(GROUP, &TOPICS, from_the_start()).unwrap();
    let ownership = consumer.ownership();
    let owned = |ownership: &Arc<dyn Ownership>| (0..3).filter(|it| ownership.owns(*it)).collect::<Vec<_>>();
    assert!(owned(&ownership).is_empty(), "nothing before the assignment");
    assert!(matches!(poll::<R>(consumer.as_mut()).unwrap(), Polled::Assigned(_)));
    assert_eq!(owned(&ownership), [0, 1]);
    assert_eq!(owned(&consumer.ownership()), [0, 1]);
    drop(consumer);
    assert!(owned(&ownership).is_empty(), "nothing after the end");
}

pub fn a_waiting_consumer_gets_what_is_appended<R: Rig>() {
    let case = Case::<R>::start(1);
    let log = case.open();
    let mut consumer = log.subscribe(GROUP, &TOPICS, from_the_start()).unwrap();
    assert!(matches!(poll::<R>(consumer.as_mut()).unwrap(), Polled::Assigned(_)));
    assert!(matches!(consumer.poll(10, Duration::ZERO).unwrap(), Polled::Idle));
    let waiting = thread::spawn(move || consumer.poll(10, R::PATIENCE).unwrap());
    case.append(&log, vec![record(Topic::LineProfiles, "Uone/1", "")]);
    assert!(matches!(waiting.join().unwrap(), Polled::Records(some) if some.len() == 1));
}

/// A group's member on a thread of its own, which tells what it saw, and under which ownership.
struct Member {
    saw: Receiver<Polled>,
    ownership: Arc<dyn Ownership>,
    stop: Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Member {
    /// Joins; `rivals` must own nothing that this member gets, at the moment it is told so.
    fn join(log: &Arc<dyn Log>, rivals: Vec<Arc<dyn Ownership>>) -> Self {
        let mut consumer = log.subscribe(GROUP, &TOPICS, from_the_start()).unwrap();
        let ownership = consumer.ownership();
        let (tell, saw) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            while stopped.try_recv().is_err() {
                observe(consumer.as_mut(), &rivals, &tell);
            }
        });
        Self { saw, ownership, stop, thread }
    }

    fn owned(&self) -> BTreeSet<u32> {
        (0..4).filter(|it| self.ownership.owns(*it)).collect()
    }

    /// Takes in what was seen, until the member has what is wanted.
    fn until<R: Rig>(&self, mut wanted: impl FnMut(&Polled) -> bool) {
        while !wanted(&self.saw.recv_timeout(R::PATIENCE).expect("the member sees something in time")) {}
    }

    fn leave(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn observe(consumer: &mut dyn Consumer, rivals: &[Arc<dyn Ownership>], tell: &Sender<Polled>) {
    match consumer.poll(100, Duration::from_millis(100)).unwrap() {
        Polled::Idle => {}
        seen => {
            if let Polled::Assigned(partitions) = &seen {
                let owned_twice = partitions.iter().any(|it| rivals.iter().any(|rival| rival.owns(*it)));
                assert!(!owned_twice, "a partition was given away while another member owned it");
            }
            // The test may have seen enough.
            let _ = tell.send(seen);
        }
    }
}

/// The partitions that a member has after seeing this.
fn follow(held: &mut BTreeSet<u32>, seen: &Polled) {
    match seen {
        Polled::Assigned(partitions) => held.extend(partitions),
        Polled::Revoked(partitions) => held.retain(|it| !partitions.contains(it)),
        Polled::Records(records) => assert!(records.iter().all(|it| held.contains(&it.partition))),
        Polled::Idle => {}
    }
}

pub fn members_share_the_partitions_and_none_is_owned_twice<R: Rig>() {
    let case = Case::<R>::start(4);
    let log = case.open();
    append_users(&case, &log, 40);
    let one = Member::join(&log, Vec::new());
    let mut held = BTreeSet::new();
    one.until::<R>(|seen| {
        follow(&mut held, seen);
        held.len() == 4
    });
    let other = Member::join(&case.open(), vec![Arc::clone(&one.ownership)]);
    let mut taken = BTreeSet::new();
    other.until::<R>(|seen| {
        follow(&mut taken, seen);
        taken.len() == 2
    });
    one.until::<R>(|seen| {
        follow(&mut held, seen);
        held.len() == 2 && held.is_disjoint(&taken)
    });
    // A member that is kept from polling for a while owns nothing meanwhile.
    let since = Instant::now();
    while (one.owned(), other.owned()) != (held.clone(), taken.clone()) {
        assert!(since.elapsed() < R::PATIENCE, "{:?} and {:?}, not {held:?} and {taken:?}", one.owned(), other.owned());
        one.saw.recv_timeout(LOOK_AGAIN).iter().for_each(|seen| follow(&mut held, seen));
        other.saw.try_iter().for_each(|seen| follow(&mut taken, &seen));
    }
    one.leave();
    other.leave();
}

pub fn a_member_takes_over_from_one_that_left<R: Rig>() {
    let case = Case::<R>::start(4);
    let log = case.open();
    let one = Member::join(&log, Vec::new());
    let other = Member::join(&case.open(), vec![Arc::clone(&one.ownership)]);
    let mut taken = BTreeSet::new();
    other.until::<R>(|seen| {
        follow(&mut taken, seen);
        !taken.is_empty()
    });
    one.leave();
    other.until::<R>(|seen| {
        follow(&mut taken, seen);
        taken.len() == 4
    });
    append_users(&case, &log, 40);
    let mut records = 0;
    other.until::<R>(|seen| {
        follow(&mut taken, seen);
        if let Polled::Records(some) = seen {
            records += some.len();
        }
        records >= 80
    });
    other.leave();
}
