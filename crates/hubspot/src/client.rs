//! The client: every call waits for its turn, is made, understood, counted, and if it only read perhaps made again.

use crate::classify::{Failure, classify, outage_wait};
use crate::crm::{Account, Contact, ContactKey, Crm, DailyUsage, Room};
use crate::endpoint::{BASE_URL, VERSION};
use crate::limit::{self, Budget, Permit};
use crate::telemetry::Metrics;
use crate::transport::{Http, Request, Transport};
use crate::{
    CreateInput, CreateOutcome, Ensured, Error, Group, MaySend, Priority, PropertyDefinition, Standing, UpdateInput,
    UpdateOutcome, retry,
};
use async_trait::async_trait;
use contact::{ContactId, Names};
use runtime::clock::Clock;
use runtime::secret::Secret;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How HubSpot is called.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where HubSpot is ([`BASE_URL`]).
    pub base_url: String,
    /// The version of its interface ([`VERSION`]).
    pub version: String,
    /// A static bearer token: service key, project app or private app.
    pub token: Secret,
    /// The internal names of our properties: tells which of them are datetimes.
    pub names: Names,
    /// How long connecting may take (3 s).
    pub connect_timeout: Duration,
    /// How long a call may take as a whole (10 s).
    pub timeout: Duration,
    /// How often a read is made before its error is handed on (3).
    pub read_attempts_max: u32,
    /// How the request budget is kept.
    pub budget: limit::Settings,
}

impl Settings {
    /// The real HubSpot with the usual patience.
    pub fn new(token: Secret) -> Self {
        Self {
            base_url: BASE_URL.into(),
            version: VERSION.into(),
            token,
            names: Names::default(),
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            read_attempts_max: 3,
            budget: limit::Settings::default(),
        }
    }
}

/// HubSpot over HTTP.
pub struct Client {
    pub(crate) names: Names,
    pub(crate) metrics: Metrics,
    pub(crate) budget: Arc<Budget>,
    transport: Box<dyn Transport>,
    version: String,
    read_attempts_max: u32,
}

impl Client {
    /// A client over HTTP with a budget of its own: make one for each portal.
    ///
    /// # Errors
    /// [`Error::Unfit`] when the address or the token cannot be used.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: Metrics) -> Result<Self, Error> {
        let Settings { base_url, token, connect_timeout, timeout, .. } = &settings;
        let http = Http::new(base_url, token, *connect_timeout, *timeout)?;
        Ok(Self::over(Box::new(http), settings, clock, metrics))
    }

    /// The same over another transport, which has its own address, token and time-outs.
    pub fn over(transport: Box<dyn Transport>, settings: Settings, clock: Arc<dyn Clock>, metrics: Metrics) -> Self {
        let Settings { version, names, read_attempts_max, budget, .. } = settings;
        let budget = Budget::new(budget, clock);
        metrics.begin();
        metrics.show(&budget.status());
        Self { names, metrics, budget, transport, version, read_attempts_max }
    }

    /// The request budget, for dashboards.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Makes a call and gives the body of the answer; null where there is none.
    pub(crate) async fn call(&self, request: &Request, priority: Priority) -> Result<Value, Failure> {
        let endpoint = request.endpoint;
        let mut attempt = 1;
        loop {
            let permit = self.budget.acquire(endpoint.kind(), priority).await?;
            match self.call_now(permit, request).await {
                Err(failure) if retry::again(endpoint.effect(), &failure.error, attempt, self.read_attempts_max) => {}
                answer => return answer,
            }
            attempt += 1;
        }
    }

    /// Makes a call, once, whose turn has come.
    pub(crate) async fn call_now(&self, permit: Permit, request: &Request) -> Result<Value, Failure> {
        let answer = self.exchange(request).await;
        drop(permit);
        self.metrics.show(&self.budget.status());
        answer
    }

    async fn exchange(&self, request: &Request) -> Result<Value, Failure> {
        let endpoint = request.endpoint;
        let started = Instant::now();
        let exchange = self.transport.send(request.call(&self.version)).await;
        self.metrics.called(endpoint, &exchange, started.elapsed());
        if let Ok(answer) = &exchange {
            self.budget.learn(&answer.allowance);
        }
        let outage_wait = exchange.as_ref().ok().and_then(outage_wait);
        let answer = classify(request, exchange);
        let answer = answer.inspect(|_| self.budget.succeeded()).map_err(|mut failure| {
            failure.error = match failure.error {
                error @ (Error::NotFound | Error::Rejected(_)) => {
                    self.budget.succeeded();
                    error
                }
                error @ Error::MissingScopes { .. } if request.is_attempt || !endpoint.is_vital() => error,
                error => self.budget.failed(error),
            };
            self.metrics.failed(endpoint, &failure.error);
            failure
        });
        if let Some(wait) = outage_wait {
            self.budget.wait_out(wait);
        }
        answer
    }
}

