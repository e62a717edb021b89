//! The projector: folds the log into the state of every LINE user, and brings HubSpot to that state.
//!
//! ```text
//!            ┌──────────── fold (one thread) ────────────┐         ┌────── sync (async) ──────┐
//! log ─────▶ │ decode ─▶ contact::apply ─▶ store ─▶ decide │ ─ desk ▶│ queue ─▶ contacts ─▶ HubSpot │
//!  ▲         └───────────────────────────────────────────┘         │ lookups ─▶ LINE profiles  │
//!  └───────────────────────── what HubSpot and LINE answered ──────┴──────────────────────────┘
//! ```
//!
//! The state changes only by folding the log: what an outside call answered is appended there first, and a rebuild calls
//! nobody. The stores are caches; deleting them costs time only. While a partition restores, nothing is sent for it.

pub mod fold;
pub mod rebuild;
pub mod records;
pub mod status;
pub mod stop;
pub mod store;
pub mod sync;
pub mod telemetry;

use connection::View;
use contact::Names;
use eventlog::Log;
use fold::Member;
use hubspot::Crm;
use line::event::Labels;
use records::Decoder;
use runtime::clock::Clock;
use schemas::Codec;
use status::Status;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use stop::{Stop, StopsWhenDropped};
use store::{Directory, Stores};
use sync::Desk;
use sync::contacts::Contacts;
use sync::engine::Engine;
use sync::profiles::ProfileSource;
use telemetry::Metrics;
use tokio::task::JoinError;

/// Counts up with every change of the fold or of the store's form: older state stores are then rebuilt.
const FOLD_VERSION: u32 = 5;

/// What can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the state stores are kept; may be deleted at any time while stopped.
    pub state_directory: PathBuf,
    /// The consumer group whose members share the partitions.
    pub group: String,
    /// Bytes of memory that people's states may take while the log is read again; see [`store::RESTORE_MEMORY`].
    pub restore_memory: usize,
    /// How long a partition is left alone after it was taken over, so that calls of its last owner end. Zero where nobody
    /// else can have owned it.
    pub takeover_grace: Duration,
    /// Texts for messages that are not text.
    pub labels: Labels,
    /// Names of the properties in HubSpot.
    pub names: Names,
}

/// What the projector talks to.
#[derive(Clone)]
pub struct Outside {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The form of its records.
    pub codec: Codec,
    /// The connections.
    pub view: Arc<View>,
    /// HubSpot; `None` folds without sending anything.
    pub crm: Option<Arc<dyn Crm>>,
    /// LINE's profiles.
    pub profiles: Arc<dyn ProfileSource>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
}

/// Runs until `shutdown` resolves: then calls under way end, and the state is written. The fold also ends when this future is
/// dropped.
///
/// # Errors
/// What only an operator can put right: a log that is not fit, a record from a newer version, an unusable directory.
///
/// # Panics
/// When one of its tasks does.
pub async fn run(
    settings: Settings,
    outside: Outside,
    metrics: Metrics,
    status: Arc<Status>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), fold::Error> {
    metrics.begin();
    let stores = Arc::new(settings.stores());
    let Parts { member, engine, .. } = Parts::new(&settings, outside, stores, metrics, status);
    // The fold's thread ends with this future, however that ends: the runtime waits for the thread.
    let (stop, executor) = (StopsWhenDropped(member.stop.clone()), tokio::runtime::Handle::current());
    let mut fold = tokio::task::spawn_blocking(move || executor.block_on(member.run()));
    let (engine_stop, engine_stopped) = tokio::sync::oneshot::channel::<()>();
    let engine_stopped = async move { drop(engine_stopped.await) };
    let mut engine = tokio::spawn(async move {
        match engine {
            Some(engine) => engine.run(engine_stopped).await,
            None => engine_stopped.await,
        }
    });
    let (mut fold_ended, mut engine_ended) = (None, None);
    tokio::select! {
        ended = &mut fold => fold_ended = Some(ended),
        ended = &mut engine => engine_ended = Some(ended),
        () = shutdown => {}
    }
    drop(engine_stop);
    let engine_ended = match engine_ended {
        Some(ended) => ended,
        None => engine.await,
    };
    drop(stop);
    let fold_ended = match fold_ended {
        Some(ended) => ended,
        None => fold.await,
    };
    unpanicked(engine_ended);
    unpanicked(fold_ended)
}

/// What a task ended with. One that panicked takes its parent with it, up to the process: what it had in hand is found again after
/// a restart, and only then.
fn unpanicked<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

impl Settings {
    /// The state stores.
    pub fn stores(&self) -> Directory {
        self.stores_in(self.state_directory.clone())
    }

    /// State stores of the same form in another directory.
    pub fn stores_in(&self, path: PathBuf) -> Directory {
        let Self { labels, names, .. } = self;
        Directory { path, format: format!("kizuna state {FOLD_VERSION}; prefix {}; labels {labels:?}", names.prefix()) }
    }
}

/// The projector in its two halves, and the desk between them.
pub struct Parts {
    /// The log → state.
    pub member: Member,
    /// The state → HubSpot and LINE's profiles; `None` where nothing is to be sent.
    pub engine: Option<Arc<Engine>>,
    /// Where the first leaves work for the second.
    pub desk: Arc<Desk>,
}

impl Parts {
    /// Puts a projector together. Nothing runs yet.
    pub fn new(
        settings: &Settings,
        outside: Outside,
        stores: Arc<dyn Stores>,
        metrics: Metrics,
        status: Arc<Status>,
    ) -> Self {
        let Outside { log, codec, view, crm, profiles, clock } = outside;
        let Settings { group, restore_memory, takeover_grace, labels, names, .. } = settings.clone();
        let desk = Arc::new(Desk::new(crm.is_some()));
        let engine = crm.map(|crm| {
            Arc::new(Engine {
                desk: Arc::clone(&desk),
                contacts: Contacts::new(crm, Arc::clone(&desk), Arc::clone(&view), names.clone(), Arc::clone(&clock)),
                profiles,
                log: Arc::clone(&log),
                codec: codec.clone(),
                view: Arc::clone(&view),
                names: names.clone(),
                clock: Arc::clone(&clock),
                metrics: metrics.clone(),
                paused_until: std::sync::Mutex::default(),
            })
        });
        let decoder = Decoder::new(codec.clone(), labels, names);
        let (member_desk, stop) = (Arc::clone(&desk), Stop::default());
        let member = Member {
            log,
            group,
            stores,
            restore_memory,
            grace: takeover_grace,
            decoder,
            codec,
            view,
            desk: member_desk,
            status,
            clock,
            metrics,
            stop,
        };
        Self { member, engine, desk }
    }
}
