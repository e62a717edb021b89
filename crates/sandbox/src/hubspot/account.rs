//! Account details, daily usage, custom-property limits.

use serde_json::json;

use super::gate::{Gate, ZONE_OFFSET_MS};
use super::portal::Portal;
use crate::exchange::Response;
use crate::stamp;

impl Portal {
    /// `GET /account-info/{version}/details`.
    pub(super) fn account_details(&self) -> Response {
        let body = json!({
            "portalId": self.settings.portal_id, "accountType": "STANDARD", "timeZone": "Asia/Tokyo",
            "companyCurrency": "JPY", "additionalCurrencies": [], "utcOffset": "+09:00",
            "utcOffsetMilliseconds": ZONE_OFFSET_MS,
            "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
        });
        Response::json(200, &body)
    }

    /// `GET /account-info/{version}/api-usage/daily/private-apps`.
    pub(super) fn daily_usage(&mut self, now_ms: i64) -> Response {
        let usage = json!({
            "name": "private-apps-api-calls-daily", "usageLimit": self.settings.daily_limit,
            "currentUsage": self.gate.calls_today(now_ms), "collectedAt": stamp::iso(now_ms), "fetchStatus": "SUCCESS",
            "resetsAt": stamp::iso(Gate::resets_ms(now_ms)),
        });
        Response::json(200, &json!({"results": [usage]}))
    }

    /// `GET /crm/limits/{version}/custom-properties`.
    pub(super) fn custom_property_limits(&self) -> Response {
        let (limit, usage) = (self.settings.custom_property_limit, self.catalogue.custom().count());
        let percentage = |limit: usize| (usage * 100).checked_div(limit).unwrap_or(100);
        let body = json!({
            "overallLimit": limit * 10, "overallUsage": usage, "overallPercentage": percentage(limit * 10),
            "byObjectType": [{"objectTypeId": "0-1", "singularLabel": "Contact", "pluralLabel": "Contacts",
                              "limit": limit, "usage": usage, "percentage": percentage(limit)}],
        });
        Response::json(200, &body)
    }
}
