//! Properties that an administrator removed or changed: brought back, as far as that can be.

use super::answers::{ANSWERS_UNTIL_SETTLED, Conclusion};
use super::contacts::Contacts;
use super::queue::Work;
use connection::State;
use hubspot::{Ensured, Error, Group, Priority};
use std::collections::BTreeMap;

/// What became of the properties of all connections.
pub(super) struct Healing {
    /// By internal name; `None` where HubSpot did not tell.
    properties: Option<BTreeMap<String, Ensured>>,
}

impl Healing {
    /// How it is tried again if HubSpot refused it because of this property; `None` where that makes no sense. Where nothing was
    /// wrong with the property, somebody else may just have brought it back: then a few times.
    pub(super) fn again(&self, name: &str, work: &Work) -> Option<Conclusion> {
        let is_new = |ensured: &Ensured| ensured.is_usable() && *ensured != Ensured::Existed;
        match &self.properties {
            None => Some(Conclusion::Open),
            Some(properties) if properties.get(name).is_some_and(is_new) => Some(Conclusion::Open),
            Some(_) => {
                let is_worth = self.may_be_used(name) && work.resisted < ANSWERS_UNTIL_SETTLED;
                is_worth.then_some(Conclusion::Resisted)
            }
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
