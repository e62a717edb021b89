//! From settings to the parts that commands work with.

use crate::settings::Settings;
use anyhow::Context;
use connection::{Sealer, View};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::kafka::KafkaLog;
use eventlog::{Log, Topic};
use hubspot::Crm;
use prometheus::Registry;
use runtime::clock::{Clock, SystemClock};
use schemas::Codec;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What every command that touches the log needs.
#[derive(Clone)]
pub struct Installation {
    /// As read at the start.
    pub settings: Arc<Settings>,
    /// The log, embedded or Kafka.
    pub log: Arc<dyn Log>,
    /// The same, where it is the embedded one: it can be compacted at once.
    pub embedded: Option<Arc<EmbeddedLog>>,
    /// The form of its records.
    pub codec: Codec,
    /// Seals and opens the secrets of connections.
    pub sealer: Sealer,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// LINE's API.
    pub line: line::api::Client,
    /// HubSpot's API; `None` without a token.
    pub crm: Option<Arc<dyn Crm>>,
    /// The metrics of this process.
    pub metrics: Registry,
}

impl Installation {
    /// Opens the log and the keys, which are made if they do not exist.
    ///
    /// # Errors
    /// When the directory, the log, the keys or the schema registry cannot be used.
    pub async fn open(settings: Settings) -> anyhow::Result<Self> {
        make_private(&settings.data_dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let codec = match &settings.schema_registry_url {
            Some(url) => Codec::with_registry(&schemas::registry::Client::new(url.0.expose())?).await?,
            None => Codec::default(),
        };
        let metrics = Registry::new();
        let line = line_client(&settings, &metrics)?;
        let crm = hubspot_client(&settings, &clock, &metrics)?;
        let (log, embedded) = open_log(&settings, &clock, &metrics).await?;
        let sealer = sealer(&settings, &log).await?;
        Ok(Self { settings: Arc::new(settings), log, embedded, codec, sealer, clock, line, crm, metrics })
    }

    /// The connections, kept current from now on.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn view(&self) -> anyhow::Result<Arc<View>> {
        let (log, codec, sealer) = (Arc::clone(&self.log), self.codec.clone(), self.sealer.clone());
        Ok(tokio::task::spawn_blocking(move || View::open(log, codec, sealer)).await??)
    }

    /// The kind of the log, in one word.
    pub fn log_kind(&self) -> &'static str {
        if self.settings.kafka_brokers.is_some() { "kafka" } else { "embedded" }
    }

    /// Where a part of this installation keeps its files, made if it does not exist.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn directory(&self, part: &str) -> anyhow::Result<PathBuf> {
        let path = self.settings.data_dir.join(part);
        make_private(&path)?;
        Ok(path)
    }
}

/// The key that is set, or the one in the data directory. One is made there only for a log in which nothing is sealed yet.
async fn sealer(settings: &Settings, log: &Arc<dyn Log>) -> anyhow::Result<Sealer> {
    if let Some(key) = &settings.master_key {
        return Ok(Sealer::from_master_key(&key.0)?);
    }
    // The console seals second factors, in a file of its own.
    let has_console = settings.data_dir.join("console").exists();
    // Asked before the key is looked for: whoever wrote the first connection had made the key by then.
    let log = Arc::clone(log);
    let connections = tokio::task::spawn_blocking(move || log.span(Topic::Connections, 0)).await??;
    let is_new = connections.next == 0 && !has_console;
    Ok(if is_new { Sealer::load_or_create(&settings.data_dir)? } else { Sealer::load(&settings.data_dir)? })
}

fn line_client(settings: &Settings, metrics: &Registry) -> anyhow::Result<line::api::Client> {
    let base_url = settings.line_api_url.as_str().to_owned();
    let settings = line::api::Settings { base_url, ..Default::default() };
    Ok(line::api::Client::new(&settings, line::telemetry::Metrics::register(metrics)?)?)
}

fn hubspot_client(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    metrics: &Registry,
) -> anyhow::Result<Option<Arc<dyn Crm>>> {
    let Some(token) = &settings.hubspot_token else { return Ok(None) };
    let settings = hubspot::client::Settings {
        base_url: settings.hubspot_api_url.as_str().to_owned(),
        names: settings.property_prefix.0.clone(),
        ..hubspot::client::Settings::new(token.clone())
    };
    let metrics = hubspot::telemetry::Metrics::register(metrics)?;
    Ok(Some(Arc::new(hubspot::Client::new(settings, Arc::clone(clock), metrics)?)))
}

type Logs = (Arc<dyn Log>, Option<Arc<EmbeddedLog>>);

async fn open_log(settings: &Settings, clock: &Arc<dyn Clock>, metrics: &Registry) -> anyhow::Result<Logs> {
    if let Some(kafka) = settings.kafka_log() {
        return Ok((Arc::new(KafkaLog::connect(kafka, Arc::clone(clock)).await?), None));
    }
    let directory = settings.data_dir.join("log");
    make_private(&directory)?;
    let telemetry = Some(eventlog::telemetry::Telemetry::register(metrics)?);
    let options = Options { telemetry, ..Options::new(Arc::clone(clock)) };
    let log = tokio::task::spawn_blocking(move || EmbeddedLog::open(&directory, options)).await??;
    Ok((Arc::clone(&log) as Arc<dyn Log>, Some(log)))
}

/// Makes a directory that only its owner can enter; one that exists is left as it is.
fn make_private(directory: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("cannot make the directory {} (KIZUNA_DATA_DIR)", directory.display()))
}
