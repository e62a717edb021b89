//! `kizuna connection check`: one test for each thing that can be wrong, beside sandboxes in which it is.

use crate::place::{Place, Up, eventually, play, sandbox};
use eventlog::embedded::{EmbeddedLog, Options};
use eventlog::{Log, NewRecord, Topic};
use runtime::clock::{Clock, SystemClock};
use sandbox::Sandbox;
use sandbox::hubspot::Portal;
use sandbox::line::{Act, Channel, Fault, FaultKind};
use serde_json::{Value, json};
use std::sync::Arc;

/// An installation with one connected account whose webhooks reach it.
struct Rig {
    sandbox: Sandbox,
    place: Place,
    _up: Up,
}

impl Rig {
    async fn connected(more: &[&str]) -> Self {
        let sandbox = sandbox().await;
        let place = Place::beside(&sandbox);
        let up = place.up().await;
        let admin = up.admin_url.trim_start_matches("http://").to_owned();
        let place = place.with("KIZUNA_PUBLIC_URL", &up.webhook_base_url).with("KIZUNA_ADMIN_LISTEN", &admin);
        let channel = &sandbox.line_channels()[0];
        let flags = ["connection", "add", "--channel-id", &channel.id, "--channel-secret", &channel.secret];
        let added = place.json(&[&flags[..], more].concat()).await;
        assert_eq!(added["number"], 1);
        Self { sandbox, place, _up: up }
    }

    fn change_channel(&self, change: impl FnOnce(&mut Channel)) {
        let mut channel = self.sandbox.line_channels().swap_remove(0);
        change(&mut channel);
        self.sandbox.handle().line(|platform, _| platform.put_channel(channel));
    }

    fn portal<T>(&self, act: impl FnOnce(&mut Portal, i64) -> T) -> T {
        self.sandbox.handle().hubspot(act)
    }

    /// The finding of this code and severity, which must be there, and decide the exit status if it is broken.
    async fn finds(&self, code: &str, severity: &str) -> Value {
        finds(&self.place, code, severity).await
    }
}

async fn finds(place: &Place, code: &str, severity: &str) -> Value {
    let ended = place.run(&["connection", "check", "1", "--json"]).await;
    let report = ended.json();
    let all = report["findings"].as_array().unwrap();
    let found = all.iter().find(|it| it["code"] == code).unwrap_or_else(|| panic!("no {code}: {report}"));
    assert_eq!(found["severity"], severity, "{report}");
    assert_eq!(found.get("remedy").is_some(), severity != "good", "{report}");
    let is_broken = all.iter().any(|it| it["severity"] == "broken");
    assert_eq!(ended.status, i32::from(is_broken), "{report}");
    found.clone()
}

#[tokio::test]
async fn a_connection_that_works_has_only_good_findings() {
    let rig = Rig::connected(&[]).await;
    play(&rig.sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
    let report = rig.place.json(&["connection", "check", "1"]).await;
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|it| it["severity"] == "good"), "{report}");
    let codes: Vec<_> = findings.iter().map(|it| it["code"].as_str().unwrap()).collect();
    let line = ["line_secret", "line_token", "line_account", "line_chat", "webhook_url", "use_webhook", "webhook_test"];
    let hubspot = ["hubspot_token", "hubspot_calls", "hubspot_scopes", "properties", "hubspot_room"];
    assert_eq!(codes, [&["connection"], &line[..], &["events", "signatures"], &hubspot[..]].concat());
}

#[tokio::test]
async fn a_check_writes_nothing_to_hubspot() {
    let rig = Rig::connected(&[]).await;
    let written = || rig.portal(|portal, _| (portal.contacts().live_count(), portal.catalogue().custom().count()));
    let before = written();
    finds(&rig.place, "hubspot_scopes", "good").await;
    assert_eq!(written(), before);
}

