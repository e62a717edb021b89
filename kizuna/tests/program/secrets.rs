//! Secrets come in by argument, file and standard input, and go out nowhere.

use crate::place::{Place, play, sandbox};
use crate::terminal::at_a_terminal;
use sandbox::line::Act;
use std::path::Path;

const SECRET: &str = "canary0secret0f9263cfe6e634a888f";
const TOKEN: &str = "canary0token0KL40NQthdVGHeSB8VlXcMvR";

fn files(directory: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![std::fs::read(&path).unwrap()] }).collect()
}

#[tokio::test]
async fn secrets_from_a_file_and_from_standard_input_are_used_and_never_shown() {
    let place = Place::new();
    std::fs::write(place.directory.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let add = ["connection", "add", "--name", "x", "--skip-line-checks", "--channel-id"];
    let from_file = ["1000000001", "--channel-secret-file", "secret", "--access-token", "-"];
    let from_input = ["1000000002", "--channel-secret", "-", "--access-token", TOKEN];
    let mut said = Vec::new();
    said.push(place.run_with_input(&[&add[..], &from_file].concat(), &format!("{TOKEN}\n")).await);
    said.push(place.run_with_input(&[&add[..], &from_input].concat(), &format!("{SECRET}\n")).await);
    for command in [&["connection", "list"][..], &["connection", "show", "1"], &["connection", "show", "2"]] {
        said.push(place.run(command).await);
        said.push(place.run(&[command, &["--json"]].concat()).await);
    }
    for ended in &said {
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(!ended.stdout.contains("canary") && !ended.stderr.contains("canary"), "{ended:?}");
    }
    std::fs::remove_file(place.directory.path().join("secret")).unwrap();
    let kept = files(place.directory.path());
    let holds = |bytes: &Vec<u8>, canary: &str| bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
    assert!(!kept.is_empty() && !kept.iter().any(|bytes| holds(bytes, SECRET) || holds(bytes, TOKEN)));
}

#[tokio::test]
async fn a_refused_secret_is_not_shown_either() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox);
    let channel = &sandbox.line_channels()[0];
    let flags = ["--channel-id", &channel.id, "--channel-secret", SECRET, "--access-token", TOKEN];
    let ended = place.run(&[&["connection", "add"], &flags[..]].concat()).await;
    assert_eq!(ended.status, 1);
    assert!(!ended.stdout.contains("canary") && !ended.stderr.contains("canary"), "{ended:?}");
}

#[tokio::test]
async fn the_log_of_a_running_up_names_nobody() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox).with("KIZUNA_LOG_FORMAT", "json");
    let up = place.up().await;
    place.connect(&sandbox, 0, &up).await;
    let mut user = String::new();
    for text in ["canary-text-1", "canary-text-2"] {
        user = play(&sandbox, 0, "canary-name", &Act::message(text)).await.played.user_id;
    }
    sandbox.handle().hubspot(|portal, _| portal.expire_tokens(0));
    play(&sandbox, 0, "canary-name", &Act::message("canary-text-3")).await;
    let metrics = up.get("/metrics").await.1;
    let ended = up.stop().await;
    let secret = &sandbox.line_channels()[0].secret;
    for canary in ["canary", &user, &user.to_lowercase(), secret, &sandbox.hubspot_token] {
        assert!(!ended.stderr.contains(canary) && !metrics.contains(canary), "{canary} in:\n{}", ended.stderr);
    }
    assert!(
        ended.stderr.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{}",
        ended.stderr
    );
}

/// Adds a connection at a terminal. Gives how it ended, what the terminal showed, and what was printed.
async fn add_at_a_terminal(typed: &[(&'static str, String)]) -> (i32, String, String) {
    let add = ["connection", "add", "--name", "x", "--skip-line-checks", "--channel-id", "1"];
    at_a_terminal(&Place::new(), &[&add[..], &["--channel-secret", "-", "--access-token", "-"]].concat(), typed).await
}

#[tokio::test]
async fn at_a_terminal_secrets_are_asked_for_and_not_shown_while_they_are_typed() {
    let questions =
        [("Type the channel secret", format!("{SECRET}\n")), ("Type the access token", format!("{TOKEN}\n"))];
    let (status, seen, printed) = add_at_a_terminal(&questions).await;
    assert_eq!(status, 0, "{seen}{printed}");
    assert!(printed.contains("Connection 1: x") && !seen.contains("canary"), "{seen}{printed}");
}

#[tokio::test]
async fn ctrl_c_breaks_the_question_for_a_secret_off() {
    let (status, seen, printed) = add_at_a_terminal(&[("Type the channel secret", "\u{3}".to_owned())]).await;
    assert_eq!(status, 130, "{seen}{printed}");
    assert!(seen.contains("nothing was done") && printed.is_empty(), "{seen}{printed}");
}
