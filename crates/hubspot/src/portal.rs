//! What HubSpot tells about the portal itself.

use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::transport::Request;
use crate::{Account, DailyUsage, Error, Priority, Room, wire};
use serde_json::Value;

/// HubSpot's number for contacts among the types of objects.
const CONTACTS: &str = "0-1";

impl Client {
    pub(crate) async fn custom_property_room(&self, priority: Priority) -> Result<Option<Room>, Error> {
        Ok(self.read_if_told(Endpoint::PropertyRoom, priority).await?.as_ref().and_then(room))
    }

    pub(crate) async fn account(&self, priority: Priority) -> Result<Account, Error> {
        let answer = self.read(&Request::new(Endpoint::AccountRead), priority).await?;
        let account =
            account(&answer).ok_or_else(|| Error::Garbage { detail: "an account without a number".into() })?;
        if let Some(utc_offset_ms) = account.utc_offset_ms {
            self.budget.know_utc_offset(utc_offset_ms);
        }
        Ok(account)
    }

    pub(crate) async fn daily_usage(&self, priority: Priority) -> Result<Option<DailyUsage>, Error> {
        let usage = self.read_if_told(Endpoint::UsageRead, priority).await?.as_ref().and_then(usage);
        if let Some(resets_at_ms) = usage.and_then(|usage| usage.resets_at_ms) {
            self.budget.know_reset(resets_at_ms);
        }
        Ok(usage)
    }

    /// `None` where the token may not know, or HubSpot does not have this for its kind of app.
    async fn read_if_told(&self, endpoint: Endpoint, priority: Priority) -> Result<Option<Value>, Error> {
        match self.read(&Request::new(endpoint), priority).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::MissingScopes { .. } | Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The narrower of the limit for contacts and the limit for all objects.
fn room(answer: &Value) -> Option<Room> {
    let figure = |value: &Value| u32::try_from(wire::number(value)?).ok();
    let contacts = wire::list(&answer["byObjectType"]).iter().find(|of| of["objectTypeId"] == CONTACTS)?;
    let contacts = Room { limit: figure(&contacts["limit"])?, usage: figure(&contacts["usage"])? };
    let overall = figure(&answer["overallLimit"]).zip(figure(&answer["overallUsage"]));
    let overall =
        overall.map(|(limit, usage)| Room { limit, usage }).filter(|overall| overall.left() < contacts.left());
    Some(overall.unwrap_or(contacts))
}

fn account(answer: &Value) -> Option<Account> {
    Some(Account {
        portal_id: wire::number(&answer["portalId"])?,
        time_zone: wire::text(&answer["timeZone"]),
        utc_offset_ms: wire::number(&answer["utcOffsetMilliseconds"]),
        ui_domain: wire::text(&answer["uiDomain"]),
        account_type: wire::text(&answer["accountType"]),
    })
}

fn usage(answer: &Value) -> Option<DailyUsage> {
    let figure = |value: &Value| u64::try_from(wire::number(value)?).ok();
    let usage = wire::list(&answer["results"]).first()?;
    Some(DailyUsage {
        limit: figure(&usage["usageLimit"])?,
        used: figure(&usage["currentUsage"])?,
        resets_at_ms: wire::time_ms(&usage["resetsAt"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_room_is_that_of_contacts_unless_the_portal_as_a_whole_has_less() {
        let told = |overall_usage| {
            room(
                &json!({"overallLimit": 10_000, "overallUsage": overall_usage, "overallPercentage": 1, "byObjectType": [
                {"objectTypeId": "0-2", "limit": 1_000, "usage": 5},
                {"objectTypeId": "0-1", "limit": 1_000, "usage": 994}]}),
            )
        };
        assert_eq!(told(1_000).map(Room::left), Some(6));
        assert_eq!(told(9_998).map(Room::left), Some(2));
        assert_eq!(room(&json!({"byObjectType": []})), None);
    }
}
