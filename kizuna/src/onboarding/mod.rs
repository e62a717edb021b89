//! Connecting an official account, from the quota to the webhook.
//!
//! Whatever can be refused is refused before a number is used up: quota, credentials, room for properties. From then on each
//! step can fail by itself and is reported; running the same again finds what is done and goes on, and nothing is doubled.

pub mod change;
mod credentials;
pub mod guide;
pub mod provision;
pub mod rotation;
pub mod step;
pub mod upkeep;
mod webhook;

use crate::bilingual::bilingual;
use crate::wiring::Installation;
use connection::{Connection, Editor, Registry, Sealer, State, new_webhook_token};
use contact::ConnectionNumber;
use credentials::Bot;
use provision::{lack_of_room, provision};
use runtime::secret::Secret;
use runtime::settings::BaseUrl;
use schemas::{ConnectionDefinition, ConnectionState};
use serde::Serialize;
use step::{Outcome, Step};

/// What an operator enters.
#[derive(Debug)]
pub struct Request {
    /// For the team; LINE's name of the account if left out.
    pub name: Option<String>,
    /// What the account is for.
    pub description: Option<String>,
    /// Address of a picture; LINE's if left out.
    pub icon: Option<String>,
    /// LINE's channel ID.
    pub channel_id: String,
    /// LINE's channel secret.
    pub channel_secret: Secret,
    /// Long-lived access token; if left out, as the connection has it: a new one has none.
    pub access_token: Option<Secret>,
    /// Does a friend's first action make a contact? If left out, as the connection has it; a new one does.
    pub auto_create: Option<bool>,
    /// Make no call to LINE.
    pub skip_line_checks: bool,
}

impl Request {
    fn name(&self) -> Option<&str> {
        self.name.as_deref().filter(|name| !name.trim().is_empty())
    }
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The connection's number; `None` if it was refused.
    pub number: Option<u32>,
    /// What the team will see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The path of its webhook address. Whoever knows it can send, but not sign.
    pub webhook_path: Option<String>,
    /// Its webhook address; with the listener's own address when no public one is set.
    pub webhook_url: Option<String>,
    /// Each step with its result.
    pub steps: Vec<Step>,
}

impl Report {
    /// Is the account connected, and did no step fail? A webhook test that failed does not count: the server may be started
    /// later.
    pub fn is_good(&self) -> bool {
        let failed = |step: &Step| step.result == Outcome::Failed && step.name != "webhook_test";
        self.number.is_some() && !self.steps.iter().any(failed)
    }
}

/// The path of a connection's webhook address.
pub fn webhook_path(connection: &Connection) -> String {
    format!("/line/webhook/{}", connection.webhook_token.expose())
}

/// Connects an account.
///
/// # Errors
/// Only what is wrong with this installation; what LINE or HubSpot refuse stands in the report.
pub async fn add(installation: &Installation, request: Request) -> anyhow::Result<Report> {
    Onboarding { installation, request, steps: Vec::new() }.run().await
}

struct Onboarding<'a> {
    installation: &'a Installation,
    request: Request,
    steps: Vec<Step>,
}

/// What is connected, with the secrets sealed: none of them is needed to see whether an account is new.
struct Connected {
    all: Vec<(ConnectionNumber, ConnectionDefinition)>,
    unfinished: Vec<(ConnectionNumber, String)>,
}

impl Connected {
    fn of(registry: &Registry) -> Self {
        let open = registry.definitions().filter(|(_, it)| it.state != ConnectionState::Removed);
        Self { all: open.map(|(number, it)| (number, it.clone())).collect(), unfinished: registry.unfinished() }
    }

    /// Two master keys on one log would be one too many: nothing would start any more.
    fn check_master_key(&self, sealer: &Sealer) -> Result<(), connection::Error> {
        self.all.last().map_or(Ok(()), |(number, it)| Connection::open(*number, it, sealer).map(drop))
    }
}

/// The step that ends everything: it stands in the report already.
struct Refused;

