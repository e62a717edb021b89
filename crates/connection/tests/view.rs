//! Claims, definitions and the live view over a real log, with several processes on it and with faults.

#![allow(clippy::unwrap_used)]

mod faulty;

use connection::{Claimed, Connection, Error, Sealer, State, View, claim, define, new_webhook_token, remove};
use contact::{ConnectionNumber, Plan};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord, Topic};
use faulty::Faulty;
use runtime::clock::ManualClock;
use runtime::secret::Secret;
use schemas::Codec;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

/// As long as a process may take to see what another one wrote.
const SOON: Duration = Duration::from_secs(2);

fn log_in(dir: &Path) -> Arc<dyn Log> {
    EmbeddedLog::open(dir, Options::new(Arc::new(ManualClock::at(0)))).unwrap()
}

fn sealer(byte: u8) -> Sealer {
    Sealer::from_master_key(&Secret::new(&hex::encode([byte; 32]))).unwrap()
}

fn number(number: u32) -> ConnectionNumber {
    ConnectionNumber::new(number).unwrap()
}

fn connection(number: ConnectionNumber) -> Connection {
    Connection {
        number,
        name: "本店".into(),
        description: "the shop".into(),
        icon: String::new(),
        channel_id: format!("20000000{number}"),
        channel_secrets: vec![Secret::new("newest"), Secret::new("older")],
        access_token: Some(Secret::new("access")),
        webhook_token: new_webhook_token(),
        bot_user_id: None,
        auto_create: true,
        state: State::Active,
        properties_existed: false,
        created_at_ms: 1_790_000_000_000,
        older_secrets_until_ms: None,
    }
}

fn view(log: &Arc<dyn Log>) -> Result<Arc<View>, Error> {
    View::open(Arc::clone(log), Codec::default(), sealer(1))
}

async fn claimed(log: &Arc<dyn Log>, plan: Plan, channel: &str) -> Result<Claimed, Error> {
    claim(log, &Codec::default(), plan, channel, 0).await
}

async fn defined(log: &Arc<dyn Log>, connection: &Connection) {
    define(log, &Codec::default(), &sealer(1), connection).await.unwrap();
}

async fn change(view: &View, act: impl Future<Output = ()>) {
    let mut changed = view.changed();
    act.await;
    timeout(SOON, changed.changed()).await.unwrap().unwrap();
}

/// Waits until the view shows what is looked for, through however many changes.
async fn until(view: &View, shows: impl Fn(&connection::Snapshot) -> bool) {
    let mut changed = view.changed();
    let wait = async {
        while !shows(&view.snapshot()) {
            changed.changed().await.unwrap();
        }
    };
    timeout(SOON, wait).await.unwrap();
}

#[tokio::test]
async fn a_connection_comes_back_as_it_was_defined() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let original = connection(number(1));
    defined(&log, &original).await;
    let view = view(&log).unwrap();
    assert_eq!(*view.snapshot().by_number(number(1)).unwrap(), original);
}

#[tokio::test]
async fn no_secret_stands_in_the_log() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let original = connection(number(1));
    defined(&log, &original).await;
    let records = log.reader(Topic::Connections, 0, 0).unwrap().next(10, SOON).unwrap();
    let value = records[0].value.as_ref().unwrap();
    for secret in ["newest", "older", "access", original.webhook_token.expose()] {
        assert!(!value.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
}

#[tokio::test]
async fn a_connection_made_by_another_process_is_seen_within_two_seconds() {
    let dir = TempDir::new().unwrap();
    let (ours, theirs) = (log_in(dir.path()), log_in(dir.path()));
    let view = view(&ours).unwrap();
    let made = connection(number(1));
    defined(&theirs, &made).await;
    until(&view, |snapshot| snapshot.by_token(made.webhook_token.expose()).is_some()).await;
    let found = view.snapshot().by_token(made.webhook_token.expose()).unwrap();
    assert_eq!(found.number, number(1));
}

#[tokio::test]
async fn a_token_finds_its_connection_and_no_other() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let connections = [1, 2, 3].map(|n| connection(number(n)));
    for connection in &connections {
        defined(&log, connection).await;
    }
    let snapshot = view(&log).unwrap().snapshot();
    for connection in &connections {
        assert_eq!(snapshot.by_token(connection.webhook_token.expose()).unwrap().number, connection.number);
    }
    assert!(snapshot.by_token("").is_none());
    assert!(snapshot.by_token(new_webhook_token().expose()).is_none());
    assert!(snapshot.by_token(&connections[0].webhook_token.expose().to_uppercase()).is_none());
}

