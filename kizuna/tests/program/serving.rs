//! `kizuna up`: start, health, what works without HubSpot, stop.

use crate::place::{Place, Up, eventually, play, sandbox};
use sandbox::line::{Act, Fault, FaultKind};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn it_starts_with_nothing_set_and_ends_well_when_told_to() {
    let place = Place::new();
    let up = place.up().await;
    assert_eq!(up.get("/live").await.0, 200);
    let (status, parts) = up.get("/ready").await;
    assert_eq!(status, 200);
    for part in ["log", "connections", "projector"] {
        assert!(parts.contains(&format!("\"{part}\":\"ready\"")), "{parts}");
    }
    let metrics = up.get("/metrics").await.1;
    assert!(metrics.contains("kizuna_ingest_") && metrics.contains("kizuna_projector_"), "{metrics}");
    let ended = up.stop().await;
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[tokio::test]
async fn the_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let up = place.up().await;
    up.stop().await;
    let data = place.directory.path().join("data");
    for directory in [data.clone(), data.join("log"), data.join("state")] {
        let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", directory.display());
    }
    assert_eq!(std::fs::metadata(data.join("master.key")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn without_a_hubspot_token_events_are_kept_and_sent_once_there_is_one() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox).without("KIZUNA_HUBSPOT_TOKEN");
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    eventually("the event is taken", async || {
        let told = play(&sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
        told.reactions[0].filter(|reaction| reaction.accepted())
    })
    .await;
    assert_eq!(up.stop().await.status, 0);
    assert_eq!(sandbox.handle().hubspot(|portal, _| portal.contacts().live_count()), 0);

    let place = place.with("KIZUNA_HUBSPOT_TOKEN", &sandbox.hubspot_token);
    let _up = place.up().await;
    let count = || sandbox.handle().hubspot(|portal, _| portal.contacts().live_count());
    eventually("the contact is made", async || (count() == 1).then_some(())).await;
}

#[tokio::test]
async fn clients_that_hold_connections_leave_the_log_the_files_that_it_needs() {
    let place = Place::new();
    let up = place.up_by(place.program_with_files(256, &["up", "--json"])).await;
    let mut clients = Vec::new();
    for _ in 0..400 {
        clients.push(TcpStream::connect(webhook_address(&up)).await.unwrap());
    }
    eventually("as many are let in as may be", async || {
        (up.metric("kizuna_ingest_open_connections").await == 128).then_some(())
    })
    .await;
    drop(clients);
    let ended = up.stop().await;
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!ended.stderr.contains("Too many open files"), "{ended:?}");
}

/// Half a request, which keeps a process that was told to stop for some seconds.
async fn half_a_request(up: &Up) -> TcpStream {
    let mut client = TcpStream::connect(webhook_address(up)).await.unwrap();
    let head = b"POST /line/webhook/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";
    client.write_all(head).await.unwrap();
    eventually("the request is open", async || {
        up.get("/metrics").await.1.contains("kizuna_ingest_open_connections 1").then_some(())
    })
    .await;
    client
}

fn webhook_address(up: &Up) -> &str {
    up.webhook_base_url.strip_prefix("http://").unwrap()
}

/// Tells it to stop, and waits until it takes no connection any more.
async fn tell_to_stop(up: &Up) {
    up.signal();
    eventually("it takes nothing new in", async || TcpStream::connect(webhook_address(up)).await.err()).await;
}

#[tokio::test]
async fn a_second_signal_ends_it_without_waiting_for_work_under_way() {
    let up = Place::new().up().await;
    let _client = half_a_request(&up).await;
    tell_to_stop(&up).await;
    let ended = up.stop().await;
    assert_eq!(ended.status, 130, "{ended:?}");
}

#[tokio::test]
async fn while_it_ends_it_is_not_ready_and_says_that_it_is_shutting_down() {
    let up = Place::new().up().await;
    let _client = half_a_request(&up).await;
    tell_to_stop(&up).await;
    let (status, parts) = up.get("/ready").await;
    assert_eq!(status, 503, "{parts}");
    assert!(parts.contains(r#""process":"shutting down""#), "{parts}");
    up.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = Place::new().with("KIZUNA_LISTEN", &listener.local_addr().unwrap().to_string());
    let ended = place.run(&["up"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("KIZUNA_LISTEN"), "{}", ended.stderr);
}

#[tokio::test]
async fn damaged_files_of_the_console_keep_no_webhook_out_and_the_warning_says_what_to_do() {
    let place = Place::new().with("KIZUNA_CONSOLE_LISTEN", "127.0.0.1:0");
    place.up().await.stop().await;
    let console = place.directory.path().join("data/console");
    std::fs::write(console.join("accounts.sqlite3"), "no database ".repeat(1_000)).unwrap();
    let up = place.up().await;
    let refused = reqwest::get(format!("{}/line/webhook/nobody", up.webhook_base_url)).await.unwrap();
    assert!(refused.status().is_client_error(), "the receiver answers: {}", refused.status());
    let advice = "move console/ in the data directory away";
    let ended = up.stop().await;
    assert!(ended.status == 0 && ended.stderr.contains("there is no console"), "{ended:?}");
    assert!(ended.stderr.contains(advice), "{ended:?}");
    let alone = place.run(&["console"]).await;
    assert!(alone.status == 1 && alone.stderr.contains(advice), "{alone:?}");
    std::fs::rename(&console, place.directory.path().join("away")).unwrap();
    let up = place.up().await;
    assert!(up.console_url.is_some(), "it begins anew");
    assert!(!up.stop().await.stderr.contains("there is no console"));
}

#[tokio::test]
async fn another_master_key_is_told_from_damage() {
    let place = Place::new();
    place.add_unchecked("1000000001").await;
    let place = place.with("KIZUNA_MASTER_KEY", &"0123456789abcdef".repeat(4));
    let ended = place.run(&["connection", "list"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("KIZUNA_MASTER_KEY"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_master_key_that_is_missing_is_asked_for_and_never_made_anew() {
    let place = Place::new().with("KIZUNA_LISTEN", "127.0.0.1:0").with("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0");
    place.add_unchecked("1000000001").await;
    let key = place.directory.path().join("data/master.key");
    let copy = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    for command in [&["connection", "list"][..], &["contact", "find"], &["replay", "--dry-run"], &["up"]] {
        let ended = place.run(command).await;
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(ended.stderr.contains("master.key is missing in ./data: put it back"), "{}", ended.stderr);
        assert!(ended.stderr.contains("KIZUNA_MASTER_KEY") && !key.exists(), "{}", ended.stderr);
    }
    std::fs::write(&key, copy).unwrap();
    assert_eq!(place.json(&["connection", "list"]).await["in_use"], 1);
}

#[tokio::test]
async fn ready_says_when_hubspot_refuses_the_token_and_webhooks_are_taken_all_the_same() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox).with("KIZUNA_HUBSPOT_TOKEN", "pat-nobody-knows");
    let up = place.up().await;
    let parts = eventually("the token was tried", async || {
        let (status, parts) = up.get("/ready").await;
        assert_eq!(status, 200, "{parts}");
        (!parts.contains(r#""hubspot":"ready""#) && parts.contains("hubspot")).then_some(parts)
    })
    .await;
    assert!(parts.contains("token") && !parts.contains("pat-nobody-knows"), "{parts}");
    eventually("the metric says so too", async || {
        up.get("/metrics").await.1.contains(r#"kizuna_part_ready{part="hubspot"} 0"#).then_some(())
    })
    .await;
    up.stop().await;

    let up = Place::beside(&sandbox).up().await;
    let accepted =
        async || up.get("/metrics").await.1.contains(r#"endpoint="account_read",status="200""#).then_some(());
    eventually("HubSpot is asked whether it accepts the token, though nothing happens", accepted).await;
    assert!(up.get("/ready").await.1.contains(r#""hubspot":"ready""#));
}

#[tokio::test]
async fn ready_names_the_connection_whose_credentials_line_refuses_until_it_accepts_them() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    sandbox
        .handle()
        .line(|platform, _| platform.inject(Fault::next(FaultKind::Unauthenticated).at("profile").times(99)));
    eventually("the refusal is told", async || {
        play(&sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
        let (status, parts) = up.get("/ready").await;
        (status == 200 && parts.contains("refuses the credentials of connection 1:")).then_some(())
    })
    .await;
    sandbox.handle().line(|platform, _| platform.clear_faults());
    play(&sandbox, 0, "鈴木はな", &Act::message("はじめまして")).await;
    let accepted = async || up.get("/ready").await.1.contains(r#""line":"ready""#).then_some(());
    eventually("LINE accepts them again", accepted).await;
}

#[tokio::test]
async fn one_webhook_can_be_followed_through_the_logs_to_its_write() {
    let sandbox = sandbox().await;
    let levels = "info,ingest=debug,projector=debug";
    let place = Place::beside(&sandbox).with("KIZUNA_LOG", levels).with("KIZUNA_LOG_FORMAT", "json");
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    let played = eventually("the event is taken", async || {
        let told = play(&sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
        told.reactions[0].is_some_and(|reaction| reaction.accepted()).then_some(told.played)
    })
    .await;
    let count = || sandbox.handle().hubspot(|portal, _| portal.contacts().live_count());
    eventually("the contact is made", async || (count() == 1).then_some(())).await;
    let log = up.stop().await.stderr;
    assert!(!log.contains(&played.user_id) && !log.contains("田中") && !log.contains("こんにちは"), "{log}");

    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |what: &str, field: &str, value: &serde_json::Value| {
        let found = lines.iter().find(|line| line["message"] == what && line[field] == *value);
        found.unwrap_or_else(|| panic!("no line {what:?} with {field} {value}:\n{log}")).clone()
    };
    let event = lines.iter().find(|line| line["message"] == "stored").unwrap()["event"].clone();
    let user = line("an event comes into the state", "event", &event)["user"].clone();
    assert_eq!(user.as_str().unwrap().len(), 10);
    assert_eq!(line("HubSpot answered about a contact", "user", &user)["outcome"], "created");
}