impl Onboarding<'_> {
    async fn run(mut self) -> anyhow::Result<Report> {
        let Installation { log, codec, sealer, .. } = self.installation;
        let mut editor = Editor::open(log, codec).await?;
        let connected = Connected::of(editor.registry());
        connected.check_master_key(sealer)?;
        let channel_id = self.request.channel_id.as_str();
        let existing = connected.all.iter().find(|(_, it)| it.channel_id == channel_id);
        let existing = existing.map(|(number, it)| Connection::open(*number, it, sealer)).transpose()?;
        let is_claimed = existing.is_some() || connected.unfinished.iter().any(|(_, channel)| channel == channel_id);
        let in_use = connected.all.len() + connected.unfinished.len();

        let ready = self.quota(is_claimed, in_use);
        let Ok(()) = ready else { return Ok(self.report(None)) };
        let Ok(bot) = self.credentials(&connected, existing.as_ref()).await else { return Ok(self.report(None)) };
        let Ok(name) = self.name(existing.as_ref(), bot.as_ref()) else { return Ok(self.report(None)) };
        if !is_claimed && self.room().await.is_err() {
            return Ok(self.report(None));
        }
        let Some(number) = self.claim(&mut editor).await? else { return Ok(self.report(None)) };
        let properties_existed = self.properties(number).await;
        let definition =
            |existing: Option<&Connection>| self.definition(number, &name, bot.as_ref(), existing, properties_existed);
        let connection = editor.settle(sealer, number, definition).await?;
        self.webhook(&connection).await;
        self.steps.extend(guide::always());
        Ok(self.report(Some(&connection)))
    }

    /// A first look, so that nothing is asked of LINE for an account that has no room. The claim decides.
    fn quota(&mut self, is_claimed: bool, in_use: usize) -> Result<(), Refused> {
        let plan = self.installation.settings.plan();
        let max = plan.connections_max();
        if !is_claimed && in_use >= max as usize {
            return self.refuse(quota_reached(plan, max));
        }
        let detail = if is_claimed {
            bilingual!(
                "counted already, among {in_use} of {max} that the plan {plan} allows",
                "プラン「{plan}」の上限{max}件のうち{in_use}件を使用中で、この接続はすでに含まれています。"
            )
        } else {
            bilingual!(
                "connection {0} of {max} that the plan {plan} allows",
                "プラン「{plan}」の上限{max}件のうち{0}件目の接続です。",
                in_use + 1
            )
        };
        self.steps.push(Step::done("quota", detail));
        Ok(())
    }

    async fn credentials(
        &mut self,
        connected: &Connected,
        existing: Option<&Connection>,
    ) -> Result<Option<Bot>, Refused> {
        if self.request.skip_line_checks {
            self.steps.push(credentials::unasked());
            return Ok(None);
        }
        let Request { channel_id, channel_secret, access_token, .. } = &self.request;
        let line = &self.installation.line;
        let bot = match credentials::check(line, channel_id, channel_secret, access_token.as_ref()).await {
            Ok(bot) => bot,
            Err(step) => return self.refuse(step),
        };
        let is_same = |(number, it): &&(ConnectionNumber, ConnectionDefinition)| {
            it.bot_user_id.as_ref() == Some(&bot.user_id) && Some(*number) != existing.map(|it| it.number)
        };
        if let Some((number, other)) = connected.all.iter().find(is_same) {
            let detail = bilingual!(
                "this official account is connected already, as number {number}: {0}",
                "この公式アカウントは番号{number}「{0}」としてすでに接続されています。",
                other.name
            );
            return self.refuse(Step::failed("credentials", detail));
        }
        self.steps.push(Step::done("credentials", bot.describe()));
        Ok(Some(bot))
    }

    fn name(&mut self, existing: Option<&Connection>, bot: Option<&Bot>) -> Result<String, Refused> {
        let given = self.request.name().map(str::to_owned);
        let proposed = || existing.map(|it| it.name.clone()).or_else(|| bot.map(|bot| bot.name.clone()));
        match given.or_else(proposed) {
            Some(name) => Ok(name),
            None => self.refuse(Step::failed(
                "name",
                bilingual!("give a name with --name: LINE was not asked for one", "名前を入力してください。"),
            )),
        }
    }

    /// Is there room for seven more properties? Where HubSpot cannot be asked now, the step for the properties will tell.
    async fn room(&mut self) -> Result<(), Refused> {
        let Some(crm) = self.installation.crm.clone() else { return Ok(()) };
        match lack_of_room(&*crm).await {
            Ok(Some(lack)) => self.refuse(Step::failed("properties", lack)),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    async fn claim(&mut self, editor: &mut Editor) -> anyhow::Result<Option<ConnectionNumber>> {
        let Installation { settings, clock, .. } = self.installation;
        let plan = settings.plan();
        match editor.claim(plan, &self.request.channel_id, clock.now_ms()).await {
            Ok(claimed) => Ok(Some(claimed.number)),
            Err(connection::Error::QuotaReached { max }) => {
                self.steps.retain(|step| step.name != "quota");
                self.steps.push(quota_reached(plan, max));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn properties(&mut self, number: ConnectionNumber) -> Option<bool> {
        let Some(crm) = &self.installation.crm else {
            let detail = bilingual!(
                "KIZUNA_HUBSPOT_TOKEN is not set: the seven properties are not made",
                "KIZUNA_HUBSPOT_TOKENが未設定のため、7つのプロパティーは作成していません。"
            );
            let what = bilingual!(
                "set KIZUNA_HUBSPOT_TOKEN, then run the same command again; `kizuna up` with the token makes them, too",
                "KIZUNA_HUBSPOT_TOKENを設定してからもう一度接続してください。設定後の`kizuna up`でも自動で作成されます。"
            );
            self.steps.push(Step::skipped("properties", detail).with_by_hand(what));
            return None;
        };
        let names = &self.installation.settings.property_prefix.0;
        let provisioned = provision(&**crm, names, &[number]).await.remove(&number)?;
        self.steps.push(provisioned.step);
        provisioned.existed
    }

    /// What is entered goes over what was known; number, webhook address and date of birth stay.
    fn definition(
        &self,
        number: ConnectionNumber,
        name: &str,
        bot: Option<&Bot>,
        existing: Option<&Connection>,
        properties_existed: Option<bool>,
    ) -> Connection {
        let request = &self.request;
        let known_name = existing.map(|it| it.name.as_str()).filter(|_| request.name().is_none());
        let description = request.description.clone().or_else(|| existing.map(|it| it.description.clone()));
        let icon = request.icon.clone().or_else(|| existing.map(|it| it.icon.clone()).filter(|icon| !icon.is_empty()));
        let bot_user_id = bot.map(|bot| bot.user_id.clone());
        let existed_before = existing.is_none_or(|it| it.properties_existed);
        let now_ms = self.installation.clock.now_ms();
        let mut connection = Connection {
            number,
            name: known_name.unwrap_or(name).to_owned(),
            description: description.unwrap_or_default(),
            icon: icon.or_else(|| bot.and_then(|bot| bot.icon.clone())).unwrap_or_default(),
            channel_id: request.channel_id.clone(),
            channel_secrets: existing.map(|it| it.channel_secrets.clone()).unwrap_or_default(),
            access_token: request.access_token.clone().or_else(|| existing.and_then(|it| it.access_token.clone())),
            webhook_token: existing.map_or_else(new_webhook_token, |it| it.webhook_token.clone()),
            bot_user_id: bot_user_id.or_else(|| existing.and_then(|it| it.bot_user_id.clone())),
            auto_create: request.auto_create.or(existing.map(|it| it.auto_create)).unwrap_or(true),
            state: existing.map_or(State::Active, |it| it.state),
            properties_existed: existed_before && properties_existed.unwrap_or(true),
            created_at_ms: existing.map_or(now_ms, |it| it.created_at_ms),
            older_secrets_until_ms: existing.and_then(|it| it.older_secrets_until_ms),
        };
        connection.renew_secret(request.channel_secret.clone(), now_ms);
        connection
    }

    async fn webhook(&mut self, connection: &Connection) {
        let settings = &self.installation.settings;
        let url = settings.webhook_url(&webhook_path(connection));
        // A sandbox on this machine takes plain addresses, too.
        let is_reachable = |url: &BaseUrl| url.is_https() || !settings.line_api_url.is_https();
        let is_public = settings.public_url.as_ref().is_some_and(is_reachable);
        let steps = if self.request.skip_line_checks {
            webhook::unasked(&url)
        } else if !is_public {
            webhook::unreachable(&url)
        } else {
            webhook::set_and_test(&self.installation.line, connection, &url).await
        };
        self.steps.extend(steps);
    }

    fn refuse<T>(&mut self, step: Step) -> Result<T, Refused> {
        self.steps.push(step);
        Err(Refused)
    }

    fn report(self, connection: Option<&Connection>) -> Report {
        let path = connection.map(webhook_path);
        Report {
            number: connection.map(|it| it.number.get()),
            name: connection.map(|it| it.name.clone()),
            webhook_url: path.as_deref().map(|path| self.installation.settings.webhook_url(path)),
            webhook_path: path,
            steps: self.steps,
        }
    }
}

fn quota_reached(plan: contact::Plan, max: u32) -> Step {
    let detail = bilingual!(
        "the plan {plan} allows {max} connections at a time, and that many are connected",
        "プラン「{plan}」で同時に接続できるのは{max}件までで、すでに上限に達しています。"
    );
    Step::failed("quota", detail).with_by_hand(bilingual!(
        "remove one (`kizuna connection list`, `kizuna connection remove N`) or set a larger KIZUNA_PLAN",
        "使わない接続を削除するか、KIZUNA_PLANを上位のプランに変更してください。"
    ))
}