#[test]
fn a_webhook_token_is_128_random_bits() {
    let tokens: BTreeSet<_> = (0..100).map(|_| new_webhook_token().expose().to_owned()).collect();
    assert_eq!(tokens.len(), 100);
    assert!(tokens.iter().all(|token| token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit())));
}

#[tokio::test]
async fn a_paused_connection_takes_webhooks_but_is_not_kept_in_step() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let paused = Connection { state: State::Paused, ..connection(number(1)) };
    defined(&log, &paused).await;
    let snapshot = view(&log).unwrap().snapshot();
    assert!(snapshot.by_token(paused.webhook_token.expose()).is_some());
    assert!(snapshot.rules().get(number(1)).is_none());
}

#[tokio::test]
async fn a_removed_connection_takes_no_webhooks_and_leaves_no_secret() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let view = view(&log).unwrap();
    let made = connection(number(1));
    claimed(&log, Plan::Trial, "a").await.unwrap();
    defined(&log, &made).await;
    remove(&log, &Codec::default(), number(1), 0).await.unwrap();
    until(&view, |snapshot| snapshot.by_number(number(1)).is_some_and(|it| it.state == State::Removed)).await;
    let snapshot = view.snapshot();
    let removed = snapshot.by_number(number(1)).unwrap();
    assert!(snapshot.by_token(made.webhook_token.expose()).is_none());
    assert_eq!((removed.state, removed.channel_secrets.len()), (State::Removed, 0));
    assert!(removed.access_token.is_none());
}

#[tokio::test]
async fn a_connection_removed_by_definition_takes_no_secret_along() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    defined(&log, &Connection { state: State::Removed, ..connection(number(1)) }).await;
    let removed = view(&log).unwrap().snapshot().by_number(number(1)).unwrap();
    assert!(removed.channel_secrets.is_empty() && removed.access_token.is_none() && removed.webhook_token.is_empty());
}

#[tokio::test]
async fn only_a_known_number_can_be_removed() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let error = remove(&log, &Codec::default(), number(1), 0).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)));
}

#[tokio::test]
async fn a_number_left_unfinished_is_shown_and_can_be_removed() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let plan = Plan::Custom(1);
    claimed(&log, plan, "a").await.unwrap();
    assert_eq!(view(&log).unwrap().snapshot().unfinished(), [(number(1), "a".to_owned())]);
    assert!(matches!(claimed(&log, plan, "b").await, Err(Error::QuotaReached { max: 1 })));
    remove(&log, &Codec::default(), number(1), 0).await.unwrap();
    assert_eq!(claimed(&log, plan, "b").await.unwrap(), Claimed { number: number(2), resumed: false });
}

#[tokio::test]
async fn a_claim_for_the_same_channel_resumes() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    assert_eq!(claimed(&log, Plan::Trial, "a").await.unwrap(), Claimed { number: number(1), resumed: false });
    assert_eq!(claimed(&log, Plan::Trial, "a").await.unwrap(), Claimed { number: number(1), resumed: true });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_parallel_claims_give_exactly_the_plans_connections() {
    let dir = TempDir::new().unwrap();
    let logs = [log_in(dir.path()), log_in(dir.path())];
    let tasks: Vec<_> = (0..100)
        .map(|task| {
            let log = Arc::clone(&logs[task % 2]);
            tokio::spawn(async move { claimed(&log, Plan::Professional, &task.to_string()).await })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(claimed) => assert!(numbers.insert(claimed.number.get())),
            Err(error) => assert!(matches!(error, Error::QuotaReached { max: 10 }), "{error}"),
        }
    }
    assert_eq!(numbers, (1..=10).collect());
}

