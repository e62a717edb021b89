//! What the team may change of a connected account at any time.

use crate::wiring::Installation;
use anyhow::ensure;
use connection::{Connection, State};
use contact::ConnectionNumber;

/// What changes; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What people call it.
    pub name: Option<String>,
    /// What the account is for; may be empty.
    pub description: Option<String>,
    /// Address of a picture; may be empty.
    pub icon: Option<String>,
    /// Does a friend's first action make a contact?
    pub auto_create: Option<bool>,
    /// While it is paused its events are stored, and nothing that they change is written to HubSpot. What came up meanwhile
    /// is written when it is active again.
    pub is_paused: Option<bool>,
}

/// Changes a connection, and gives it as it is from then on. A running `kizuna up` follows within two seconds.
///
/// # Errors
/// Where a value cannot be used or there is no such connection, and what is wrong with this installation.
pub async fn change(
    installation: &Installation,
    number: ConnectionNumber,
    change: Change,
) -> anyhow::Result<Connection> {
    ensure!(change.name.as_ref().is_none_or(|name| !name.trim().is_empty()), "a name must not be empty");
    change.icon.as_deref().filter(|icon| !icon.is_empty()).map_or(Ok(()), check_icon)?;
    let Installation { log, codec, sealer, .. } = installation;
    Ok(connection::amend(log, codec, sealer, number, |it| change.apply(it)).await?)
}

/// Is it a picture that browsers show?
///
/// # Errors
/// When it is not.
pub fn check_icon(icon: &str) -> anyhow::Result<()> {
    ensure!(icon.starts_with("https://"), "an icon must be an https address");
    Ok(())
}

impl Change {
    fn apply(&self, connection: &mut Connection) {
        let Self { name, description, icon, auto_create, is_paused } = self;
        let set = |place: &mut String, value: &Option<String>| value.iter().for_each(|value| place.clone_from(value));
        set(&mut connection.name, name);
        set(&mut connection.description, description);
        set(&mut connection.icon, icon);
        connection.auto_create = auto_create.unwrap_or(connection.auto_create);
        connection.state = match is_paused {
            Some(true) => State::Paused,
            Some(false) => State::Active,
            None => connection.state,
        };
    }
}
