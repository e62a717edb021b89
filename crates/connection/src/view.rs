//! The connections as they are now, kept current in the background.

use crate::tail::{Changed, Tail};
use crate::{Connection, Error, Sealer, Snapshot};
use contact::{ConnectionNumber, UserId};
use eventlog::Log;
use runtime::logging::UserTag;
use schemas::Codec;
use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock, Weak, mpsc};
use std::thread;
use std::time::Duration;
use tokio::sync::watch;

/// How long to wait before a log that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The connections as they are now. A connection made anywhere, also by another process, is seen within a second.
pub struct View {
    log: Arc<dyn Log>,
    codec: Codec,
    sealer: Sealer,
    snapshot: RwLock<Arc<Snapshot>>,
    changes: watch::Sender<u64>,
    problem: RwLock<Option<String>>,
    /// Dropped with the view, which ends the background thread's waits.
    _alive: mpsc::Sender<()>,
}

impl View {
    /// Reads the whole topic and follows it from then on. Blocks until the topic was read.
    ///
    /// # Errors
    /// [`Error::Log`]; [`Error::Newer`]; [`Error::OtherMasterKey`] and [`Error::Damaged`], which name the connection.
    pub fn open(log: Arc<dyn Log>, codec: Codec, sealer: Sealer) -> Result<Arc<Self>, Error> {
        let mut tail = Tail::caught_up(&*log, codec.clone())?;
        tail.changed = Changed::default();
        let mut opened = Opened::new();
        for (number, definition) in tail.registry.definitions() {
            opened.insert(number, Arc::new(Connection::open(number, definition, &sealer)?));
        }
        let (alive, ended) = mpsc::channel();
        let view = Arc::new(Self {
            log,
            codec,
            sealer,
            snapshot: RwLock::new(Arc::new(Snapshot::new(opened.clone(), tail.registry.unfinished()))),
            changes: watch::Sender::new(0),
            problem: RwLock::new(None),
            _alive: alive,
        });
        let follower = Follower { view: Arc::downgrade(&view), tail, opened, unopened: BTreeMap::new(), ended };
        thread::Builder::new().name("connections".into()).spawn(move || follower.run()).map_err(Error::Thread)?;
        Ok(view)
    }

    /// All connections as they are now. Cheap: no I/O, no copy.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells of each change, by a number that goes up.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Why the view may be behind the log, for people; `None` when it is not. What was known before stays in force.
    pub fn problem(&self) -> Option<String> {
        self.problem.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a person is called in logs.
    pub fn user_tag(&self, user: UserId) -> UserTag {
        self.sealer.user_tags().of(user)
    }

    fn publish(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        self.changes.send_modify(|version| *version += 1);
    }

    fn report(&self, problem: Option<String>) {
        let mut reported = self.problem.write().unwrap_or_else(PoisonError::into_inner);
        if *reported == problem {
            return;
        }
        match &problem {
            Some(problem) => tracing::error!(problem, "the connections may be out of date"),
            None => tracing::info!("the connections are up to date again"),
        }
        *reported = problem;
    }
}

type Opened = BTreeMap<ConnectionNumber, Arc<Connection>>;

/// The background thread: lives until the view is dropped.
struct Follower {
    view: Weak<View>,
    tail: Tail,
    opened: Opened,
    /// Why the newest definition of a connection is not in force.
    unopened: BTreeMap<ConnectionNumber, Error>,
    ended: mpsc::Receiver<()>,
}

impl Follower {
    fn run(mut self) {
        loop {
            let stepped = self.tail.step();
            let Some(view) = self.view.upgrade() else { return };
            let problem = stepped.as_ref().err().map(Error::to_string);
            self.take_over(&view, problem);
            drop(view);
            if stepped.is_err_and(|error| !self.recover(&error)) {
                return;
            }
        }
    }

    /// Opens what changed. A definition that does not open leaves the connection as it was.
    fn take_over(&mut self, view: &View, problem: Option<String>) {
        let changed = mem::take(&mut self.tail.changed);
        for &number in &changed.definitions {
            let Some(definition) = self.tail.registry.definition(number) else { continue };
            match Connection::open(number, definition, &view.sealer) {
                Ok(connection) => {
                    self.unopened.remove(&number);
                    self.opened.insert(number, Arc::new(connection));
                }
                Err(error) => drop(self.unopened.insert(number, error)),
            }
        }
        view.report(problem.or_else(|| self.unopened.values().next().map(Error::to_string)));
        if changed.claims || !changed.definitions.is_empty() {
            view.publish(Snapshot::new(self.opened.clone(), self.tail.registry.unfinished()));
        }
    }

    /// Waits a while after an error of the log, and begins anew where the position is lost. False when there is no going on.
    fn recover(&mut self, error: &Error) -> bool {
        // To go on would be to skip the record: only another version of the program can read it.
        if matches!(error, Error::Newer { .. }) {
            return false;
        }
        if self.ended.recv_timeout(RETRY_AFTER) == Err(mpsc::RecvTimeoutError::Disconnected) {
            return false;
        }
        let position_lost =
            matches!(error, Error::Log(eventlog::Error::OutOfRange { .. } | eventlog::Error::Damaged(_)));
        if let (true, Some(view)) = (position_lost, self.view.upgrade())
            && let Ok(tail) = Tail::caught_up(&*view.log, view.codec.clone())
        {
            self.tail = tail;
            self.opened.retain(|number, _| self.tail.registry.definition(*number).is_some());
            self.unopened.clear();
            self.take_over(&view, None);
        }
        true
    }
}
