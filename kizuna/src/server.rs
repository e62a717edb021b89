//! The parts of a running Kizuna, wired together: ingest, projector, console, admin server, and what keeps an eye on them.

use crate::bilingual::Bilingual;
use crate::console::Console;
use crate::descriptors;
use crate::onboarding::upkeep::keep_provisioned;
use crate::portal;
use crate::readiness::{self, Part, Readiness};
use crate::settings::{ConsoleListen, Settings};
use crate::telemetry::Metrics;
use crate::wiring::Installation;
use anyhow::{Context, anyhow};
use connection::View;
use eventlog::Topic;
use ingest::Spool;
use ingest::spool::{Options, Report};
use projector::status::Status;
use projector::sync::profiles::LineProfiles;
use runtime::admin;
use runtime::shutdown::{self, Shutdown, Trigger};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The consumer group whose members share the partitions.
pub const GROUP: &str = "projector";

/// How long a partition that was taken over is left alone: a call of its last owner may last 10 s, and 2 s more.
pub const TAKEOVER_GRACE: Duration = Duration::from_secs(12);

/// How long work under way may take to end.
const DRAIN_WAIT: Duration = Duration::from_secs(30);

/// How often it is looked whether the parts can do their work.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The log is asked at every so many looks: on Kafka that is a question to the brokers.
const LOOKS_PER_CHECK: u32 = 10;

/// How long the admin server may take to end.
const ADMIN_END_WAIT: Duration = Duration::from_secs(1);

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Takes webhooks in.
    pub ingest: bool,
    /// Keeps HubSpot in step.
    pub projector: bool,
}

impl Roles {
    /// Everything.
    pub const ALL: Self = Self { ingest: true, projector: true };
    /// Webhooks only.
    pub const INGEST: Self = Self { ingest: true, projector: false };
    /// HubSpot only.
    pub const PROJECTOR: Self = Self { ingest: false, projector: true };

    /// The command that runs them.
    pub const fn name(self) -> &'static str {
        match self {
            Self { ingest: true, projector: false } => "ingest",
            Self { ingest: false, projector: true } => "projector",
            _ => "up",
        }
    }
}

/// The bound addresses.
pub struct Listeners {
    /// For webhooks; `None` without that role.
    pub webhooks: Option<TcpListener>,
    /// For metrics and health.
    pub admin: TcpListener,
    /// For people; `None` where there is no console.
    pub console: Option<TcpListener>,
}

/// Where the console is unless something else is set.
const CONSOLE_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);

/// Where the console is to listen; `None`: nowhere.
pub fn console_address(settings: &Settings) -> Option<SocketAddr> {
    match settings.console_listen {
        None => Some(CONSOLE_ADDRESS),
        Some(ConsoleListen::At(address)) => Some(address),
        Some(ConsoleListen::Off) => None,
    }
}

