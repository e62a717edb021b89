//! A running sandbox: three listeners, two couriers, one handle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use runtime::clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::SandboxClock;
use crate::control::Control;
use crate::exchange::{Request, Response};
use crate::handle::{Handle, Sender};
use crate::hubspot::Portal;
use crate::line::{Channel, Outcome, Platform};
use crate::options::Options;
use crate::{courier, server};

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address is taken or not this machine's: choose another.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The client that posts webhooks cannot be set up, as without TLS roots.
    #[error("cannot set up the client for webhooks")]
    Client(#[from] reqwest::Error),
}

/// A running sandbox. Dropping it ends everything at once; [`Sandbox::shutdown`] lets calls in flight finish.
pub struct Sandbox {
    /// Base URL of LINE's API.
    pub line_api_url: String,
    /// Base URL of HubSpot's API.
    pub hubspot_api_url: String,
    /// A token HubSpot accepts.
    pub hubspot_token: String,
    /// Base URL of the control API, and the page.
    pub control_url: String,
    handle: Arc<Handle>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// How long calls in flight may take after the stop.
const GRACE: Duration = Duration::from_secs(2);

/// Starts a sandbox.
///
/// # Errors
///
/// See [`Error`].
pub async fn start(options: Options) -> Result<Sandbox, Error> {
    let client = courier::client()?;
    let (line_listener, line_api_url) = listen(options.line_addr).await?;
    let (hubspot_listener, hubspot_api_url) = listen(options.hubspot_addr).await?;
    let (control_listener, control_url) = listen(options.control_addr).await?;
    let clock = SandboxClock::new(options.clock);
    let hubspot_token = options.hubspot.token.clone();
    let portal = Portal::new(clock.now_ms(), options.hubspot);
    let handle = Arc::new(Handle::new(clock, portal, Platform::new(options.line, options.channels)));
    let (stop, stopped) = watch::channel(false);
    let mut sandbox =
        Sandbox { line_api_url, hubspot_api_url, hubspot_token, control_url, handle, stop, tasks: Vec::new() };
    let control = Control::new(sandbox.handle.clone(), sandbox.announcement());
    let (for_line, for_hubspot, line_client) = (sandbox.handle.clone(), sandbox.handle.clone(), client.clone());
    sandbox.tasks = vec![
        tokio::spawn(courier::run(sandbox.handle.clone(), Sender::Line, client.clone(), stopped.clone())),
        tokio::spawn(courier::run(sandbox.handle.clone(), Sender::HubSpot, client, stopped.clone())),
        server::spawn(line_listener, stopped.clone(), move |request| {
            answer_line(for_line.clone(), line_client.clone(), request)
        }),
        server::spawn(hubspot_listener, stopped.clone(), move |request: Request| {
            std::future::ready(for_hubspot.hubspot(|portal, now_ms| portal.handle(now_ms, &request)))
        }),
        server::spawn(control_listener, stopped, move |request| {
            let control = control.clone();
            async move { control.answer(&request).await }
        }),
    ];
    Ok(sandbox)
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, String), Error> {
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    Ok((listener, url))
}

async fn answer_line(handle: Arc<Handle>, client: reqwest::Client, request: Request) -> Response {
    match handle.line(|platform, now_ms| platform.handle(now_ms, &request)) {
        Outcome::Answer(response) => response,
        Outcome::Probe(delivery) => {
            let reaction = courier::post(&client, delivery).await;
            handle.line(|platform, now_ms| platform.probed(now_ms, reaction))
        }
    }
}

impl Sandbox {
    /// The models, to look at and to play with in this process.
    pub fn handle(&self) -> Arc<Handle> {
        self.handle.clone()
    }

    /// LINE's channels as they are now.
    pub fn line_channels(&self) -> Vec<Channel> {
        self.handle.line(|platform, _| platform.channels().cloned().collect())
    }

    /// What `kizuna sandbox` prints in one line.
    pub fn announcement(&self) -> Value {
        let channels: Vec<Value> = self
            .line_channels()
            .iter()
            .map(|channel| {
                json!({"channel_id": channel.id, "channel_secret": channel.secret, "access_token": channel.access_token,
                       "bot_user_id": channel.bot_user_id})
            })
            .collect();
        json!({
            "line_api_url": self.line_api_url, "hubspot_api_url": self.hubspot_api_url,
            "hubspot_token": self.hubspot_token, "control_url": self.control_url, "line_channels": channels,
        })
    }

    /// Stops accepting calls, lets those in flight finish for a moment, and ends.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        for mut task in std::mem::take(&mut self.tasks) {
            if tokio::time::timeout(GRACE, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
