//! Each call against a local server, and each status that it can answer.

#![allow(clippy::unwrap_used, missing_docs)]

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use contact::UserId;
use line::Error;
use line::api::{Channel, Client, Settings, TokenSource, WebhookEndpoint};
use line::error::Unavailable;
use line::telemetry::Metrics;
use prometheus::Registry;
use runtime::secret::Secret;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const USER: &str = "U8e742f61d673b39c7fff3cecb7536ef0";

/// A server that gives prepared answers, one per request, and notes the requests.
#[derive(Clone, Default)]
struct Line(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Response<Body>>,
    requests: Vec<Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// Method, path and query.
    line: String,
    authorization: String,
    body: String,
}

async fn answer(State(line): State<Line>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    assert!(head.headers["user-agent"].to_str().unwrap().starts_with("kizuna/"));
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let authorization = head.headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
    let seen = Seen {
        line: format!("{} {}", head.method, head.uri),
        authorization,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let mut script = line.0.lock().unwrap();
    script.requests.push(seen);
    script.answers.pop_front().expect("no more answers were prepared")
}

struct World {
    line: Line,
    client: Client,
    registry: Registry,
}

impl World {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/", listener.local_addr().unwrap());
        let line = Line::default();
        let app = Router::new().fallback(answer).with_state(line.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let registry = Registry::new();
        let client = Client::new(&Settings { base_url, ..Settings::default() }, Metrics::register(&registry).unwrap());
        Self { line, client: client.unwrap(), registry }
    }

    fn answers(self, status: u16, body: impl Into<Bytes>) -> Self {
        self.prepared(Response::builder().status(status).body(Body::from(body.into())).unwrap())
    }

    fn prepared(self, answer: Response<Body>) -> Self {
        self.line.0.lock().unwrap().answers.push_back(answer);
        self
    }

    fn requests(&self) -> Vec<Seen> {
        self.line.0.lock().unwrap().requests.clone()
    }

    fn request(&self) -> Seen {
        let [request] = &self.requests()[..] else { panic!("one request") };
        request.clone()
    }

    /// The status labels of the calls counted.
    fn counted(&self) -> Vec<String> {
        let families = self.registry.gather();
        let calls = families.iter().find(|family| family.name() == "kizuna_line_calls_total").unwrap();
        calls.get_metric().iter().map(|metric| metric.get_label()[1].value().to_owned()).collect()
    }
}

fn channel() -> Channel {
    Channel { id: "1234".into(), token: TokenSource::LongLived(Secret::new("long-lived")) }
}

fn stateless() -> Channel {
    Channel { id: "1234".into(), token: TokenSource::Stateless(Secret::new("channel-secret")) }
}

fn user() -> UserId {
    UserId::parse(USER).unwrap()
}

/// What asking for a profile comes to when LINE answers so.
async fn outcome(status: u16, body: &'static str) -> Error {
    let world = World::new().await.answers(status, body);
    let error = world.client.profile(&channel(), user()).await.unwrap_err();
    assert_eq!(world.counted(), [status.to_string()]);
    error
}

#[tokio::test]
async fn a_profile_is_read_by_user_id() {
    let world = World::new().await.answers(
        200,
        r#"{"displayName":"山田 🤨","userId":"U8e742f61d673b39c7fff3cecb7536ef0",
            "pictureUrl":"https://p/1","language":"ja"}"#,
    );
    let likeness = world.client.profile(&channel(), user()).await.unwrap();
    assert_eq!((&*likeness.name, likeness.picture.as_deref()), ("山田 🤨", Some("https://p/1")));
    let request = world.request();
    assert_eq!(request.line, format!("GET /v2/bot/profile/{USER}"));
    assert_eq!(request.authorization, "Bearer long-lived");
    assert_eq!(world.counted(), ["200"]);
}

