//! The portal itself: account, limits, usage.

use crate::server::{NOW_MS, Server, reply};
use hubspot::{Crm, Error, Policy, Priority};

const FRESH: Priority = Priority::Fresh;
const ACCOUNT: &str = r#"{"portalId":12345678,"accountType":"STANDARD","timeZone":"Asia/Tokyo","companyCurrency":"JPY","additionalCurrencies":[],"utcOffset":"+09:00","utcOffsetMilliseconds":32400000,"uiDomain":"app.hubspot.com","dataHostingLocation":"na1"}"#;
const USAGE: &str = r#"{"results":[{"name":"private-apps-api-calls-daily","usageLimit":250000,"currentUsage":2,"collectedAt":"2026-10-20T01:02:03.655Z","fetchStatus":"SUCCESS","resetsAt":"2026-10-20T15:00:00Z"}]}"#;
const DAILY: &str = r#"{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"c","policyName":"DAILY","requestId":"r"}"#;

#[tokio::test]
async fn the_account_tells_portal_and_time_zone() {
    let server = Server::replying([reply(200, ACCOUNT)]).await;
    let account = server.client().account(FRESH).await.unwrap();
    assert_eq!((account.portal_id, account.time_zone.as_deref()), (12_345_678, Some("Asia/Tokyo")));
    assert_eq!((account.utc_offset_ms, account.ui_domain.as_deref()), (Some(32_400_000), Some("app.hubspot.com")));
    assert_eq!(account.account_type.as_deref(), Some("STANDARD"));
    assert_eq!(server.lines(), ["GET /account-info/2026-09/details"]);
}

#[tokio::test]
async fn a_used_up_day_ends_at_the_midnight_that_the_account_taught() {
    let server = Server::replying([reply(200, ACCOUNT), reply(429, DAILY)]).await;
    let client = server.client();
    client.account(FRESH).await.unwrap();
    let Err(Error::RateLimited { policy: Policy::Daily, wait }) = client.account(FRESH).await else { panic!() };
    assert_eq!(wait.as_secs(), 12 * 60 * 60, "it is noon in Tokyo");
}

#[tokio::test]
async fn a_used_up_day_ends_at_the_reset_that_the_usage_named() {
    let server = Server::replying([reply(200, USAGE), reply(429, DAILY)]).await;
    let client = server.client();
    let usage = client.daily_usage(FRESH).await.unwrap().unwrap();
    let resets_at_ms = usage.resets_at_ms.unwrap();
    assert_eq!((usage.limit, usage.used, resets_at_ms), (250_000, 2, 1_792_508_400_000));
    let Err(Error::RateLimited { policy: Policy::Daily, wait }) = client.account(FRESH).await else { panic!() };
    assert_eq!(i64::try_from(wait.as_millis()).unwrap(), resets_at_ms - NOW_MS);
    assert_eq!(server.lines()[0], "GET /account-info/2026-09/api-usage/daily/private-apps");
}

#[tokio::test]
async fn the_room_for_custom_properties_is_that_of_contacts() {
    let answer = r#"{"overallLimit":10000,"overallUsage":40,"overallPercentage":0.4,"byObjectType":[{"objectTypeId":"0-1","limit":1000,"usage":993,"percentage":99.3}]}"#;
    let server = Server::replying([reply(200, answer)]).await;
    let room = server.client().custom_property_room(FRESH).await.unwrap().unwrap();
    assert_eq!((room.limit, room.usage, room.left()), (1_000, 993, 7));
    assert_eq!(server.lines(), ["GET /crm/limits/2026-09/custom-properties"]);
}
