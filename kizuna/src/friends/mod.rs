//! The friends of the connected accounts, as the state on this machine has them: looked up, searched and counted.
//!
//! Names are read where the projector keeps them and are copied nowhere, so whoever is erased there is gone from here. Each call
//! reads a bounded number of people, or is made rarely enough: see [`search`] and [`census`].

pub mod census;
pub mod search;
mod spelling;

use crate::server::projector_settings;
use crate::wiring::Installation;
use contact::{User, UserId};
use eventlog::Topic;
use eventlog::partitioning::partition;
use projector::store::{Directory, ReadOnly};

/// The state on this machine. Its calls block.
#[derive(Clone, Debug)]
pub struct Friends {
    stores: Directory,
    partitions: u32,
}

impl Friends {
    /// The state of this installation.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn of(installation: &Installation) -> anyhow::Result<Self> {
        let partitions = installation.log.partitions(Topic::LineEvents);
        Ok(Self { stores: projector_settings(installation)?.stores(), partitions })
    }

    /// What is known of a person here; `None` where that is nothing.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn user(&self, id: UserId) -> anyhow::Result<Option<User>> {
        let number = partition(Topic::LineEvents, id.to_string().as_bytes(), self.partitions);
        Ok(match self.store(number)? {
            Some(store) => store.user(id)?,
            None => None,
        })
    }

    /// How many partitions have no state on this machine: others work on them, or nobody ever did.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn partitions_elsewhere(&self) -> anyhow::Result<u32> {
        let mut elsewhere = 0;
        for number in 0..self.partitions {
            elsewhere += u32::from(self.store(number)?.is_none());
        }
        Ok(elsewhere)
    }

    fn store(&self, number: u32) -> anyhow::Result<Option<ReadOnly>> {
        Ok(self.stores.read_only(number)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use contact::{ConnectionNumber, Event, EventId, Kind, Likeness, Moment, Profile};
    use eventlog::Record;
    use projector::store::Stores;
    use tempfile::TempDir;

    pub fn number(number: u32) -> ConnectionNumber {
        ConnectionNumber::new(number).unwrap()
    }

    /// A state that no projector keeps.
    pub struct Shelf {
        pub friends: Friends,
        _directory: TempDir,
    }

    impl Shelf {
        pub fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let stores = Directory { path: directory.path().to_owned(), format: "test".to_owned() };
            Self { friends: Friends { stores, partitions: 3 }, _directory: directory }
        }

        /// The first so many friends of connection 1, always the same people, with these names.
        pub fn fill(&self, count: usize, name: impl Fn(usize) -> String) -> Vec<UserId> {
            let users: Vec<_> = (1..=count as u128).map(|place| UserId::from_u128(place << 90)).collect();
            let mut stores: Vec<_> = (0..3).map(|number| self.friends.stores.open(number).unwrap()).collect();
            for (place, id) in users.iter().enumerate() {
                let state = stores[self.partition(*id) as usize].user_mut(*id).unwrap();
                state.apply(event(1, *id, 10, Kind::Followed));
                let found = Some(Likeness { name: name(place).into(), picture: None });
                state.apply_profile(number(1), Profile { covers_ms: 10, fetched_at_ms: 11, found });
            }
            for (store, number) in stores.iter_mut().zip(0..) {
                // A state without a place in the log would be taken for an empty one.
                store.checkpoint_mut().pass(record(number).lend());
                store.flush(|_, _| false).unwrap();
            }
            users
        }

        pub fn message(&self, connection: u32, user: UserId, time_ms: i64) {
            self.apply(event(connection, user, time_ms, Kind::Messaged { message: "m".into(), text: "t".into() }));
        }

        pub fn block(&self, connection: u32, user: UserId, time_ms: i64) {
            self.apply(event(connection, user, time_ms, Kind::Unfollowed));
        }

        fn apply(&self, event: Event) {
            let mut store = self.friends.stores.open(self.partition(event.user)).unwrap();
            store.user_mut(event.user).unwrap().apply(event);
            store.flush(|_, _| false).unwrap();
        }

        fn partition(&self, user: UserId) -> u32 {
            partition(Topic::LineEvents, user.to_string().as_bytes(), self.friends.partitions)
        }
    }

    fn record(partition: u32) -> Record {
        Record { topic: Topic::LineEvents, partition, offset: 0, appended_at_ms: 0, key: Vec::new(), value: None }
    }

    fn event(connection: u32, user: UserId, time_ms: i64, kind: Kind) -> Event {
        Event { user, connection: number(connection), at: Moment { time_ms, id: EventId(0) }, kind }
    }

    #[test]
    fn a_partition_whose_state_is_elsewhere_is_told() {
        let shelf = Shelf::new();
        assert_eq!(shelf.friends.partitions_elsewhere().unwrap(), 3);
        let users = shelf.fill(50, |_| String::new());
        assert_eq!(shelf.friends.partitions_elsewhere().unwrap(), 0);
        assert!(users.iter().all(|user| shelf.friends.user(*user).unwrap().is_some()));
    }
}
