//! The stage: sandboxes of LINE and HubSpot, and a Kizuna beside them with two connected accounts, in one process.

use crate::onboarding::{self, Request};
use crate::readiness::Readiness;
use crate::server::{self, Listeners, Roles};
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::{Context, ensure};
use runtime::secret::Secret;
use runtime::shutdown::{self, Trigger};
use sandbox::hubspot::Contact;
use sandbox::line::{Act, Channel, Manner};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Taken if they are free, so that what the documentation says is true of the demo.
const PORTS: [u16; 2] = [8080, 9464];

/// Everything that runs.
pub struct Stage {
    sandbox: Sandbox,
    server: JoinHandle<anyhow::Result<()>>,
    stop: Trigger,
    webhook_url: String,
    admin_url: String,
    directory: PathBuf,
    /// Removed at the end.
    _temporary: Option<TempDir>,
}

impl Stage {
    /// Starts the sandboxes and Kizuna, and connects both accounts.
    ///
    /// # Errors
    /// When something of it cannot be started.
    pub async fn set(keep: Option<&Path>) -> anyhow::Result<Self> {
        let sandbox = sandbox::start(Options::default()).await?;
        let (directory, temporary) = directory(keep)?;
        let (webhooks, admin) = (bind(PORTS[0]).await?, bind(PORTS[1]).await?);
        let webhook_url = format!("http://{}", webhooks.local_addr()?);
        let admin_url = format!("http://{}", admin.local_addr()?);
        let settings = settings(&sandbox, &directory, &webhook_url)?;
        let installation = Installation::open(settings).await?;
        let view = installation.view().await?;
        let (stop, stopping) = shutdown::manual();
        let listeners = Listeners { webhooks: Some(webhooks), admin, console: None };
        let readiness = Readiness::default();
        let server =
            tokio::spawn(server::run(installation.clone(), Roles::ALL, listeners, view, readiness, None, stopping));
        let stage = Self { sandbox, server, stop, webhook_url, admin_url, directory, _temporary: temporary };
        for channel in stage.accounts() {
            connect(&installation, channel).await?;
        }
        Ok(stage)
    }

    /// The official accounts, in the order of their connection numbers.
    pub fn accounts(&self) -> Vec<Channel> {
        self.sandbox.line_channels()
    }

    /// Lets a person do something, and makes sure that Kizuna took every event of it.
    ///
    /// # Errors
    /// When a webhook was not answered with 200.
    pub async fn play(&self, account: &Channel, person: &str, act: &Act) -> anyhow::Result<()> {
        let told = self.sandbox.handle().play(&account.id, person, act, &Manner::default()).await?;
        let all_taken = told.reactions.iter().all(|reaction| reaction.is_some_and(|reaction| reaction.accepted()));
        ensure!(
            all_taken && !told.reactions.is_empty(),
            "the webhook of \"{}\" was not taken: {:?}",
            act.name(),
            told.reactions
        );
        Ok(())
    }

    /// The contacts of a person, live and deleted, oldest first.
    pub fn contacts_of(&self, email: &str) -> Vec<Arc<Contact>> {
        let is_theirs = |contact: &&Arc<Contact>| contact.emails().any(|address| address == email);
        self.sandbox.handle().hubspot(|portal, _| portal.contacts().iter().filter(is_theirs).cloned().collect())
    }

    /// What somebody in the HubSpot team does.
    ///
    /// # Errors
    /// When there is no such contact.
    pub fn delete(&self, contact: &Contact) -> anyhow::Result<()> {
        let deleted = self.sandbox.handle().hubspot(|portal, now_ms| portal.delete(now_ms, contact.id));
        deleted.context("the sandbox does not let the contact be deleted")
    }

    /// The label of a property, as HubSpot shows it.
    pub fn label(&self, property: &str) -> String {
        let label = |portal: &mut sandbox::hubspot::Portal| portal.catalogue().get(property).map(|it| it.label.clone());
        self.sandbox.handle().hubspot(|portal, _| label(portal)).unwrap_or_else(|| property.to_owned())
    }

    /// Every contact, for programs.
    pub fn contacts(&self) -> Vec<Value> {
        self.sandbox.handle().hubspot(|portal, _| portal.contacts().iter().map(|contact| contact.summary()).collect())
    }

    /// Every contact that is not deleted.
    pub fn live_contacts(&self) -> Vec<Arc<Contact>> {
        let is_live = |contact: &&Arc<Contact>| contact.archived_ms.is_none();
        self.sandbox.handle().hubspot(|portal, _| portal.contacts().iter().filter(is_live).cloned().collect())
    }

    /// Where everything is.
    pub fn addresses(&self) -> Value {
        json!({
            "sandbox": self.sandbox.announcement(),
            "webhook_base_url": self.webhook_url,
            "admin_url": self.admin_url,
            "data_dir": self.directory,
        })
    }

    /// The page on which one can go on playing.
    pub fn page(&self) -> &str {
        &self.sandbox.control_url
    }

    /// Where metrics and health are.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// Where the log is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends everything, the work under way first.
    ///
    /// # Errors
    /// When Kizuna did not end well.
    pub async fn strike(self) -> anyhow::Result<ExitCode> {
        self.stop.request();
        let ended = self.server.await;
        self.sandbox.shutdown().await;
        ended.context("the server broke")??;
        Ok(ExitCode::SUCCESS)
    }
}

fn directory(keep: Option<&Path>) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
    let Some(keep) = keep else {
        let temporary = tempfile::Builder::new().prefix("kizuna-demo-").tempdir()?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    let is_free = match std::fs::read_dir(keep) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    ensure!(is_free, "{} is not an empty directory: the story begins with nothing", keep.display());
    Ok((keep.to_owned(), None))
}

async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(at(port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(at(0)).await.context("this machine has no free port"),
    }
}

/// Settings of its own: whatever is set for a real installation does not reach the demo.
fn settings(sandbox: &Sandbox, directory: &Path, webhook_url: &str) -> anyhow::Result<Settings> {
    let data_dir = directory.to_str().context("the directory's name is not UTF-8")?;
    let variables = BTreeMap::from(
        [
            ("KIZUNA_DATA_DIR", data_dir),
            ("KIZUNA_PUBLIC_URL", webhook_url),
            ("KIZUNA_LINE_API_URL", &sandbox.line_api_url),
            ("KIZUNA_HUBSPOT_API_URL", &sandbox.hubspot_api_url),
            ("KIZUNA_HUBSPOT_TOKEN", &sandbox.hubspot_token),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    Ok(Settings::load(&variables, None)?)
}

async fn connect(installation: &Installation, channel: Channel) -> anyhow::Result<()> {
    let request = Request {
        name: None,
        description: None,
        icon: None,
        channel_id: channel.id,
        channel_secret: Secret::new(&channel.secret),
        access_token: channel.access_token.as_deref().map(Secret::new),
        auto_create: None,
        skip_line_checks: false,
    };
    let report = onboarding::add(installation, request).await?;
    let failed = report.steps.iter().find(|step| step.result == onboarding::step::Outcome::Failed);
    ensure!(failed.is_none(), "an account could not be connected: {failed:?}");
    Ok(())
}
