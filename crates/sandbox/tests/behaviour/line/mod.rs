//! LINE's behaviours, against the model itself: every test sets the time.

mod account;
mod delivery;
mod fault;
mod friend;
mod send;
mod token;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use sandbox::delivery::{Caller, Delivery};
use sandbox::exchange::{Request, Response};
use sandbox::line::{Act, Channel, Manner, Platform, Played, Settings};
use serde_json::{Value, json};
use sha2::Sha256;

pub const NOW_MS: i64 = 1_792_458_123_632;
pub const URL: &str = "https://connector.example.com/line/webhook/1";

/// A platform with two channels of one provider, and the time in it.
pub struct Service {
    pub platform: Platform,
    pub now_ms: i64,
    pub channel: Channel,
    pub sister: Channel,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Value,
    response: Response,
}

impl Service {
    pub fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// The same with other settings, or another first channel.
    pub fn with(change: impl FnOnce(&mut Settings, &mut Channel)) -> Self {
        let mut settings = Settings::default();
        let seeded = |number| Channel { endpoint: Some(URL.to_owned()), ..Channel::seeded(1, number, "provider-1") };
        let (mut channel, sister) = (seeded(1), seeded(2));
        change(&mut settings, &mut channel);
        let platform = Platform::new(settings, [channel.clone(), sister.clone()]);
        Self { platform, now_ms: NOW_MS, channel, sister }
    }

    /// Any request, as it is.
    pub fn request(&mut self, request: &Request) -> Answer {
        let response = self.platform.handle(self.now_ms, request).answer().expect("only webhook tests are no answer");
        assert!(response.header("x-line-request-id").is_some());
        Answer { status: response.status, body: response.value(), response }
    }

    /// A call with the channel's token.
    pub fn call(&mut self, method: Method, target: &str, body: &Value) -> Answer {
        let token = self.channel.access_token.clone().unwrap();
        self.request(&Request::new(method, target).with_bearer(&token).with_json(body))
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.call(Method::GET, target, &Value::Null)
    }

    pub fn profile(&mut self, user_id: &str) -> Answer {
        self.get(&format!("/v2/bot/profile/{user_id}"))
    }

    /// Lets somebody do something at the channel.
    pub fn play(&mut self, user: &str, act: &Act) -> Played {
        self.play_so(user, act, &Manner::default())
    }

    pub fn play_so(&mut self, user: &str, act: &Act, manner: &Manner) -> Played {
        self.platform.play(self.now_ms, &self.channel.id, user, act, manner).unwrap()
    }

    /// What is to be delivered now.
    pub fn due(&mut self) -> Vec<Delivery> {
        self.platform.take_due(self.now_ms)
    }

    /// The events of what is to be delivered now.
    pub fn events(&mut self) -> Vec<Value> {
        self.due().iter().flat_map(events).collect()
    }
}

impl Answer {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}", self.body);
        &self.body
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }
}

/// The events of a delivery.
pub fn events(delivery: &Delivery) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&delivery.body).unwrap();
    body["events"].as_array().unwrap().clone()
}

/// The signature LINE documents for these bytes.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// A text message to send.
pub fn text(words: &str) -> Value {
    json!([{"type": "text", "text": words}])
}
