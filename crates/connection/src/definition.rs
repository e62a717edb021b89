//! What a connection is, in the clear and as it stands in the log.

use crate::Error;
use crate::seal::{Field, Sealer};
use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use contact::ConnectionNumber;
use runtime::secret::Secret;
use schemas::{ConnectionDefinition, ConnectionState};

/// Channel secrets that a connection has at most: the newest, and the one before it.
pub const SECRETS_MAX: usize = 2;

/// How long a replaced channel secret goes on counting. LINE signs nothing more with it, but what it signed before may
/// still be on its way, or come again.
const OVERLAP_MS: i64 = 24 * 60 * 60 * 1_000;

/// A connected LINE Official Account. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Issued once, never reused.
    pub number: ConnectionNumber,
    /// What people call it.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Address of a picture, or empty.
    pub icon: String,
    /// LINE's channel ID.
    pub channel_id: String,
    /// Channel secrets, newest first: one, or two during a rotation; none once removed.
    pub channel_secrets: Vec<Secret>,
    /// Long-lived channel access token; `None`: short-lived tokens are issued from channel ID and secret.
    pub access_token: Option<Secret>,
    /// The secret part of the webhook address, see [`new_webhook_token`]; empty once removed.
    pub webhook_token: Secret,
    /// The account's own user ID, which webhooks name as `destination`; `None` until known.
    pub bot_user_id: Option<String>,
    /// Does a friend's first action make a contact?
    pub auto_create: bool,
    /// Whether it works.
    pub state: State,
    /// Were any of its seven properties in HubSpot before the connection was made? False: no contact can hold older values.
    pub properties_existed: bool,
    /// When it was made, milliseconds since 1970.
    pub created_at_ms: i64,
    /// Until when the channel secret before the newest counts, milliseconds since 1970; `None`: as long as it stands here.
    pub older_secrets_until_ms: Option<i64>,
}

/// Whether a connection works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Its friends are kept in step with HubSpot.
    Active,
    /// Its events are stored, and nothing is written to HubSpot.
    Paused,
    /// Removed for good: its webhooks are refused, its number is never given again.
    Removed,
}

/// 128 random bits as 32 hexadecimal digits.
pub fn new_webhook_token() -> Secret {
    let mut bits = [0; 16];
    OsRng.fill_bytes(&mut bits);
    Secret::new(&hex::encode(bits))
}

impl Connection {
    /// Puts a new channel secret before the one there was, which counts for another day. The newest one again changes
    /// nothing.
    pub fn renew_secret(&mut self, secret: Secret, now_ms: i64) {
        if self.channel_secrets.first() == Some(&secret) {
            return;
        }
        self.channel_secrets.insert(0, secret);
        self.channel_secrets.truncate(SECRETS_MAX);
        let is_rotation = self.channel_secrets.len() > 1;
        self.older_secrets_until_ms = is_rotation.then(|| now_ms.saturating_add(OVERLAP_MS));
    }

    /// Does a channel secret before the newest count at this time?
    pub fn older_secrets_count(&self, now_ms: i64) -> bool {
        self.older_secrets_until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }

    /// The form in which it may stand in the log. A removed connection takes no secret there.
    pub fn seal(&self, sealer: &Sealer) -> ConnectionDefinition {
        let seal = |field, secret: &Secret| sealer.seal(self.number, field, secret);
        let secrets = (self.state != State::Removed).then_some(self);
        let slots = secrets.into_iter().flat_map(|it| it.channel_secrets.iter().zip(0..));
        let access_token = secrets.and_then(|it| it.access_token.as_ref());
        let webhook_token = secrets.map(|it| &it.webhook_token);
        ConnectionDefinition {
            number: self.number.get(),
            name: self.name.clone(),
            description: self.description.clone(),
            icon: self.icon.clone(),
            channel_id: self.channel_id.clone(),
            channel_secrets: slots.map(|(secret, slot)| seal(Field::ChannelSecret(slot), secret)).collect(),
            access_token: access_token.map(|token| seal(Field::AccessToken, token)),
            webhook_token: webhook_token.map(|token| seal(Field::WebhookToken, token)),
            bot_user_id: self.bot_user_id.clone(),
            auto_create: self.auto_create,
            state: match self.state {
                State::Active => ConnectionState::Active,
                State::Paused => ConnectionState::Paused,
                State::Removed => ConnectionState::Removed,
            },
            properties_existed: self.properties_existed,
            created_at_ms: self.created_at_ms,
            older_secrets_until_ms: self.older_secrets_until_ms,
            made_from: None,
        }
    }

    /// Reads what stands in the log under `number`.
    ///
    /// # Errors
    /// [`Error::OtherMasterKey`], [`Error::Damaged`].
    pub fn open(number: ConnectionNumber, sealed: &ConnectionDefinition, sealer: &Sealer) -> Result<Self, Error> {
        let open = |field, secret| sealer.open(number, field, secret);
        let slots = sealed.channel_secrets.iter().zip(0..);
        let webhook_token = sealed.webhook_token.as_ref().map(|token| open(Field::WebhookToken, token)).transpose()?;
        Ok(Self {
            number,
            name: sealed.name.clone(),
            description: sealed.description.clone(),
            icon: sealed.icon.clone(),
            channel_id: sealed.channel_id.clone(),
            channel_secrets: slots
                .map(|(secret, slot)| open(Field::ChannelSecret(slot), secret))
                .collect::<Result<_, _>>()?,
            access_token: sealed.access_token.as_ref().map(|token| open(Field::AccessToken, token)).transpose()?,
            webhook_token: webhook_token.unwrap_or_else(|| Secret::new("")),
            bot_user_id: sealed.bot_user_id.clone(),
            auto_create: sealed.auto_create,
            state: match sealed.state {
                ConnectionState::Active => State::Active,
                ConnectionState::Paused => State::Paused,
                ConnectionState::Removed => State::Removed,
            },
            properties_existed: sealed.properties_existed,
            created_at_ms: sealed.created_at_ms,
            older_secrets_until_ms: sealed.older_secrets_until_ms,
        })
    }
}