#[tokio::test]
async fn the_view_does_not_open_with_another_master_key() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    defined(&log, &connection(number(3))).await;
    let error = View::open(Arc::clone(&log), Codec::default(), sealer(2)).err().unwrap();
    assert!(matches!(error, Error::OtherMasterKey(it) if it == number(3)));
}

#[tokio::test]
async fn a_definition_sealed_with_another_key_leaves_the_connection_as_it_was() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let original = connection(number(1));
    defined(&log, &original).await;
    let view = view(&log).unwrap();
    let renamed = Connection { name: "new".into(), ..original.clone() };
    change(&view, async { define(&log, &Codec::default(), &sealer(2), &renamed).await.unwrap() }).await;
    assert_eq!(view.snapshot().by_number(number(1)).unwrap().name, original.name);
    assert!(view.problem().unwrap().contains("KIZUNA_MASTER_KEY"));
    change(&view, defined(&log, &renamed)).await;
    assert_eq!(view.problem(), None);
    assert_eq!(view.snapshot().by_number(number(1)).unwrap().name, "new");
}

#[tokio::test]
async fn a_damaged_record_is_passed_over_and_the_others_are_read() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let key = schemas::key::connection(1);
    log.append(vec![NewRecord { topic: Topic::Connections, key, value: Some(vec![1, 2, 3]) }]).await.unwrap();
    defined(&log, &connection(number(2))).await;
    let snapshot = view(&log).unwrap().snapshot();
    assert_eq!(snapshot.all().map(|it| it.number).collect::<Vec<_>>(), [number(2)]);
}

#[tokio::test]
async fn a_record_of_a_newer_version_stops_the_start() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let key = schemas::key::connection(1);
    let value = [&[0xc3, 0x01][..], &[7; 8], &[0]].concat();
    log.append(vec![NewRecord { topic: Topic::Connections, key, value: Some(value) }]).await.unwrap();
    assert!(matches!(view(&log), Err(Error::Newer { offset: 0, .. })));
}

#[tokio::test]
async fn the_view_stops_before_a_record_of_a_newer_version_and_says_so() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    let view = view(&log).unwrap();
    let definition = connection(number(1)).seal(&sealer(1));
    let key = schemas::key::connection(1);
    let known = NewRecord { topic: Topic::Connections, key, value: Some(Codec::default().encode(&definition)) };
    let newer = [&[0xc3, 0x01][..], &[7; 8], &[0]].concat();
    let newer = NewRecord { topic: Topic::Connections, key: schemas::key::connection(2), value: Some(newer) };
    change(&view, async { drop(log.append(vec![known, newer]).await.unwrap()) }).await;
    assert!(view.snapshot().by_number(number(1)).is_some());
    assert!(view.problem().unwrap().contains("offset 1"));
}

#[tokio::test]
async fn the_view_keeps_what_it_knows_while_the_log_is_away_and_goes_on_afterwards() {
    let dir = TempDir::new().unwrap();
    let faulty = Faulty::over(log_in(dir.path()));
    let log: Arc<dyn Log> = faulty.clone();
    defined(&log, &connection(number(1))).await;
    let view = view(&log).unwrap();
    faulty.fail(|| eventlog::Error::Unavailable("broken".into()));
    faulty.failed().await;
    assert!(view.snapshot().by_number(number(1)).is_some());
    change(&view, async {
        defined(&log, &connection(number(2))).await;
        faulty.heal();
    })
    .await;
    assert!(view.snapshot().by_number(number(2)).is_some());
}

#[tokio::test]
async fn the_view_begins_anew_where_its_position_is_lost() {
    let dir = TempDir::new().unwrap();
    let faulty = Faulty::over(log_in(dir.path()));
    let log: Arc<dyn Log> = faulty.clone();
    let original = connection(number(1));
    defined(&log, &original).await;
    let view = view(&log).unwrap();
    change(&view, async {
        faulty.fail(|| eventlog::Error::Damaged("a page".into()));
        faulty.failed().await;
        faulty.heal();
    })
    .await;
    assert_eq!(*view.snapshot().by_number(number(1)).unwrap(), original);
}
