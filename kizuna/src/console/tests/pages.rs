//! What the pages show, and what they never show.

use super::Place;
use crate::console::Console;
use crate::console::access::Role;
use crate::readiness::{self, Readiness};
use axum::http::StatusCode;
use contact::{ConnectionNumber, Plan};

#[tokio::test]
async fn the_dashboard_shows_each_account_and_how_many_the_plan_allows() {
    let place = Place::with(&[("KIZUNA_PLAN", "professional")]).await;
    place.connect(1, "きずな商店 本店", "https://profile.line-scdn.net/0hshop").await;
    let page = place.get("/", &place.somebody(Role::Viewer).await).await;
    assert!(page.text.contains("きずな商店 本店") && page.text.contains("1 of 10"), "{}", page.text);
    assert!(page.text.contains("src=\"https://profile.line-scdn.net/0hshop\""));
    assert!(!page.text.contains("/connect\""), "a viewer connects nothing");
}

#[tokio::test]
async fn the_dashboard_says_that_everything_works_only_where_no_account_needs_a_look() {
    let mut place = Place::with(&[("KIZUNA_HUBSPOT_TOKEN", "token")]).await;
    for (number, name) in [(1, "本店"), (2, "支店")] {
        place.connect(number, name, "").await;
    }
    let (installation, view) = (place.console.0.installation.clone(), place.console.0.view.clone());
    let cookie = place.somebody(Role::Operator).await;
    let readiness = Readiness::default();
    readiness.part("log", readiness::starting()).ready();
    place.console = Console::open(installation, view, Some(readiness), super::HOST.parse().unwrap()).unwrap();
    assert!(place.get("/", &cookie).await.text.contains("Everything works"));

    let metrics = ingest::Metrics::register(&place.console.0.installation.metrics).unwrap();
    metrics.webhooks.with_label_values(&["1", "wrong_destination"]).inc();
    let page = place.get("/", &cookie).await.text;
    assert!(!page.contains("Everything works"), "{page}");
    assert!(page.contains("Accounts that need a look: <strong>1</strong>"), "{page}");
    place.post("/connections/1/state", &cookie, &[("state", "paused")]).await;
    assert!(place.get("/", &cookie).await.text.contains("Everything works"), "a pause is somebody's wish");
}

#[tokio::test]
async fn the_dashboard_says_in_the_language_of_the_reader_which_part_is_not_ready_and_why() {
    let mut place = Place::new().await;
    let (installation, view) = (place.console.0.installation.clone(), place.console.0.view.clone());
    let cookie = place.somebody(Role::Viewer).await;
    let readiness = Readiness::default();
    let away = eventlog::Error::Unavailable("no broker".to_owned());
    readiness.part("log", readiness::log_fails(&away));
    readiness.part("spool", readiness::starting()).degraded(readiness::spooling(3));
    place.console = Console::open(installation, view, Some(readiness), super::HOST.parse().unwrap()).unwrap();
    let english =
        ["<strong>Log</strong>: the log is unavailable: no broker", "<strong>Spool</strong>: spooling: 3 events"];
    let japanese =
        ["<strong>ログ</strong>: ログに書き込めません", "<strong>スプール</strong>: イベントを一時保存しています。3件"];
    for (language, told) in [("en", english), ("ja", japanese)] {
        let page = place.get("/", &format!("{cookie}; kizuna_language={language}")).await.text;
        assert!(told.iter().all(|part| page.contains(part)), "{page}");
    }
}

#[tokio::test]
async fn the_page_of_an_account_counts_what_was_not_answered_200_and_says_when_redelivery_matters() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Viewer).await;
    let page = place.get("/connections/1", &cookie).await;
    assert!(page.text.contains("This process takes no webhooks"), "{}", page.text);
    let metrics = ingest::Metrics::register(&place.console.0.installation.metrics).unwrap();
    metrics.verification_failures.with_label_values(&["1", "wrong"]).inc_by(4);
    let page = place.get("/connections/1", &cookie).await;
    assert!(page.text.contains("wrong signature</dt><dd>4</dd>"), "{}", page.text);
    assert!(page.text.contains("nothing depends on Webhook redelivery"), "{}", page.text);
    metrics.webhooks.with_label_values(&["1", "unavailable"]).inc_by(3);
    let page = place.get("/connections/1", &cookie).await;
    for part in ["Not answered 200 in all</dt><dd>7</dd>", "not stored in time</dt><dd>3</dd>", "comes again only if"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
}

