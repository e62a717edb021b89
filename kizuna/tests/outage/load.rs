//! Signed webhooks at a steady rate, whatever becomes of the answers, and what was answered.

use line::signature::{HEADER, Key};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

/// People who write, in turn.
pub const FRIENDS: usize = 40;

/// Longer than LINE waits, so that a late answer is seen and not only missed.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

/// Where webhooks go, and what signs them.
#[derive(Clone)]
pub struct Endpoint {
    pub url: String,
    pub secret: String,
}

/// How one webhook was answered.
#[derive(Debug)]
pub struct Answer {
    /// Its only event.
    pub event: String,
    pub user: String,
    pub text: String,
    /// None when there was no answer at all.
    pub status: Option<u16>,
    pub took: Duration,
}

/// A load that is on.
pub struct Load {
    stop: oneshot::Sender<()>,
    sending: JoinHandle<Vec<Answer>>,
}

impl Load {
    pub fn begin(endpoint: Endpoint, per_second: u32) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, sending: tokio::spawn(send(endpoint, per_second, stopped)) }
    }

    /// Stops sending and waits for the answers that are missing.
    pub async fn end(self) -> Vec<Answer> {
        self.stop.send(()).unwrap();
        self.sending.await.unwrap()
    }
}

async fn send(endpoint: Endpoint, per_second: u32, mut stopped: oneshot::Receiver<()>) -> Vec<Answer> {
    let client = reqwest::Client::builder().timeout(ANSWER_WAIT).build().unwrap();
    let (key, mut posts) = (Arc::new(Key::new(&endpoint.secret)), JoinSet::new());
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0.. {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        posts.spawn(post(client.clone(), endpoint.url.clone(), Arc::clone(&key), number));
    }
    posts.join_all().await
}

async fn post(client: reqwest::Client, url: String, key: Arc<Key>, number: usize) -> Answer {
    let user = format!("U{:032x}", number % FRIENDS);
    let (event, text) = (format!("event{number:08}"), format!("message {number}"));
    let now_ms = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let body = format!(
        r#"{{"destination":"","events":[{{"type":"message","mode":"active","timestamp":{now_ms},
        "source":{{"type":"user","userId":"{user}"}},"webhookEventId":"{event}",
        "deliveryContext":{{"isRedelivery":false}},"message":{{"type":"text","id":"{number}","text":"{text}"}}}}]}}"#
    );
    let asked = Instant::now();
    let answer = client.post(url).header(HEADER, key.sign(body.as_bytes())).body(body).send().await;
    Answer { event, user, text, status: answer.ok().map(|answer| answer.status().as_u16()), took: asked.elapsed() }
}

/// What everybody wrote last.
pub fn newest_texts(answers: &[Answer]) -> BTreeMap<String, String> {
    let mut by_event: Vec<&Answer> = answers.iter().collect();
    by_event.sort_by_key(|answer| &answer.event);
    by_event.into_iter().map(|answer| (answer.user.clone(), answer.text.clone())).collect()
}
