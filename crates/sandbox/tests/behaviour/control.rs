//! The servers as a whole, over HTTP.

use reqwest::StatusCode;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// A running sandbox and a client.
pub struct Running {
    pub sandbox: Sandbox,
    pub client: reqwest::Client,
}

/// Something that takes webhooks.
struct Receiver {
    url: String,
    came: mpsc::UnboundedReceiver<(http::HeaderMap, Value)>,
}

impl Running {
    pub async fn start() -> Self {
        Self::with(Options::seeded(7)).await
    }

    async fn with(options: Options) -> Self {
        let sandbox = sandbox::start(options).await.unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        Self { sandbox, client: client.unwrap() }
    }

    /// Creates a contact as a person does, and answers its ID.
    pub fn contact(&self, email: &str) -> String {
        let properties = BTreeMap::from([("email".to_owned(), email.to_owned())]);
        self.sandbox.handle().hubspot(|portal, now_ms| portal.add(now_ms, &properties)).unwrap().to_string()
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answered(self.client.get(format!("{}{path}", self.sandbox.control_url))).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        answered(self.client.post(format!("{}{path}", self.sandbox.control_url)).json(&body)).await
    }

    /// A control request that must be done.
    async fn done(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// A call of HubSpot's API with its token.
    fn hubspot(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.sandbox.hubspot_api_url)).bearer_auth(&self.sandbox.hubspot_token)
    }

    /// The first channel's ID.
    fn channel(&self) -> String {
        self.sandbox.line_channels()[0].id.clone()
    }
}

