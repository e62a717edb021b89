//! Replays from the console: what they show, what they put in force, and when they do not.

use super::Place;
use crate::console::access::Role;
use crate::console::replays::{Ended, Stage};
use crate::server::GROUP;
use axum::http::StatusCode;
use contact::UserId;
use eventlog::{NewRecord, Topic};
use schemas::{DeadLetter, LineEvent, Reason};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

impl Place {
    /// Lets a person follow the account, as ingest writes it.
    async fn follow(&self, person: u8) -> String {
        let user = UserId::from_u128(u128::from(person)).to_string();
        let event_id = format!("event-{person}");
        let raw = format!(
            r#"{{"type":"follow","mode":"active","timestamp":1700000000000,"source":{{"type":"user","userId":"{user}"}},"webhookEventId":"{event_id}","deliveryContext":{{"isRedelivery":false}}}}"#
        );
        let event = LineEvent {
            connection: 1,
            webhook_event_id: Cow::Borrowed(&event_id),
            event_type: Cow::Borrowed("follow"),
            user_id: Some(Cow::Borrowed(&user)),
            occurred_at_ms: 1_700_000_000_000,
            received_at_ms: 1_700_000_000_000,
            redelivery: false,
            raw: Cow::Borrowed(raw.as_bytes()),
        };
        let installation = &self.console.0.installation;
        let (key, value) = (schemas::key::line_event(&user, 1, &event_id), installation.codec.encode(&event));
        let record = NewRecord { topic: Topic::LineEvents, key, value: Some(value) };
        installation.log.append(vec![record]).await.unwrap();
        user
    }

    /// The page, once nothing runs.
    async fn replayed(&self, cookie: &str) -> String {
        let ended = async {
            loop {
                let page = self.get("/replay", cookie).await;
                assert_eq!(page.status, StatusCode::OK);
                if !page.text.contains("id=\"running\"") {
                    return page.text;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap()
    }

    async fn dry_run(&self, cookie: &str) -> String {
        assert_eq!(self.post("/replay", cookie, &[]).await.location(), "/replay");
        self.replayed(cookie).await
    }

    async fn apply(&self, cookie: &str, shown: &str) -> String {
        let digest = digest(shown);
        assert_eq!(self.post("/replay/apply", cookie, &[("digest", digest)]).await.location(), "/replay");
        self.replayed(cookie).await
    }

    /// The replay that ended last, held by nobody here.
    fn ended(&self) -> Weak<Ended> {
        let Stage::Ended(ended) = self.console.0.replays.stage() else { panic!("none ended") };
        Arc::downgrade(&ended)
    }

    /// The files of the live state.
    fn live(&self) -> Vec<PathBuf> {
        let state = self.console.0.installation.directory("state").unwrap();
        let files = std::fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.is_file() && !path.ends_with("rebuild.lock")).collect()
    }
}

fn digest(page: &str) -> &str {
    let rest = page.split("name=\"digest\" value=\"").nth(1).expect("the page offers to apply");
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn a_dry_run_shows_each_contact_and_the_cost_and_changes_nothing() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let cookie = place.somebody(Role::Operator).await;
    assert!(place.dry_run(&cookie).await.contains("HubSpot is in step with the log"));
    let user = place.follow(7).await;
    let page = place.dry_run(&cookie).await;
    for part in
        [&*user, "line_follow_1", "<dt>Contacts to create</dt><dd>1</dd>", "<dt>Calls to HubSpot</dt><dd>1</dd>"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("/replay/apply"), "an operator applies nothing");
    assert!(place.live().is_empty());
}

#[tokio::test]
async fn what_is_to_be_done_about_a_contact_is_said_in_the_language_of_the_reader() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    place.follow(7).await;
    let cookie = place.somebody(Role::Operator).await;
    assert!(place.dry_run(&cookie).await.contains("<strong>Create</strong>"));
    let page = place.get("/replay", &format!("{cookie}; kizuna_language=ja")).await;
    assert!(page.text.contains("<strong>作成</strong>"), "{}", page.text);
}

#[tokio::test]
async fn what_was_shown_is_put_in_force_where_no_projector_runs() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    place.follow(7).await;
    let cookie = place.somebody(Role::Admin).await;
    let page = place.dry_run(&cookie).await;
    let applied = place.apply(&cookie, &page).await;
    assert!(applied.contains("The state is new"), "{applied}");
    assert!(!applied.contains("name=\"digest\""), "it is done");
    assert!(!place.live().is_empty());
    assert_eq!(place.recorded(), ["replay_applied", "replay_begun", "replay_looked"]);
}

#[tokio::test]
async fn what_was_overtaken_is_shown_anew_and_not_put_in_force() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    place.follow(7).await;
    let cookie = place.somebody(Role::Admin).await;
    let page = place.dry_run(&cookie).await;
    let user = place.follow(8).await;
    let overtaken = place.apply(&cookie, &page).await;
    assert!(overtaken.contains("Not applied") && overtaken.contains(&user), "{overtaken}");
    assert!(place.live().is_empty());
    let applied = place.apply(&cookie, &overtaken).await;
    assert!(applied.contains("The state is new"), "{applied}");
}

#[tokio::test]
async fn no_state_is_put_in_force_beside_a_projector() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    place.follow(7).await;
    let cookie = place.somebody(Role::Admin).await;
    let page = place.dry_run(&cookie).await;
    let log = place.console.0.installation.log.clone();
    let projector = log.subscribe(GROUP, &Topic::USER_STATE, Arc::new(|_, _| Ok(0))).unwrap();
    let refused = place.apply(&cookie, &page).await;
    assert!(refused.contains("a projector works with the state"), "{refused}");
    assert!(place.live().is_empty());
    drop(projector);
    assert!(place.apply(&cookie, &refused).await.contains("The state is new"));
}