#[tokio::test]
async fn people_read_what_is_broken_and_what_to_do_about_it() {
    let rig = Rig::connected(&[]).await;
    rig.change_channel(|channel| channel.use_webhook = false);
    let ended = rig.place.run(&["connection", "check", "1"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stdout.contains("BROKEN   use_webhook_off: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("-> ") && ended.stdout.contains("Webhookの利用"), "{}", ended.stdout);
}

#[tokio::test]
async fn there_is_nothing_to_check_of_a_connection_that_does_not_exist_or_was_removed() {
    let place = Place::new();
    assert_eq!(place.run(&["connection", "check", "1"]).await.status, 1);
    place.add_unchecked("1000000001").await;
    place.json(&["connection", "remove", "1"]).await;
    let ended = place.run(&["connection", "check", "1"]).await;
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("was removed"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_channel_secret_that_was_issued_anew_is_found() {
    let rig = with_long_lived_token().await;
    rig.change_channel(|channel| channel.secret = "0".repeat(32));
    let found = rig.finds("line_secret_refused", "broken").await;
    assert!(found["remedy"].as_str().unwrap().contains("チャネル基本設定"), "{found}");
    rig.finds("webhook_refused", "broken").await;
}

#[tokio::test]
async fn line_being_away_leaves_the_credentials_unknown() {
    let rig = Rig::connected(&[]).await;
    let away = Fault::next(FaultKind::Unavailable).times(100);
    rig.sandbox.handle().line(|platform, _| platform.inject(away));
    for code in ["line_secret_unknown", "line_account_unknown", "webhook_url_unknown"] {
        rig.finds(code, "unknown").await;
    }
}

async fn with_long_lived_token() -> Rig {
    let channel = sandbox().await.line_channels().swap_remove(0);
    Rig::connected(&["--access-token", &channel.access_token.unwrap()]).await
}

#[tokio::test]
async fn an_access_token_that_was_revoked_is_found() {
    let rig = with_long_lived_token().await;
    rig.finds("line_token", "good").await;
    rig.change_channel(|channel| channel.access_token = None);
    rig.finds("line_token_refused", "broken").await;
}

#[tokio::test]
async fn an_access_token_of_another_channel_is_found_and_so_is_the_other_account() {
    let rig = with_long_lived_token().await;
    let [one, other]: [Channel; 2] = rig.sandbox.line_channels().try_into().unwrap();
    let moved = Channel { access_token: one.access_token.clone(), ..other };
    rig.change_channel(|channel| channel.access_token = None);
    rig.sandbox.handle().line(|platform, _| platform.put_channel(moved));
    rig.finds("line_token_foreign", "broken").await;
    rig.finds("line_account_other", "broken").await;
}

#[tokio::test]
async fn an_access_token_that_ends_within_a_week_is_found() {
    let sandbox = sandbox().await;
    let channel = sandbox.line_channels().swap_remove(0);
    let form = [("grant_type", "client_credentials"), ("client_id", &channel.id), ("client_secret", &channel.secret)];
    let issue = format!("{}/v2/oauth/accessToken", sandbox.line_api_url);
    let issued = reqwest::Client::new().post(issue).form(&form).send().await.unwrap();
    let token = issued.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let place = Place::beside(&sandbox);
    let flags = ["--channel-id", &channel.id, "--channel-secret", &channel.secret, "--access-token", &token];
    place.json(&[&["connection", "add"], &flags[..]].concat()).await;
    finds(&place, "line_token", "good").await;
    sandbox.handle().advance(25 * 24 * 3_600_000);
    finds(&place, "line_token_ends", "warning").await;
}

#[tokio::test]
async fn a_connection_made_without_asking_line_whose_it_is_is_found() {
    let rig = Rig::connected(&["--name", "本店", "--skip-line-checks"]).await;
    rig.finds("line_account_unnoted", "warning").await;
    rig.finds("webhook_url_missing", "broken").await;
}

#[tokio::test]
async fn the_chat_mode_is_shown_and_not_judged() {
    let rig = Rig::connected(&[]).await;
    for (chat, mode) in [(true, "chatMode chat"), (false, "chatMode bot")] {
        rig.change_channel(|channel| channel.chat = chat);
        let found = rig.finds("line_chat", "good").await;
        assert!(found["sentence"].as_str().unwrap().contains(mode), "{found}");
    }
}

#[tokio::test]
async fn a_webhook_address_that_leads_elsewhere_is_found_with_ours_to_enter() {
    let rig = Rig::connected(&[]).await;
    let ours = rig.place.json(&["connection", "show", "1"]).await["webhook_url"].as_str().unwrap().to_owned();
    rig.change_channel(|channel| channel.endpoint = Some("http://127.0.0.1:1/other?key=hunter2".to_owned()));
    let found = rig.finds("webhook_url_other", "broken").await;
    assert!(found["remedy"].as_str().unwrap().contains(&ours), "{found}");
    assert!(!found.to_string().contains("hunter2"), "{found}");
    rig.finds("webhook_unreachable", "broken").await;
}

#[tokio::test]
async fn a_webhook_address_with_another_host_is_found() {
    let rig = Rig::connected(&[]).await;
    let other = |url: &String| url.replace("127.0.0.1", "localhost");
    rig.change_channel(|channel| channel.endpoint = channel.endpoint.as_ref().map(other));
    rig.finds("webhook_url_host", "warning").await;
}

#[tokio::test]
async fn a_webhook_address_where_something_else_answers_is_found() {
    let rig = Rig::connected(&[]).await;
    let admin = format!("http://{}/nothing", rig.place.value("KIZUNA_ADMIN_LISTEN"));
    rig.change_channel(|channel| channel.endpoint = Some(admin));
    rig.finds("webhook_fails", "broken").await;
}

#[tokio::test]
async fn too_many_tests_of_the_address_leave_it_unknown() {
    let rig = Rig::connected(&[]).await;
    let limited = Fault::next(FaultKind::RateLimited).at("webhook/test");
    rig.sandbox.handle().line(|platform, _| platform.inject(limited));
    rig.finds("webhook_test_unknown", "unknown").await;
}

#[tokio::test]
async fn an_account_that_never_sent_anything_is_found() {
    let rig = Rig::connected(&[]).await;
    rig.finds("events_none", "warning").await;
    play(&rig.sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
    rig.finds("events", "good").await;
}

#[tokio::test]
async fn events_of_other_connections_are_not_this_ones() {
    let rig = Rig::connected(&[]).await;
    rig.place.connect(&rig.sandbox, 1, &rig._up).await;
    let seen = async || play(&rig.sandbox, 1, "鈴木健一", &Act::message("やあ")).await.reactions[0];
    eventually("the second account is known", async || seen().await.filter(|it| it.accepted())).await;
    rig.finds("events_none", "warning").await;
}

#[tokio::test]
async fn wrong_signatures_are_found_where_a_process_tells_of_them() {
    let rig = Rig::connected(&[]).await;
    play(&rig.sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
    rig.change_channel(|channel| channel.secret = "0".repeat(32));
    play(&rig.sandbox, 0, "田中さくら", &Act::message("もしもし")).await;
    rig.finds("signatures_some_wrong", "warning").await;
}

#[tokio::test]
async fn webhooks_of_another_account_are_found() {
    let rig = Rig::connected(&[]).await;
    rig.change_channel(|channel| channel.bot_user_id = format!("U{}", "0".repeat(32)));
    play(&rig.sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
    rig.finds("destination_wrong", "broken").await;
}

#[tokio::test]
async fn what_was_refused_is_unknown_where_no_process_runs() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox).with("KIZUNA_ADMIN_LISTEN", "127.0.0.1:1");
    place.add_unchecked("1000000001").await;
    finds(&place, "signatures_unknown", "unknown").await;
}

#[tokio::test]
async fn before_the_first_webhook_no_signature_is_wrong() {
    let rig = Rig::connected(&["--name", "本店", "--skip-line-checks"]).await;
    let found = rig.finds("signatures", "good").await;
    assert_eq!(found["sentence"], "no webhook since the process started");
}

#[tokio::test]
async fn a_missing_or_refused_hubspot_token_is_found() {
    let rig = Rig::connected(&[]).await;
    let token = rig.sandbox.hubspot_token.clone();
    rig.portal(|portal, _| portal.revoke_token(&token));
    rig.finds("hubspot_token_refused", "broken").await;
    let without = rig.place.without("KIZUNA_HUBSPOT_TOKEN");
    finds(&without, "hubspot_token_missing", "broken").await;
}

#[tokio::test]
async fn missing_scopes_are_found_all_at_once_and_by_name() {
    let rig = Rig::connected(&[]).await;
    rig.portal(|portal, _| portal.grant(["crm.schemas.contacts.read".to_owned()]));
    let found = rig.finds("hubspot_scopes_missing", "broken").await;
    for scope in ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.write"] {
        assert!(found["sentence"].as_str().unwrap().contains(scope), "{found}");
    }
    rig.portal(|portal, _| {
        portal.grant(["crm.objects.contacts.read", "crm.objects.contacts.write"].map(str::to_owned));
    });
    let found = rig.finds("hubspot_scopes_missing", "broken").await;
    assert_eq!(found["sentence"], json!("the token lacks crm.schemas.contacts.write"));
}

#[tokio::test]
async fn properties_that_were_never_made_are_found() {
    let sandbox = sandbox().await;
    let place = Place::beside(&sandbox).without("KIZUNA_HUBSPOT_TOKEN");
    place.add_unchecked("1000000001").await;
    let place = place.with("KIZUNA_HUBSPOT_TOKEN", &sandbox.hubspot_token);
    finds(&place, "properties_missing", "broken").await;
}

#[tokio::test]
async fn an_archived_property_is_found() {
    let rig = Rig::connected(&[]).await;
    assert!(rig.portal(|portal, now_ms| portal.archive_property(now_ms, "line_follow_1")));
    let found = rig.finds("properties_archived", "broken").await;
    assert!(found["sentence"].as_str().unwrap().contains("line_follow_1"), "{found}");
}

async fn change_property(rig: &Rig, name: &str, change: Value) {
    let url = format!("{}/crm/properties/2026-09/contacts/{name}", rig.sandbox.hubspot_api_url);
    let request = reqwest::Client::new().patch(url).bearer_auth(&rig.sandbox.hubspot_token).json(&change);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_property_of_another_type_is_found() {
    let rig = Rig::connected(&[]).await;
    change_property(&rig, "line_user_name_1", json!({"type": "number", "fieldType": "number"})).await;
    let found = rig.finds("properties_changed", "broken").await;
    assert!(found["sentence"].as_str().unwrap().contains("line_user_name_1 is of type number"), "{found}");
}

#[tokio::test]
async fn a_property_without_its_options_is_found() {
    let rig = Rig::connected(&[]).await;
    let only_yes = json!({"options": [{"label": "Yes", "value": "Yes", "displayOrder": 0, "hidden": false}]});
    change_property(&rig, "line_unanswered_1", only_yes).await;
    rig.finds("properties_options_missing", "broken").await;
}

#[tokio::test]
async fn calls_of_the_day_that_are_used_up_are_found() {
    let rig = Rig::connected(&[]).await;
    rig.portal(|portal, now_ms| portal.adjust(now_ms, |settings| settings.daily_limit = 1));
    rig.finds("hubspot_calls_used_up", "broken").await;
}

#[tokio::test]
async fn no_room_for_a_further_connection_is_found() {
    let rig = Rig::connected(&[]).await;
    rig.portal(|portal, now_ms| portal.adjust(now_ms, |settings| settings.custom_property_limit = 13));
    rig.finds("hubspot_room_short", "warning").await;
}

#[tokio::test]
async fn a_connection_that_is_paused_is_found_with_the_command_that_resumes_it() {
    let rig = Rig::connected(&[]).await;
    rig.place.json(&["connection", "set", "1", "--pause"]).await;
    let found = rig.finds("connection_paused", "warning").await;
    assert!(found["remedy"].as_str().unwrap().contains("`kizuna connection set 1 --resume`"), "{found}");
}

#[tokio::test]
async fn friends_who_become_no_contacts_are_shown_and_not_judged() {
    let rig = Rig::connected(&["--no-auto-create"]).await;
    let found = rig.finds("auto_create_off", "good").await;
    assert!(found["sentence"].as_str().unwrap().contains("`kizuna connection set 1 --auto-create`"), "{found}");
}

#[tokio::test]
async fn a_secret_that_is_not_the_channels_yet_is_told_from_one_that_never_was() {
    let rig = Rig::connected(&[]).await;
    let rotate = ["connection", "rotate", "1", "--channel-secret", "too-early", "--skip-line-checks"];
    rig.place.json(&rotate).await;
    let found = rig.finds("line_secret_premature", "broken").await;
    assert!(found["remedy"].as_str().unwrap().contains("`kizuna connection rotate 1`"), "{found}");
    rig.change_channel(|channel| channel.secret = "too-early".to_owned());
    let found = rig.finds("line_secret", "good").await;
    assert!(found["sentence"].as_str().unwrap().contains("counts until"), "{found}");
}

#[tokio::test]
async fn a_webhook_address_that_takes_calls_and_answers_none_is_found() {
    let rig = Rig::connected(&[]).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    tokio::spawn(async move {
        let mut callers = Vec::new();
        while let Ok(caller) = silent.accept().await {
            callers.push(caller);
        }
    });
    rig.change_channel(|channel| channel.endpoint = Some(format!("http://{address}/line/webhook/none")));
    rig.finds("webhook_slow", "broken").await;
}

#[tokio::test]
async fn an_account_that_has_been_silent_for_a_week_is_found() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let rig = Rig::connected(&[]).await;
    let user = contact::UserId::from_u128(7).to_string();
    let received_at_ms = SystemClock.now_ms() - 8 * DAY_MS;
    let event = schemas::LineEvent {
        connection: 1,
        webhook_event_id: "event".into(),
        event_type: "follow".into(),
        user_id: Some(user.as_str().into()),
        occurred_at_ms: received_at_ms,
        received_at_ms,
        redelivery: false,
        raw: b"{}".into(),
    };
    let (key, value) = (schemas::key::line_event(&user, 1, "event"), schemas::Codec::default().encode(&event));
    let directory = rig.place.directory.path().join("data/log");
    let log = EmbeddedLog::open(&directory, Options::new(Arc::new(SystemClock))).unwrap();
    log.append(vec![NewRecord { topic: Topic::LineEvents, key, value: Some(value) }]).await.unwrap();
    rig.finds("events_old", "warning").await;
    play(&rig.sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
    rig.finds("events", "good").await;
}

#[tokio::test]
async fn a_secret_with_which_every_signature_is_wrong_is_found() {
    let rig = Rig::connected(&["--name", "本店", "--skip-line-checks"]).await;
    let url = rig.place.json(&["connection", "show", "1"]).await["webhook_url"].as_str().unwrap().to_owned();
    rig.change_channel(|channel| {
        channel.endpoint = Some(url);
        channel.use_webhook = true;
        channel.secret = "0".repeat(32);
    });
    eventually("the process tells of a wrong signature", async || {
        play(&rig.sandbox, 0, "田中さくら", &Act::message("こんにちは")).await;
        let metrics = rig._up.get("/metrics").await.1;
        let wrong = "kizuna_ingest_verification_failures_total{connection=\"1\",reason=\"wrong\"} ";
        metrics.lines().find_map(|line| line.strip_prefix(wrong)).filter(|count| *count != "0").map(drop)
    })
    .await;
    let found = rig.finds("signatures_wrong", "broken").await;
    assert!(found["remedy"].as_str().unwrap().contains("`kizuna connection rotate 1`"), "{found}");
}

#[tokio::test]
async fn few_calls_that_are_left_of_the_day_are_found() {
    let rig = Rig::connected(&[]).await;
    let details = format!("{}/account-info/2026-09/details", rig.sandbox.hubspot_api_url);
    let usage = format!("{}/account-info/2026-09/api-usage/daily/private-apps", rig.sandbox.hubspot_api_url);
    let get = async |url: &str| {
        let answer = reqwest::Client::new().get(url).bearer_auth(&rig.sandbox.hubspot_token).send().await.unwrap();
        answer.json::<Value>().await.unwrap()
    };
    for _ in 0..60 {
        get(&details).await;
    }
    let used = get(&usage).await["results"][0]["currentUsage"].as_u64().unwrap();
    rig.portal(|portal, now_ms| portal.adjust(now_ms, |settings| settings.daily_limit = used + 6));
    rig.finds("hubspot_calls_short", "warning").await;
}

#[tokio::test]
async fn a_token_that_may_not_see_the_portal_is_checked_for_what_it_needs() {
    let rig = Rig::connected(&[]).await;
    assert!(rig.portal(|portal, now_ms| portal.archive_property(now_ms, "line_follow_1")));
    let denied = sandbox::hubspot::Fault::next(sandbox::hubspot::FaultKind::Forbidden).at("account/details").times(100);
    rig.portal(|portal, _| portal.inject(denied));
    rig.finds("hubspot_token", "good").await;
    rig.finds("properties_archived", "broken").await;
}

#[tokio::test]
async fn what_hubspot_does_not_tell_is_unknown() {
    for (code, endpoint) in [
        ("hubspot_unknown", "account/details"),
        ("hubspot_calls_unknown", "account/daily-usage"),
        ("hubspot_scopes_unknown", "contacts/batch/read"),
        ("properties_unknown", "properties/batch/read"),
        ("hubspot_room_unknown", "limits/custom-properties"),
    ] {
        let rig = Rig::connected(&[]).await;
        let broken = sandbox::hubspot::Fault::next(sandbox::hubspot::FaultKind::Internal).at(endpoint).times(100);
        rig.portal(|portal, _| portal.inject(broken));
        rig.finds(code, "unknown").await;
    }
}

#[tokio::test]
async fn what_line_does_not_tell_of_a_token_is_unknown() {
    let rig = with_long_lived_token().await;
    let away = Fault::next(FaultKind::Unavailable).at("oauth/verify").times(100);
    rig.sandbox.handle().line(|platform, _| platform.inject(away));
    rig.finds("line_token_unknown", "unknown").await;
}
