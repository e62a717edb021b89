//! The state → HubSpot and LINE's profiles. What they answer goes into the log and nowhere else: the state changes when the
//! fold reads it there.

pub mod answers;
pub mod contacts;
pub mod engine;
mod healing;
pub mod lookups;
mod presence;
pub mod profiles;
pub mod queue;
mod retry;

use contact::UserId;
use eventlog::Ownership;
use lookups::Lookups;
use queue::{Queue, Work};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Where the fold leaves work and the engine takes it.
pub struct Desk {
    /// Without an engine nothing is left here: the state store knows who is due.
    open: bool,
    queue: Mutex<Queue>,
    lookups: Mutex<Lookups>,
    ownership: Mutex<Option<Arc<dyn Ownership>>>,
    wake: Notify,
}

/// What of some users' work found room. The two are apart so that look-ups that LINE does not answer, which stay, never hold up
/// contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Everybody's contact.
    pub contacts: bool,
    /// All look-ups.
    pub lookups: bool,
}

impl Desk {
    /// An empty desk; `open` when an engine will take the work.
    pub fn new(open: bool) -> Self {
        Self {
            open,
            queue: Mutex::default(),
            lookups: Mutex::default(),
            ownership: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// The newest work of users. What finds no room waits in the state store.
    pub fn push(&self, works: Vec<Work>) -> Taken {
        let mut taken = Taken { contacts: true, lookups: true };
        if !self.open {
            return taken;
        }
        let now = Instant::now();
        for work in works {
            let user = work.user;
            let is_looked_up = self.lookups().push(&work, now);
            taken.contacts &= self.queue().push(work, now);
            if !is_looked_up {
                self.queue().stop_waiting_for_profile(user, now);
            }
            taken.lookups &= is_looked_up;
        }
        self.wake.notify_one();
        taken
    }

    /// The look-ups alone of users whose contacts were taken before. `false` when some found no room.
    pub fn push_lookups(&self, works: &[Work]) -> bool {
        let now = Instant::now();
        let mut taken = true;
        for work in works {
            taken &= self.lookups().push(work, now);
        }
        self.wake.notify_one();
        taken
    }

    /// Is there room for more contacts of the backlog?
    pub fn wants_backlog(&self) -> bool {
        self.open && self.queue().wants_backlog()
    }

    /// Is there room for more look-ups of the backlog?
    pub fn wants_lookups(&self) -> bool {
        self.open && self.lookups().wants_more()
    }

    /// The connections changed, their credentials perhaps among it.
    pub fn connections_changed(&self) {
        self.lookups().try_refused_again(Instant::now());
        self.wake.notify_one();
    }

    /// The partition was lost: nothing of it is done any more.
    pub fn revoke(&self, partition: u32) {
        self.queue().drop_partition(partition);
        self.lookups().drop_partition(partition);
    }

    /// These people were erased. To be told before their newest work.
    pub fn erased(&self, users: &[UserId]) {
        let mut lookups = self.lookups();
        users.iter().for_each(|user| lookups.erased(*user));
    }

    /// These people were erased. To be told after their newest work, so that nothing older is handed out any more.
    pub fn withdraw(&self, users: &[UserId]) {
        let mut queue = self.queue();
        users.iter().for_each(|user| queue.withdraw(*user));
    }

    /// A consumer joined: it tells from now on which partitions are ours.
    pub fn set_ownership(&self, ownership: Arc<dyn Ownership>) {
        *lock(&self.ownership) = Some(ownership);
    }

    /// Is the partition ours at this moment?
    pub fn owns(&self, partition: u32) -> bool {
        lock(&self.ownership).as_ref().is_some_and(|ownership| ownership.owns(partition))
    }

    /// May what a worker was handed out for a user be written at this moment? To be asked immediately before.
    pub fn may_write(&self, work: &Work) -> bool {
        self.owns(work.partition) && self.queue().still_stands(work)
    }

    /// Has everybody got what they were due? Users in the state store's backlog are not known here.
    pub fn is_idle(&self) -> bool {
        self.queue().is_empty() && self.lookups().is_empty()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn lookups(&self) -> MutexGuard<'_, Lookups> {
        lock(&self.lookups)
    }
}

/// Nothing panics while it holds one of these locks; if something did, the data is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