#[tokio::test]
async fn the_settings_say_where_the_console_listens_and_which_key_is_in_use() {
    let key = "0123456789abcdef".repeat(4);
    for (variables, shown) in [
        (&[][..], ["<td>127.0.0.1:8090</td>", "the key file in the data directory is used"]),
        (
            &[("KIZUNA_CONSOLE_LISTEN", "[::1]:9000"), ("KIZUNA_MASTER_KEY", &*key)],
            ["<td>[::1]:9000</td>", "<code>KIZUNA_MASTER_KEY</code></th><td>set</td>"],
        ),
    ] {
        let place = Place::with(variables).await;
        let page = place.get("/settings", &place.somebody(Role::Viewer).await).await.text;
        assert!(page.contains("KIZUNA_CONSOLE_LISTEN") && !page.contains(&key), "{page}");
        assert!(shown.iter().all(|part| page.contains(part)), "{shown:?}: {page}");
    }
}

#[tokio::test]
async fn hostile_names_and_pictures_stay_text() {
    let place = Place::new().await;
    place.connect(1, "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>", "javascript:alert(1)").await;
    let cookie = place.somebody(Role::Admin).await;
    for path in ["/", "/connections/1"] {
        let page = place.get(path, &cookie).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{}", page.text);
        assert!(!page.text.contains("src=\"javascript"), "{}", page.text);
    }
}

#[tokio::test]
async fn no_page_shows_a_secret() {
    let place = Place::with(&[("KIZUNA_HUBSPOT_TOKEN", "canary-hubspot-token")]).await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Admin).await;
    let account = ["/connections/1", "/connections/1/check", "/connections/1/rotation"];
    for path in
        [&account[..], &["/", "/connect", "/settings", "/people", "/changes", "/dead-letters", "/replay"]].concat()
    {
        let page = place.get(path, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.text.contains("canary"), "{path}: {}", page.text);
    }
    let viewer = place.get("/connections/1", &place.somebody(Role::Viewer).await).await;
    assert!(!viewer.text.contains("webhook-token"), "the address is for those who set things up");
}

#[tokio::test]
async fn an_account_is_edited_paused_and_removed_and_each_change_is_recorded() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Admin).await;
    place.post("/connections/1", &cookie, &[("name", "新宿店"), ("icon", "https://example.com/icon")]).await;
    let page = place.get("/connections/1", &cookie).await;
    assert!(page.text.contains("新宿店") && page.text.contains("https://example.com/icon"), "{}", page.text);
    assert!(!page.text.contains("name=\"auto_create\" checked"));
    place.post("/connections/1/state", &cookie, &[("state", "paused")]).await;
    assert!(place.get("/connections/1", &cookie).await.text.contains("Paused"));

    assert_eq!(place.post("/connections/1/remove", &cookie, &[("confirmation", "1")]).await.location(), "/");
    let actions: Vec<_> = place.accounts().changes(10).unwrap().into_iter().map(|it| it.action).collect();
    assert_eq!(actions, ["removed", "paused", "edited"]);
}

