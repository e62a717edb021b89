//! Finding out what the token may do. HubSpot has no call that lists a token's scopes, but it names a missing one when a call
//! needs it; so each is tried with a call that has nothing to work on.

use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::transport::Request;
use crate::{Error, Priority};
use serde_json::json;

/// No record has this ID.
const NO_CONTACT: &str = "0";

/// No property has this name.
const NO_PROPERTY: &str = "kizuna_asks_whether_it_may";

impl Client {
    pub(crate) async fn missing_scopes(&self, priority: Priority) -> Result<Vec<&'static str>, Error> {
        let mut missing = Vec::new();
        for (scope, request) in attempts() {
            match self.call(&request, priority).await.map_err(Error::from) {
                Err(Error::MissingScopes { .. }) => missing.push(scope),
                Ok(_) | Err(Error::NotFound | Error::Rejected(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(missing)
    }
}

/// Reading properties is left out: whoever may read contacts may read them, too.
fn attempts() -> [(&'static str, Request); 3] {
    let contacts = |endpoint, input| Request::new(endpoint).with(json!({"inputs": [input]})).into_attempt();
    [
        ("crm.objects.contacts.read", contacts(Endpoint::ContactBatchRead, json!({"id": NO_CONTACT}))),
        (
            "crm.objects.contacts.write",
            contacts(Endpoint::ContactBatchUpdate, json!({"id": NO_CONTACT, "properties": {}})),
        ),
        (
            "crm.schemas.contacts.write",
            Request::of(Endpoint::PropertyUpdate, NO_PROPERTY).with(json!({})).into_attempt(),
        ),
    ]
}
