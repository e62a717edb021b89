//! Asks HubSpot now and then about the portal itself: does it still accept the token, when does its day end, how many calls of
//! today are left. What the answers mean is kept where the calls are counted, and shown there.

use hubspot::{Crm, Priority};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How often. Each call of an ordinary kind tells the same, so this is for quiet times.
const INTERVAL: Duration = Duration::from_secs(600);

/// Asks at once, and then for ever.
pub async fn keep_asking(crm: Arc<dyn Crm>) {
    loop {
        // A failure is logged and counted like that of any call, and asked about again the next time.
        drop(crm.account(Priority::Fresh).await);
        drop(crm.daily_usage(Priority::Fresh).await);
        sleep(INTERVAL).await;
    }
}