#[tokio::test]
async fn one_replay_at_a_time_which_every_page_shows_without_a_script() {
    let place = Place::new().await;
    let cookie = place.somebody(Role::Admin).await;
    let running = place.console.0.replays.begin("somebody", 0, None).unwrap();
    for _ in 0..2 {
        let page = place.get("/replay", &cookie).await.text;
        assert!(page.contains("http-equiv=\"refresh\"") && page.contains("somebody"), "{page}");
    }
    for (path, fields) in [("/replay", &[][..]), ("/replay/apply", &[("digest", "")])] {
        assert_eq!(place.post(path, &cookie, fields).await.status, StatusCode::CONFLICT, "{path}");
    }
    drop(running);
    assert!(place.recorded().is_empty());
}

#[tokio::test]
async fn only_what_is_shown_can_be_put_in_force() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    place.follow(7).await;
    let cookie = place.somebody(Role::Admin).await;
    place.dry_run(&cookie).await;
    let other = place.post("/replay/apply", &cookie, &[("digest", "0")]).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(place.live().is_empty());
}

#[tokio::test]
async fn what_was_found_leaves_the_memory_after_an_hour_though_nobody_looks() {
    let place = Place::new().await;
    place.connect(1, "本店", "").await;
    let user = place.follow(7).await;
    let cookie = place.somebody(Role::Operator).await;
    assert!(place.dry_run(&cookie).await.contains(&user));
    let first = place.ended();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(59 * 60)).await;
    assert!(first.upgrade().is_some(), "within the hour it is still there");

    tokio::time::resume();
    assert!(place.dry_run(&cookie).await.contains(&user));
    assert!(first.upgrade().is_none(), "the next one is in its place");
    let second = place.ended();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(59 * 60)).await;
    assert!(second.upgrade().is_some(), "the hour of the first one is not its hour");
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::task::yield_now().await;
    assert!(second.upgrade().is_none());
}

#[tokio::test]
async fn a_letter_that_cannot_be_tried_again_says_why_and_is_not_recorded_as_tried() {
    let place = Place::new().await;
    let installation = &place.console.0.installation;
    let record = NewRecord { topic: Topic::DeadLetters, key: b"key".to_vec(), value: Some(b"no letter".to_vec()) };
    installation.log.append(vec![record]).await.unwrap();
    let cookie = place.somebody(Role::Operator).await;
    let page = place.post("/dead-letters/key/retry", &cookie, &[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("this version cannot read the record"), "{}", page.text);
    assert!(place.recorded().is_empty());
    assert_eq!(place.post("/dead-letters/key/drop", &cookie, &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(place.recorded(), ["letter_dropped"]);
}

/// A contact that HubSpot refuses.
async fn refused(place: &Place) {
    let installation = &place.console.0.installation;
    let letter = DeadLetter {
        topic: Topic::HubspotContacts.name().to_owned(),
        partition: 0,
        offset: -1,
        key: b"key".to_vec(),
        value: b"value".to_vec(),
        reason: Reason::Refused,
        detail: "canary-detail".to_owned(),
        at_ms: 0,
        connection: Some(1),
    };
    let (key, value) = (schemas::key::dead_letter(&letter.topic, &letter.key), installation.codec.encode(&letter));
    installation.log.append(vec![NewRecord { topic: Topic::DeadLetters, key, value: Some(value) }]).await.unwrap();
}

#[tokio::test]
async fn only_those_who_see_to_dead_letters_read_what_may_speak_of_a_person() {
    let place = Place::new().await;
    refused(&place).await;
    for (role, sees) in [(Role::Viewer, false), (Role::Operator, true), (Role::Admin, true)] {
        let page = place.get("/dead-letters", &place.somebody(role).await).await;
        assert!(page.text.contains("refused"), "{}", page.text);
        assert_eq!(page.text.contains("canary-detail"), sees, "{role}");
    }
}

#[tokio::test]
async fn why_something_is_a_dead_letter_is_said_in_the_language_of_the_reader() {
    let place = Place::new().await;
    refused(&place).await;
    let cookie = place.somebody(Role::Viewer).await;
    for (language, told) in [("en", "HubSpot refuses the contact"), ("ja", "HubSpotがコンタクトを受け付けません")]
    {
        let page = place.get("/dead-letters", &format!("{cookie}; kizuna_language={language}")).await;
        assert!(page.text.contains(&format!("<strong>{told}</strong>")), "{}", page.text);
    }
}

#[tokio::test]
async fn a_dead_letter_is_explained_in_the_language_of_the_reader_and_its_detail_is_marked_as_for_engineers() {
    let place = Place::new().await;
    refused(&place).await;
    let cookie = place.somebody(Role::Operator).await;
    for (language, explained, mark) in [
        ("en", "HubSpot takes no contact of this person", "Detail for engineers:"),
        ("ja", "HubSpotがこの人のコンタクトを受け付けません", "エンジニア向けの詳細："),
    ] {
        let page = place.get("/dead-letters", &format!("{cookie}; kizuna_language={language}")).await.text;
        let (_, rest) = page.split_once(explained).expect(explained);
        assert!(
            rest.contains(&format!("<span class=\"hint\">{mark} <span lang=\"en\">canary-detail</span>")),
            "{page}"
        );
    }
}
