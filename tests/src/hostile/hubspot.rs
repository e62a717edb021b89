//! An answer of HubSpot.

use ::hubspot::transport::{Answer, Call, Loss, Transport};
use ::hubspot::{Client, CreateInput, CreateOutcome, Crm, Metrics, Priority, Settings, UpdateInput, UpdateOutcome};
use async_trait::async_trait;
use contact::ContactId;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use runtime::clock::SystemClock;
use runtime::secret::Secret;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// HubSpot gives the same answer to everything.
struct Parrot {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

#[async_trait]
impl Transport for Parrot {
    async fn send(&self, _: Call<'_>) -> Result<Answer, Loss> {
        Ok(Answer::new(self.status, &self.headers, self.body.clone()))
    }
}

/// How long a call may take, with all its attempts and waits.
const CALL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A status, a length, so much of `Retry-After`, and a body. Every input has one outcome, in order, and counts as done only
/// where the answer shows it.
pub fn answer(bytes: &[u8]) {
    static METRICS: LazyLock<Metrics> =
        LazyLock::new(|| Metrics::register(&prometheus::Registry::new()).expect("a new registry"));
    let [high, low, length, rest @ ..] = bytes else { return };
    let status = 100 + u16::from_be_bytes([*high, *low]) % 500;
    let (retry_after, body) = rest.split_at(usize::from(*length).min(rest.len()));
    let wait = HeaderValue::from_bytes(retry_after).ok();
    let headers = wait.map(|wait| (HeaderName::from_static("retry-after"), wait)).into_iter().collect();
    let parrot = Parrot { status, headers, body: body.to_vec() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs nothing of the system").block_on(async {
        let settings = Settings::new(Secret::new("token"));
        let client = Client::over(Box::new(parrot), settings, Arc::new(SystemClock), METRICS.clone());
        let all = async {
            created(&client, body).await;
            updated(&client, body).await;
            read(&client).await;
        };
        tokio::time::timeout(CALL_MAX, all).await.expect("a call ends");
    });
}

fn properties(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("email".to_owned(), format!("{name}@line.me")), ("line_user_name_1".to_owned(), name.to_owned())])
}

async fn created(client: &Client, body: &[u8]) {
    let inputs = ["a", "b"].map(|trace| CreateInput { trace: trace.to_owned(), properties: properties(trace) });
    let Ok(outcomes) = client.create(inputs.to_vec(), &|_| true, Priority::Fresh).await else { return };
    assert!(outcomes.iter().map(|(trace, _)| &**trace).eq(["a", "b"]));
    for (_, outcome) in outcomes {
        if let CreateOutcome::Created(contact) = outcome {
            assert!(shows(body, contact.id), "a contact that the answer does not show");
        }
    }
}

async fn updated(client: &Client, body: &[u8]) {
    let inputs = [1, 2].map(|id| UpdateInput {
        trace: id.to_string(),
        id: ContactId(id),
        properties: BTreeMap::from([("line_user_name_1".to_owned(), "さくら".to_owned())]),
    });
    let Ok(outcomes) = client.update(inputs.to_vec(), &|_| true, Priority::Fresh).await else { return };
    assert!(outcomes.iter().map(|(trace, _)| &**trace).eq(["1", "2"]));
    for (_, outcome) in outcomes {
        if let UpdateOutcome::Updated(contact) = outcome {
            assert!(shows(body, contact.id), "a contact that the answer does not show");
        }
    }
}

/// Only reads what comes: what it says is the portal's word.
async fn read(client: &Client) {
    let names = ["line_user_name_1".to_owned()];
    let (ids, emails) = ([ContactId(1), ContactId(2)], ["a@line.me".to_owned()]);
    if let Ok(found) = client.read_many(&ids, &names, Priority::Fresh).await {
        assert!(found.iter().all(|(asked, _)| ids.contains(asked)), "nobody else was asked for");
    }
    if let Ok(found) = client.read_by_email(&emails, &names, Priority::Fresh).await {
        assert!(found.iter().all(|(asked, _)| emails.contains(asked)), "nobody else was asked for");
    }
    drop(client.read_archived(&ids, Priority::Fresh).await);
    drop(client.read_one(ContactId(1), &names, Priority::Fresh).await);
    drop(client.search_in("line_user_name_1", &names, &names, Priority::Fresh).await);
}

fn shows(body: &[u8], id: ContactId) -> bool {
    let id = id.0.to_string();
    body.windows(id.len()).any(|window| window == id.as_bytes())
}
