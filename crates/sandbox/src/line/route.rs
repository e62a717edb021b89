//! Which call a method and a path mean, and how often a channel may make it.

use http::Method;

use crate::fields::decode_path;
use crate::meter::Limit;

macro_rules! endpoints {
    ($($variant:ident = $name:literal, $max:literal per $window:literal;)+) => {
        /// One call of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Endpoint {
            $($variant,)+
        }

        impl Endpoint {
            /// Its name in statistics, in the history and in faults.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Calls per window in milliseconds, for each channel.
            pub fn limit(self) -> Limit {
                match self { $(Self::$variant => Limit::bucket($max, $window),)+ }
            }
        }

        /// The names of all endpoints.
        pub const ENDPOINTS: &[&str] = &[$($name),+];
    };
}

endpoints! {
    Profile = "profile", 2_000 per 1_000;
    BotInfo = "info", 2_000 per 1_000;
    Followers = "followers/ids", 2_000 per 1_000;
    Push = "message/push", 2_000 per 1_000;
    Reply = "message/reply", 2_000 per 1_000;
    Multicast = "message/multicast", 200 per 1_000;
    Broadcast = "message/broadcast", 60 per 3_600_000;
    Quota = "message/quota", 2_000 per 1_000;
    Consumption = "message/quota/consumption", 2_000 per 1_000;
    WebhookRead = "webhook/endpoint/get", 1_000 per 60_000;
    WebhookSet = "webhook/endpoint/put", 1_000 per 60_000;
    WebhookTest = "webhook/test", 60 per 3_600_000;
    Verify = "oauth/verify", 2_000 per 1_000;
    ShortLived = "oauth/accessToken", 370 per 1_000;
    Stateless = "oauth2/v3/token", 2_000 per 1_000;
    Revoke = "oauth/revoke", 2_000 per 1_000;
}

impl Endpoint {
    /// Token calls carry no bearer token.
    pub fn is_token_call(self) -> bool {
        matches!(self, Self::Verify | Self::ShortLived | Self::Stateless | Self::Revoke)
    }

    /// Reads method and path; the second part is the user ID of a profile call. A trailing slash is another path.
    pub fn of(method: &Method, path: &str) -> Option<(Self, String)> {
        if let Some(user) = path.strip_prefix("/v2/bot/profile/") {
            return (method == Method::GET && !user.contains('/')).then(|| (Self::Profile, decode_path(user)));
        }
        let endpoint = match (method.as_str(), path) {
            ("GET", "/v2/bot/info") => Self::BotInfo,
            ("GET", "/v2/bot/followers/ids") => Self::Followers,
            ("POST", "/v2/bot/message/push") => Self::Push,
            ("POST", "/v2/bot/message/reply") => Self::Reply,
            ("POST", "/v2/bot/message/multicast") => Self::Multicast,
            ("POST", "/v2/bot/message/broadcast") => Self::Broadcast,
            ("GET", "/v2/bot/message/quota") => Self::Quota,
            ("GET", "/v2/bot/message/quota/consumption") => Self::Consumption,
            ("GET", "/v2/bot/channel/webhook/endpoint") => Self::WebhookRead,
            ("PUT", "/v2/bot/channel/webhook/endpoint") => Self::WebhookSet,
            ("POST", "/v2/bot/channel/webhook/test") => Self::WebhookTest,
            ("POST", "/v2/oauth/verify") => Self::Verify,
            ("POST", "/v2/oauth/accessToken") => Self::ShortLived,
            ("POST", "/oauth2/v3/token") => Self::Stateless,
            ("POST", "/v2/oauth/revoke") => Self::Revoke,
            _ => return None,
        };
        Some((endpoint, String::new()))
    }
}