impl Listeners {
    /// Binds what the roles need.
    ///
    /// # Errors
    /// When an address cannot be had.
    pub async fn bind(roles: Roles, settings: &Settings) -> anyhow::Result<Self> {
        let webhooks = if roles.ingest { Some(bind(settings.listen, "KIZUNA_LISTEN").await?) } else { None };
        let admin = bind(settings.admin_listen, "KIZUNA_ADMIN_LISTEN").await?;
        let console = match console_address(settings).filter(|_| roles == Roles::ALL) {
            None => None,
            Some(address) => match Self::bind_console(address).await {
                Ok(listener) => Some(listener),
                // Nobody asked for this very address: what matters more works without the console.
                Err(error) if settings.console_listen.is_none() => {
                    tracing::warn!(error = format!("{error:#}"), "there is no console: set KIZUNA_CONSOLE_LISTEN");
                    None
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Self { webhooks, admin, console })
    }

    /// Binds the console's address.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn bind_console(address: SocketAddr) -> anyhow::Result<TcpListener> {
        bind(address, "KIZUNA_CONSOLE_LISTEN").await
    }
}

async fn bind(address: SocketAddr, variable: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({variable})"))
}

/// Runs the roles until `shutdown` is requested or one of them ends, then lets all of them finish their work.
///
/// # Errors
/// What ended a part that should not have ended, and work that did not end in time.
pub async fn run(
    installation: Installation,
    roles: Roles,
    listeners: Listeners,
    view: Arc<View>,
    readiness: Readiness,
    console: Option<Console>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let metrics = Metrics::register(&installation.metrics)?;
    metrics.begin(roles.name(), installation.log_kind(), &*installation.clock);
    let (stop, stopping) = shutdown::manual();
    let (stop_admin, admin_stopping) = shutdown::manual();
    let admin = tokio::spawn(admin::serve(
        listeners.admin,
        installation.metrics.clone(),
        readiness.clone(),
        admin_stopping.requested(),
    ));
    let mut work = JoinSet::new();
    let mut spool = None;
    if let Some(listener) = listeners.webhooks {
        let metrics = ingest::Metrics::register(&installation.metrics)?;
        spool = open_spool(&installation, &metrics)?;
        let view = Arc::clone(&view);
        work.spawn(ingest(installation.clone(), listener, spool.clone(), view, metrics, stopping.clone()));
    }
    let sync = roles.projector.then(|| Sync::with(installation.line.clone()));
    if let Some(sync) = sync.clone() {
        work.spawn(projector(installation.clone(), Arc::clone(&view), sync, stopping.clone())?);
    }
    let mut upkeep = JoinSet::new();
    if let Some((console, listener)) = console.zip(listeners.console) {
        upkeep.spawn(console.serve(listener, stopping.clone()));
    }
    let looked = readiness.clone();
    upkeep.spawn(look(installation.clone(), roles, Arc::clone(&view), sync, spool, looked, metrics));
    if let Some(crm) = installation.crm.clone().filter(|_| roles.projector) {
        upkeep.spawn(portal::keep_asking(Arc::clone(&crm)));
        upkeep.spawn(keep_provisioned(installation, view, crm));
    }
    let ended = drain(work, shutdown, &readiness, &stop).await;
    upkeep.abort_all();
    stop_admin.request();
    drop(timeout(ADMIN_END_WAIT, admin).await);
    ended
}

/// Waits for the request to stop, or for the first part to end by itself; then for all of them.
async fn drain(
    mut work: JoinSet<anyhow::Result<()>>,
    shutdown: Shutdown,
    readiness: &Readiness,
    stop: &Trigger,
) -> anyhow::Result<()> {
    let mut ended = tokio::select! {
        first = work.join_next() => first.map_or(Ok(()), flatten),
        () = shutdown.requested() => Ok(()),
    };
    tracing::info!("stopping");
    // First: whoever asks is not to be sent to a listener that is gone.
    readiness.stopping(readiness::shutting_down());
    stop.request();
    let rest = async {
        while let Some(part) = work.join_next().await {
            let part = flatten(part);
            if ended.is_ok() {
                ended = part;
            }
        }
    };
    let in_time = timeout(DRAIN_WAIT, rest).await.is_ok();
    if ended.is_ok() && !in_time {
        ended = Err(anyhow!("work that was under way did not end within {} s", DRAIN_WAIT.as_secs()));
    }
    ended
}

fn flatten(part: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    part.unwrap_or_else(|error| Err(anyhow!("a part of the program broke: {error}")))
}

type Work = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// Where events wait while Kafka is away. The embedded log has none: it would be on the same disk, and fail with it.
fn open_spool(installation: &Installation, metrics: &ingest::Metrics) -> anyhow::Result<Option<Arc<Spool>>> {
    if installation.settings.kafka_brokers.is_none() {
        return Ok(None);
    }
    let partitions = installation.log.partitions(Topic::LineEvents);
    let bytes_max = u64::from(installation.settings.spool_mib.get()) << 20;
    let options = Options { bytes_max, ..Options::new(partitions) };
    let (directory, clock) = (installation.directory("spool")?, Arc::clone(&installation.clock));
    Ok(Some(Spool::open(&directory, options, clock, metrics.clone())?))
}

fn ingest(
    installation: Installation,
    listener: TcpListener,
    spool: Option<Arc<Spool>>,
    view: Arc<View>,
    metrics: ingest::Metrics,
    stopping: Shutdown,
) -> Work {
    let Installation { log, codec, clock, .. } = installation;
    let outside = ingest::Outside { log, spool, codec, view, clock };
    let bounds = ingest::Settings::default();
    let connections_max = descriptors::for_clients(bounds.connections_max, descriptors::take_all());
    let settings = ingest::Settings { connections_max, ..bounds };
    Box::pin(async move {
        let stopping = stopping.requested();
        let ended = ingest::run(listener, settings, outside, metrics, stopping).await;
        ended.context("taking webhooks in ended")
    })
}

/// How this installation folds its log.
///
/// # Errors
/// When the directory of the state cannot be made.
pub fn projector_settings(installation: &Installation) -> anyhow::Result<projector::Settings> {
    let alone = installation.settings.kafka_brokers.is_none();
    Ok(projector::Settings {
        state_directory: installation.directory("state")?,
        group: GROUP.to_owned(),
        restore_memory: (installation.settings.restore_mib.get() as usize) << 20,
        takeover_grace: if alone { Duration::ZERO } else { TAKEOVER_GRACE },
        labels: installation.settings.labels(),
        names: installation.settings.property_prefix.0.clone(),
    })
}

/// What tells how the projector's role fares.
#[derive(Clone)]
struct Sync {
    status: Arc<Status>,
    profiles: Arc<LineProfiles>,
}

impl Sync {
    fn with(line: line::api::Client) -> Self {
        Self { status: Arc::default(), profiles: Arc::new(LineProfiles::new(line)) }
    }
}

fn projector(installation: Installation, view: Arc<View>, sync: Sync, stopping: Shutdown) -> anyhow::Result<Work> {
    let metrics = projector::telemetry::Metrics::register(&installation.metrics)?;
    let settings = projector_settings(&installation)?;
    let Installation { log, codec, clock, crm, .. } = installation;
    let Sync { status, profiles } = sync;
    let outside = projector::Outside { log, codec, view, crm, profiles, clock };
    Ok(Box::pin(async move {
        let ended = projector::run(settings, outside, metrics, status, stopping.requested()).await;
        ended.context("keeping HubSpot in step ended")
    }))
}

/// Tells `/ready` how the parts are, for ever.
async fn look(
    installation: Installation,
    roles: Roles,
    view: Arc<View>,
    sync: Option<Sync>,
    spool: Option<Arc<Spool>>,
    readiness: Readiness,
    metrics: Metrics,
) {
    let part = |name| readiness.part(name, readiness::starting());
    let (log, connections) = (part("log"), part("connections"));
    let spool = spool.map(|spool| (part("spool"), spool));
    let sync = sync.map(|sync| (part("projector"), part("line"), sync));
    let crm = installation.crm.as_ref().filter(|_| roles.projector);
    let hubspot = crm.map(|crm| (part("hubspot"), crm));
    let mut ticks = interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for look in (0..LOOKS_PER_CHECK).cycle() {
        ticks.tick().await;
        if look == 0 {
            let problem = installation.log.check().await.err().map(|error| readiness::log_fails(&error));
            say(&log, problem, spool.is_some());
        }
        let problem = view.problem().map(|why| readiness::connections_are_behind(&why));
        say(&connections, problem, spool.is_some());
        if let Some((part, spool)) = &spool {
            tell(part, &spool.report());
        }
        if let Some((projector, line, Sync { status, profiles })) = &sync {
            say(projector, readiness::projector_lags(status), spool.is_some());
            // One account's credentials are no reason to keep the others waiting.
            say(line, readiness::line_refuses(&profiles.refused()), true);
        }
        if let Some((part, crm)) = &hubspot {
            say(part, crm.refusal().as_ref().map(Bilingual::from), roles.ingest);
        }
        for (part, state) in readiness.parts() {
            metrics.ready.with_label_values(&[part]).set(i64::from(state == Ok(None)));
        }
        metrics.count(&view.snapshot());
    }
}

/// Webhooks are taken in whatever is wrong with HubSpot, and with a spool whatever is away: nobody should send them elsewhere.
fn say(part: &Part, problem: Option<Bilingual>, is_spared: bool) {
    match problem {
        None => part.ready(),
        Some(problem) if is_spared => part.degraded(problem),
        Some(problem) => part.not_ready(problem),
    }
}

fn tell(part: &Part, report: &Report) {
    match report.records {
        records if !report.is_taking => part.not_ready(readiness::spool_is_full(records)),
        0 => part.ready(),
        records => part.degraded(readiness::spooling(records)),
    }
}
