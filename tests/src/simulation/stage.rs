//! What all runs share: the connections, which the projector's view follows by a thread of its own, and the metrics.

use connection::{Connection, Sealer, State, View, new_webhook_token};
use contact::ConnectionNumber;
use eventlog::Log;
use eventlog::embedded::{EmbeddedLog, Options};
use projector::telemetry::Metrics;
use runtime::clock::SystemClock;
use runtime::secret::Secret;
use schemas::Codec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Shared by all runs, and never changed.
#[derive(Clone)]
pub struct Stage {
    views: BTreeMap<(bool, bool), Arc<View>>,
    /// The projector's metrics; what they count is nobody's concern here.
    pub metrics: Metrics,
    /// The same of HubSpot's client.
    pub hubspot_metrics: hubspot::Metrics,
    _logs: Arc<tempfile::TempDir>,
}

impl Stage {
    /// Sets it up, in a temporary directory.
    ///
    /// # Errors
    /// When that cannot be used.
    pub fn set() -> anyhow::Result<Self> {
        let logs = tempfile::tempdir()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut views = BTreeMap::new();
        for (existed, second_creates) in [(false, false), (false, true), (true, false), (true, true)] {
            let path = logs.path().join(format!("{existed}-{second_creates}"));
            let log: Arc<dyn Log> = EmbeddedLog::open(&path, Options::new(Arc::new(SystemClock)))?;
            runtime.block_on(connect(&log, existed, second_creates))?;
            let view = View::open(log, Codec::default(), sealer()?)?;
            views.insert((existed, second_creates), view);
        }
        let registry = prometheus::Registry::new();
        let (metrics, hubspot_metrics) = (Metrics::register(&registry)?, hubspot::Metrics::register(&registry)?);
        Ok(Self { views, metrics, hubspot_metrics, _logs: Arc::new(logs) })
    }

    /// Two accounts: were their properties there before, and does a friend of the second get a contact by acting?
    pub fn view(&self, existed: bool, second_creates: bool) -> Arc<View> {
        Arc::clone(&self.views[&(existed, second_creates)])
    }
}

fn sealer() -> anyhow::Result<Sealer> {
    Ok(Sealer::from_master_key(&Secret::new(&"7".repeat(64)))?)
}

async fn connect(log: &Arc<dyn Log>, existed: bool, second_creates: bool) -> anyhow::Result<()> {
    let codec = Codec::default();
    for n in [1, 2] {
        let channel_id = format!("channel-{n}");
        let claimed = connection::claim(log, &codec, contact::Plan::Trial, &channel_id, 0).await?;
        let connection = Connection {
            number: ConnectionNumber::new(n).unwrap_or(claimed.number),
            name: format!("account {n}"),
            description: String::new(),
            icon: String::new(),
            channel_id,
            channel_secrets: vec![Secret::new("secret")],
            access_token: Some(Secret::new("token")),
            webhook_token: new_webhook_token(),
            bot_user_id: None,
            auto_create: n == 1 || second_creates,
            state: State::Active,
            properties_existed: existed,
            created_at_ms: 0,
            older_secrets_until_ms: None,
        };
        connection::define(log, &codec, &sealer()?, &connection).await?;
    }
    Ok(())
}
