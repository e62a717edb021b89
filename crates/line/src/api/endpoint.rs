//! The endpoints that are called, with LINE's rate limits per channel.
//!
//! Source of the limits: Messaging API reference, section "Rate limits".

use std::time::Duration;

/// One endpoint of LINE's API, as far as rate limits and metrics tell endpoints apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `GET /v2/bot/profile/{userId}`
    Profile,
    /// `GET /v2/bot/info`
    BotInfo,
    /// `GET /v2/bot/followers/ids`
    FollowerIds,
    /// `POST /v2/oauth/verify`
    VerifyToken,
    /// `POST /oauth2/v3/token`
    IssueToken,
    /// `GET /v2/bot/channel/webhook/endpoint`
    GetWebhook,
    /// `PUT /v2/bot/channel/webhook/endpoint`
    SetWebhook,
    /// `POST /v2/bot/channel/webhook/test`
    TestWebhook,
}

/// How often a call may be made: `calls` within any stretch of `within`, as a bucket that refills evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Calls that fit into the bucket.
    pub calls: u32,
    /// Time in which an empty bucket is full again.
    pub within: Duration,
}

impl Endpoint {
    /// All endpoints.
    pub const ALL: [Self; 8] = [
        Self::Profile,
        Self::BotInfo,
        Self::FollowerIds,
        Self::VerifyToken,
        Self::IssueToken,
        Self::GetWebhook,
        Self::SetWebhook,
        Self::TestWebhook,
    ];

    /// The name in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::BotInfo => "bot_info",
            Self::FollowerIds => "follower_ids",
            Self::VerifyToken => "verify_token",
            Self::IssueToken => "issue_token",
            Self::GetWebhook => "get_webhook",
            Self::SetWebhook => "set_webhook",
            Self::TestWebhook => "test_webhook",
        }
    }

    /// The path. The profile's is followed by the user ID.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Profile => "/v2/bot/profile/",
            Self::BotInfo => "/v2/bot/info",
            Self::FollowerIds => "/v2/bot/followers/ids",
            Self::VerifyToken => "/v2/oauth/verify",
            Self::IssueToken => "/oauth2/v3/token",
            Self::GetWebhook | Self::SetWebhook => "/v2/bot/channel/webhook/endpoint",
            Self::TestWebhook => "/v2/bot/channel/webhook/test",
        }
    }

    /// LINE's limit per channel.
    pub const fn limit(self) -> Limit {
        match self {
            Self::TestWebhook => Limit { calls: 60, within: Duration::from_secs(60 * 60) },
            Self::GetWebhook | Self::SetWebhook => Limit { calls: 1_000, within: Duration::from_secs(60) },
            Self::Profile | Self::BotInfo | Self::FollowerIds | Self::VerifyToken | Self::IssueToken => {
                Limit { calls: 2_000, within: Duration::from_secs(1) }
            }
        }
    }
}