#[tokio::test]
async fn an_account_that_was_begun_and_not_finished_gives_its_place_back_unless_somebody_finishes_it() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Admin).await;
    let (installation, view) = (&place.console.0.installation, &place.console.0.view);
    for channel in ["1650000001", "1650000002"] {
        connection::claim(&installation.log, &installation.codec, Plan::Starter, channel, 0).await.unwrap();
    }
    view.changed().wait_for(|_| view.snapshot().unfinished().len() == 2).await.unwrap();
    assert!(place.get("/", &cookie).await.text.contains("1650000001"));
    let fields = |number| [("confirmation", number), ("unfinished", "on")];
    assert_eq!(place.post("/connections/1/remove", &cookie, &fields("1")).await.location(), "/");
    assert!(!place.get("/", &cookie).await.text.contains("1650000001"));

    place.connect(2, "本店", "").await;
    assert_eq!(place.post("/connections/2/remove", &cookie, &fields("2")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(place.get("/connections/2", &cookie).await.status, StatusCode::OK);
    assert_eq!(place.recorded(), ["removed"]);
}

#[tokio::test]
async fn what_is_removed_is_gone_from_the_next_page_and_nobody_removes_what_is_not_there() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Admin).await;
    assert_eq!(place.post("/connections/1/remove", &cookie, &[("confirmation", "1")]).await.location(), "/");
    assert_eq!(place.get("/connections/1", &cookie).await.status, StatusCode::NOT_FOUND);
    for number in ["1", "2"] {
        let path = format!("/connections/{number}/remove");
        let again = place.post(&path, &cookie, &[("confirmation", number)]).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND, "{number}");
    }
    assert_eq!(place.recorded(), ["removed"]);
}

#[tokio::test]
async fn an_edit_changes_what_was_changed_on_the_page_and_nothing_that_others_changed_since_it_was_shown() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Operator).await;
    let page = place.get("/connections/1", &cookie).await.text;
    let (_, form) = page.split_once("action=\"/connections/1\"").unwrap();
    let (form, _) = form.split_once("</form>").unwrap();
    let mut fields = Vec::new();
    for input in form.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let value_of = |name: &str| Some(input.split_once(&format!("{name}=\""))?.1.split('"').next().unwrap());
        let is_sent = !input.contains("type=\"checkbox\"") || input.ends_with(" checked");
        match (value_of("name").unwrap(), value_of("value").unwrap_or("on")) {
            ("proof", _) => {}
            ("name", _) => fields.push(("name", "新宿店")),
            (name, value) if is_sent => fields.push((name, value)),
            _ => {}
        }
    }
    let others = [("name", "本店"), ("description", "駅前"), ("icon", "https://example.com/icon")];
    place.post("/connections/1", &cookie, &others).await;
    assert_eq!(place.post("/connections/1", &cookie, &fields).await.status, StatusCode::SEE_OTHER);
    let now = place.console.0.view.snapshot().by_number(ConnectionNumber::new(1).unwrap()).unwrap();
    let shown = (&*now.name, &*now.description, &*now.icon, now.auto_create);
    assert_eq!(shown, ("新宿店", "駅前", "https://example.com/icon", false));
}

#[tokio::test]
async fn what_cannot_be_used_is_said_with_what_was_typed_and_changes_and_records_nothing() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Admin).await;
    let kept = ("description", "typed &");
    for (path, fields, told) in [
        ("/connections/1", &[("name", " "), kept][..], "Enter a name"),
        ("/connections/1", &[("name", "新宿店"), ("icon", "http://example.com/a"), kept], "must begin with https://"),
        ("/connections/1", &[("name", "新宿店"), ("icon", "javascript:alert(1)"), kept], "must begin with https://"),
        ("/connections/1/remove", &[("confirmation", "2")], "not the number of the account"),
        ("/connections/1/remove", &[], "not the number of the account"),
    ] {
        let page = place.post(path, &cookie, fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        assert!(page.text.contains(told), "{told}: {}", page.text);
        for (name, value) in fields {
            let field = format!("name=\"{name}\"");
            let (_, input) = page.text.split_once(&field).unwrap();
            let value = value.trim().replace('&', "&#38;");
            assert!(input.split('>').next().unwrap().contains(&format!("value=\"{value}\"")), "{field}: {}", page.text);
        }
    }
    let page = place.get("/connections/1", &cookie).await;
    assert!(page.text.contains("<h1>本店</h1>") && !page.text.contains("typed"), "{}", page.text);
    assert!(place.recorded().is_empty());
}