async fn answered(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

impl Receiver {
    /// Answers the first webhook with `first`, every further one with 200.
    async fn start(first: u16) -> Self {
        let (sender, came) = mpsc::unbounded_channel();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let first = std::sync::atomic::AtomicU16::new(first);
        let first = std::sync::Arc::new(first);
        let router = axum::Router::new().fallback(move |headers: http::HeaderMap, body: axum::body::Bytes| {
            let status = first.swap(200, std::sync::atomic::Ordering::SeqCst);
            sender.send((headers, serde_json::from_slice(&body).unwrap())).unwrap();
            async move { http::StatusCode::from_u16(status).unwrap() }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, came }
    }

    async fn next(&mut self) -> (http::HeaderMap, Value) {
        self.came.recv().await.unwrap()
    }
}

#[tokio::test]
async fn an_act_is_answered_with_the_reaction_of_the_receiver() {
    let running = Running::start().await;
    let mut receiver = Receiver::start(200).await;
    let channel = running.channel();
    running.done(&format!("/line/{channel}"), json!({"endpoint": receiver.url})).await;
    let told = running.done(&format!("/line/{channel}/friends/たろう/message"), json!({"text": "やあ"})).await;
    assert_eq!(told["reactions"], json!([{"status": 200}]));
    assert_eq!(told["summary"], "たろう: message → 200");
    let (headers, body) = receiver.next().await;
    assert!(headers.contains_key("x-line-signature"));
    assert_eq!(body["events"][0]["message"]["text"], "やあ");
    assert_eq!(body["events"][0]["webhookEventId"], told["webhook_event_ids"][0]);
}

#[tokio::test]
async fn a_refused_webhook_comes_again_when_the_time_has_come() {
    let running = Running::start().await;
    let mut receiver = Receiver::start(500).await;
    let channel = running.channel();
    running.done("/line/settings", json!({"redelivery_ms": [3_600_000]})).await;
    running.done(&format!("/line/{channel}"), json!({"endpoint": receiver.url, "redelivery": true})).await;
    let told = running.done(&format!("/line/{channel}/friends/taro/follow"), json!({})).await;
    assert_eq!(told["reactions"], json!([{"status": 500}]));
    let (_, first) = receiver.next().await;
    running.done("/clock", json!({"advance_ms": 3_600_000})).await;
    let (_, again) = receiver.next().await;
    assert_eq!(first["events"][0]["deliveryContext"], json!({"isRedelivery": false}));
    assert_eq!(again["events"][0]["deliveryContext"], json!({"isRedelivery": true}));
    assert_eq!(first["events"][0]["webhookEventId"], again["events"][0]["webhookEventId"]);
}

#[tokio::test]
async fn line_tests_a_webhook_url_by_calling_it() {
    let running = Running::start().await;
    let mut receiver = Receiver::start(404).await;
    let channel = running.sandbox.line_channels().remove(0);
    let test = || {
        let url = format!("{}/v2/bot/channel/webhook/test", running.sandbox.line_api_url);
        let request = running.client.post(url).bearer_auth(channel.access_token.as_ref().unwrap());
        answered(request.json(&json!({"endpoint": receiver.url})))
    };
    let (status, report) = test().await;
    assert_eq!((status, &report["success"], &report["statusCode"]), (StatusCode::OK, &json!(false), &json!(404)));
    assert_eq!(test().await.1["success"], json!(true));
    assert_eq!(receiver.next().await.1, json!({"destination": channel.bot_user_id, "events": []}));
}

#[tokio::test]
async fn hubspots_webhooks_reach_their_receiver() {
    let running = Running::start().await;
    let mut receiver = Receiver::start(200).await;
    running
        .done("/hubspot/webhooks", json!({"url": receiver.url, "client_secret": "secret", "duplicate_percent": 0}))
        .await;
    let id = running.contact("taro@example.com");
    running.done(&format!("/hubspot/contacts/{id}/delete"), json!({})).await;
    let (headers, body) = receiver.next().await;
    assert!(headers.contains_key("x-hubspot-signature-v3"));
    assert_eq!(body[0]["subscriptionType"], "contact.deletion");
    assert_eq!(body[0]["objectId"].to_string(), id);
}

#[tokio::test]
async fn a_person_creates_edits_deletes_and_restores_a_contact() {
    let running = Running::start().await;
    let created = running.done("/contacts", json!({"properties": {"email": "Taro@Example.com"}})).await;
    let id = created["id"].as_str().unwrap();
    let edited =
        running.done(&format!("/hubspot/contacts/{id}"), json!({"firstname": "太郎", "add_email": "t@line.me"})).await;
    assert_eq!(edited["properties"]["firstname"], "太郎");
    assert_eq!(edited["additional_emails"], json!(["t@line.me"]));
    assert_eq!(running.get("/contacts/taro@example.com").await.1["id"], json!(id));

    running.done(&format!("/hubspot/contacts/{id}/delete"), json!({})).await;
    assert_eq!(running.get("/contacts?archived=false").await.1["contacts"], json!([]));
    let clash = running.done("/hubspot/contacts", json!({"email": "t@line.me"})).await;
    let (status, refused) = running.post("/hubspot/restore", json!({"id": id})).await;
    let words = format!("contact {} holds the same e-mail address", clash["id"].as_str().unwrap());
    assert_eq!((status, refused), (StatusCode::CONFLICT, json!({"error": words})));
    let merged = running.done("/hubspot/contacts", json!({"email": "other@line.me"})).await;
    let merged = running.done("/hubspot/merge", json!({"a": clash["id"], "b": merged["id"]})).await;
    running.done(&format!("/hubspot/contacts/{}/erase", merged["id"].as_str().unwrap()), json!({})).await;
    running.done("/hubspot/restore", json!({"id": id})).await;
}

#[tokio::test]
async fn a_fault_is_ordered_and_dropped() {
    let running = Running::start().await;
    let fault = json!({"kind": "477", "retry_after": 30, "count": 2});
    running.done("/hubspot/faults", fault).await;
    let answer = running.hubspot("/crm/objects/2026-09/contacts").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (477, "30"));
    let dropped =
        running.client.delete(format!("{}/hubspot/faults", running.sandbox.control_url)).send().await.unwrap();
    assert_eq!(dropped.status(), StatusCode::OK);
    assert_eq!(running.hubspot("/crm/objects/2026-09/contacts").send().await.unwrap().status(), StatusCode::OK);
    let (status, refused) = running.post("/hubspot/faults", json!({"kind": "418"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused["error"].as_str().unwrap().contains("unknown variant `418`"), "{refused}");
}

#[tokio::test]
async fn an_answer_that_is_cut_breaks_the_connection() {
    let running = Running::start().await;
    running.done("/hubspot/faults", json!({"kind": "cut-after-write"})).await;
    let answer = running.hubspot("/crm/objects/2026-09/contacts").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn settings_are_changed_one_by_one() {
    let running = Running::start().await;
    let before = running.get("/hubspot/settings").await.1;
    let changed = running.done("/hubspot/limits", json!({"search_delay_ms": 0, "search": null})).await;
    let mut expected = before;
    (expected["search_delay_ms"], expected["search"]) = (json!(0), Value::Null);
    assert_eq!(changed, expected);
    let (status, _) = running.post("/hubspot/settings", json!({"serch": null})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(running.done("/line/settings", json!({"escape_unicode": true})).await["escape_unicode"], json!(true));
}

#[tokio::test]
async fn tokens_and_scopes_are_taken_away_and_given_back() {
    let running = Running::start().await;
    let token = running.sandbox.hubspot_token.clone();
    let status = || async { running.hubspot("/crm/objects/2026-09/contacts").send().await.unwrap().status().as_u16() };
    for (path, body, expected) in [
        ("/hubspot/token", json!({"action": "expire"}), 401),
        ("/hubspot/token", json!({"action": "renew", "token": token}), 200),
        ("/hubspot/token", json!({"action": "revoke", "token": token}), 401),
        ("/hubspot/token", json!({"action": "renew", "token": token}), 200),
        ("/hubspot/scopes", json!({"granted": []}), 403),
        ("/hubspot/scopes", json!({"granted": ["crm.objects.contacts.read"]}), 200),
    ] {
        running.done(path, body).await;
        assert_eq!(status().await, expected);
    }
}

#[tokio::test]
async fn held_events_wait_for_their_release() {
    let running = Running::start().await;
    let mut receiver = Receiver::start(200).await;
    let channel = running.channel();
    running.done(&format!("/line/{channel}"), json!({"endpoint": receiver.url})).await;
    running.done(&format!("/line/{channel}/hold"), json!({})).await;
    let told = running.done(&format!("/line/{channel}/friends/taro/follow"), json!({})).await;
    assert_eq!((&told["deliveries"], &told["reactions"]), (&json!([]), &json!([])));
    running.done(&format!("/line/{channel}/friends/taro/message"), json!({"text": "1"})).await;
    let released =
        running.done(&format!("/line/{channel}/release"), json!({"order": "reverse", "together": true})).await;
    assert_eq!(released["deliveries"].as_array().unwrap().len(), 1);
    let kinds =
        receiver.next().await.1["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(Value::Array(kinds), json!(["message", "follow"]));
}

#[tokio::test]
async fn the_history_tells_both_platforms_in_one_order() {
    let running = Running::start().await;
    running.contact("taro@example.com");
    let channel = running.channel();
    running.done("/clock", json!({"advance_ms": 1})).await;
    running.done(&format!("/line/{channel}/friends/taro/follow"), json!({})).await;
    let facts = running.get("/history").await.1["history"].clone();
    let told: Vec<(&Value, &Value)> =
        facts.as_array().unwrap().iter().map(|fact| (&fact["service"], &fact["kind"])).collect();
    assert_eq!(told[..2], [(&json!("hubspot"), &json!("created")), (&json!("line"), &json!("played"))]);
    let later = running.get("/history?service=hubspot&hubspot_since=1").await.1;
    assert_eq!(later["history"], json!([]));
    assert_eq!(running.get("/stats").await.1["hubspot"]["live_contacts"], json!(1));
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let running = Running::start().await;
    let channel = running.channel();
    for path in ["/nothing", "/contacts/1", "/line/1", "/hubspot/nothing"] {
        assert_eq!(running.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let (status, _) = running.post("/line/1/friends/taro/follow", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = running.post(&format!("/line/{channel}/friends/taro/unsend"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = running.post(&format!("/line/{channel}/friends/taro/dance"), json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn two_sandboxes_of_one_seed_have_the_same_secrets() {
    let (one, other) = (Running::start().await.sandbox, Running::start().await.sandbox);
    assert_eq!(one.announcement()["line_channels"], other.announcement()["line_channels"]);
    let another = Running::with(Options::seeded(8)).await.sandbox;
    assert_ne!(one.announcement()["line_channels"], another.announcement()["line_channels"]);
}

#[tokio::test]
async fn a_stopped_sandbox_takes_no_more_calls() {
    let running = Running::start().await;
    let url = running.sandbox.control_url.clone();
    running.sandbox.shutdown().await;
    assert!(reqwest::get(format!("{url}/clock")).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let running = Running::start().await;
    let taken = running.sandbox.control_url.strip_prefix("http://").unwrap().parse().unwrap();
    let refused = sandbox::start(Options { control_addr: taken, ..Options::seeded(7) }).await.err().unwrap();
    assert_eq!(refused.to_string(), format!("cannot listen on {taken}"));
}
