//! Properties that an administrator removed or changed: brought back, as far as that can be.

use super::answers::ATTEMPTS_UNTIL_SETTLED;
use super::contacts::Contacts;
use connection::State;
use hubspot::{Ensured, Error, Group, Priority};
use std::collections::BTreeMap;

/// What became of the properties of all connections.
pub(super) struct Healing {
    /// By internal name; `None` where HubSpot did not tell.
    properties: Option<BTreeMap<String, Ensured>>,
}

impl Healing {
    /// Does it make sense to try again what HubSpot refused because of this property? Where nothing was wrong with it, only a
    /// few times.
    pub(super) fn helps(&self, name: &str, attempts: u32) -> bool {
        let is_new = |ensured: &Ensured| ensured.is_usable() && *ensured != Ensured::Existed;
        match &self.properties {
            Some(properties) if properties.get(name).is_some_and(is_new) => true,
            Some(_) => self.may_be_used(name) && attempts < ATTEMPTS_UNTIL_SETTLED,
            None => true,
        }
    }

    /// Can it be used now or soon, for all that is known?
    pub(super) fn may_be_used(&self, name: &str) -> bool {
        let may_be_used = |ensured: &Ensured| ensured.is_usable() || *ensured == Ensured::Unseen;
        self.properties.as_ref().is_none_or(|properties| properties.get(name).is_some_and(may_be_used))
    }
}

impl Contacts {
    /// Brings the properties of all connections into being. Where the token may not do it, none can be used.
    pub(super) async fn heal(&self, priority: Priority) -> Healing {
        let properties = match self.provision(priority).await {
            Ok(ensured) => Some(ensured.into_iter().collect()),
            Err(Error::MissingScopes { .. }) => Some(BTreeMap::new()),
            Err(_) => None,
        };
        Healing { properties }
    }

    async fn provision(&self, priority: Priority) -> Result<Vec<(String, Ensured)>, Error> {
        self.crm.ensure_group(&Group::line(), priority).await?;
        let connected = self.view.snapshot();
        let active = connected.all().filter(|connection| connection.state == State::Active);
        let definitions: Vec<_> =
            active.flat_map(|connection| hubspot::definition::of_connection(&self.names, connection.number)).collect();
        self.crm.ensure_properties(&definitions, priority).await
    }
}
