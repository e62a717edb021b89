//! The properties of connections that were added while HubSpot could not be asked: a running projector makes them.

use super::provision::provision;
use crate::wiring::Installation;
use connection::{Connection, State, View};
use contact::ConnectionNumber;
use hubspot::Crm;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use runtime::backoff::Backoff;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// When to try again what HubSpot did not do.
const RETRY: Backoff = Backoff { base: Duration::from_secs(5), cap: Duration::from_secs(300), jitter: 0.3 };

/// Makes what is missing, at the start and for each new connection, for ever.
pub async fn keep_provisioned(installation: Installation, view: Arc<View>, crm: Arc<dyn Crm>) {
    let seed = installation.clock.now_ms().unsigned_abs();
    let mut waits = RETRY.waits(SmallRng::seed_from_u64(seed));
    let mut provisioned = BTreeSet::new();
    let mut changed = view.changed();
    loop {
        changed.borrow_and_update();
        let wait = if attempt(&installation, &view, &*crm, &mut provisioned).await {
            waits.reset();
            Duration::MAX
        } else {
            waits.next().unwrap_or(RETRY.cap)
        };
        tokio::select! {
            ended = changed.changed() => if ended.is_err() { return },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Makes the properties of all connections that were not seen to have them; `false` if it has to be tried again.
async fn attempt(
    installation: &Installation,
    view: &View,
    crm: &dyn Crm,
    provisioned: &mut BTreeSet<ConnectionNumber>,
) -> bool {
    let known = view.snapshot();
    let is_pending = |it: &&Arc<Connection>| it.state != State::Removed && !provisioned.contains(&it.number);
    let pending: Vec<ConnectionNumber> = known.all().filter(is_pending).map(|it| it.number).collect();
    if pending.is_empty() {
        return true;
    }
    let names = &installation.settings.property_prefix.0;
    for (number, outcome) in provision(crm, names, &pending).await {
        match outcome.existed {
            Some(existed) => {
                provisioned.insert(number);
                if !existed && known.by_number(number).is_some_and(|it| it.properties_existed) {
                    note_that_they_are_new(installation, number).await;
                }
            }
            None => {
                let (connection, detail) = (number.get(), outcome.step.detail);
                tracing::warn!(
                    connection,
                    detail = detail.english,
                    "the properties of the connection are not as they should be in HubSpot"
                );
            }
        }
    }
    pending.iter().all(|number| provisioned.contains(number))
}

/// No contact can have values in properties that were only just made; whoever writes them may rely on it.
async fn note_that_they_are_new(installation: &Installation, number: ConnectionNumber) {
    let Installation { log, codec, sealer, .. } = installation;
    let noted = connection::amend(log, codec, sealer, number, |it| it.properties_existed = false).await;
    if let Err(error) = noted {
        tracing::warn!(connection = number.get(), %error, "cannot note that the properties are new");
    }
}