#[tokio::test]
async fn a_profile_may_lack_a_picture_and_have_an_odd_name() {
    let world = World::new().await.answers(200, r#"{"displayName":"a\ud83e"}"#);
    let likeness = world.client.profile(&channel(), user()).await.unwrap();
    assert_eq!((&*likeness.name, likeness.picture), ("a\u{fffd}", None));
}

#[tokio::test]
async fn status_400_is_invalid_with_lines_message() {
    let said = "The value for the 'userId' parameter is invalid".to_owned();
    let error = outcome(400, r#"{"message":"The value for the 'userId' parameter is invalid"}"#).await;
    assert_eq!(error, Error::Invalid { status: 400, said });
}

#[tokio::test]
async fn status_401_is_unauthorized() {
    let said = "Authentication failed".to_owned();
    assert_eq!(outcome(401, r#"{"message":"Authentication failed"}"#).await, Error::Unauthorized { said });
}

#[tokio::test]
async fn status_403_is_not_allowed() {
    let said = "Access to this API is not available for your account".to_owned();
    let error = outcome(403, r#"{"message":"Access to this API is not available for your account"}"#).await;
    assert_eq!(error, Error::NotAllowed { said });
}

#[tokio::test]
async fn status_404_is_not_found() {
    assert_eq!(outcome(404, r#"{"message":"Not found"}"#).await, Error::NotFound { said: "Not found".into() });
}

#[tokio::test]
async fn status_409_and_413_are_invalid() {
    assert!(matches!(outcome(409, "").await, Error::Invalid { status: 409, .. }));
    assert!(matches!(outcome(413, "").await, Error::Invalid { status: 413, .. }));
}

#[tokio::test]
async fn status_410_is_not_found() {
    assert!(matches!(outcome(410, "").await, Error::NotFound { .. }));
}

#[tokio::test]
async fn status_429_is_rate_limited() {
    assert_eq!(outcome(429, r#"{"message":"rate limit"}"#).await, Error::RateLimited { wait: None });
    let answer = Response::builder().status(429).header("retry-after", "5").body(Body::empty()).unwrap();
    let world = World::new().await.prepared(answer);
    let error = world.client.profile(&channel(), user()).await.unwrap_err();
    assert_eq!(error, Error::RateLimited { wait: Some(Duration::from_secs(5)) });
}

#[tokio::test]
async fn status_500_and_above_is_unavailable() {
    for status in [500, 502, 503, 599] {
        assert_eq!(outcome(status, "<html>").await, Error::Unavailable(Unavailable::Status(status)));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = Response::builder().status(302).header("location", "/elsewhere").body(Body::empty()).unwrap();
    let world = World::new().await.prepared(answer);
    assert!(matches!(world.client.profile(&channel(), user()).await, Err(Error::Garbage(_))));
    assert_eq!(world.requests().len(), 1);
}

#[tokio::test]
async fn a_success_that_makes_no_sense_is_garbage() {
    for body in ["", "<html>", "[]", "{}", r#"{"displayName":5}"#] {
        let world = World::new().await.answers(200, body);
        assert!(matches!(world.client.profile(&channel(), user()).await, Err(Error::Garbage(_))), "{body}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let world = World::new().await.answers(200, vec![b' '; 2 * 1024 * 1024]);
    assert!(matches!(world.client.profile(&channel(), user()).await, Err(Error::Garbage(_))));
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let settings = Settings { base_url, timeout: Duration::from_millis(50), ..Settings::default() };
    let registry = Registry::new();
    let client = Client::new(&settings, Metrics::register(&registry).unwrap()).unwrap();
    let error = client.profile(&channel(), user()).await.unwrap_err();
    assert_eq!(error, Error::Unavailable(Unavailable::Timeout));
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_the_error_names_no_user() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client =
        Client::new(&Settings { base_url, ..Settings::default() }, Metrics::register(&Registry::new()).unwrap());
    let error = client.unwrap().profile(&channel(), user()).await.unwrap_err();
    assert_eq!(error, Error::Unavailable(Unavailable::Unreachable));
    assert!(!format!("{error} {error:?}").contains(&USER[1..]));
}

#[tokio::test]
async fn a_connection_that_ends_early_is_broken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
    });
    let client =
        Client::new(&Settings { base_url, ..Settings::default() }, Metrics::register(&Registry::new()).unwrap());
    let error = client.unwrap().profile(&channel(), user()).await.unwrap_err();
    assert_eq!(error, Error::Unavailable(Unavailable::Broken));
}

#[test]
fn a_base_address_that_is_none_is_refused() {
    for base_url in ["", "api.line.me", "ftp://api.line.me"] {
        let settings = Settings { base_url: base_url.into(), ..Settings::default() };
        let client = Client::new(&settings, Metrics::register(&Registry::new()).unwrap());
        assert!(matches!(client, Err(Error::Misconfigured(_))), "{base_url}");
    }
}

#[tokio::test]
async fn the_account_behind_a_token_is_read() {
    let world = World::new().await.answers(
        200,
        r#"{"userId":"Uc7472b39e21dab71c2347e02714630d6","basicId":"@1","displayName":"店","chatMode":"bot",
            "markAsReadMode":"auto","new":1}"#,
    );
    let info = world.client.bot_info(&channel()).await.unwrap();
    assert_eq!(info.user_id, "Uc7472b39e21dab71c2347e02714630d6");
    assert_eq!((info.picture_url, info.chat_mode.as_deref()), (None, Some("bot")));
    assert_eq!(world.request().line, "GET /v2/bot/info");
}

#[tokio::test]
async fn a_long_lived_token_is_verified() {
    let world = World::new().await.answers(200, r#"{"client_id":"1350031035","expires_in":3138007490,"scope":"P CM"}"#);
    let info = world.client.verify_token("1350031035", &Secret::new("a+b/c=")).await.unwrap();
    assert_eq!((&*info.client_id, info.expires_in), ("1350031035", 3_138_007_490));
    let request = world.request();
    assert_eq!(request.line, "POST /v2/oauth/verify");
    assert_eq!((&*request.body, &*request.authorization), ("access_token=a%2Bb%2Fc%3D", ""));
}

#[tokio::test]
async fn status_400_of_the_token_endpoints_means_wrong_credentials() {
    let body = r#"{"error":"invalid_request","error_description":"invalid token"}"#;
    let wrong = Error::Unauthorized { said: "invalid token".into() };
    let world = World::new().await.answers(400, body).answers(400, body);
    let secret = Secret::new("s");
    assert_eq!(world.client.verify_token("1", &secret).await.unwrap_err(), wrong);
    assert_eq!(world.client.check_secret("1", &secret).await.unwrap_err(), wrong);
}

#[tokio::test]
async fn the_webhook_address_is_read_set_and_tested() {
    let world = World::new()
        .await
        .answers(200, r#"{"endpoint":"https://example.com/a","active":true}"#)
        .answers(200, "{}")
        .answers(
            200,
            r#"{"success":false,"timestamp":"2020","statusCode":-1,"reason":"COULD_NOT_CONNECT","detail":"x"}"#,
        )
        .answers(200, r#"{"statusCode":200,"reason":"OK","detail":"200","timestamp":"2020"}"#);
    let (client, channel) = (&world.client, channel());
    let known = client.webhook_endpoint(&channel).await.unwrap();
    assert_eq!(known, WebhookEndpoint { endpoint: "https://example.com/a".into(), active: true });
    client.set_webhook_endpoint(&channel, "https://example.com/b").await.unwrap();
    let test = client.test_webhook_endpoint(&channel, Some("https://example.com/b")).await.unwrap();
    assert_eq!((test.success, test.status_code, &*test.reason), (false, -1, "COULD_NOT_CONNECT"));
    client.test_webhook_endpoint(&channel, None).await.unwrap();
    let requests: Vec<_> = world.requests().into_iter().map(|seen| (seen.line, seen.body)).collect();
    let expected = [
        ("GET /v2/bot/channel/webhook/endpoint", ""),
        ("PUT /v2/bot/channel/webhook/endpoint", r#"{"endpoint":"https://example.com/b"}"#),
        ("POST /v2/bot/channel/webhook/test", r#"{"endpoint":"https://example.com/b"}"#),
        ("POST /v2/bot/channel/webhook/test", "{}"),
    ];
    assert_eq!(requests, expected.map(|(line, body)| (line.to_owned(), body.to_owned())));
}

#[tokio::test]
async fn followers_come_in_pages_without_ids_that_are_none() {
    let world = World::new()
        .await
        .answers(
            200,
            r#"{"userIds":["U8e742f61d673b39c7fff3cecb7536ef0","Udeadbeefdeadbeefdeadbeefdeadbeef","x"],
            "next":"a/+="}"#,
        )
        .answers(200, r#"{"userIds":[]}"#);
    let first = world.client.follower_ids(&channel(), None).await.unwrap();
    assert_eq!((first.users, first.next.as_deref()), (vec![user()], Some("a/+=")));
    let last = world.client.follower_ids(&channel(), Some("a/+=")).await.unwrap();
    assert_eq!((last.users, last.next), (vec![], None));
    let lines: Vec<_> = world.requests().into_iter().map(|seen| seen.line).collect();
    assert_eq!(
        lines,
        ["GET /v2/bot/followers/ids?limit=1000", "GET /v2/bot/followers/ids?limit=1000&start=a%2F%2B%3D"]
    );
}

#[tokio::test]
async fn stateless_tokens_are_issued_once_and_used_again() {
    let world = World::new()
        .await
        .answers(200, r#"{"token_type":"Bearer","access_token":"one","expires_in":899}"#)
        .answers(200, r#"{"displayName":"a"}"#)
        .answers(200, r#"{"displayName":"a"}"#);
    for _ in 0..2 {
        world.client.profile(&stateless(), user()).await.unwrap();
    }
    let requests = world.requests();
    assert_eq!(requests[0].line, "POST /oauth2/v3/token");
    assert_eq!(requests[0].body, "grant_type=client_credentials&client_id=1234&client_secret=channel-secret");
    assert_eq!(requests[1..].iter().map(|seen| &*seen.authorization).collect::<Vec<_>>(), ["Bearer one"; 2]);
}

#[tokio::test]
async fn a_stateless_token_that_line_refuses_is_replaced_once() {
    let token = |name: &str| format!(r#"{{"access_token":"{name}","expires_in":899}}"#);
    let world = World::new()
        .await
        .answers(200, token("one"))
        .answers(401, "")
        .answers(200, token("two"))
        .answers(200, r#"{"displayName":"a"}"#)
        .answers(401, "")
        .answers(200, token("three"))
        .answers(401, "");
    world.client.profile(&stateless(), user()).await.unwrap();
    assert_eq!(world.requests()[3].authorization, "Bearer two");
    let error = world.client.profile(&stateless(), user()).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }));
    assert_eq!(world.requests().len(), 7);
}

#[tokio::test]
async fn a_long_lived_token_that_line_refuses_is_not_tried_again() {
    let world = World::new().await.answers(401, "");
    assert!(world.client.profile(&channel(), user()).await.is_err());
    assert_eq!(world.requests().len(), 1);
}

#[tokio::test]
async fn the_61st_test_within_an_hour_is_not_sent() {
    let mut world = World::new().await;
    for _ in 0..60 {
        world = world.answers(200, r#"{"statusCode":200,"reason":"OK","detail":"200"}"#);
    }
    for _ in 0..60 {
        world.client.test_webhook_endpoint(&channel(), None).await.unwrap();
    }
    let error = world.client.test_webhook_endpoint(&channel(), None).await.unwrap_err();
    assert!(matches!(error, Error::RateLimited { wait: Some(_) }));
    assert_eq!(world.requests().len(), 60);
    assert_eq!(world.counted(), ["200", "throttled"]);
}

#[tokio::test]
async fn calls_can_be_made_from_any_task() {
    let world = World::new().await.answers(200, r#"{"access_token":"one","expires_in":899}"#).answers(404, "");
    let client = world.client.clone();
    let task = tokio::spawn(async move { client.profile(&stateless(), user()).await });
    assert!(matches!(task.await.unwrap(), Err(Error::NotFound { .. })));
}
