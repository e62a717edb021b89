//! Command line and settings.

use crate::place::Place;

#[tokio::test]
async fn every_command_has_a_help_page_with_its_flags() {
    let place = Place::new();
    let commands: [&[&str]; 13] = [
        &[],
        &["demo"],
        &["up"],
        &["ingest"],
        &["projector"],
        &["sandbox"],
        &["connection", "add"],
        &["connection", "list"],
        &["connection", "show"],
        &["connection", "check"],
        &["connection", "remove"],
        &["contact", "show"],
        &["topics", "create"],
    ];
    for command in commands {
        let ended = place.run(&[command, &["--help"]].concat()).await;
        assert_eq!(ended.status, 0, "{command:?}");
        assert!(
            ended.stdout.contains("Usage: kizuna") && ended.stdout.contains("--json"),
            "{command:?}: {}",
            ended.stdout
        );
    }
}

#[tokio::test]
async fn wrong_settings_are_all_reported_and_nothing_is_begun() {
    let place = Place::new().with("KIZUNA_LISTEN", "8080").with("KIZUNA_PLAN", "gold").with("KIZUNA_LISTN", "x");
    let ended = place.run(&["up"]).await;
    assert_eq!(ended.status, 2);
    for place in ["KIZUNA_LISTEN: ", "KIZUNA_PLAN: ", "KIZUNA_LISTN: ", "did you mean KIZUNA_LISTEN?"] {
        assert!(ended.stderr.contains(place), "{place} is missing: {}", ended.stderr);
    }
    assert_eq!(std::fs::read_dir(&place.directory).unwrap().count(), 0);
}

#[tokio::test]
async fn settings_come_from_the_file_in_the_directory_and_variables_go_first() {
    let place = Place::new();
    std::fs::write(place.directory.path().join("kizuna.toml"), "data_dir = \"elsewhere\"\nplan = \"professional\"\n")
        .unwrap();
    assert_eq!(place.json(&["connection", "list"]).await["max"], 10);
    assert!(place.directory.path().join("elsewhere/log").is_dir());
    let place = place.with("KIZUNA_PLAN", "enterprise");
    assert_eq!(place.json(&["connection", "list"]).await["max"], 50);
}

#[tokio::test]
async fn a_settings_file_that_was_named_must_exist() {
    let ended = Place::new().run(&["connection", "list", "--config", "nowhere.toml"]).await;
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("nowhere.toml"), "{}", ended.stderr);
}

#[tokio::test]
async fn an_error_is_json_where_json_was_asked_for() {
    let ended = Place::new().run(&["connection", "show", "7", "--json"]).await;
    assert_eq!(ended.status, 1);
    let said: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert!(said["error"].as_str().unwrap().contains("no connection 7"), "{said}");
}

#[tokio::test]
async fn one_role_alone_needs_kafka_and_says_so() {
    for role in ["ingest", "projector"] {
        let place = Place::new().with("KIZUNA_LISTEN", "127.0.0.1:0").with("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0");
        let ended = place.run(&[role]).await;
        assert_eq!(ended.status, 2);
        assert!(ended.stderr.contains("KIZUNA_KAFKA_BROKERS"), "{}", ended.stderr);
    }
    let ended = Place::new().run(&["topics", "create"]).await;
    assert!(ended.status == 2 && ended.stderr.contains("KIZUNA_KAFKA_BROKERS"), "{ended:?}");
}

#[tokio::test]
async fn the_sandbox_says_in_one_line_where_it_is() {
    let place = Place::new();
    let mut child = place.program(&["sandbox"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stdout.take().unwrap()));
    let line = tokio::time::timeout(crate::place::PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    for name in ["line_api_url", "hubspot_api_url", "hubspot_token", "control_url"] {
        assert!(said[name].is_string(), "{name}: {said}");
    }
    for name in ["channel_id", "channel_secret", "access_token", "bot_user_id"] {
        assert!(said["line_channels"][0][name].is_string(), "{name}: {said}");
    }
    let page = reqwest::get(said["control_url"].as_str().unwrap()).await.unwrap();
    assert!(page.status().is_success());
}

#[tokio::test]
async fn a_command_that_finds_no_log_says_where_it_looked_once() {
    let place = Place::new();
    let ended = place.run(&["replay", "--dry-run"]).await;
    assert_eq!(ended.status, 0, "{ended:?}");
    let told = "note: there is no log in ./data/log (KIZUNA_DATA_DIR): a new, empty one is made there\n";
    assert_eq!(ended.stderr, told);
    assert_eq!(place.run(&["connection", "list"]).await.stderr, "");

    let ended = Place::new().run(&["connection", "list", "--json"]).await;
    let said: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert!(said["note"].as_str().unwrap().contains("KIZUNA_DATA_DIR"), "{said}");

    let begun = Place::new();
    let add = ["connection", "add", "--name", "x", "--channel-id", "1", "--channel-secret", "s", "--skip-line-checks"];
    assert_eq!(begun.run(&add).await.stderr, "");
}

#[tokio::test]
async fn a_command_that_acts_on_the_log_makes_no_new_one() {
    let user = "U4af4980629f1c2e8b7d3a6054c9e1b72";
    for command in [&["erase", user, "--yes"][..], &["verify"], &["replay"], &["dead-letters", "drop", "--all"]] {
        let place = Place::new();
        let ended = place.run(command).await;
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(ended.stderr.contains("there is no log in ./data/log: set KIZUNA_DATA_DIR"), "{ended:?}");
        assert!(!place.directory.path().join("data").exists(), "{command:?}");
    }
}

#[tokio::test]
async fn a_cause_is_told_once() {
    let place = Place::new();
    std::fs::create_dir(place.directory.path().join("data")).unwrap();
    std::fs::write(place.directory.path().join("data/master.key"), b"\xff\xfe").unwrap();
    let ended = place.run(&["connection", "list"]).await;
    assert_eq!(ended.status, 1);
    assert_eq!(ended.stderr.matches("valid UTF-8").count(), 1, "{}", ended.stderr);
}

#[tokio::test]
async fn the_demo_and_the_sandbox_run_whatever_else_is_set() {
    let place = Place::new().with("KIZUNA_PLAN", "gold").with("KIZUNA_LISTN", "x");
    std::fs::write(place.directory.path().join("kizuna.toml"), "listen = 1\n").unwrap();
    let ended = place.run(&["demo", "--json"]).await;
    assert_eq!(ended.status, 0, "{ended:?}");
    let mut sandbox = place.program(&["sandbox"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(sandbox.stdout.take().unwrap()));
    let line = tokio::time::timeout(crate::place::PATIENCE, lines.next_line()).await.unwrap().unwrap();
    assert!(line.is_some_and(|line| line.contains("control_url")));
    let log = place.with("KIZUNA_LOG", "loud").run(&["demo", "--json"]).await;
    assert_eq!(log.status, 2, "{log:?}");
}