/// Calls the client's own methods of the same names, which Rust finds before the trait's.
#[async_trait]
impl Crm for Client {
    async fn read_by_email(
        &self,
        emails: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(String, Contact)>, Error> {
        self.read_by_email(emails, properties, priority).await
    }

    async fn read_many(
        &self,
        ids: &[ContactId],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(ContactId, Contact)>, Error> {
        self.read_many(ids, properties, priority).await
    }

    async fn read_archived(&self, ids: &[ContactId], priority: Priority) -> Result<Vec<(ContactId, Contact)>, Error> {
        self.read_archived(ids, priority).await
    }

    async fn read_one(
        &self,
        id: ContactId,
        properties: &[String],
        priority: Priority,
    ) -> Result<Option<Contact>, Error> {
        self.read_one(id, properties, priority).await
    }

    async fn search_in(
        &self,
        property: &str,
        values: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<Contact>, Error> {
        self.search_in(property, values, properties, priority).await
    }

    async fn create(
        &self,
        inputs: Vec<CreateInput>,
        may_send: MaySend<'_>,
        priority: Priority,
    ) -> Result<Vec<(String, CreateOutcome)>, Error> {
        self.write(inputs, CreateOutcome::as_str, may_send, priority).await
    }

    async fn update(
        &self,
        inputs: Vec<UpdateInput>,
        may_send: MaySend<'_>,
        priority: Priority,
    ) -> Result<Vec<(String, UpdateOutcome)>, Error> {
        self.write(inputs, UpdateOutcome::as_str, may_send, priority).await
    }

    async fn archive(&self, id: ContactId, priority: Priority) -> Result<(), Error> {
        self.archive(id, priority).await
    }

    async fn gdpr_delete(&self, contact: ContactKey<'_>, priority: Priority) -> Result<(), Error> {
        self.gdpr_delete(contact, priority).await
    }

    async fn ensure_group(&self, group: &Group, priority: Priority) -> Result<(), Error> {
        self.ensure_group(group, priority).await
    }

    async fn ensure_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<Vec<(String, Ensured)>, Error> {
        self.ensure_properties(definitions, priority).await
    }

    async fn inspect_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<Vec<(String, Standing)>, Error> {
        self.inspect_properties(definitions, priority).await
    }

    async fn missing_scopes(&self, priority: Priority) -> Result<Vec<&'static str>, Error> {
        self.missing_scopes(priority).await
    }

    async fn custom_property_room(&self, priority: Priority) -> Result<Option<Room>, Error> {
        self.custom_property_room(priority).await
    }

    async fn account(&self, priority: Priority) -> Result<Account, Error> {
        self.account(priority).await
    }

    async fn daily_usage(&self, priority: Priority) -> Result<Option<DailyUsage>, Error> {
        self.daily_usage(priority).await
    }

    fn refusal(&self) -> Option<Error> {
        self.budget.refusal()
    }
}
