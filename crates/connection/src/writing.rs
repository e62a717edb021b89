//! Defining a connection, removing one.

use crate::registry;
use crate::tail::Tail;
use crate::{Connection, Error, Sealer};
use contact::ConnectionNumber;
use eventlog::{Log, NewRecord, Topic};
use schemas::{Codec, ConnectionDefinition, ConnectionState};
use std::sync::Arc;

/// Writes a connection's definition, which holds from then on; in state [`Removed`](crate::State::Removed), for good.
/// A removed connection cannot be defined again. What others changed since the definition was made is undone: see [`amend`](crate::amend).
///
/// # Errors
/// [`Error::Log`].
pub async fn define(log: &Arc<dyn Log>, codec: &Codec, sealer: &Sealer, connection: &Connection) -> Result<(), Error> {
    write(log, codec, &connection.seal(sealer)).await
}

/// A connection, active or paused, as it stands in the log now.
///
/// # Errors
/// [`Error::NotFound`], also where it was removed; [`Error::OtherMasterKey`]; [`Error::Damaged`]; [`Error::Newer`];
/// [`Error::Log`].
pub async fn current(
    log: &Arc<dyn Log>,
    codec: &Codec,
    sealer: &Sealer,
    number: ConnectionNumber,
) -> Result<Connection, Error> {
    let registry = caught_up(log, codec).await?.registry;
    match registry.definition(number) {
        Some(definition) if definition.state != ConnectionState::Removed => {
            Connection::open(number, definition, sealer)
        }
        _ => Err(Error::NotFound(number)),
    }
}

/// Removes a connection, or a number that was claimed and never defined. Needs no master key, so that connections whose key
/// is lost can be removed.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Newer`]; [`Error::Log`].
pub async fn remove(log: &Arc<dyn Log>, codec: &Codec, number: ConnectionNumber, now_ms: i64) -> Result<(), Error> {
    let registry = caught_up(log, codec).await?.registry;
    let definition = match registry.definition(number) {
        Some(definition) if definition.state == ConnectionState::Removed => return Ok(()),
        Some(definition) => definition.clone(),
        None => {
            let (_, channel_id) = registry.claimed().find(|(it, _)| *it == number).ok_or(Error::NotFound(number))?;
            never_defined(number, channel_id, now_ms)
        }
    };
    let removal = ConnectionDefinition {
        channel_secrets: Vec::new(),
        access_token: None,
        webhook_token: None,
        state: ConnectionState::Removed,
        older_secrets_until_ms: None,
        made_from: None,
        ..definition
    };
    write(log, codec, &removal).await
}

fn never_defined(number: ConnectionNumber, channel_id: &str, now_ms: i64) -> ConnectionDefinition {
    ConnectionDefinition {
        number: number.get(),
        name: String::new(),
        description: String::new(),
        icon: String::new(),
        channel_id: channel_id.to_owned(),
        channel_secrets: Vec::new(),
        access_token: None,
        webhook_token: None,
        bot_user_id: None,
        auto_create: false,
        state: ConnectionState::Removed,
        properties_existed: true,
        created_at_ms: now_ms,
        older_secrets_until_ms: None,
        made_from: None,
    }
}

async fn write(log: &Arc<dyn Log>, codec: &Codec, definition: &ConnectionDefinition) -> Result<(), Error> {
    append(log, registry::key(definition), codec.encode(definition)).await.map(drop)
}

/// Appends a record and gives its offset.
pub(crate) async fn append(log: &Arc<dyn Log>, key: Vec<u8>, value: Vec<u8>) -> Result<u64, Error> {
    let positions = log.append(vec![NewRecord { topic: Topic::Connections, key, value: Some(value) }]).await?;
    let position = positions.first().ok_or_else(|| unavailable("the log took a record and gave no position for it"))?;
    Ok(position.offset)
}

async fn caught_up(log: &Arc<dyn Log>, codec: &Codec) -> Result<Tail, Error> {
    let (log, codec) = (Arc::clone(log), codec.clone());
    blocking(move || Tail::caught_up(&*log, codec)).await
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(unavailable("this process is ending")),
    })
}

pub(crate) fn unavailable(why: &str) -> Error {
    eventlog::Error::Unavailable(why.to_owned()).into()
}
