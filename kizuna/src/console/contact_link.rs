//! Where a contact is in HubSpot's own pages.

use contact::ContactId;
use hubspot::{Account, Crm, Priority};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// A page waits so long for HubSpot to tell which portal it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where HubSpot did not tell it is asked again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Addresses of contacts. HubSpot is asked once.
pub struct ContactLinks {
    crm: Option<Arc<dyn Crm>>,
    portal: Mutex<Portal>,
}

#[derive(Default)]
struct Portal {
    base: Option<String>,
    asked: Option<Instant>,
}

impl ContactLinks {
    /// Nobody was asked yet.
    pub fn new(crm: Option<Arc<dyn Crm>>) -> Self {
        Self { crm, portal: Mutex::default() }
    }

    /// The address of a contact; `None` while it is not known which portal it is in.
    pub async fn of(&self, contact: ContactId) -> Option<String> {
        let crm = self.crm.as_ref()?;
        let mut portal = self.portal.lock().await;
        let is_due = portal.asked.is_none_or(|asked| asked.elapsed() >= AGAIN_AFTER);
        if portal.base.is_none() && is_due {
            let told = timeout(PATIENCE, crm.account(Priority::Fresh)).await;
            portal.base = told.ok().and_then(Result::ok).as_ref().and_then(base);
            portal.asked = Some(Instant::now());
        }
        portal.base.as_ref().map(|base| format!("{base}{contact}"))
    }
}

/// What the addresses of a portal's contacts begin with, if it is on a host of HubSpot.
fn base(account: &Account) -> Option<String> {
    let host = account.ui_domain.as_deref().unwrap_or("app.hubspot.com");
    let is_plain = host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
    let is_hubspots = is_plain && host.ends_with(".hubspot.com");
    is_hubspots.then(|| format!("https://{host}/contacts/{}/record/0-1/", account.portal_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_hubspot_are_linked_to() {
        let based = |host: Option<&str>| {
            let ui_domain = host.map(str::to_owned);
            base(&Account { portal_id: 12, time_zone: None, utc_offset_ms: None, ui_domain, account_type: None })
        };
        let eu = based(Some("app-eu1.hubspot.com"));
        assert_eq!(eu.as_deref(), Some("https://app-eu1.hubspot.com/contacts/12/record/0-1/"));
        assert_eq!(based(None).as_deref(), Some("https://app.hubspot.com/contacts/12/record/0-1/"));
        for bad in ["evil.example", "hubspot.com.evil.example", "evil.example/.hubspot.com", "a@b.hubspot.com", ""] {
            assert_eq!(based(Some(bad)), None, "{bad}");
        }
    }
}
