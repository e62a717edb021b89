//! What is not said: no log line names a person, a text or a secret.

use crate::lines;
use crate::log::{Memory, Mood};
use crate::world::{SECRET, TOKEN, USER, World, body, message};
use ingest::Settings;
use ingest::spool::Options;
use std::time::Duration;
use tempfile::TempDir;

/// What was logged, which must not be private.
fn said() -> String {
    let text = lines::kept();
    for private in [USER, &USER[1..], "very private words", SECRET, TOKEN] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    text
}

#[tokio::test]
async fn the_log_lines_of_an_outage_say_so_and_name_nobody() {
    let directory = TempDir::new().unwrap();
    let options = Options { retry_pause: Duration::from_millis(5), ..Options::new(1) };
    let world = World::spooling(Memory::new(), Settings::default(), directory.path(), options).await;
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&body(&[&message("01")])).await, 200);
    world.log.is_now(Mood::Takes);
    world.until(|metrics| metrics.spool_records.get() == 0).await;
    let text = said();
    assert!(text.contains("the log is away") && text.contains("the log is back"), "{text}");
}

#[tokio::test]
async fn logs_name_connection_and_event_and_nobody() {
    let world = World::new().await;
    let webhook = body(&[&message("01FZ74A0TDDPYRVKNK77XKC3ZR")]);
    assert_eq!(world.receives(&webhook).await, 200);
    assert_eq!(world.post(TOKEN, "wrong", &webhook).await.status, 401);
    assert_eq!(world.receives(format!("very private words of {USER}").as_bytes()).await, 200);
    world.log.is_now(Mood::Fails);
    assert_eq!(world.receives(&webhook).await, 503);
    let text = said();
    assert!(text.contains("connection=1") && text.contains("01FZ74A0TDDPYRVKNK77XKC3ZR"), "{text}");
}