#[tokio::test]
async fn another_language_leads_from_a_refusal_to_a_page_that_can_be_seen() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Admin).await;
    let id = place.accounts().people().unwrap()[0].id;
    let (person, factor) = (format!("/people/{id}/remove"), "/account/second-factor/off");
    for path in ["/connections/1", "/connections/1/remove", &person, "/replay/apply", factor] {
        let refused = place.post(path, &cookie, &[]).await;
        assert!(refused.status.is_client_error(), "{path}");
        let (_, back) = refused.text.split_once("name=\"back\" value=\"").unwrap();
        let back = back.split('"').next().unwrap();
        assert_eq!(place.get(back, &cookie).await.status, StatusCode::OK, "{path} -> {back}");
    }
}

#[tokio::test]
async fn the_audit_log_is_in_the_language_of_the_reader() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Admin).await;
    place.post("/connections/1", &cookie, &[("name", "新宿店")]).await;
    place.post("/people", &cookie, &[("name", "花子"), ("role", "viewer")]).await;
    for (language, shown) in [
        ("en", ["<td>Edited an account</td>", "<td>花子 (Viewer)</td>"]),
        ("ja", ["<td>アカウントを編集</td>", "<td>花子（閲覧者）</td>"]),
    ] {
        let page = place.get("/changes", &format!("{cookie}; kizuna_language={language}")).await;
        assert!(shown.iter().all(|part| page.text.contains(part)), "{shown:?}: {}", page.text);
        assert!(!page.text.contains("person_added"), "{}", page.text);
    }
}

#[tokio::test]
async fn an_address_that_does_not_exist_has_a_page_in_the_language_of_the_reader() {
    let place = Place::new().await;
    let cookie = format!("{}; kizuna_language=ja", place.somebody(Role::Admin).await);
    for path in ["/connections/x", "/connections/4294967296", "/connections/x/check", "/logout", "/nowhere"] {
        let page = place.get(path, &cookie).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}: {}", page.text);
        assert!(page.text.contains("ページが存在しないか"), "{path}: {}", page.text);
    }
    for path in ["/people/abc/role", "/connections/x", "/dead-letters/%FF/drop", "/settings"] {
        let page = place.post(path, &cookie, &[]).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}: {}", page.text);
        assert!(page.text.contains("ページが存在しないか"), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn what_fails_is_said_in_the_language_of_the_reader() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Admin).await;
    let file = rusqlite::Connection::open(place.directory.path().join("console/accounts.sqlite3")).unwrap();
    file.execute_batch("DROP TABLE audit").unwrap();
    for (language, told) in [("en", "Something went wrong"), ("ja", "エラーが発生しました")] {
        let page = place.get("/changes", &format!("{cookie}; kizuna_language={language}")).await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(page.text.contains(told), "{}", page.text);
    }
}

#[tokio::test]
async fn the_last_administrator_cannot_be_removed_or_made_less() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Admin).await;
    let id = place.accounts().people().unwrap()[0].id;
    let removed = place.post(&format!("/people/{id}/remove"), &cookie, &[]).await;
    assert_eq!(removed.status, StatusCode::UNPROCESSABLE_ENTITY);
    let lowered = place.post(&format!("/people/{id}/role"), &cookie, &[("role", "viewer")]).await;
    assert_eq!(lowered.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(place.accounts().has_administrator().unwrap());
}

#[tokio::test]
async fn a_changed_role_holds_at_once() {
    let place = Place::new().await;
    let (admin, viewer) = (place.somebody(Role::Admin).await, place.somebody(Role::Viewer).await);
    let people = place.accounts().people().unwrap();
    let id = people.iter().find(|person| person.role == Role::Viewer).unwrap().id;
    assert_eq!(place.get("/people", &viewer).await.status, StatusCode::FORBIDDEN);
    place.post(&format!("/people/{id}/role"), &admin, &[("role", "admin")]).await;
    assert_eq!(place.get("/people", &viewer).await.status, StatusCode::OK);
    place.post(&format!("/people/{id}/remove"), &admin, &[]).await;
    assert_eq!(place.get("/", &viewer).await.location(), "/login");
}
